"""HTTP over a Unix socket, a question at a time; a connection serves again once it was read whole.

A client for any server spends several times as much on a question as the answer is worth, and
each container is asked about thousands of times a day.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import h11

CHUNK = 65_536
_HEADERS = [("Host", "docker")]


class Connection:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._talk = h11.Connection(h11.CLIENT)

    @property
    def is_free(self) -> bool:
        """Whether another question can be put: the last answer was read whole, and it is open."""
        return self._talk.our_state is h11.IDLE and not self._reader.at_eof()

    async def ask(self, target: str) -> int:
        """Put a question; gives the status of the answer."""
        asked = h11.Request(method="GET", target=target, headers=_HEADERS)
        self._writer.write(self._talk.send(asked) or b"")
        self._talk.send(h11.EndOfMessage())
        await self._writer.drain()
        while not isinstance(answer := await self._next(), h11.Response):
            pass
        return answer.status_code

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The answer as it comes, to its end."""
        while isinstance(piece := await self._next(), h11.Data):
            yield bytes(piece.data)
        if self._talk.their_state is h11.DONE:
            self._talk.start_next_cycle()

    async def _next(self) -> object:
        try:
            while (event := self._talk.next_event()) is h11.NEED_DATA:
                if self._talk.trailing_data[1]:
                    raise ConnectionResetError("it ended within an answer")
                self._talk.receive_data(await self._reader.read(CHUNK))
        except h11.RemoteProtocolError as error:
            raise ConnectionError(str(error)) from error
        return event

    def close(self) -> None:
        """Let go of it."""
        self._writer.close()


class Wire:
    """The connections to one server: one is kept for the next question, however many there were."""

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._free: Connection | None = None

    @asynccontextmanager
    async def connected(self, patience_s: float) -> AsyncIterator[Connection]:
        """One that is free, for one question; OSError where none can be had."""
        one = await self._taken(patience_s)
        try:
            yield one
        finally:
            if one.is_free and self._free is None:
                self._free = one
            else:
                one.close()

    async def _taken(self, patience_s: float) -> Connection:
        one, self._free = self._free, None
        if one is not None:
            if one.is_free:
                return one
            one.close()
        async with asyncio.timeout(patience_s):
            return Connection(*await asyncio.open_unix_connection(self._socket))

    def close(self) -> None:
        """Let go of the one that is free; the others go with their questions."""
        if self._free is not None:
            self._free.close()
            self._free = None
