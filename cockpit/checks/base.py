"""What every check may use, and how it answers.

A module of `cockpit.checks` has functions `async (check, context) -> Finding`; `registry.py`
maps each kind to one. Whatever cannot be told raises TargetError, which becomes "unknown".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cockpit.answer import Said
from cockpit.clock import Clock
from cockpit.earlier import Earlier
from cockpit.journal.state import RunState
from cockpit.propagation.courtesy import Courtesy
from cockpit.runbook.model import Runbook
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live

if TYPE_CHECKING:
    from cockpit.stack.model import Finding as Fault


class Finding(NamedTuple):
    """What a check found: the answer and its evidence in one line."""

    said: Said
    evidence: str


@dataclass(frozen=True)
class CheckContext:
    """What a check may use."""

    runbook: Runbook
    clock: Clock
    secrets: Secrets
    state: RunState
    """What the journal says; empty for `cockpit preflight`."""
    live: Live
    """Tiles, grid and verdict as last measured."""
    run_directory: Path | None
    runs: Path | None = None
    """Where the records of other runs lie."""
    earlier: Earlier = Earlier()
    """What earlier runs took."""
    courtesy: Courtesy = field(default_factory=Courtesy)
    """How resolvers are asked."""
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    """All that a check found wrong, by its id: its evidence names a few."""
