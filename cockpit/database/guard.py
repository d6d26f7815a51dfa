"""The guard: what a frozen database puts on each table, and the record that lies with it.

A statement trigger, `ENABLE ALWAYS`, refuses every INSERT, UPDATE, DELETE and TRUNCATE: of
sessions from before, owners, SECURITY DEFINER functions and superusers alike. It lets one pass:
a session that logged in as the owner's role and has set `cockpit.copying` in its transaction.
No application role can do that, since `session_user` does not follow SET ROLE.

The former grants and setting lie in the function's comment, written by the same transaction that
takes them away: an attempt that dies half-way loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec
from psycopg import sql

from cockpit.database.connect import COPYING, Session
from cockpit.database.tables import fetch

NAME: Final = "cockpit_guard"
FUNCTION: Final = """
create or replace function {name}() returns trigger language plpgsql set search_path = pg_catalog
as {body}
"""
BODY: Final = """
begin
  if session_user = {owner} and current_setting({copying}, true) = 'on' then
    return null;
  end if;
  raise exception using errcode = '25006',
    message = 'frozen by the cockpit: ' || tg_table_name || ' refuses ' || tg_op;
end
"""
ON_TABLE: Final = """
create trigger {guard} before insert or update or delete or truncate on {table}
  for each statement execute function {function}();
alter table {table} enable always trigger {guard}
"""
RECORD: Final = """
select obj_description(p.oid, 'pg_proc')
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
 where p.proname = %s and n.nspname = %s
"""
GUARDED: Final = """
select c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace
 where t.tgname = %s and n.nspname = %s and t.tgenabled = 'A' order by c.oid
"""


class Grant(NamedTuple):
    """One right of one role, as it stood before."""

    kind: str
    """`table` or `sequence`."""
    name: str
    column: str
    """Empty for the whole table."""
    role: str
    """Empty for PUBLIC."""
    privilege: str
    grantable: bool


@dataclass(frozen=True, slots=True)
class Former:
    """What a freeze took away, for the exact way back."""

    setting: str = ""
    """The database's `default_transaction_read_only` of before; empty where it had none."""
    grants: tuple[Grant, ...] = ()


async def put_guard(connection: Session, schema: str, owner: str, former: Former) -> None:
    """Make the guard's function, with the record of what the freeze takes away."""
    body = sql.SQL(BODY).format(owner=sql.Literal(owner), copying=sql.Literal(COPYING))
    name = sql.Identifier(schema, NAME)
    await connection.execute(
        sql.SQL(FUNCTION).format(name=name, body=sql.Literal(body.as_string(connection)))
    )
    record = msgspec.json.encode(former).decode()
    await connection.execute(
        sql.SQL("comment on function {}() is {}").format(name, sql.Literal(record))
    )


async def read_former(connection: Session, schema: str) -> Former | None:
    """The record that lies with the guard; None where the schema has no guard."""
    rows = await fetch(connection, RECORD, NAME, schema)
    if not rows:
        return None
    return msgspec.json.decode(rows[0][0] or "{}", type=Former)


async def guard_table(connection: Session, schema: str, table: str) -> None:
    """Guard one table; it succeeds only when no transaction holds uncommitted rows in it."""
    on_table = sql.SQL(ON_TABLE).format(
        guard=sql.Identifier(NAME),
        table=sql.Identifier(schema, table),
        function=sql.Identifier(schema, NAME),
    )
    async with connection.transaction():
        await connection.execute(on_table)


async def guarded(connection: Session, schema: str) -> tuple[str, ...]:
    """The tables that the guard stands on, enabled for everyone."""
    return tuple(row[0] for row in await fetch(connection, GUARDED, NAME, schema))


async def drop_guard(connection: Session, schema: str) -> None:
    """Take the guard off every table and delete its function and record."""
    await connection.execute(
        sql.SQL("drop function if exists {}() cascade").format(sql.Identifier(schema, NAME))
    )
