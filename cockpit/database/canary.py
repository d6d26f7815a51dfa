"""Canary writes: whether a database refuses the application's roles, tried and always rolled back.

As each role, in a session of its own, with an explicit READ WRITE transaction for each try: an
INSERT of a real row under a new key, an UPDATE and a DELETE that match no row. Those two pass the
same checks of rights, mode and guard as if they matched one. Keys are given, so no sequence moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from secrets import randbelow
from typing import Final, Literal, NamedTuple
from uuid import uuid4

import psycopg
from psycopg import sql

from cockpit.database.connect import Session, reading, session
from cockpit.database.tables import Column, Table, all_tables, fetch, find_table
from cockpit.errors import TargetError
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

_REFUSALS: Final = {"25006", "42501"}
_LOCK_S: Final = 2.0
_STATEMENT_S: Final = 5.0
_BY_POLICY: Final = "ExecWithCheckOptions"
"""Where the server says that row-level security refused this row: another row may pass."""
_MAY: Final = """
select a.attname from pg_attribute a
 where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped
   and has_column_privilege(%s, a.attrelid, a.attnum, %s)
"""
_UNIQUE: Final = """
select distinct a.attname from pg_index i
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
 where i.indrelid = %s::regclass and i.indisunique
   and not exists (select 1 from pg_constraint c where c.conrelid = i.indrelid
                      and c.contype = 'f' and a.attnum = any(c.conkey))
"""
_PARENT: Final = """
select a.attname, c.confrelid::regclass::text, f.attname
  from pg_constraint c
  join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
  join pg_attribute f on f.attrelid = c.confrelid and f.attnum = c.confkey[1]
 where c.conrelid = %s::regclass and c.contype = 'f'
"""
_ANY: Final = {
    "text": "canary",
    "varchar": "canary",
    "bool": "false",
    "timestamptz": "now",
    "timestamp": "now",
    "date": "now",
    "time": "now",
    "json": "{}",
    "jsonb": "{}",
    "bytea": "",
}
"""Values for a required column of an empty table."""
_NUMBERS: Final = {"int2": 32_000, "int4": 2_000_000_000, "int8": 4_000_000_000_000_000_000}


@dataclass(frozen=True, slots=True)
class Canary:
    """What one role may do to one table."""

    role: str
    table: str
    said: Literal["refused", "accepted", "unknown"]
    """`refused` only where every try met SQLSTATE 25006 or 42501."""
    text: str
    """What the server said, in one line."""


class _Try(NamedTuple):
    said: Literal["refused", "accepted", "unknown"]
    text: str


async def canaries(
    target: PostgresTarget, secrets: Secrets, tables: Iterable[str] | None = None
) -> tuple[Canary, ...]:
    """Try to write as every role of the application to these tables; to all where none is named."""
    async with reading(target, secrets) as connection:
        names = await all_tables(connection, target.schema) if tables is None else tables
        known = [await find_table(connection, target.schema, name) for name in names]
        tries = {
            role: [(table, await _statements(connection, table, role)) for table in known]
            for role in target.roles
        }
    found: list[Canary] = []
    for role, statements in tries.items():
        found += await _as_role(target, secrets, role, statements)
    return tuple(found)


async def _as_role(
    target: PostgresTarget,
    secrets: Secrets,
    role: str,
    tries: list[tuple[Table, list[sql.Composed]]],
) -> list[Canary]:
    found = []
    try:
        async with session(
            target, secrets, role=role, statement_s=_STATEMENT_S, lock_s=_LOCK_S
        ) as connection:
            await connection.set_read_only(False)
            for table, statements in tries:
                answers = [await _attempt(connection, statement) for statement in statements]
                found.append(_judge(role, table.title, answers))
    except TargetError as error:
        left = tries[len(found) :]
        found += [Canary(role, table.title, "unknown", error.what) for table, _ in left]
    return found


async def _attempt(connection: Session, statement: sql.Composed) -> _Try:
    try:
        async with connection.transaction(force_rollback=True):
            await connection.execute(statement)
    except psycopg.Error as error:
        if connection.closed:
            raise
        words = f"{error.sqlstate} {error.diag.message_primary}"
        by_policy = error.diag.source_function == _BY_POLICY
        refused = error.sqlstate in _REFUSALS and not by_policy
        return _Try("refused" if refused else "unknown", words)
    return _Try("accepted", "accepted")


def _judge(role: str, table: str, tries: list[_Try]) -> Canary:
    """Accepted where one try was; refused where all were; else unknown, with its reason."""
    for said in ("accepted", "unknown"):
        for one in tries:
            if one.said == said:
                return Canary(role, table, one.said, one.text)
    return Canary(role, table, "refused", tries[0].text)


async def _statements(connection: Session, table: Table, role: str) -> list[sql.Composed]:
    name = table.ref.as_string(connection)
    columns = await _allowed(connection, table, role, "INSERT")
    changed = (await _allowed(connection, table, role, "UPDATE"))[-1]
    values = await _values(connection, table, columns, name)
    insert = sql.SQL("insert into {} ({}) overriding system value values ({})").format(
        table.ref,
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
        sql.SQL(", ").join(values),
    )
    update = sql.SQL("update {} set {} = default where false").format(
        table.ref, sql.Identifier(changed.name)
    )
    return [insert, update, sql.SQL("delete from {} where false").format(table.ref)]


async def _allowed(connection: Session, table: Table, role: str, privilege: str) -> list[Column]:
    """The columns that a role may write; all of them where it may write none."""
    rows = await fetch(connection, _MAY, table.ref.as_string(connection), role, privilege)
    may = {row[0] for row in rows}
    return [column for column in table.stored if column.name in may] or list(table.stored)


async def _values(
    connection: Session, table: Table, columns: list[Column], name: str
) -> list[sql.Composable]:
    """A row as the table has them, with new values wherever they must be unique."""
    unique = {row[0] for row in await fetch(connection, _UNIQUE, name)}
    rows = await fetch(
        connection,
        sql.SQL("select {} from {} limit 1").format(
            sql.SQL(", ").join(
                sql.SQL("{}::text").format(sql.Identifier(column.name)) for column in columns
            ),
            table.ref,
        ),
    )
    like = rows[0] if rows else [None] * len(columns)
    parents = {row[0]: row[1:] for row in await fetch(connection, _PARENT, name)}
    values: list[sql.Composable] = []
    for column, value in zip(columns, like, strict=True):
        if column.name in unique:
            values.append(_fresh(column))
        elif value is not None or not column.required:
            values.append(_typed(column, value))
        elif column.name in parents:
            values.append(_typed(column, await _parent(connection, *parents[column.name])))
        else:
            values.append(_typed(column, _ANY.get(column.base, "0")))
    return values


async def _parent(connection: Session, table: str, column: str) -> str | None:
    """A value that a foreign key accepts."""
    rows = await fetch(
        connection,
        sql.SQL("select {}::text from {} limit 1").format(
            sql.Identifier(column),
            sql.SQL(table),  # as the catalogue quotes it
        ),
    )
    return str(rows[0][0]) if rows else None


def _fresh(column: Column) -> sql.Composable:
    """A value that no row has."""
    if column.base in _NUMBERS:
        return sql.Literal(_NUMBERS[column.base] + randbelow(700))
    if column.base == "uuid":
        return _typed(column, str(uuid4()))
    if column.base in ("text", "varchar", "bpchar", "citext"):
        return sql.SQL("left({}, 8)").format(sql.Literal(uuid4().hex))
    return _typed(column, _ANY.get(column.base, "0"))


def _typed(column: Column, value: str | None) -> sql.Composed:
    return sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(column.type))
