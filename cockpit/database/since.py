"""Which rows were written after a copy: told by the transaction that wrote each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from psycopg import sql

from cockpit.database.buckets import Key
from cockpit.database.connect import Session, session
from cockpit.database.tables import Table, fetch, of_keys, on_keys
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

_AT_ONCE: Final = 10_000


async def next_transaction(target: PostgresTarget, secrets: Secrets) -> int:
    """The number below which every transaction of this server has begun by now."""
    async with session(target, secrets) as connection:
        rows = await fetch(
            connection, "select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
        )
    return int(rows[0][0])


async def since_of(
    target: PostgresTarget, secrets: Secrets, tables: Iterable[str]
) -> dict[str, str]:
    """What a copy records when it has ended, as text: JSON numbers end at 2^53."""
    number = await next_transaction(target, secrets)
    return dict.fromkeys(tables, str(number))


async def later(connection: Session, table: Table, keys: Sequence[Key], since: int) -> set[Key]:
    """Those of the keys whose rows were written by transaction `since` or a later one."""
    found: set[Key] = set()
    texts = sql.SQL(", ").join(
        sql.SQL("t.{}::text").format(sql.Identifier(column.name)) for column in table.key
    )
    for at in range(0, len(keys), _AT_ONCE):
        rows = await fetch(
            connection,
            sql.SQL(
                "select {keys} from {given} join {table} t on {on}"
                " where age(t.xmin) <= age({since}::text::xid)"
            ).format(
                keys=texts,
                given=of_keys(table, keys[at : at + _AT_ONCE]),
                table=table.ref,
                on=on_keys(table),
                since=sql.Literal(str(since % 2**32)),
            ),
        )
        found |= {tuple(row) for row in rows}
    return found
