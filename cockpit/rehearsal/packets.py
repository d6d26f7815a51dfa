"""A name server's sockets: DNS packets over UDP and TCP on one loopback address."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

import dns.message

from cockpit.rehearsal.spec import DNS_PORT, loopback
from cockpit.rehearsal.tasks import end

Way = Literal["udp", "tcp"]
Answerer = Callable[[bytes, int, Way], Awaitable[bytes | None]]
"""Takes a packet, the asker's port and the way it came; gives the answer, or silence."""
IDLE_S = 10.0
"""Real seconds after which a silent TCP connection is closed."""


class NameServer:
    """Sockets of one address, answered by a coroutine."""

    def __init__(self, address: str, answer: Answerer) -> None:
        self.address = loopback(address)
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self) -> None:
        """Bind both sockets."""
        loop = asyncio.get_running_loop()
        where = (self.address, DNS_PORT)
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), where)
        self._tcp = await asyncio.start_server(self._talk, *where)

    async def stop(self) -> None:
        """Close both sockets; askers in flight get no answer."""
        if self._udp:
            self._udp.close()
        if self._tcp:
            self._tcp.close()
        await end(self._tasks)

    def take(self, packet: bytes, peer: tuple[str, int]) -> None:
        """Answer one datagram in its own time."""
        self._keep(asyncio.create_task(self._reply(packet, peer)))

    async def _reply(self, packet: bytes, peer: tuple[str, int]) -> None:
        answer = await self._answer(packet, peer[1], "udp")
        if answer and self._udp and not self._udp.is_closing():
            self._udp.sendto(answer, peer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._keep(task)
        port = writer.get_extra_info("peername")[1]
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    size = int.from_bytes(await reader.readexactly(2))
                    packet = await reader.readexactly(size)
                answer = await self._answer(packet, port, "tcp")
                if not answer:
                    return
                writer.write(len(answer).to_bytes(2) + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            return  # the asker is done
        except asyncio.CancelledError:
            return  # the server stops; asyncio's own callback would log a cancelled talk
        finally:
            writer.close()

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.take(data, addr)


def room(query: dns.message.Message, way: Way) -> int:
    """Bytes that an answer may have: the asker's EDNS size over UDP, 512 where it gave none."""
    if way == "tcp":
        return 65535
    return max(512, query.payload if query.edns >= 0 else 512)
