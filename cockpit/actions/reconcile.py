"""Compares two databases, and writes every difference into the attempt's folder."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, block, named, session
from cockpit.actions.paper_rows import FUNCTIONS, in_schema, tables
from cockpit.database.named import database, spoken
from cockpit.durable import replace_file
from cockpit.errors import ActionFailed
from cockpit.journal.events import Json
from cockpit.runbook.actions import ReconcileAction
from cockpit.runbook.model import Runbook

FILE = "differences.json"


def describe(action: ReconcileAction, runbook: Runbook) -> tuple[str, ...]:
    """Both sides and the tables; it only reads."""
    return (
        f"read {spoken(runbook, action.source)} and {spoken(runbook, action.target)}",
        f"compare {', '.join(action.tables)} by count and hash, then row by row where they differ",
        f"write the keys of all differing rows into the attempt's {FILE}",
    )


def paper(action: ReconcileAction, sheet: Sheet) -> tuple[str, ...]:
    """Every row of both sides by its key, and what diff finds: `<` is the first side's."""
    sides = (action.source, action.target)
    rows = "copy (select $columns from $%s order by $key) to stdout"
    left, right = (
        f'<({named(side)} --command "{rows % variable}")'
        for side, variable in zip(sides, ("from", "table"), strict=True)
    )
    return block(
        *(session(sheet, side) for side in sides),
        *FUNCTIONS,
        f"for name in {tables(action.tables)}; do",
        f"  {in_schema(sheet, action.source, 'from')}",
        f"  {in_schema(sheet, action.target)}",
        f'  columns=$(columns_of {named(action.source)} "$from")',
        f'  key=$(key_of {named(action.source)} "$from")',
        f'  diff {left} {right} && echo "$name: the same rows" || echo "$name: these differ"',
        "done",
    )


async def run(action: ReconcileAction, context: ActionContext) -> Mapping[str, Json]:
    """Compare; differences are a finding and no failure, comparing nothing is one."""
    import msgspec

    from cockpit.database.reconcile import reconcile

    source = database(context.runbook, action.source)
    target = database(context.runbook, action.target)
    found = await reconcile(source, target, context.secrets, action.tables, context.say)
    if not found.compared:
        raise ActionFailed("no row was compared: the tables are empty on both sides")
    text = msgspec.json.format(msgspec.json.encode(found), indent=1)
    await asyncio.to_thread(replace_file, context.folder / FILE, text)
    context.say(f"{found.words}, in {found.seconds:.1f} s")
    return {
        "rows": found.rows,
        "differing": found.differing,
        "tables": {
            table.table: {
                "missing": len(table.missing),
                "extra": len(table.extra),
                "changed": len(table.changed),
            }
            for table in found.tables
        },
    }
