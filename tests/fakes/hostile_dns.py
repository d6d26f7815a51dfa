"""Name servers that mean harm, or are badly broken: each tries to crash, hang or fool who asks.

Where an answer carries `NEW`, it is one that nobody may believe.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial

import dns.flags
import dns.message
import dns.rrset

from tests.fakes.dns_servers import NEW, Respond, reply_to, serving

Talk = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""What a server says to a query over TCP, in whatever way."""


@dataclass(frozen=True)
class Hostile:
    """One server: what it says over UDP, and over TCP."""

    udp: Respond
    tcp: Talk | None = None


def _header(wire: bytes, answers: int, *, flags: bytes = b"\x84\x80") -> bytes:
    return wire[:2] + flags + b"\0\1" + answers.to_bytes(2) + bytes(4)


def _question(wire: bytes) -> bytes:
    return wire[12 : wire.index(0, 12) + 5]


def _forged(wire: bytes) -> dns.message.Message:
    reply = reply_to(wire, NEW)
    reply.flags |= dns.flags.AA
    return reply


def noise(wire: bytes) -> list[bytes]:
    rng = random.Random(len(wire))
    return [
        b"",
        wire[:1],
        rng.randbytes(512),
        wire[:2] + rng.randbytes(200),
        wire[:2] + b"\x84\x80\xff\xff\xff\xff\xff\xff\xff\xff" + rng.randbytes(300),
        _header(wire, 65535) + _question(wire) + rng.randbytes(1000),
    ]


def other_id(wire: bytes) -> list[bytes]:
    forged = _forged(wire).to_wire()
    return [bytes([forged[0] ^ bit, forged[1]]) + forged[2:] for bit in (1, 2, 64, 128)]


def other_question(wire: bytes) -> list[bytes]:
    said = []
    for name, kind, klass in (
        ("evil.test.", "A", "IN"),
        (dns.message.from_wire(wire).question[0].name, "AAAA", "IN"),
        (dns.message.from_wire(wire).question[0].name, "A", "CH"),
    ):
        reply = dns.message.make_response(dns.message.make_query(name, kind, klass))
        reply.id = int.from_bytes(wire[:2])
        reply.answer.append(dns.rrset.from_text(name, 60, "IN", "A", NEW))
        said.append(reply.to_wire())
    forged = _forged(wire).to_wire()
    said.append(forged[:4] + b"\0\0" + forged[6:])
    said.append(forged[:4] + b"\0\2" + forged[6:])
    return said


def no_response(wire: bytes) -> list[bytes]:
    forged = _forged(wire).to_wire()
    return [forged[:2] + b"\1" + forged[3:], forged[:2] + b"\xac" + forged[3:], wire]


def loops(wire: bytes) -> list[bytes]:
    """Names that point at themselves, at each other, ahead, and through each other to no end."""
    start = _header(wire, 1) + _question(wire)
    at = len(start)
    tail = b"\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\x14"

    def pointer(to: int) -> bytes:
        return (0xC000 | to).to_bytes(2)

    ladder = b"".join(b"\1a" + pointer(max(12, at + 4 * (step - 1))) for step in range(200))
    alias = b"\xc0\x0c\0\5\0\1\0\0\0\x3c"
    return [
        start + pointer(at) + tail,
        start + pointer(at + 2) + pointer(at) + tail,
        start + pointer(at + 40) + tail,
        start + alias + b"\0\2" + pointer(at + 12),
        start + alias + len(ladder).to_bytes(2) + ladder,
        start + b"\x3f" * 64 + tail,
        start + b"\x80" + tail,
    ]


def cut_short(wire: bytes) -> list[bytes]:
    forged = _forged(wire).to_wire()
    return [forged[:size] for size in range(12, len(forged))] + [forged + b"\0"]


def endless_alias(wire: bytes) -> bytes:
    return _aliases(wire, 40)


def ring_of_aliases(wire: bytes) -> bytes:
    reply = reply_to(wire, "ring.test.", kind="CNAME")
    back = reply.question[0].name.to_text()
    reply.answer.append(dns.rrset.from_text("ring.test.", 60, "IN", "CNAME", back))
    reply.flags |= dns.flags.AA
    return reply.to_wire()


