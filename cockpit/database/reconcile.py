"""Compares the rows of two databases: hashes by key range first, then the rows that differ.

Both sides are read at the same time, each on one snapshot. Nothing is written on either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, TypeVar

from psycopg import sql

from cockpit.database.buckets import Key, Side, Within, unequal
from cockpit.database.connect import Session, reading
from cockpit.database.hashing import PROBE
from cockpit.database.tables import Table, fetch, read_table
from cockpit.errors import TargetError
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

T = TypeVar("T")
Say = Callable[[str], None]
_AT_ONCE: Final = 2000
"""Buckets that one query looks into."""
_HOURS: Final = 4 * 3600.0


@dataclass(frozen=True, slots=True)
class TableDifference:
    """How one table differs."""

    table: str
    source_rows: int
    target_rows: int
    missing: tuple[Key, ...] = ()
    """In the source alone."""
    extra: tuple[Key, ...] = ()
    """In the target alone."""
    changed: tuple[Key, ...] = ()
    """In both, with other values."""
    not_compared: tuple[str, ...] = ()
    """Columns that one side alone has."""

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return len(self.missing) + len(self.extra) + len(self.changed)

    @property
    def words(self) -> str:
        """The table in one line."""
        aside = f", without {', '.join(self.not_compared)}" if self.not_compared else ""
        if not self.differing:
            return f"{self.table}: {self.source_rows:,} rows, identical{aside}"
        kinds = (("missing", self.missing), ("extra", self.extra), ("changed", self.changed))
        found = "; ".join(f"{len(keys):,} {word} {_sample(keys)}" for word, keys in kinds if keys)
        return f"{self.table}: {self.source_rows:,} and {self.target_rows:,} rows, {found}{aside}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing two databases found."""

    tables: tuple[TableDifference, ...]
    seconds: float = field(compare=False, default=0.0)

    @property
    def rows(self) -> int:
        """How many rows the source holds."""
        return sum(table.source_rows for table in self.tables)

    @property
    def compared(self) -> int:
        """How many rows were looked at, both sides together."""
        return self.rows + sum(table.target_rows for table in self.tables)

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return sum(table.differing for table in self.tables)

    @property
    def words(self) -> str:
        """All of it in one line."""
        if not self.compared:
            return f"no row compared in {len(self.tables)} tables"
        if not self.differing:
            return f"{self.rows:,} rows of {len(self.tables)} tables are identical"
        return " · ".join(table.words for table in self.tables if table.differing)


async def reconcile(
    source: PostgresTarget,
    target: PostgresTarget,
    secrets: Secrets,
    tables: Iterable[str],
    say: Say = lambda _: None,
) -> Comparison:
    """How the tables of two databases differ."""
    async with (
        reading(source, secrets, statement_s=_HOURS) as left,
        reading(target, secrets, statement_s=_HOURS) as right,
    ):
        began = monotonic()
        await hash_alike(left, right)
        found = []
        for name in tables:
            sides = await two_sided(left, right, (source.schema, target.schema), name)
            found.append(difference := await compare(left, right, *sides))
            say(difference.words)
        return Comparison(tuple(found), monotonic() - began)


async def hash_alike(left: Session, right: Session) -> None:
    """TargetError where two servers hash the same values differently."""
    one, other = await _both(fetch(side, sql.Composed([PROBE])) for side in (left, right))
    if one != other:
        raise TargetError(
            "the two servers hash the same values differently",
            mend="compare databases of the same PostgreSQL major version",
        )


async def two_sided(
    left: Session, right: Session, schemas: tuple[str, str], name: str
) -> tuple[Table, Table]:
    """A table on both sides; TargetError where their keys or the types of columns differ."""
    where = zip((left, right), schemas, strict=True)
    one, other = await _both(read_table(side, schema, name) for side, schema in where)
    types = {column.name: column.type for column in other.stored}
    for column in one.stored:
        if types.get(column.name, column.type) != column.type:
            raise TargetError(
                f"{one.title}.{column.name} is {column.type} on one side"
                f" and {types[column.name]} on the other"
            )
    if [column.name for column in one.key] != [column.name for column in other.key]:
        raise TargetError(f"the two sides have different primary keys in {one.title}")
    return one, other


async def compare(left: Session, right: Session, one: Table, other: Table) -> TableDifference:
    """How one table differs between two sessions, each on its snapshot."""
    theirs = {column.name for column in other.stored}
    shared = tuple(column for column in one.stored if column.name in theirs)
    sides = Side(left, one, shared), Side(right, other, shared)
    first, *finer = sides[0].levels
    here, there = await _both(side.totals(first) for side in sides)
    differing = Within(first, tuple(unequal(here, there)))
    for bits in finer:
        differing = await _narrowed(sides, differing, bits)
    missing: list[Key] = []
    extra: list[Key] = []
    changed: list[Key] = []
    for some in _batches(differing):
        mine, their = await _both(side.rows(some) for side in sides)
        missing += [key for key in mine if key not in their]
        extra += [key for key in their if key not in mine]
        changed += [key for key, hashed in mine.items() if their.get(key, hashed) != hashed]
    return TableDifference(
        one.title,
        sum(count for count, _ in here.values()),
        sum(count for count, _ in there.values()),
        tuple(missing),
        tuple(extra),
        tuple(changed),
        tuple(sorted({column.name for column in one.stored} ^ theirs)),
    )


async def _narrowed(sides: Iterable[Side], within: Within, bits: int) -> Within:
    """The smaller buckets that differ, inside larger ones that do."""
    found: list[int] = []
    for some in _batches(within):
        here, there = await _both(side.totals(bits, some) for side in sides)
        found += unequal(here, there)
    return Within(bits, tuple(found))


async def _both(asked: Iterable[Awaitable[T]]) -> tuple[T, T]:
    """Two answers, asked for at the same time."""
    one, other = await asyncio.gather(*asked)
    return one, other


def _batches(within: Within) -> Iterator[Within]:
    for at in range(0, len(within.buckets), _AT_ONCE):
        yield Within(within.bits, within.buckets[at : at + _AT_ONCE])


def _sample(keys: Sequence[Key], most: int = 5) -> str:
    shown = ", ".join("/".join(key) for key in keys[:most])
    return f"({shown}{', …' if len(keys) > most else ''})"
