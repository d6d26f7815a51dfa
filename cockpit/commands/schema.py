"""`cockpit schema`: JSON Schema of runbook.yaml or of a profile, for editors."""

from __future__ import annotations

from cockpit.exits import GOOD, answer
from cockpit.runbook.model import Procedure, Profile
from cockpit.runbook.schema import schema_of, written


def run(*, profile: bool = False) -> int:
    """Print the schema."""
    answer(written(schema_of(Profile if profile else Procedure)))
    return GOOD
