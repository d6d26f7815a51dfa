"""A few database sessions that a web service of the lab shares."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import make_conninfo

from cockpit.rehearsal.spec import POSTGRES_PORT, LabSpec

Row = tuple[Any, ...]


def login(spec: LabSpec, database: str, role: str, acts_as: str = "") -> str:
    """How one role of the lab reaches one database, and whose rights it takes on there."""
    return make_conninfo(
        host=spec.database,
        port=POSTGRES_PORT,
        dbname=database,
        user=role,
        password=spec.secret(f"{role}_password"),
        application_name=f"lab {role}",
        connect_timeout=3,
        sslmode="disable",
        options=f"-c role={acts_as}" if acts_as else "",
    )


class Pool:
    """Sessions of one role, opened when first needed and again when they were cut off."""

    def __init__(self, conninfo: str, size: int) -> None:
        self._conninfo = conninfo
        self._size = size
        self._idle: asyncio.LifoQueue[psycopg.AsyncConnection | None] = asyncio.LifoQueue()
        for _ in range(size):
            self._idle.put_nowait(None)

    async def run(
        self, query: LiteralString, values: Sequence[object] | Mapping[str, object] = ()
    ) -> list[Row]:
        """The rows of one statement, in a transaction of its own; psycopg.Error where it fails.

        A session that the server ended while it lay idle is replaced and the statement sent again.
        """
        session = await self._idle.get()
        try:
            try:
                if session is None or session.closed:
                    session = await self._open()
                return await _rows(session, query, values)
            except psycopg.OperationalError:
                if session is None or not session.broken:
                    raise
                session = await self._open()
                return await _rows(session, query, values)
        finally:
            self._idle.put_nowait(session)

    async def close(self) -> None:
        """End the sessions that lie idle."""
        while not self._idle.empty():
            session = self._idle.get_nowait()
            if session is not None:
                await session.close()
        for _ in range(self._size):
            self._idle.put_nowait(None)

    async def _open(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)


async def _rows(
    session: psycopg.AsyncConnection,
    query: LiteralString,
    values: Sequence[object] | Mapping[str, object],
) -> list[Row]:
    answered = await session.execute(query, values)
    return await answered.fetchall() if answered.description else []
