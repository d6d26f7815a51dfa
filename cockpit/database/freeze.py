"""Freezes a database against the application's writes, and opens it again, exactly as it was.

Four layers, since each alone has a hole: new sessions read only by default; the guard on every
table; the roles' rights taken away; the roles' sessions ended. Putting the guard on a table waits
for the transactions that write to it, so when it stands no row of before is still uncommitted.

What stays possible, and is not the application's: writes by the owner's role inside a copying
transaction, and large objects before PostgreSQL 16. Schemas other than the target's are not
touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from psycopg import errors, sql

from cockpit.database.connect import Session, session
from cockpit.database.grants import give_back, take_away, writing_grants
from cockpit.database.guard import (
    Former,
    drop_guard,
    guard_table,
    guarded,
    put_guard,
    read_former,
)
from cockpit.database.tables import all_tables, fetch
from cockpit.errors import ActionFailed
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

Say = Callable[[str], None]
LOCK_S: Final = 0.8
"""How long one try waits for a table; other writers queue behind it meanwhile.

Shorter than PostgreSQL's `deadlock_timeout` of 1 s: where a session of the application and this
one wait for each other, this one lets go and tries again, and the application notices nothing.
"""
PATIENCE_S: Final = 20.0
"""After which a writer of an application role that holds a table up is ended."""
DEADLINE_S: Final = 60.0
_HOLDERS: Final = """
select a.pid, a.usename, a.application_name, extract(epoch from now() - a.xact_start)::int
  from pg_locks l join pg_stat_activity a using (pid)
 where l.relation = %s::regclass and l.granted and l.pid <> pg_backend_pid()
   and l.mode not in ('AccessShareLock', 'RowShareLock')
 order by a.xact_start
"""
END: Final = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
 where datname = current_database() and usename = any(%s) and pid <> pg_backend_pid()
"""
ACTING: Final = """
select r.rolname from pg_roles r
 where r.rolname <> %s and not r.rolsuper and exists (
       select 1 from unnest(%s::name[]) role where pg_has_role(r.oid, role,
         case when current_setting('server_version_num')::int < 160000
              then 'MEMBER' else 'SET' end))
"""
"""The application's roles, and those that log in and then act as one of them."""
SETTING: Final = """
select split_part(c, '=', 2) from pg_db_role_setting s, unnest(s.setconfig) c
 where s.setrole = 0 and c like 'default_transaction_read_only=%%'
   and s.setdatabase = (select oid from pg_database where datname = %s)
"""


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a freeze did."""

    former: Former
    tables: tuple[str, ...]
    ended: int
    """Sessions of the application that were ended."""
    kept: tuple[str, ...]
    """Rights that another role passed on and that stay; the guard refuses all the same."""


async def freeze(target: PostgresTarget, secrets: Secrets, say: Say = lambda _: None) -> Frozen:
    """Refuse every write of the application's roles; again on a frozen database changes nothing."""
    roles = _application(target)
    async with session(target, secrets, lock_s=LOCK_S) as connection:
        await connection.set_read_only(False)
        async with connection.transaction():
            former = await _record(connection, target, roles)
            await put_guard(connection, target.schema, target.user, former)
            await _set_default(connection, target.database, "on")
            kept = await take_away(connection, target.schema, former.grants)
        say(f"new sessions read only; {len(former.grants)} rights taken away and recorded")
        done = await guarded(connection, target.schema)
        names = await all_tables(connection, target.schema)
        for name in names:
            if name not in done:
                await _guard(connection, target, name, say)
        say(f"guard on {len(names)} tables; nobody has uncommitted rows in them")
        acting = await _acting(connection, target)
        ended = await _end_sessions(connection, acting)
        say(f"{ended} sessions of {', '.join(acting)} ended")
    return Frozen(former, names, ended, kept)


