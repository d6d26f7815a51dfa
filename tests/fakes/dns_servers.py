"""Name servers on loopback for tests: one signed authority, and servers that misbehave on demand.

They speak real packets over UDP and TCP, and judge updates as RFC 2136 says, atomically.
"""

from __future__ import annotations

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update

ZONE = "freshtrackpro.test."
NAMES = (ZONE, f"www.{ZONE}", f"api.{ZONE}")
KEY = b64encode(b"a key for tests, thirty-two bytes").decode()
KEY_NAME = "cutover"
OLD, NEW = "192.0.2.10", "192.0.2.20"
SILENCE_S = 0.4
"""How long a server keeps a connection open on which it says nothing."""

Respond = Callable[[bytes], "bytes | list[bytes] | None"]
"""From a packet to what is sent back over UDP; None keeps silent."""


async def by_udp(
    query: dns.message.Message, address: str, port: int, timeout_s: float = 10.0
) -> dns.message.Message:
    """The answer to a query; what else comes in by that port, late or of others, is ignored."""
    return await dns.asyncquery.udp(
        query, address, timeout_s, port, ignore_unexpected=True, ignore_errors=True
    )


def own_net() -> str:
    """A /24 of loopback that no other test uses."""
    return f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 2}"


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        said = self._respond(data)
        for one in said if isinstance(said, list) else [said]:
            if one is not None:
                self._transport.sendto(one, addr)


@asynccontextmanager
async def serving(
    address: str, udp: Respond, tcp: Callable[[bytes], bytes] | None = None
) -> AsyncIterator[int]:
    """A server at that address; its port is given."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(udp), local_addr=(address, 0))
    port: int = transport.get_extra_info("sockname")[1]

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert tcp is not None
            length = int.from_bytes(await reader.readexactly(2))
            reply = tcp(await reader.readexactly(length))
            writer.write(len(reply).to_bytes(2) + reply)
            await writer.drain()
        except (EOFError, ConnectionError):
            pass
        except TimeoutError:
            await asyncio.sleep(SILENCE_S)
        finally:
            writer.close()

    listening = await asyncio.start_server(connected, address, port) if tcp else None
    try:
        yield port
    finally:
        transport.close()
        if listening is not None:
            listening.close()
            await listening.wait_closed()


@dataclass
class Zone:
    """The records of one zone, as an authority gives them and an update changes them."""

    records: dict[tuple[str, str], tuple[int, frozenset[str]]] = field(default_factory=dict)
    serial: int = 2026010101
    primary: str = f"ns1.{ZONE}"
    updates: int = 0
    servers: tuple[str, ...] = (f"ns1.{ZONE}", f"ns2.{ZONE}")

    @classmethod
    def at(cls, address: str, ttl: int = 3600) -> Zone:
        return cls({(name, "A"): (ttl, frozenset([address])) for name in NAMES})

    def put(self, address: str, ttl: int) -> None:
        self.records = Zone.at(address, ttl).records
        self.serial += 1

    def answer(self, wire: bytes) -> bytes:
        keyring = dns.tsigkeyring.from_text({KEY_NAME: KEY})
        try:
            message = dns.message.from_wire(wire, keyring=keyring)
        except dns.exception.DNSException:
            message = dns.message.from_wire(wire, keyring=keyring, continue_on_error=True)
            refusal = dns.message.make_response(message)
            refusal.set_rcode(dns.rcode.NOTAUTH)
            return refusal.to_wire()
        reply = dns.message.make_response(message)
        reply.flags |= dns.flags.AA
        if isinstance(message, dns.update.UpdateMessage):
            reply.set_rcode(self.update(message))
        else:
            self.look_up(message, reply)
        return reply.to_wire()

    @property
    def soa(self) -> dns.rrset.RRset:
        text = f"{self.primary} host.{ZONE} {self.serial} 3600 600 604800 900"
        return dns.rrset.from_text(ZONE, 3600, "IN", "SOA", text)

    def look_up(self, message: dns.message.Message, reply: dns.message.Message) -> None:
        (question,) = message.question
        name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
        soa = self.soa
        if (name, kind) == (ZONE, "SOA"):
            reply.answer.append(soa)
        elif (name, kind) == (ZONE, "NS"):
            reply.answer.append(dns.rrset.from_text(ZONE, 3600, "IN", "NS", *self.servers))
        elif (name, kind) in self.records:
            ttl, values = self.records[name, kind]
            reply.answer.append(dns.rrset.from_text(name, ttl, "IN", kind, *sorted(values)))
        else:
            known = any(name == one for one, _ in self.records) or name == ZONE
            reply.set_rcode(dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)
            reply.authority.append(soa)

    def update(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        if not message.had_tsig:
            return dns.rcode.REFUSED
        for name, kind, values in _sets(message.prerequisite):
            kept = {(ZONE, "SOA"): (3600, frozenset([self.soa[0].to_text()])), **self.records}
            if kept.get((name, kind), (0, frozenset()))[1] != values:
                return dns.rcode.NXRRSET
        records = dict(self.records)
        for rrset in message.update:
            key = rrset.name.derelativize(dns.name.from_text(ZONE)).to_text(), _kind(rrset)
            if rrset.deleting:
                records.pop(key, None)
            else:
                _, values = records.get(key, (rrset.ttl, frozenset()))
                records[key] = rrset.ttl, values | {one.to_text() for one in rrset}
        self.records = records
        self.serial += 1
        self.updates += 1
        return dns.rcode.NOERROR


def _kind(rrset: dns.rrset.RRset) -> str:
    return dns.rdatatype.to_text(rrset.rdtype)


def _sets(section: list[dns.rrset.RRset]) -> list[tuple[str, str, frozenset[str]]]:
    values: dict[tuple[str, str], set[str]] = {}
    for rrset in section:
        key = rrset.name.derelativize(dns.name.from_text(ZONE)).to_text(), _kind(rrset)
        values.setdefault(key, set()).update(one.to_text() for one in rrset)
    return [(*key, frozenset(found)) for key, found in values.items()]


def reply_to(wire: bytes, *values: str, ttl: int = 60, kind: str = "A") -> dns.message.Message:
    """A response of a resolver with these values."""
    query = dns.message.from_wire(wire)
    reply = dns.message.make_response(query, recursion_available=True)
    if values:
        reply.answer.append(dns.rrset.from_text(query.question[0].name, ttl, "IN", kind, *values))
    return reply


def is_for(wire: bytes, name: str, kind: str) -> bool:
    """Whether a packet asks for that record."""
    (question,) = dns.message.from_wire(wire).question
    asked = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
    return asked == (name, kind)


def resolver(*values: str, ttl: int = 60) -> Respond:
    """A resolver that holds these values for every name."""
    return lambda wire: reply_to(wire, *values, ttl=ttl).to_wire()


def failing(code: dns.rcode.Rcode) -> Respond:
    """A server that answers every question with an error."""

    def respond(wire: bytes) -> bytes:
        reply = dns.message.make_response(dns.message.from_wire(wire))
        reply.set_rcode(code)
        return reply.to_wire()

    return respond


def silent(_wire: bytes) -> None:
    """A server that never answers."""
