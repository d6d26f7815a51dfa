"""Addresses and phones in a table's text, as hashes that two databases can be compared by."""

from __future__ import annotations

from psycopg import sql

from cockpit.database.connect import Session
from cockpit.database.tables import fetch, find_table
from cockpit.errors import TargetError

_TEXTS = frozenset(("text", "varchar", "bpchar", "citext", "json", "jsonb", "_text", "_varchar"))
_ADDRESS = r"[[:alnum:]._+'-]+@[[:alnum:]-]+(?:\.[[:alnum:]-]+)+"
_PHONE = r"[+(0-9][0-9 ()./-]{6,}[0-9]"
# The last nine digits are the same with and without a country's code or a leading zero. Digits
# inside an address are no phone.
_HASHES = sql.SQL("""
select distinct sha256(convert_to(%s || found, 'UTF8'))
  from (select lower(m[1]) as found
          from {table}, regexp_matches({column}::text, {address}, 'g') as m
        union
        select right(regexp_replace(m[1], '[^0-9]', '', 'g'), 9)
          from {table}, regexp_matches(
                 regexp_replace({column}::text, {address}, ' ', 'g'), {phone}, 'g') as m) as every
 where length(found) >= 8 or found like '%%@%%'
""")


async def texts(connection: Session, schema: str, table: str) -> list[str]:
    """The columns of a table in which somebody's address or phone can be written."""
    found = await find_table(connection, schema, table)
    return [column.name for column in found.columns if column.base in _TEXTS]


async def hashes(
    connection: Session, schema: str, table: str, column: str, salt: str
) -> set[bytes]:
    """A hash of each address and each phone in a column, of use only beside the same salt."""
    found = await find_table(connection, schema, table)
    if column not in (one.name for one in found.columns):
        raise TargetError(f"the table {table} has no column {column}")
    query = _HASHES.format(
        table=found.ref,
        column=sql.Identifier(column),
        address=sql.Literal(_ADDRESS),
        phone=sql.Literal(_PHONE),
    )
    return {bytes(row[0]) for row in await fetch(connection, query, salt)}
