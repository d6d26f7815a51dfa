"""Copies rows from one database into another, or sets sequences ahead."""

from __future__ import annotations

from collections.abc import Mapping

from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, block, here, named, session
from cockpit.actions.paper_rows import FUNCTIONS, into, out
from cockpit.database.named import SINCE, database, spoken
from cockpit.errors import ActionFailed
from cockpit.journal.events import Json
from cockpit.runbook.actions import CopyAction
from cockpit.runbook.model import Runbook


def describe(action: CopyAction, runbook: Runbook) -> tuple[str, ...]:
    """What is read, what is written, and in which order."""
    sides = (
        f"read {spoken(runbook, action.source)}, on one snapshot",
        f"write {spoken(runbook, action.target)}, in one transaction",
    )
    tables = ", ".join(action.tables)
    if action.what == "sequences":
        return (
            *sides,
            f"set each sequence at least {action.margin} beyond every number of both sides",
        )
    if action.what == "all":
        return (*sides, f"copy every row of {tables}; a known key is overwritten")
    return (
        *sides,
        f"compare {tables} by hashes, then row by row where these differ",
        f"delete what {action.target} alone has, the last table first",
        "add what it lacks, overwrite what it holds otherwise",
    )


def paper(action: CopyAction, sheet: Sheet) -> tuple[str, ...]:
    """Rows by COPY through files, sequences by the numbers of both sides."""
    sessions = (session(sheet, action.source), session(sheet, action.target))
    if action.what == "sequences":
        return block(*sessions, *_sequences_by_hand(action, sheet))
    rest = action.what == "rest"
    return block(
        *sessions,
        *FUNCTIONS,
        "folder=$(mktemp -d)",
        *out(sheet, action.source, action.tables),
        *into(sheet, action.source, action.target, action.tables, deleting=rest),
        "# Write this number down: an export for the way back asks for it as SINCE.",
        f'{named(action.target)} --command "select pg_snapshot_xmax(pg_current_snapshot()) since"',
    )


def _sequences_by_hand(action: CopyAction, sheet: Sheet) -> tuple[str, ...]:
    from cockpit.database import by_hand

    source = database(sheet.runbook, action.source)
    ahead = by_hand.set_ahead(database(sheet.runbook, action.target), action.margin)
    told = "--tuples-only --no-align"
    return (
        "work=$(mktemp -d)",
        *here('cat > "$work/ahead.sql"', ahead),
        *here(f'{named(action.source)} {told} > "$work/reached"', by_hand.reached(source)),
        f'{named(action.target)} {told} --file="$work/ahead.sql" < "$work/reached"',
    )


async def run(action: CopyAction, context: ActionContext) -> Mapping[str, Json]:
    """Copy; the rows and seconds of each table are said and recorded."""
    if action.what == "sequences":
        return await _sequences(action, context)
    from cockpit.database.copy import copy_all, copy_rest
    from cockpit.database.since import since_of

    if not action.tables:
        raise ActionFailed("no table is named", mend="list them under `tables`, parents first")
    source = database(context.runbook, action.source)
    target = database(context.runbook, action.target)
    copy = copy_all if action.what == "all" else copy_rest
    done = await copy(source, target, context.secrets, action.tables, context.say)
    since = await since_of(target, context.secrets, action.tables)
    return {
        "rows": {one.table: one.written for one in done},
        "deleted": {one.table: one.deleted for one in done},
        SINCE: dict[str, Json](since),
    }


async def _sequences(action: CopyAction, context: ActionContext) -> Mapping[str, Json]:
    from cockpit.database.sequences import set_ahead

    source = database(context.runbook, action.source)
    target = database(context.runbook, action.target)
    done = await set_ahead(source, target, context.secrets, action.margin)
    if not done:
        raise ActionFailed("the two sides have no sequence in common")
    for lead in done:
        context.say(f"{lead.sequence}: {action.source} {lead.source:,}, now {lead.target:,}")
    return {"sequences": {lead.sequence: lead.target for lead in done}}
