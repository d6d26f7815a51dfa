"""Databases as a runbook names them, and what earlier steps recorded of them; no driver here."""

from __future__ import annotations

from collections.abc import Mapping

from cockpit.errors import Refused
from cockpit.journal.events import Json
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import PostgresTarget

SINCE = "since"
"""Under this name a copy records, by table, the transaction from which rows are later ones."""


def database(runbook: Runbook, target_id: str) -> PostgresTarget:
    """The database of that id; Refused where it is none."""
    target = runbook.target(target_id)
    if not isinstance(target, PostgresTarget):
        raise Refused(f"{target_id} is no database in {runbook.environment}")
    return target


def spoken(runbook: Runbook, target_id: str) -> str:
    """A database as a confirmation shows it: id, place, and as whom it is entered."""
    target = runbook.target(target_id)
    if not isinstance(target, PostgresTarget):
        return f"{target_id} (not rehearsed here)"
    return f"{target_id} ({target.host}:{target.port}/{target.database} as {target.user})"


def recorded_since(
    runbook: Runbook, recorded: Mapping[str, Mapping[str, Json]], target_id: str
) -> dict[str, int]:
    """From which transaction on rows of each table are later than the last copy into a target."""
    since: dict[str, int] = {}
    for step in runbook.steps():
        if getattr(step.action, "target", None) != target_id:
            continue
        tables = recorded.get(step.id, {}).get(SINCE)
        if isinstance(tables, dict):
            for table, number in tables.items():
                since[table] = max(since.get(table, 0), int(str(number)))
    return since
