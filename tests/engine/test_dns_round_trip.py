from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest

from cockpit.clock import live_clock
from cockpit.propagation.ask import Server, ask
from cockpit.propagation.classify import Reply
from cockpit.propagation.stamps import ROOM, stamp, took_s
from cockpit.propagation.volley import SECOND_TRY, volley
from tests.fakes.dns_servers import NEW, own_net, reply_to, serving

NAME = "www.shop.test."
STALL_S = 0.2
PATIENCE_S = 10.0
DEADLINE_S = 2.0
Asker = Callable[[Server], Awaitable[Reply | None]]


@dataclass
class Beside:
    """A server in a thread of its own, which a busy loop does not hold up."""

    server: Server
    answered: threading.Event = field(default_factory=threading.Event)
    answered_at: float = 0.0
    """The boot clock, when the answer was handed to the kernel."""


@contextmanager
def beside() -> Iterator[Beside]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind((f"{own_net()}.1", 0))
        here.settimeout(PATIENCE_S)
        made = Beside(Server(*here.getsockname()))

        def answer() -> None:
            wire, where = here.recvfrom(4096)
            here.sendto(reply_to(wire, NEW).to_wire(), where)
            made.answered_at = live_clock().real()
            made.answered.set()

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield made
        finally:
            thread.join()


def wait_until_the_kernel_stamps() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        stamp(here)
        here.bind(("127.0.0.1", 0))
        until = time.monotonic() + PATIENCE_S
        waited = 0.0
        while waited < 0.005:
            assert time.monotonic() < until, "this kernel stamps nothing"
            sent = time.time()
            here.sendto(b"x", here.getsockname())
            time.sleep(0.01)
            _, notes, _, _ = here.recvmsg(16, ROOM)
            waited = time.time() - sent - took_s(notes, sent, PATIENCE_S)


async def by_volley(server: Server) -> Reply | None:
    (reply,) = await volley([(server, NAME, "A")], live_clock(), PATIENCE_S)
    return reply


async def alone(server: Server) -> Reply | None:
    return await ask(server, NAME, "A", live_clock(), PATIENCE_S)


@pytest.mark.parametrize("asker", [by_volley, alone])
async def test_a_busy_loop_lengthens_no_round_trip(
    asker: Asker,
) -> None:
    wait_until_the_kernel_stamps()
    clock = live_clock()
    with beside() as one:
        began = clock.real()
        asking = asyncio.create_task(_asked(asker, one.server))
        # The task sends in its first turn; then the loop does something else until long after.
        asyncio.get_running_loop().call_soon(_stall, one)
        reply = await asking
        real = clock.real()
    assert reply is not None
    assert reply.values == (NEW,)
    assert reply.rtt_ms is not None
    assert 0 < reply.rtt_ms / 1000 <= one.answered_at - began
    assert real - one.answered_at >= STALL_S


async def _asked(asker: Asker, server: Server) -> Reply | None:
    return await asker(server)


def _stall(one: Beside) -> None:
    assert one.answered.wait(PATIENCE_S)
    time.sleep(STALL_S)


async def test_a_late_answer_to_the_first_try_is_timed_from_the_first_try() -> None:
    clock, late = live_clock(), asyncio.Event()
    seen: list[tuple[bytes, tuple[str, int]]] = []
    loop = asyncio.get_running_loop()

    class Late(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.DatagramTransport", transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            seen.append((data, addr))
            if len(seen) == 2:
                late.set()
                wire, where = seen[0]
                self.transport.sendto(reply_to(wire, NEW).to_wire(), where)

    transport, _ = await loop.create_datagram_endpoint(Late, local_addr=(f"{own_net()}.1", 0))
    try:
        server = Server(*transport.get_extra_info("sockname"))
        (reply,) = await volley([(server, NAME, "A")], clock, DEADLINE_S)
    finally:
        transport.close()
    assert late.is_set()
    assert reply is not None
    assert reply.rtt_ms is not None
    assert reply.rtt_ms > 1000 * DEADLINE_S * SECOND_TRY / 2, (
        "the second try went out later than that"
    )


def test_a_wall_clock_that_was_set_meanwhile_is_not_believed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        stamp(here)
        here.bind(("127.0.0.1", 0))
        here.sendto(b"x", here.getsockname())
        _, notes, _, _ = here.recvmsg(16, ROOM)
    assert took_s(notes, time.time() + 3600, 1.0) == 1.0
    assert took_s(notes, time.time() - 3600, 1.0) == 1.0


async def test_over_a_connection_the_round_trip_is_the_kernels_own() -> None:
    def slowly(wire: bytes) -> bytes:
        time.sleep(STALL_S)
        return reply_to(wire, NEW).to_wire()

    address = f"{own_net()}.1"
    async with serving(address, slowly, tcp=slowly) as port:
        reply = await ask(Server(address, port, way="tcp"), NAME, "A", live_clock(), PATIENCE_S)
    assert reply.values == (NEW,)
    assert reply.rtt_ms is not None
    assert 0 < reply.rtt_ms < STALL_S * 1000
