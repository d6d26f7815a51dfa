"""Carries exported rows back, and verifies each table."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping

from cockpit.actions.base import ActionContext
from cockpit.actions.export import FOLDER, MANIFEST
from cockpit.actions.paper import Sheet, block, by_hand_folder, session
from cockpit.actions.paper_rows import FUNCTIONS, into
from cockpit.database.named import SINCE, database, spoken
from cockpit.errors import ActionFailed
from cockpit.journal.events import Json
from cockpit.runbook.actions import RestoreAction
from cockpit.runbook.model import Runbook, Step


def describe(action: RestoreAction, runbook: Runbook) -> tuple[str, ...]:
    """Which export goes where, and in which order."""
    return (
        f"read back the whole export of {action.of}: every count and SHA-256 of its manifest",
        f"write {spoken(runbook, action.target)}, one transaction a table:",
        f"{', then '.join(action.tables)}: new keys are added, known ones overwritten",
        "compare each carried row with the export before its table is committed",
    )


def paper(action: RestoreAction, sheet: Sheet) -> tuple[str, ...]:
    """The files of the export, the run's own where it has one, into their tables."""
    exported = sheet.recorded.get(action.of, {}).get(FOLDER)
    made = sheet.run_directory / str(exported) if exported and sheet.run_directory else None
    steps: dict[str, Step] = {one.id: one for one in sheet.runbook.steps()}
    source = str(getattr(steps[action.of].action, "target", action.target))
    sessions = dict.fromkeys(session(sheet, one) for one in (source, action.target))
    return block(
        *sessions,
        *FUNCTIONS,
        f"folder={shlex.quote(str(made or by_hand_folder(action.of)))}",
        *into(sheet, source, action.target, action.tables),
    )


async def run(action: RestoreAction, context: ActionContext) -> Mapping[str, Json]:
    """Verify the export before anything is written; then carry."""
    from cockpit.database.manifest import verified
    from cockpit.database.restore import restore
    from cockpit.database.since import since_of

    exported = context.recorded.get(action.of, {})
    if FOLDER not in exported:
        raise ActionFailed(f"{action.of} has recorded no export", mend=f"run {action.of} first")
    folder = context.run_directory / str(exported[FOLDER])
    manifest = await asyncio.to_thread(verified, folder, str(exported[MANIFEST]))
    context.say(f"the export of {action.of} reads back whole: {manifest.rows:,} rows")
    target = database(context.runbook, action.target)
    done = await restore(target, context.secrets, folder, manifest, action.tables, context.say)
    since = await since_of(target, context.secrets, action.tables)
    return {"rows": dict[str, Json](done), SINCE: dict[str, Json](since)}
