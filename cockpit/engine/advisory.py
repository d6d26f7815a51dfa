"""One run a database, from whichever host: an advisory lock on each PostgreSQL target.

A session holds the lock; the server frees it when the session's connection ends. Runners share
that connection's socket, and use it for nothing else: as with the locks of files, it stays open
until both the engine and its runners have ended.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from cockpit.errors import CockpitError, Refused
from cockpit.runbook.targets import PostgresTarget
from cockpit.secrets import Secrets

if TYPE_CHECKING:
    from cockpit.database.connect import Session

ANSWERS_S = 5.0
"""Real seconds in which a lock's session must answer, or a new one is opened."""
_LASTING = """
select set_config(name, setting, false)
  from (values ('application_name', %s), ('idle_session_timeout', '0'),
               ('tcp_keepalives_idle', '60'), ('tcp_keepalives_interval', '15'),
               ('tcp_keepalives_count', '4')) as wanted(name, setting)
 where name in (select name from pg_settings)
"""
"""The session idles for days; of a host that is gone the server learns in two minutes."""
_HOLDER = """
select coalesce(nullif(activity.application_name, ''), 'someone'), activity.pid,
       coalesce(host(activity.client_addr), 'the same host')
  from pg_locks as locks join pg_stat_activity as activity using (pid)
 where locks.locktype = 'advisory' and locks.granted and locks.objsubid = 1
   and (locks.classid::bigint << 32) | locks.objid::bigint = %s
"""


class AdvisoryLocks:
    """The databases on which this engine's run acts."""

    def __init__(self, run: str) -> None:
        # Names of applications are cut at 63 bytes: the run's end says most.
        self._name = f"cockpit {run[-54:]}"
        self._held: dict[str, tuple[AsyncExitStack, Session]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def hold(self, identity: str, target: object, secrets: Secrets) -> bool:
        """Lock a database until this engine and its runners end; Refused names who has it.

        False where this engine has no lock, and no other run either: a session of an engine of
        this run that was killed lasts as long as its runner.
        """
        if not isinstance(target, PostgresTarget):
            return True
        async with self._turns.setdefault(identity, asyncio.Lock()):
            return await self._still_has(identity) or await self._open(identity, target, secrets)

    async def _open(self, identity: str, target: PostgresTarget, secrets: Secrets) -> bool:
        from cockpit.database import connect

        stack = AsyncExitStack()
        try:
            opened = connect.session(target, secrets, statement_s=ANSWERS_S)
            session = await stack.enter_async_context(opened)
            with connect.translated(connect.place(target)):
                taken = await self._take(session, identity)
        except CockpitError:
            await stack.aclose()
            raise
        if taken:
            self._held[identity] = stack, session
        else:
            await stack.aclose()
        return taken

    async def _take(self, session: Session, identity: str) -> bool:
        """Whether this session has the lock now; False where a runner of this run has it."""
        await session.execute(_LASTING, (self._name,))
        key = key_of(identity)
        row = await (await session.execute("select pg_try_advisory_lock(%s)", (key,))).fetchone()
        if row is not None and row[0]:
            return True
        found = await (await session.execute(_HOLDER, (key,))).fetchone()
        if found and found[0] == self._name:
            return False
        holder = "{}, session {} from {}".format(*found) if found else "one that has just ended"
        raise Refused(
            f"another run acts on this database: {holder}",
            where=identity,
            mend="end that run; where its host is gone, end its session: pg_terminate_backend",
        )

    @property
    def held(self) -> tuple[str, ...]:
        """The databases whose locks this engine has."""
        return tuple(self._held)

    async def let_go(self, identity: str) -> None:
        """Let go of one database."""
        stack, _ = self._held.pop(identity)
        await stack.aclose()

    def descriptors(self) -> tuple[int, ...]:
        """The sockets that a runner shares, so that the locks last as long as it does."""
        return tuple(session.fileno() for _, session in self._held.values() if not session.closed)

    async def _still_has(self, identity: str) -> bool:
        if identity not in self._held:
            return False
        from psycopg import Error

        stack, session = self._held[identity]
        try:
            await session.execute("select 1")
        except Error:
            # The server was started again, or ended the session: the lock went with it.
            del self._held[identity]
            await stack.aclose()
            return False
        return True

    async def close(self, *, acting: bool = False) -> None:
        """Let go of every database; while a runner acts, only of this engine's share."""
        from psycopg import Error

        while self._held:
            _, (stack, session) = self._held.popitem()
            if acting and not session.closed:
                _fall_silent(session.fileno())
            with suppress(*((Error, CockpitError) if acting else ())):
                await stack.aclose()


def _fall_silent(descriptor: int) -> None:
    """Let nothing more be sent: a goodbye would end the session for whoever shares it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor, inheritable=False)
    os.close(nowhere)


def key_of(identity: str) -> int:
    """The lock's number, which every cockpit makes of the same identity: 63 bits."""
    digest = hashlib.sha256(f"cockpit {identity}".encode()).digest()
    return int.from_bytes(digest[:8]) >> 1
