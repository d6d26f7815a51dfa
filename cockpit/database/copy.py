"""Copies rows from one database into another: all of them first, later only what differs.

The source is read on one snapshot, the target changed in one transaction: a copy that dies leaves
the target as it was. Into a frozen target the owner's role writes past the guard, the application
still cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from psycopg import sql

from cockpit.database.buckets import Key
from cockpit.database.connect import Session, reading, writing
from cockpit.database.reconcile import TableDifference, compare, hash_alike, two_sided
from cockpit.database.stream import relay
from cockpit.database.tables import Column, Table, fetch, names, of_keys, on_keys
from cockpit.errors import ActionFailed
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

Say = Callable[[str], None]
HOURS: Final = 12 * 3600.0
KEYS_AT_ONCE: Final = 10_000
STAGED: Final = sql.Identifier("pg_temp", "cockpit_rows")


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy did to one table."""

    table: str
    written: int
    """Rows that are new or changed."""
    deleted: int
    seconds: float

    @property
    def words(self) -> str:
        """One line of progress."""
        gone = f", {self.deleted:,} deleted" if self.deleted else ""
        return f"{self.table}: {self.written:,} rows written{gone} in {self.seconds:.1f} s"


async def copy_all(
    source: PostgresTarget,
    target: PostgresTarget,
    secrets: Secrets,
    tables: Iterable[str],
    say: Say = lambda _: None,
) -> tuple[Copied, ...]:
    """Every row of these tables, in the order given; rows that the target alone has stay."""
    done = []
    async with (
        reading(source, secrets, statement_s=HOURS) as left,
        writing(target, secrets, copying=True, statement_s=HOURS) as right,
    ):
        for name in tables:
            began = monotonic()
            ours, theirs = await two_sided(left, right, (source.schema, target.schema), name)
            columns = writable(ours, theirs)
            query = sql.SQL("select {} from {} t").format(names(columns, "t"), ours.ref)
            if await _is_empty(right, theirs):
                into = sql.SQL("{} ({})").format(theirs.ref, names(columns))
                rows = await relay(left, query, right, into)
            else:
                await stage(right, theirs, columns)
                rows = await relay(left, query, right, staging(columns))
                await upsert(right, theirs, columns)
            done.append(copied := Copied(ours.title, rows, 0, monotonic() - began))
            say(copied.words)
    return tuple(done)


async def copy_rest(
    source: PostgresTarget,
    target: PostgresTarget,
    secrets: Secrets,
    tables: Sequence[str],
    say: Say = lambda _: None,
) -> tuple[Copied, ...]:
    """What the target lacks, holds otherwise, or has too much; afterwards both are equal.

    Deletions come first and in reverse order, as foreign keys want it.
    """
    done = []
    async with (
        reading(source, secrets, statement_s=HOURS) as left,
        writing(target, secrets, copying=True, statement_s=HOURS) as right,
    ):
        await hash_alike(left, right)
        plan = []
        for name in tables:
            sides = await two_sided(left, right, (source.schema, target.schema), name)
            plan.append((*sides, await compare(left, right, *sides)))
            say(plan[-1][2].words)
        for _, theirs, difference in reversed(plan):
            await _delete(right, theirs, difference.extra)
        for ours, theirs, difference in plan:
            began = monotonic()
            written = await _carry(left, right, (ours, theirs), difference)
            copied = Copied(ours.title, written, len(difference.extra), monotonic() - began)
            done.append(copied)
            say(copied.words)
    return tuple(done)


def writable(ours: Table, theirs: Table) -> tuple[Column, ...]:
    """The columns to copy; ActionFailed where the target has no place for one."""
    there = {column.name for column in theirs.stored}
    if lost := [column.name for column in ours.stored if column.name not in there]:
        raise ActionFailed(
            f"the target's {theirs.title} has no column {', '.join(lost)}",
            mend="migrate the target's schema first",
        )
    return ours.stored


def selected(table: Table, columns: Sequence[Column], keys: Sequence[Key]) -> sql.Composed:
    """The query for the rows of these keys."""
    return sql.SQL("select {} from {} join {} t on {}").format(
        names(columns, "t"), of_keys(table, keys), table.ref, on_keys(table)
    )


async def stage(connection: Session, table: Table, columns: Sequence[Column]) -> None:
    """An empty temporary table for rows on their way into `table`."""
    await connection.execute(sql.SQL("drop table if exists {}").format(STAGED))
    await connection.execute(
        sql.SQL(
            "create temp table cockpit_rows on commit drop as select {} from {} with no data"
        ).format(names(columns), table.ref)
    )


def staging(columns: Sequence[Column]) -> sql.Composed:
    """Where COPY puts rows on their way."""
    return sql.SQL("{} ({})").format(STAGED, names(columns))


async def upsert(connection: Session, table: Table, columns: Sequence[Column]) -> int:
    """Staged rows into their table: new ones added, others overwritten; how many."""
    changed = [column for column in columns if not column.key]
    sets = sql.SQL(", ").join(
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column.name)) for column in changed
    )
    action = sql.SQL("do update set {}").format(sets) if changed else sql.SQL("do nothing")
    done = await connection.execute(
        sql.SQL(
            "insert into {table} ({columns}) overriding system value"
            " select {columns} from {staged} on conflict ({key}) {action}"
        ).format(
            table=table.ref,
            columns=names(columns),
            staged=STAGED,
            key=names(table.key),
            action=action,
        )
    )
    return done.rowcount


async def _carry(
    left: Session, right: Session, sides: tuple[Table, Table], difference: TableDifference
) -> int:
    ours, theirs = sides
    columns = writable(ours, theirs)
    keys = difference.missing + difference.changed
    if not keys:
        return 0
    await stage(right, theirs, columns)
    arrived = 0
    for at in range(0, len(keys), KEYS_AT_ONCE):
        query = selected(ours, columns, keys[at : at + KEYS_AT_ONCE])
        arrived += await relay(left, query, right, staging(columns))
    if arrived != len(keys):
        raise ActionFailed(f"{ours.title}: {len(keys):,} rows differ, {arrived:,} arrived")
    await upsert(right, theirs, columns)
    return arrived


async def _delete(connection: Session, table: Table, keys: Sequence[Key]) -> None:
    for at in range(0, len(keys), KEYS_AT_ONCE):
        await connection.execute(
            sql.SQL("delete from {} t using {} where {}").format(
                table.ref, of_keys(table, keys[at : at + KEYS_AT_ONCE]), on_keys(table)
            )
        )


async def _is_empty(connection: Session, table: Table) -> bool:
    return not await fetch(connection, sql.SQL("select 1 from {} limit 1").format(table.ref))
