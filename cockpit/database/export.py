"""Exports rows into files: whole tables, or only what another database lacks or holds otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg import sql

from cockpit.database.buckets import Key
from cockpit.database.connect import Session, place, reading
from cockpit.database.copy import HOURS, KEYS_AT_ONCE, selected
from cockpit.database.identity import read_identity
from cockpit.database.manifest import Manifest, Part, PartFile, save
from cockpit.database.reconcile import compare, hash_alike, two_sided
from cockpit.database.since import later
from cockpit.database.stream import copy_csv, copy_out
from cockpit.database.tables import Table, fetch, names, read_table
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

Say = Callable[[str], None]
FOR_READERS: Final = 5_000
"""Up to so many rows of a table are also written as CSV, for people to go through."""
_MOMENT: Final = """
select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       pg_current_snapshot()::text
"""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which rows of a table are exported; all of them where `keys` is None."""

    table: Table
    keys: Sequence[Key] | None = None
    left_out: int = 0
    only_there: int = 0

    def queries(self) -> list[sql.Composed]:
        """One query for each batch of keys."""
        columns = self.table.stored
        if self.keys is None:
            return [sql.SQL("select {} from {} t").format(names(columns, "t"), self.table.ref)]
        return [
            selected(self.table, columns, self.keys[at : at + KEYS_AT_ONCE])
            for at in range(0, len(self.keys), KEYS_AT_ONCE)
        ]


@dataclass(frozen=True, slots=True)
class Against:
    """The other side, and from which transaction on this side's rows are its own."""

    target: PostgresTarget
    since: Mapping[str, int]
    """By table, from the last copy's record; without it every difference is exported."""


async def export(
    target: PostgresTarget,
    secrets: Secrets,
    tables: Sequence[str],
    folder: Path,
    against: Against | None = None,
    say: Say = lambda _: None,
) -> tuple[Manifest, str]:
    """Write the rows into `folder`, which is new; gives back the manifest and its SHA-256."""
    await asyncio.to_thread(folder.mkdir, 0o700, parents=True)
    async with AsyncExitStack() as stack:
        mine = await stack.enter_async_context(reading(target, secrets, statement_s=HOURS))
        theirs = None
        if against:
            other = reading(against.target, secrets, statement_s=HOURS)
            theirs = await stack.enter_async_context(other)
            await hash_alike(mine, theirs)
        parts = []
        for name in tables:
            if against and theirs:
                chosen = await _differing(mine, theirs, target, against, name)
            else:
                chosen = _Chosen(await read_table(mine, target.schema, name))
            parts.append(part := await _write(mine, chosen, folder))
            say(_words(part))
        taken_at, snapshot = (await fetch(mine, _MOMENT))[0]
        manifest = Manifest(
            format=1,
            identity=await read_identity(mine),
            taken_at=taken_at,
            snapshot=snapshot,
            against=place(against.target) if against else "",
            parts=tuple(parts),
        )
    return manifest, await asyncio.to_thread(save, manifest, folder)


async def _differing(
    mine: Session, theirs: Session, target: PostgresTarget, against: Against, name: str
) -> _Chosen:
    sides = await two_sided(mine, theirs, (target.schema, against.target.schema), name)
    difference = await compare(mine, theirs, *sides)
    keys: Sequence[Key] = difference.missing + difference.changed
    left_out = 0
    since = against.since.get(name)
    if since is not None:
        ours = await later(mine, sides[0], keys, since)
        left_out = len(keys) - len(ours)
        keys = [key for key in keys if key in ours]
    return _Chosen(sides[0], keys, left_out, len(difference.extra))


async def _write(connection: Session, chosen: _Chosen, folder: Path) -> Part:
    table = chosen.table
    stem = table.title
    queries = chosen.queries()
    with PartFile(folder / f"{stem}.copy.gz") as file:
        for query in queries:
            await copy_out(connection, query, file.write)
    if chosen.keys and len(chosen.keys) <= FOR_READERS:
        await copy_csv(connection, queries[0], folder / f"{stem}.csv")
    return Part(
        table=table.title,
        file=f"{stem}.copy.gz",
        columns=tuple((column.name, column.type) for column in table.stored),
        key=tuple(column.name for column in table.key),
        rows=file.rows,
        bytes=file.bytes,
        sha256=file.sha256,
        left_out=chosen.left_out,
        only_there=chosen.only_there,
    )


def _words(part: Part) -> str:
    aside = f", {part.left_out:,} changed by the other side left out" if part.left_out else ""
    return f"{part.table}: {part.rows:,} rows, {part.bytes:,} bytes{aside}"
