"""Carries exported rows back into a database, and proves table by table that they arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from psycopg import sql

from cockpit.database.connect import Session, writing
from cockpit.database.copy import HOURS, STAGED, stage, staging, upsert
from cockpit.database.hashing import row_hash
from cockpit.database.manifest import Manifest, Part, chunks
from cockpit.database.stream import copy_in
from cockpit.database.tables import Column, Table, fetch, read_table
from cockpit.errors import ActionFailed
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

Say = Callable[[str], None]


async def restore(
    target: PostgresTarget,
    secrets: Secrets,
    folder: Path,
    manifest: Manifest,
    tables: Sequence[str],
    say: Say = lambda _: None,
) -> dict[str, int]:
    """Rows of a verified export into their tables, each table in a transaction of its own.

    New keys are added, known ones overwritten, nothing is deleted: carrying twice is carrying
    once. Gives back the rows by table.
    """
    parts = {part.table: part for part in manifest.parts}
    if missing := [name for name in tables if name not in parts]:
        raise ActionFailed(f"the export has no {', '.join(missing)}", where=str(folder))
    done = {}
    for name in tables:
        part = parts[name]
        async with writing(target, secrets, copying=True, statement_s=HOURS) as connection:
            table = await read_table(connection, target.schema, name)
            await _carry(connection, table, part, folder)
        done[name] = part.rows
        say(f"{name}: {part.rows:,} rows carried, each read back and equal to the export")
    return done


async def _carry(connection: Session, table: Table, part: Part, folder: Path) -> None:
    columns = _columns(table, part)
    await stage(connection, table, columns)
    staged = await copy_in(connection, staging(columns), chunks(folder, part))
    if staged != part.rows:
        raise ActionFailed(f"{part.table}: {part.rows:,} rows in the export, {staged:,} read")
    await upsert(connection, table, columns)
    held = await _held(connection, table, columns)
    if held != part.rows:
        raise ActionFailed(
            f"{part.table}: {part.rows - held:,} rows of {part.rows:,} are not as exported",
            mend="does a trigger of the table change what is written?",
        )


def _columns(table: Table, part: Part) -> tuple[Column, ...]:
    """The export's columns in its order; ActionFailed where the table differs from it."""
    known = {column.name: column for column in table.stored}
    for name, kind in part.columns:
        if name not in known or known[name].type != kind:
            raise ActionFailed(f"{part.table} has no column {name} of type {kind} here")
    if part.key != tuple(column.name for column in table.key):
        raise ActionFailed(f"{part.table} has another primary key here")
    return tuple(known[name] for name, _ in part.columns)


async def _held(connection: Session, table: Table, columns: Sequence[Column]) -> int:
    """How many staged rows the table now holds exactly."""
    same_key = sql.SQL(" and ").join(
        sql.SQL("t.{0} = s.{0}").format(sql.Identifier(column.name)) for column in table.key
    )
    rows = await fetch(
        connection,
        sql.SQL("select count(*) from {} s join {} t on {} where {} = {}").format(
            STAGED, table.ref, same_key, row_hash(columns, "s"), row_hash(columns, "t")
        ),
    )
    return int(rows[0][0])