def _aliases(wire: bytes, count: int) -> bytes:
    reply = reply_to(wire, "link0.test.", kind="CNAME")
    for step in range(count):
        link = (f"link{step}.test.", 60, "IN", "CNAME", f"link{step + 1}.test.")
        reply.answer.append(dns.rrset.from_text(*link))
    reply.answer.append(dns.rrset.from_text(f"link{count}.test.", 60, "IN", "A", NEW))
    reply.flags |= dns.flags.AA
    return reply.to_wire(max_size=65535)


def strangers_record(wire: bytes) -> bytes:
    """An answer that holds the record of another name alone."""
    reply = reply_to(wire)
    reply.answer.append(dns.rrset.from_text("stranger.test.", 60, "IN", "A", NEW))
    reply.flags |= dns.flags.AA
    return reply.to_wire()


def cut(wire: bytes) -> bytes:
    reply = _forged(wire)
    reply.flags |= dns.flags.TC
    return reply.to_wire()


# -- over TCP ---------------------------------------------------------------------------------


async def _says(make: Callable[[bytes], bytes], wire: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(make(wire))
    await writer.drain()


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2) + message


def huge_noise(wire: bytes) -> bytes:
    return _framed(_header(wire, 4000) + _question(wire) + random.Random(1).randbytes(65000))


def huge_aliases(wire: bytes) -> bytes:
    return _framed(wire[:2] + _many_aliases(wire[2:]))


def huge_lie(wire: bytes) -> bytes:
    """65 kB of it, with another id."""
    return _framed(bytes([wire[0] ^ 1, wire[1]]) + _many_addresses(wire[2:]))


# Made once for a question: that costs this end more than the other one.
@cache
def _many_aliases(rest: bytes) -> bytes:
    return _aliases(b"\0\0" + rest, 2000)[2:]


@cache
def _many_addresses(rest: bytes) -> bytes:
    addresses = (f"10.0.{at // 250}.{at % 250}" for at in range(4000))
    return reply_to(b"\0\0" + rest, NEW, *addresses).to_wire(max_size=65535)[2:]


async def slowly(wire: bytes, writer: asyncio.StreamWriter) -> None:
    """A byte at a time, for ever."""
    for byte in _framed(_forged(wire).to_wire()):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.2)


async def for_ever(_wire: bytes, writer: asyncio.StreamWriter) -> None:
    """No answer, and no end."""
    writer.write(b"\xff\xff")
    await writer.drain()
    await asyncio.sleep(30)


HOSTILE: Mapping[str, Hostile] = {
    "noise": Hostile(noise),
    "another id": Hostile(other_id),
    "another question": Hostile(other_question),
    "no response": Hostile(no_response),
    "loops of compression": Hostile(loops),
    "cut short": Hostile(cut_short),
    "endless alias": Hostile(endless_alias),
    "ring of aliases": Hostile(ring_of_aliases),
    "a stranger's record": Hostile(strangers_record),
    "64 kB of noise": Hostile(cut, partial(_says, huge_noise)),
    "64 kB of aliases": Hostile(cut, partial(_says, huge_aliases)),
    "64 kB with another id": Hostile(cut, partial(_says, huge_lie)),
    "nothing over TCP": Hostile(cut, partial(_says, lambda _: b"\0\0")),
    "a byte at a time": Hostile(cut, slowly),
    "no end over TCP": Hostile(cut, for_ever),
}


@asynccontextmanager
async def hostile_servers(net: str) -> AsyncIterator[dict[str, tuple[str, int]]]:
    """All of them, each with its address and port."""
    async with AsyncExitStack() as stack:
        found = {}
        for at, (name, one) in enumerate(HOSTILE.items()):
            address = f"{net}.{at + 10}"
            port = await stack.enter_async_context(serving(address, one.udp))
            if one.tcp is not None:
                await stack.enter_async_context(_talking(address, port, one.tcp))
            found[name] = (address, port)
        yield found


@asynccontextmanager
async def _talking(address: str, port: int, talk: Talk) -> AsyncIterator[None]:
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(EOFError, OSError, asyncio.CancelledError):
            length = int.from_bytes(await reader.readexactly(2))
            await talk(await reader.readexactly(length), writer)
        writer.close()

    server = await asyncio.start_server(connected, address, port)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
