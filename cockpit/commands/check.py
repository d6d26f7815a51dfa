"""`cockpit check`: every mistake in a runbook at once."""

from __future__ import annotations

from pathlib import Path

from cockpit.exits import BAD, GOOD, tell
from cockpit.runbook.load import Loaded, load, profiles_in


def run(directory: Path, environment: str | None = None) -> int:
    """Check a runbook for one environment, or for each that has a profile."""
    loaded = load(Path(directory), environment)
    lines = [*map(str, loaded.problems), summary(loaded, Path(directory), environment)]
    tell("\n".join(lines))
    return BAD if loaded.mistakes else GOOD


def summary(loaded: Loaded, directory: Path, environment: str | None) -> str:
    """The last line: what was counted."""
    warnings = _count(len(loaded.problems) - len(loaded.mistakes), "warning")
    if loaded.mistakes or loaded.runbook is None:
        return f"{_count(len(loaded.mistakes), 'mistake')}, {warnings}"
    procedure = loaded.runbook.procedure
    environments = [environment] if environment else profiles_in(directory)
    sound = (
        f"sound: {_count(len(loaded.runbook.forward), 'step')},"
        f" {_count(len(procedure.rollback), 'step')} back,"
        f" {_count(len(procedure.checks), 'check')}, for {', '.join(environments)}"
    )
    return sound if loaded.problems == () else f"{sound}; {warnings}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