async def reopen(
    target: PostgresTarget,
    secrets: Secrets,
    recorded: Former | None = None,
    say: Say = lambda _: None,
) -> int:
    """Undo a freeze from its record, in one transaction; gives back how many rights it restored.

    The record beside the guard comes first, `recorded` serves where that is gone. Without either
    the database was never frozen, and only its sessions are ended, so that pools connect anew.
    """
    roles = _application(target)
    began = monotonic()
    async with session(target, secrets, lock_s=LOCK_S) as connection:
        await connection.set_read_only(False)
        while True:
            try:
                async with connection.transaction():
                    former = await read_former(connection, target.schema) or recorded
                    if former is not None:
                        await give_back(connection, target.schema, former.grants)
                        await drop_guard(connection, target.schema)
                        await _set_default(connection, target.database, former.setting)
                break
            except (errors.LockNotAvailable, errors.DeadlockDetected):
                if monotonic() - began > DEADLINE_S:
                    raise
                say(f"a table is in use; ended {await _end_sessions(connection, roles)} sessions")
        restored = len(former.grants) if former else 0
        say(f"{restored} rights given back, the guard is gone" if former else "it was not frozen")
        say(f"{await _end_sessions(connection, roles)} sessions of {', '.join(roles)} ended")
        return restored


def _application(target: PostgresTarget) -> list[str]:
    roles = list(target.roles)
    if not roles:
        raise ActionFailed(
            "no application role is declared for this database",
            where=target.database,
            mend="name the application's roles under `roles` of the target",
        )
    if target.user in roles:
        raise ActionFailed(
            f"the application logs in as {target.user}, the role that copies and freezes",
            where=target.database,
            mend="give the application a role of its own: this one passes the guard",
        )
    return roles


async def _record(connection: Session, target: PostgresTarget, roles: Sequence[str]) -> Former:
    """What is there to be taken away, together with what an earlier attempt already took."""
    found = await writing_grants(connection, target.schema, roles)
    before = await read_former(connection, target.schema)
    if before is not None:
        return Former(before.setting, tuple(dict.fromkeys((*before.grants, *found))))
    rows = await fetch(connection, SETTING, target.database)
    return Former(str(rows[0][0]) if rows else "", found)


async def _set_default(connection: Session, database: str, value: str) -> None:
    change = sql.SQL("set default_transaction_read_only = {}").format(sql.Literal(value))
    if not value:
        change = sql.Composed([sql.SQL("reset default_transaction_read_only")])
    await connection.execute(
        sql.SQL("alter database {} {}").format(sql.Identifier(database), change)
    )


async def _guard(connection: Session, target: PostgresTarget, table: str, say: Say) -> None:
    began = monotonic()
    while True:
        try:
            await guard_table(connection, target.schema, table)
        except errors.LockNotAvailable:
            waited = monotonic() - began
            holders = await _holders(connection, target.schema, table)
            said = "; ".join(
                f"{user} ({name or 'unnamed'}, pid {pid}, {age} s)"
                for pid, user, name, age in holders
            )
            say(f"{table} waits for open writers: {said or 'just gone'}")
            if waited > DEADLINE_S:
                raise ActionFailed(
                    f"{table} is still being written to by {said}",
                    where=target.database,
                    mend="end that session, then try again; the freeze goes on where it stopped",
                ) from None
            if waited > PATIENCE_S:
                acting = await _acting(connection, target)
                say(f"{await _end_sessions(connection, acting)} sessions ended")
        else:
            return


async def _holders(connection: Session, schema: str, table: str) -> list[tuple[int, str, str, int]]:
    name = sql.Identifier(schema, table).as_string(connection)
    rows = await fetch(connection, _HOLDERS, name)
    return [
        (pid, user or "a prepared transaction", name, age or 0) for pid, user, name, age in rows
    ]


async def _acting(connection: Session, target: PostgresTarget) -> list[str]:
    return [row[0] for row in await fetch(connection, ACTING, target.user, list(target.roles))]


async def _end_sessions(connection: Session, roles: Sequence[str]) -> int:
    rows = await fetch(connection, END, list(roles))
    return int(rows[0][0])
