"""A real HTTP server on loopback, and a clock that a test moves by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cockpit.runbook.targets import HttpTarget

Page = tuple[int, str]


@dataclass
class HandClock:
    """Stands still until it is moved."""

    time: float = 1_000_000.0
    speed: float = 1.0

    def now(self) -> float:
        return self.time

    def real(self) -> float:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class Web:
    """Answers GETs with what a test puts into `pages`."""

    pages: dict[str, Page | Callable[[], Page]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0
    delay: float = 0.0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def target(self) -> HttpTarget:
        return HttpTarget(kind="http", url=f"http://127.0.0.1:{self.port}")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # who leaves wants no answer, and neither does a test that is over
        finally:
            self.tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        await asyncio.sleep(self.delay)
        page = self.pages.get(head.split()[1], (404, ""))
        status, body = page() if callable(page) else page
        lines = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((lines + body).encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def served(**pages: Page) -> AsyncIterator[Web]:
    """A server; a page's name is its path without the slash."""
    web = Web({f"/{name}": page for name, page in pages.items()})
    server = await asyncio.start_server(web.answer, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()
        await server.wait_closed()
        for task in tuple(web.tasks):
            task.cancel()
        await asyncio.gather(*web.tasks, return_exceptions=True)


def free_target() -> HttpTarget:
    """An address where nobody listens."""
    return HttpTarget(kind="http", url="http://127.0.0.1:1")
