"""Older run directories: brought up to this program's format before an engine works in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cockpit.durable import replace_file
from cockpit.engine.layout import FORMAT, OTHER_VERSION, RunDirectory
from cockpit.errors import Refused
from cockpit.jsonread import read_json
from cockpit.runbook.sources import GIVEN

About = dict[str, Any]


def migrate(directory: RunDirectory) -> None:
    """Bring a run up to the newest format; Refused where a newer program wrote it."""
    if newer := directory.newer:
        raise Refused(newer, where=str(directory.path), mend=OTHER_VERSION)
    about: About = msgspec.to_builtins(directory.about())
    if about["format"] == FORMAT:
        return
    for number in range(about["format"], FORMAT):
        about = {**_STEPS[number](directory, about), "format": number + 1}
    replace_file(directory.path / "run.json", json.dumps(about).encode())


@dataclass(frozen=True, slots=True)
class _Given:
    """What of the given values matters here."""

    origin: str


def _with_source(directory: RunDirectory, about: About) -> About:
    """Format 2 names the folder of the runbook, which the frozen copy knows."""
    given = directory.plan(about["plan"]) / GIVEN
    try:
        return {**about, "source": read_json(given.read_bytes(), _Given).origin}
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"the frozen plan cannot be read: {error}", where=str(given)) from None


_STEPS: Mapping[int, Callable[[RunDirectory, About], About]] = {1: _with_source}
"""What each older format lacks of the next one."""
