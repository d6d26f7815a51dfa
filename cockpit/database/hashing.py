"""A row's hash, computed by the server: a chain of typed hash functions, one a column.

Each function takes the hash so far as its seed, mixed with the column's place and with whether
the value is NULL: swapped values, swapped columns, and NULL against zero all change the hash.
Types without a function of their own here are hashed by their text, under pinned settings.
Summed over a bucket, the hashes do not depend on the order of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from cockpit.database.tables import Column

_TYPED: Final = {
    "int2": "hashint2extended(coalesce({value}, 1::int2), {seed})",
    "int4": "hashint4extended(coalesce({value}, 1), {seed})",
    "int8": "hashint8extended(coalesce({value}, 1), {seed})",
    "float4": "hashfloat4extended(coalesce({value}, 1), {seed})",
    "float8": "hashfloat8extended(coalesce({value}, 1), {seed})",
    "bool": "hashint4extended(coalesce({value}::int, 1), {seed})",
    "uuid": "uuid_hash_extended(coalesce({value}, '00000000-0000-0000-0000-000000000000'), {seed})",
    "timestamptz": "timestamp_hash_extended(coalesce({value}, 'epoch') at time zone 'UTC', {seed})",
    "timestamp": "timestamp_hash_extended(coalesce({value}, 'epoch'), {seed})",
}
_BY_TEXT: Final = "hashtextextended(coalesce({value}::text, '') collate \"C\", {seed})"


def row_hash(columns: Sequence[Column], prefix: str = "t") -> sql.Composed:
    """The expression for the hash of these columns of a row of `prefix`."""
    chain = sql.Composed([sql.SQL("0::bigint")])
    for place, column in enumerate(columns):
        value = sql.Identifier(prefix, column.name)
        seed = sql.SQL("({chain} # ({place} + ({value} is null)::int)::bigint)").format(
            chain=chain, place=sql.Literal(2 * place + 2), value=value
        )
        function = _TYPED.get(column.base, _BY_TEXT)
        chain = sql.SQL(function).format(value=value, seed=seed)
    return chain


PROBE: Final = sql.SQL(
    "select hashint8extended(hashtextextended('äß€' collate \"C\", hashfloat8extended(0.1,"
    " timestamp_hash_extended('2026-01-01 00:00:00.000001', 7))), 11)"
)
"""Fixed values: two servers that hash them differently cannot be compared by hash."""
