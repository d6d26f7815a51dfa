"""One side of a comparison: sums of hashes by bucket, narrower and narrower, at last the rows.

A bucket is a range of a whole-number key, which an index serves; for other keys it is a share of
the keys' own hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from cockpit.database.connect import Session
from cockpit.database.hashing import row_hash
from cockpit.database.tables import Column, Table, fetch

Key = tuple[str, ...]
"""A primary key's values, as text."""
Totals = dict[int, tuple[int, str]]
"""By bucket: how many rows, and the sum of their hashes."""
RANGES: Final = (10, 4)
"""Levels of range buckets: 1,024 keys each, then 16."""
SHARES: Final = (12,)
"""The one level of the others: 4,096 buckets."""
WHOLE: Final = ("int2", "int4", "int8")


@dataclass(frozen=True, slots=True)
class Within:
    """Some buckets of one level."""

    bits: int
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One table in one database."""

    connection: Session
    table: Table
    columns: tuple[Column, ...]
    """Those that both sides have."""

    @property
    def levels(self) -> tuple[int, ...]:
        """How finely it is divided, level by level."""
        return RANGES if self._is_ranged else SHARES

    @property
    def _is_ranged(self) -> bool:
        return len(self.table.key) == 1 and self.table.key[0].base in WHOLE

    async def totals(self, bits: int, within: Within | None = None) -> Totals:
        """The buckets of a level; only those inside `within` where it is given."""
        rows = await fetch(
            self.connection,
            sql.SQL("select {bucket}, count(*), sum({hash})::text from {rows} group by 1").format(
                bucket=self._bucket(bits),
                hash=row_hash(self.columns),
                rows=self._rows_within(within),
            ),
        )
        return {bucket: (count, total) for bucket, count, total in rows}

    async def rows(self, within: Within) -> dict[Key, int]:
        """The hash of every row inside these buckets, by its key."""
        keys = sql.SQL(", ").join(
            sql.SQL("t.{}::text").format(sql.Identifier(column.name)) for column in self.table.key
        )
        rows = await fetch(
            self.connection,
            sql.SQL("select {hash}, {keys} from {rows}").format(
                hash=row_hash(self.columns), keys=keys, rows=self._rows_within(within)
            ),
        )
        return {tuple(key): hashed for hashed, *key in rows}

    def _bucket(self, bits: int) -> sql.Composed:
        if self._is_ranged:
            key = sql.Identifier("t", self.table.key[0].name)
            return sql.SQL("({} >> {})::bigint").format(key, sql.Literal(bits))
        return sql.SQL("({} & {})").format(row_hash(self.table.key), sql.Literal(2**bits - 1))

    def _rows_within(self, within: Within | None) -> sql.Composed:
        if within is None:
            return sql.SQL("{} t").format(self.table.ref)
        inside = sql.SQL("{} = b.n").format(self._bucket(within.bits))
        if self._is_ranged:
            inside = sql.SQL("{key} between b.n << {bits} and (b.n << {bits}) + {last}").format(
                key=sql.Identifier("t", self.table.key[0].name),
                bits=sql.Literal(within.bits),
                last=sql.Literal(2**within.bits - 1),
            )
        return sql.SQL("unnest({}::bigint[]) b(n) join {} t on {}").format(
            sql.Literal(list(within.buckets)), self.table.ref, inside
        )


def unequal(here: Totals, there: Totals) -> Sequence[int]:
    """The buckets whose totals differ, in order."""
    both = here.keys() | there.keys()
    return sorted(bucket for bucket in both if here.get(bucket) != there.get(bucket))
