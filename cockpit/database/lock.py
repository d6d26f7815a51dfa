"""One engine a database: an advisory lock that lasts as long as its session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from cockpit.database.connect import place, session, set_for_session
from cockpit.database.tables import fetch
from cockpit.errors import Refused
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

_NUMBER: Final = 0x636F636B706974
"""`cockpit` in ASCII: advisory locks of one database share one space of numbers."""
_NAME: Final = 63
"""Characters that the server keeps of an application's name."""
_TAKE: Final = "select pg_try_advisory_lock(%s)"
_HOLDER: Final = """
select coalesce(nullif(a.application_name, ''), 'an unnamed session'),
       coalesce(host(a.client_addr), 'the server itself')
  from pg_locks l join pg_stat_activity a using (pid)
 where l.locktype = 'advisory' and l.granted
   and l.classid = (%s::bigint >> 32)::oid and l.objid = (%s::bigint & 4294967295)::oid
   and l.database = (select oid from pg_database where datname = current_database())
"""


@asynccontextmanager
async def hold(target: PostgresTarget, secrets: Secrets, holder: str) -> AsyncIterator[None]:
    """Keep other engines off this database; Refused, with the holder's name, where one is on it.

    `holder` is shown to whoever comes second: the run and its host.
    """
    async with session(target, secrets) as connection:
        await set_for_session(connection, {"application_name": f"cockpit {holder}"[:_NAME]})
        if not (await fetch(connection, _TAKE, _NUMBER))[0][0]:
            rows = await fetch(connection, _HOLDER, _NUMBER, _NUMBER)
            name, address = rows[0] if rows else ("a session that has just gone", "?")
            raise Refused(
                f"{name} from {address} already acts on this database",
                where=place(target),
                mend="attach to that run, or end it first",
            )
        yield
