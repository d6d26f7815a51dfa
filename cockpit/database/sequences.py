"""Sequences: compared between two databases, and set so far ahead that no number comes twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from cockpit.database.connect import Session, reading, writing
from cockpit.database.tables import fetch
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

OWNED: Final = """
select n.nspname, s.relname, c.relname, a.attname
  from pg_class s
  join pg_namespace n on n.oid = s.relnamespace
  left join pg_depend d on d.objid = s.oid and d.deptype in ('a', 'i') and d.refobjsubid > 0
                       and d.classid = 'pg_class'::regclass
  left join pg_class c on c.oid = d.refobjid
  left join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
 where s.relkind = 'S' and n.nspname = %s order by s.relname
"""


@dataclass(frozen=True, slots=True)
class Position:
    """How far one sequence has counted."""

    name: str
    column: str
    """`table.column` that it numbers; its own name where none."""
    last: int
    """The last number given out; 0 where none was."""
    highest: int
    """The highest number in that column; 0 in an empty table."""

    @property
    def reached(self) -> int:
        """No number up to this one may be given out again."""
        return max(self.last, self.highest)


@dataclass(frozen=True, slots=True)
class Lead:
    """How far a target's sequence lies beyond the source's."""

    sequence: str
    source: int
    target: int

    @property
    def ahead(self) -> int:
        """Numbers between them."""
        return self.target - self.source


async def leads(
    source: PostgresTarget, target: PostgresTarget, secrets: Secrets
) -> tuple[Lead, ...]:
    """For each sequence of both sides, how far the target's lies beyond all numbers in use."""
    async with reading(source, secrets) as left, reading(target, secrets) as right:
        ours, theirs = await asyncio.gather(
            positions(left, source.schema), positions(right, target.schema)
        )
    return tuple(
        Lead(column, here.reached, theirs[column].last)
        for column, here in ours.items()
        if column in theirs
    )


async def set_ahead(
    source: PostgresTarget, target: PostgresTarget, secrets: Secrets, margin: int
) -> tuple[Lead, ...]:
    """Set each of the target's sequences beyond both sides' numbers; never back."""
    async with reading(source, secrets) as left:
        ours = await positions(left, source.schema)
    done = []
    async with writing(target, secrets, copying=True) as right:
        theirs = await positions(right, target.schema)
        for column, here in ours.items():
            there = theirs.get(column)
            if there is None:
                continue
            wanted = max(there.last, max(here.reached, there.highest) + margin)
            await _set(right, target.schema, there.name, wanted)
            done.append(Lead(column, here.reached, wanted))
    return tuple(done)


async def positions(connection: Session, schema: str) -> dict[str, Position]:
    """How far each sequence of a schema has counted, by the column that it numbers."""
    found = {}
    for owner, name, table, column in await fetch(connection, OWNED, schema):
        highest: sql.Composable = sql.SQL("0")
        if table:
            highest = sql.SQL("(select coalesce(max({}), 0) from {})").format(
                sql.Identifier(column), sql.Identifier(owner, table)
            )
        rows = await fetch(
            connection,
            sql.SQL("select case when is_called then last_value else 0 end, {} from {}").format(
                highest, sql.Identifier(owner, name)
            ),
        )
        what = f"{table}.{column}" if table else name
        found[what] = Position(name, what, *rows[0])
    return found


async def _set(connection: Session, schema: str, name: str, value: int) -> None:
    """Let a sequence give out `value + 1` next."""
    sequence = sql.Identifier(schema, name).as_string(connection)
    await connection.execute("select setval(%s::regclass, %s)", (sequence, value))
