"""Tables as the catalogue describes them: columns, keys, what may be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from psycopg import sql

from cockpit.database.connect import Session
from cockpit.errors import TargetError

Rows = list[tuple[Any, ...]]
_COLUMNS = """
select a.attname, format_type(a.atttypid, a.atttypmod), t.typname,
       a.attgenerated <> '', a.attidentity <> '', a.attnotnull,
       coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  join pg_type t on t.oid = a.atttypid
  left join pg_index i on i.indrelid = c.oid and i.indisprimary
 where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p')
 order by a.attnum
"""
ALL: Final = """
select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = %s and c.relkind in ('r', 'p') order by c.oid
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    type: str
    """As SQL writes it, `character varying(80)`."""
    base: str
    """The type's short name in the catalogue, `varchar`."""
    generated: bool
    identity: bool
    required: bool
    """NOT NULL."""
    key: int
    """Its place in the primary key, from 1; 0 where it is not in it."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table."""

    title: str
    """The name as the runbook gives it."""
    schema: str
    name: str
    columns: tuple[Column, ...]

    @property
    def ref(self) -> sql.Identifier:
        """The name as SQL takes it."""
        return sql.Identifier(self.schema, self.name)

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that are written: all but generated ones."""
        return tuple(column for column in self.columns if not column.generated)

    @property
    def key(self) -> tuple[Column, ...]:
        """The primary key's columns, in its order."""
        keyed = (column for column in self.columns if column.key)
        return tuple(sorted(keyed, key=lambda column: column.key))


async def fetch(connection: Session, query: LiteralString | sql.Composed, *values: object) -> Rows:
    """All rows of a query."""
    return await (await connection.execute(query, values or None)).fetchall()


async def find_table(connection: Session, schema: str, name: str) -> Table:
    """A table by name, `users` or `scheduler.jobs`; TargetError where there is none."""
    owner, _, plain = name.rpartition(".")
    table_schema = owner or schema
    rows = await fetch(connection, _COLUMNS, table_schema, plain)
    if not rows:
        raise TargetError(f"there is no table {name}", mend="is the schema migrated?")
    return Table(name, table_schema, plain, tuple(Column(*row) for row in rows))


async def read_table(connection: Session, schema: str, name: str) -> Table:
    """A table whose rows can be told apart; TargetError where it has no primary key."""
    table = await find_table(connection, schema, name)
    if not table.key:
        raise TargetError(
            f"the table {table.title} has no primary key",
            mend="without one its rows cannot be told apart; give it one, or leave it out",
        )
    return table


async def all_tables(connection: Session, schema: str) -> tuple[str, ...]:
    """The names of every table of a schema."""
    return tuple(row[0] for row in await fetch(connection, ALL, schema))


def names(columns: Sequence[Column], prefix: str = "") -> sql.Composed:
    """A list of column names for SQL, each after `prefix.` where one is given."""
    parts = ((prefix, column.name) if prefix else (column.name,) for column in columns)
    return sql.SQL(", ").join(sql.Identifier(*part) for part in parts)


def of_keys(table: Table, keys: Sequence[tuple[str, ...]]) -> sql.Composed:
    """A relation `k` with a row for each key, for a join on `table t`."""
    arrays = sql.SQL(", ").join(
        sql.SQL("{}::text[]").format(sql.Literal([key[place] for key in keys]))
        for place in range(len(table.key))
    )
    columns = sql.SQL(", ").join(sql.Identifier(f"k{place}") for place in range(len(table.key)))
    return sql.SQL("unnest({}) k({})").format(arrays, columns)


def on_keys(table: Table) -> sql.Composed:
    """The join condition between `t` and `k`."""
    return sql.SQL(" and ").join(
        sql.SQL("t.{} = k.{}::{}").format(
            sql.Identifier(column.name), sql.Identifier(f"k{place}"), sql.SQL(column.type)
        )
        for place, column in enumerate(table.key)
    )
