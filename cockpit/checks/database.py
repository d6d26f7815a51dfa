"""Checks on PostgreSQL: each answers with the figures that it saw."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cockpit.actions.export import FOLDER, MANIFEST
from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.http import judged
from cockpit.database.named import database as database_of
from cockpit.database.named import recorded_since
from cockpit.errors import TargetError
from cockpit.journal.events import Json
from cockpit.runbook.checks import (
    DatabaseCheck,
    ExportCheck,
    ReconciledCheck,
    SequencesCheck,
    SqlCheck,
    WritesCheck,
)

if TYPE_CHECKING:
    from cockpit.database.canary import Canary
    from cockpit.database.reconcile import Comparison, TableDifference

LOOPBACK = ("127.", "localhost", "::1")
_STATE = """
select current_setting('server_version'),
       (select count(*) from pg_stat_activity where backend_type = 'client backend'),
       current_setting('max_connections')::int
         - current_setting('superuser_reserved_connections')::int
"""


async def sql(check: SqlCheck, context: CheckContext) -> Finding:
    """The first column of the first row, in a READ ONLY transaction."""
    from cockpit.database.connect import reading
    from cockpit.database.tables import fetch

    target = database_of(context.runbook, check.target)
    async with reading(target, context.secrets, statement_s=check.timeout) as connection:
        rows = await fetch(connection, check.query)
    if not rows:
        return Finding("unknown", "the query gave no row")
    if rows[0][0] is None:
        return Finding("unknown", "the query gave NULL")
    return judged(rows[0][0], check.expect, "it")


async def database(check: DatabaseCheck, context: CheckContext) -> Finding:
    """Whether it answers, is the one that is meant, and over TLS unless it is on this host."""
    from cockpit.database.connect import reading
    from cockpit.database.identity import read_identity
    from cockpit.database.tables import fetch

    target = database_of(context.runbook, check.target)
    async with reading(target, context.secrets, statement_s=check.timeout) as connection:
        version, used, most = (await fetch(connection, _STATE))[0]
        seen = await read_identity(connection)
        encrypted = connection.pgconn.ssl_in_use
    known = target.identity or context.state.pinned.get(check.target)
    if known and known != seen:
        return Finding("fail", f"this is {seen}, and not {known}")
    leg = f"TLS ({target.sslmode})" if encrypted else "no TLS"
    words = f"PostgreSQL {version}, {leg}, {used} of {most} connections, identity {seen}"
    if check.tls and not encrypted and not target.host.startswith(LOOPBACK):
        return Finding("fail", words)
    return Finding("pass", words)


async def refuses_writes(check: WritesCheck, context: CheckContext) -> Finding:
    """Every role is refused by every table; one that is not, fails it."""
    found = await _canaries(check, context)
    if taken := [one for one in found if one.said == "accepted"]:
        return Finding("fail", f"{len(taken)} of {len(found)} test writes taken: {_who(taken)}")
    if untold := [one for one in found if one.said == "unknown"]:
        return Finding("unknown", f"{_who(untold)}: {untold[0].text}")
    if not found:
        return Finding("unknown", "there is no role or no table to try")
    return Finding("pass", f"{len(found)} test writes refused: {_who(found)}")


async def accepts_writes(check: WritesCheck, context: CheckContext) -> Finding:
    """Every role may write to every table; each try is rolled back."""
    found = await _canaries(check, context)
    if refused := [one for one in found if one.said == "refused"]:
        words = f"{_who(refused)} refused: {refused[0].text}"
        return Finding("fail", f"{len(refused)} of {len(found)}: {words}")
    if untold := [one for one in found if one.said == "unknown"]:
        return Finding("unknown", f"{_who(untold)}: {untold[0].text}")
    if not found:
        return Finding("unknown", "there is no role or no table to try")
    return Finding("pass", f"{len(found)} test writes taken and rolled back: {_who(found)}")


async def sequences_ahead(check: SequencesCheck, context: CheckContext) -> Finding:
    """Each sequence of the target lies the margin beyond every number of the source."""
    from cockpit.database.sequences import leads

    found = await leads(
        database_of(context.runbook, check.source),
        database_of(context.runbook, check.target),
        context.secrets,
    )
    if not found:
        return Finding("unknown", "the two sides have no sequence in common")
    words = ", ".join(f"{one.sequence} {one.ahead:+,}" for one in found)
    behind = [one for one in found if one.ahead < check.margin]
    return Finding("fail" if behind else "pass", f"{words}; margin {check.margin:,}")


async def reconciled(check: ReconciledCheck, context: CheckContext) -> Finding:
    """Both sides hold the same rows; or none of the source's is lost or wrong on the target."""
    from cockpit.database.reconcile import reconcile

    source = database_of(context.runbook, check.source)
    target = database_of(context.runbook, check.target)
    found = await reconcile(source, target, context.secrets, check.tables)
    if not found.compared:
        return Finding("unknown", found.words)
    if not found.differing:
        return Finding("pass", found.words)
    if check.mode == "identical":
        return Finding("fail", found.words)
    return await _lost(check, context, found)


