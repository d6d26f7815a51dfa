"""Runs statements in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, block, here, named, session
from cockpit.database.named import database, spoken
from cockpit.journal.events import Json
from cockpit.runbook.actions import SqlAction
from cockpit.runbook.model import Runbook

if TYPE_CHECKING:
    from cockpit.database.connect import Session


def describe(action: SqlAction, runbook: Runbook) -> tuple[str, ...]:
    """Every statement, as it will be sent."""
    lines = [f"at {spoken(runbook, action.target)}, in one READ WRITE transaction:"]
    if action.record:
        lines.append(f"record: {action.record}")
    lines += [line for statement in _statements(action, runbook) for line in _lines(statement)]
    return tuple(lines)


def paper(action: SqlAction, sheet: Sheet) -> tuple[str, ...]:
    """The same transaction, by psql."""
    statements = (one.strip().removesuffix(";") + ";" for one in _statements(action, sheet.runbook))
    record = (f"{action.record};",) if action.record else ()
    lines = ("begin read write;", *record, *statements, "commit;")
    at = named(action.target)
    return block(session(sheet, action.target), *here(at, "\n".join(lines)))


async def run(action: SqlAction, context: ActionContext) -> Mapping[str, Json]:
    """Record first, then run each; a failure rolls all of it back."""
    from cockpit.database.connect import writing

    target = database(context.runbook, action.target)
    recorded: dict[str, Json] = {}
    async with writing(target, context.secrets, statement_s=context.step.timeout) as connection:
        if action.record:
            recorded["rows"] = await _read(connection, action.record)
            context.say(f"recorded: {recorded['rows']}")
        for statement in _statements(action, context.runbook):
            cursor = await connection.execute(statement.encode())
            while True:
                context.say(cursor.statusmessage or "done")
                if cursor.description:
                    for row in await cursor.fetchmany(20):
                        context.say("  " + " | ".join(map(str, row)))
                if not cursor.nextset():
                    break
    context.say("committed")
    return recorded


async def _read(connection: Session, query: str) -> list[Json]:
    cursor = await connection.execute(query.encode())
    columns = [column.name for column in cursor.description or ()]
    return [
        {name: _json(value) for name, value in zip(columns, row, strict=True)}
        for row in await cursor.fetchall()
    ]


def _json(value: object) -> Json:
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _statements(action: SqlAction, runbook: Runbook) -> tuple[str, ...]:
    if action.file is None:
        return action.statements
    text = (Path(runbook.directory) / action.file).read_text(encoding="utf-8")
    return (*action.statements, text)


def _lines(statement: str) -> list[str]:
    return [line.rstrip() for line in statement.strip().splitlines() if line.strip()]
