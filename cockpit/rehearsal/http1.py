"""A small HTTP/1.1 server with keep-alive, for services of the lab on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import msgspec

from cockpit.rehearsal.spec import loopback
from cockpit.rehearsal.tasks import end

IDLE_S = 75.0
"""Real seconds for which a silent connection is kept."""
LARGEST = 64 * 1024
"""Bytes that a request's head, or its body, may have."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request."""

    method: str
    path: str
    body: bytes
    closes: bool
    """The asker wants no further request on this connection."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[str, ...] = field(default=())
    """Further header lines."""


Handler = Callable[[Request], Awaitable[Response]]


def json(code: int, /, **body: object) -> Response:
    """A response that carries a JSON object."""
    return Response(code, msgspec.json.encode(body))


class HttpServer:
    """One address that answers HTTP."""

    def __init__(self, address: str, port: int, handler: Handler) -> None:
        self.address = loopback(address)
        self._port = port
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        """Whether it accepts connections."""
        return self._server is not None

    async def start(self) -> None:
        """Accept connections."""
        self._server = await asyncio.start_server(
            self._talk, self.address, self._port, limit=LARGEST, backlog=512
        )

    async def stop(self) -> None:
        """Refuse connections, and cut off those that stand."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        await end(self._talks)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = asyncio.current_task()
        if talk:
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)
        try:
            closes = False
            while not closes:
                async with asyncio.timeout(IDLE_S):
                    request = await _read(reader)
                closes = request.closes
                response = await self._handler(request)
                writer.write(_wire(response, request))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            return  # the asker is gone, or silent
        except asyncio.CancelledError:
            return  # the server stops; asyncio's own callback would log a cancelled talk
        except (ValueError, asyncio.LimitOverrunError):
            writer.write(_wire(json(400, error="not understood"), Request("GET", "", b"", True)))
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    """The next request; ValueError where it is not HTTP/1.x with a plain length."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise ValueError("a body in chunks is not taken here")
    size = int(headers.get("content-length", "0"))
    if size > LARGEST:
        raise ValueError("the body is too large")
    body = await reader.readexactly(size) if size else b""
    wish = headers.get("connection", "").lower()
    closes = wish == "close" or (version == "HTTP/1.0" and wish != "keep-alive")
    return Request(method, target.partition("?")[0], body, closes)


def _wire(response: Response, request: Request) -> bytes:
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"content-type: {response.content_type}",
        f"content-length: {len(response.body)}",
        f"connection: {'close' if request.closes else 'keep-alive'}",
        *response.headers,
    ]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head if request.method == "HEAD" else head + response.body