async def export_readable(check: ExportCheck, context: CheckContext) -> Finding:
    """Every file of a step's export, read back against its manifest."""
    from cockpit.database.manifest import verified

    last = context.state.step(check.of).last
    if last is None or FOLDER not in last.recorded or context.run_directory is None:
        return Finding("unknown", f"{check.of} has recorded no export")
    folder = context.run_directory / str(last.recorded[FOLDER])
    try:
        manifest = await asyncio.to_thread(verified, folder, str(last.recorded[MANIFEST]))
    except TargetError as error:
        return Finding("fail", str(error))
    words = ", ".join(f"{part.table} {part.rows:,}" for part in manifest.parts)
    if not manifest.parts:
        return Finding("unknown", "the export holds no table")
    return Finding("pass", f"{manifest.rows:,} rows read back: {words}")


async def _canaries(check: WritesCheck, context: CheckContext) -> tuple[Canary, ...]:
    from cockpit.database.canary import canaries

    target = database_of(context.runbook, check.target)
    return await canaries(target, context.secrets, check.tables)


def _who(found: list[Canary] | tuple[Canary, ...]) -> str:
    roles = ", ".join(dict.fromkeys(one.role for one in found))
    tables = ", ".join(dict.fromkeys(one.table for one in found))
    return f"{roles} at {tables}"


async def _lost(check: ReconciledCheck, context: CheckContext, found: Comparison) -> Finding:
    """Judge differences: what the target wrote since the copy is its own, all else is a loss."""
    since = recorded_since(context.runbook, _recorded(context), check.target)
    wrong = await _unexplained(check, context, found, since)
    lost = sum(len(table.missing) for table in found.tables)
    added = sum(len(table.extra) for table in found.tables)
    changed = sum(len(table.changed) for table in found.tables)
    figures = f"of {found.rows:,} rows {lost:,} missing, {changed:,} changed; {added:,} added since"
    if lost or wrong:
        bad = (table for table in found.tables if table.missing or table.table in wrong)
        words = " · ".join(table.words for table in bad)
        return Finding("fail", f"{figures}; {sum(wrong.values()):,} changed by nobody; {words}")
    untold = [table.table for table in found.tables if table.changed and table.table not in since]
    aside = f" (when, no copy has recorded for {', '.join(untold)})" if untold else ""
    return Finding("pass", figures + aside)


async def _unexplained(
    check: ReconciledCheck, context: CheckContext, found: Comparison, since: Mapping[str, int]
) -> dict[str, int]:
    """By table, how many rows differ although the target has not written them since the copy."""
    from cockpit.database.connect import reading
    from cockpit.database.since import later
    from cockpit.database.tables import read_table

    target = database_of(context.runbook, check.target)
    doubtful: list[TableDifference] = [
        table for table in found.tables if table.changed and table.table in since
    ]
    wrong = {}
    async with reading(target, context.secrets, statement_s=check.timeout) as connection:
        for one in doubtful:
            table = await read_table(connection, target.schema, one.table)
            own = await later(connection, table, one.changed, since[one.table])
            if len(own) < len(one.changed):
                wrong[one.table] = len(one.changed) - len(own)
    return wrong


def _recorded(context: CheckContext) -> dict[str, Mapping[str, Json]]:
    """What the newest attempt of each step recorded."""
    steps = context.state.steps.values()
    return {step.id: step.last.recorded for step in steps if step.last}
