"""Exports rows into the run directory, with a manifest of counts and digests."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, block, by_hand_folder, remarks, session
from cockpit.actions.paper_rows import FUNCTIONS, out
from cockpit.database.named import database, recorded_since, spoken
from cockpit.errors import ActionFailed
from cockpit.journal.events import Json
from cockpit.runbook.actions import ExportAction
from cockpit.runbook.model import Runbook

FOLDER = "folder"
MANIFEST = "manifest_sha256"


def describe(action: ExportAction, runbook: Runbook) -> tuple[str, ...]:
    """What is read, which rows of it, and where they go."""
    lines = [f"read {spoken(runbook, action.target)}, on one snapshot"]
    if action.against:
        lines += [
            f"compare with {spoken(runbook, action.against)}",
            (
                f"of {', '.join(action.tables)}: the rows that {action.against} lacks or holds"
                f" otherwise, where {action.target} wrote them since the last copy"
            ),
        ]
    else:
        lines.append(f"every row of {', '.join(action.tables)}")
    lines.append("into the run directory's exports folder, with counts and SHA-256 of each file")
    return tuple(lines)


def paper(action: ExportAction, sheet: Sheet) -> tuple[str, ...]:
    """Each table into a compressed file of COPY's text form, with its rows and digest."""
    if not action.against:
        return block(*_by_hand(action, sheet))
    known = recorded_since(sheet.runbook, sheet.recorded, action.target).values()
    given = f"SINCE={min(known) % 2**32}" if known else 'SINCE="${SINCE:-}"'
    told = () if known else _WHICH.format(one=action.target, other=action.against).splitlines()
    later = "${SINCE:+ where age(t.xmin) <= age('$SINCE'::xid)}"
    return (*remarks(told), *block(given, *_by_hand(action, sheet, later)))


_WHICH = """SINCE is the number that the last copy into {one} showed: set it first, as SINCE=7421
Without it every row is exported, and a row that users have changed on {other} since it
was opened will be overwritten by the restore."""


def _by_hand(action: ExportAction, sheet: Sheet, where: str = "") -> tuple[str, ...]:
    folder = shlex.quote(str(by_hand_folder(sheet.step.id)))
    return (
        session(sheet, action.target),
        *FUNCTIONS,
        f"folder={folder}",
        *out(sheet, action.target, action.tables, where),
    )


async def run(action: ExportAction, context: ActionContext) -> Mapping[str, Json]:
    """Export; folder, digest and counts are recorded, for the check and the restore."""
    from cockpit.database.export import Against, export

    if not action.tables:
        raise ActionFailed("no table is named", mend="list them under `tables`")
    against = None
    if action.against:
        since = recorded_since(context.runbook, context.recorded, action.target)
        against = Against(database(context.runbook, action.against), since)
    folder = _folder(context)
    manifest, sha256 = await export(
        database(context.runbook, action.target),
        context.secrets,
        action.tables,
        context.run_directory / folder,
        against,
        context.say,
    )
    context.say(f"{manifest.rows:,} rows in {folder}, manifest {sha256}")
    return {
        FOLDER: str(folder),
        MANIFEST: sha256,
        "rows": {part.table: part.rows for part in manifest.parts},
    }


def _folder(context: ActionContext) -> Path:
    """A folder that no earlier attempt has used."""
    name = context.step.id if context.attempt == 1 else f"{context.step.id}-{context.attempt}"
    return Path("exports") / name
