"""One question to one server, by UDP, TCP, TLS (DoT) or HTTPS (DoH), with a deadline.

A socket of its own for each question gives it a random port beside dnspython's random id, and is
connected, so the kernel drops other senders' packets and tells of a closed port. Packets are read
one by one, with the kernel's stamp: dnspython's own asyncio socket loses those that arrive
together, so a forged packet just before the true one would cost the answer. Over a connection, the
round trip is that of the kernel's own packets, so neither the loop nor TLS lengthens it.

DoH is a POST over HTTP/1.1: HTTP/2 would need another dependency, and RFC 8484 asks for none.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from functools import cache, lru_cache
from ipaddress import ip_address
from typing import Literal, NamedTuple

import dns.edns
import dns.entropy
import dns.exception
import dns.flags
import dns.message
import dns.rcode

from cockpit.clock import Clock, wall_s
from cockpit.propagation.classify import Reply
from cockpit.propagation.knots import is_knotted
from cockpit.propagation.reading import Heard, read
from cockpit.propagation.stamps import ROOM, round_trip_s, stamp, took_s
from cockpit.unreached import failure_words

PAYLOAD = 1232
"""The EDNS buffer size that fits any path unfragmented (DNS flag day 2020)."""
PATIENCE = (0.4, 0.6)
"""Shares of the deadline that the first try and the second may take: UDP loses packets."""
DAMAGE = (dns.exception.DNSException, ValueError, struct.error)
"""What dnspython raises at bytes that are no message."""
EDNS_REFUSED = frozenset((dns.rcode.FORMERR, dns.rcode.NOTIMP))
"""What a server answers that does not know EDNS (RFC 6891 s7)."""
BARE_ERRORS = EDNS_REFUSED | {dns.rcode.SERVFAIL, dns.rcode.REFUSED}
"""What some servers answer with a header alone."""
NSID = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")
BOGUS = "not proved by its signatures: with checking disabled it answers"
Way = Literal["udp", "tcp", "tls", "https"]
PORTS: Mapping[Way, int] = {"udp": 53, "tcp": 53, "tls": 853, "https": 443}


LONG = 4096
"""Bytes from which on a response is parsed beside the loop, and a packet is not read whole.

No server may send such a packet to who takes 1232 (RFC 6891 s6.2.5).
"""


class Server(NamedTuple):
    """Whom to ask."""

    address: str
    port: int = 53
    authoritative: bool = False
    """Asked without RD, and believed only where it answers with authority (AA)."""
    way: Way = "udp"
    host: str = ""
    """The name that its certificate must prove (TLS and HTTPS); its address where empty."""
    through: str = ""
    """The host on which it is asked, as ssh knows it; this one where empty."""
    ssh_config: str = ""
    """The ssh configuration for that; the user's own where empty."""


class Unheard(Exception):
    """No usable response came; the text says why where that is known."""


async def ask(
    server: Server, name: str, record_type: str, clock: Clock, deadline_s: float = 2.0
) -> Reply:
    """The server's reply; silence is a reply too. The deadline is in real seconds."""
    began = clock.real()
    reply = await _told(server, name, record_type, clock, deadline_s)
    if reply.outcome == "servfail" and not server.authoritative:
        # A failure that was long in coming leaves little: half is enough for what is known by now.
        left = max(deadline_s - (clock.real() - began), deadline_s / 2)
        return await unchecked(reply, (server, name, record_type), clock, left)
    return reply


async def unchecked(
    failed: Reply, question: tuple[Server, str, str], clock: Clock, deadline_s: float
) -> Reply:
    """A failure, told apart from bogus data by asking again with checking disabled."""
    reply = await _told(*question, clock, deadline_s, disabled=True)
    if not reply.values:
        return failed
    return failed._replace(note=f"{BOGUS}; {failed.note}" if failed.note else BOGUS)


async def _told(
    server: Server,
    name: str,
    record_type: str,
    clock: Clock,
    deadline_s: float,
    *,
    disabled: bool = False,
) -> Reply:
    try:
        query = query_of(server, name, record_type, disabled=disabled)
        heard = await _with_edns_or_without(server, query, clock, deadline_s)
    except Unheard as silence:
        return Reply("timeout", at=clock.now(), note=str(silence))
    return read(heard, clock.now(), authoritative=server.authoritative)


async def _with_edns_or_without(
    server: Server, query: dns.message.QueryMessage, clock: Clock, deadline_s: float
) -> Heard:
    """The response; to the question without EDNS, where the server does not know that."""
    began = clock.real()
    heard = await exchange(server, query, clock, deadline_s)
    if heard.message.rcode() not in EDNS_REFUSED:
        return heard
    query.use_edns(edns=False)
    query.id = dns.entropy.random_16()
    try:
        return await exchange(server, query, clock, deadline_s - (clock.real() - began))
    except Unheard:
        return heard


async def exchange(
    server: Server, query: dns.message.QueryMessage, clock: Clock, deadline_s: float
) -> Heard:
    """The response to one question; Unheard where none came within the deadline."""
    try:
        async with asyncio.timeout(deadline_s):
            if server.way != "udp":
                return await _WAYS[server.way](server, query, clock)
            for share in PATIENCE:
                try:
                    async with asyncio.timeout(deadline_s * share):
                        return await _by_udp(server, query, clock)
                except TimeoutError:
                    query.id = dns.entropy.random_16()
                except dns.message.Truncated:
                    return await _by_stream(server, query, clock)
    except TimeoutError:
        pass
    except (OSError, EOFError, *DAMAGE) as error:
        raise Unheard(_why(error)) from error
    raise Unheard("")


def _why(error: Exception) -> str:
    return (
        failure_words(error) if isinstance(error, OSError) else "the response over TCP is damaged"
    )


def query_of(
    server: Server, name: str, record_type: str, *, disabled: bool = False
) -> dns.message.QueryMessage:
    """The question as it is sent: EDNS, the wish for the site's name; from resolvers alone, RD.

    Of these, AD wants to know whether they proved the answer (RFC 6840 s5.7).
    """
    flags = dns.flags.Flag(0) if server.authoritative else dns.flags.RD | dns.flags.AD
    if disabled:
        flags |= dns.flags.CD
    return dns.message.make_query(
        name, record_type, use_edns=0, payload=PAYLOAD, flags=flags, options=[NSID]
    )


@lru_cache(1024)
def wire_of(name: str, record_type: str, *, authoritative: bool) -> bytes:
    """The same in bytes, behind an id that is none: asked every few seconds, for nine days."""
    server = Server("", authoritative=authoritative)
    return query_of(server, name, record_type).to_wire()


_How = Callable[[Server, dns.message.Message, Clock], Awaitable[Heard]]


class _Listener:
    """Waits for the packet that answers the query; every other one is ignored."""

    def __init__(self, here: socket.socket, query: dns.message.Message, clock: Clock) -> None:
        self._here = here
        self._query = query
        self._clock = clock
        self.answer: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
        self._sent = self._sent_wall = 0.0

    def send(self) -> None:
        """Send the query."""
        wire = self._query.to_wire()
        self._sent, self._sent_wall = self._clock.real(), wall_s()
        self._here.send(wire)

    def read(self) -> None:
        """Read one packet, when one is there."""
        elapsed = self._clock.real() - self._sent
        try:
            data, notes, _, _ = self._here.recvmsg(LONG, ROOM)
        except BlockingIOError:
            return
        except OSError as error:
            if not self.answer.done():
                self.answer.set_exception(error)
            return
        if not self.answer.done():
            self._take(data, took_s(notes, self._sent_wall, elapsed))

    def _take(self, data: bytes, took: float) -> None:
        if is_knotted(data):
            return
        try:
            message = dns.message.from_wire(data, raise_on_truncation=True)
        except dns.message.Truncated as cut:
            if self._query.is_response(cut.kwargs["message"]):
                self.answer.set_exception(cut)
        except DAMAGE:
            return  # damaged or forged: the true one may still come
        else:
            if self._query.is_response(message):
                self.answer.set_result(Heard(message, took))


async def _by_udp(server: Server, query: dns.message.Message, clock: Clock) -> Heard:
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as here:
        here.connect((server.address, server.port))
        stamp(here)
        listener = _Listener(here, query, clock)
        loop.add_reader(here.fileno(), listener.read)
        try:
            listener.send()
            return await listener.answer
        finally:
            loop.remove_reader(here.fileno())


async def _by_stream(server: Server, query: dns.message.Message, clock: Clock) -> Heard:
    is_tls = server.way == "tls"
    reader, writer = await asyncio.open_connection(
        server.address,
        server.port,
        ssl=_trust() if is_tls else None,
        server_hostname=_name_of(server) if is_tls else None,
    )
    try:
        sent = clock.real()
        writer.write(query.to_wire(prepend_length=True))
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        wire = await reader.readexactly(length)
        took = round_trip_s(writer.get_extra_info("socket")) or clock.real() - sent
        return Heard(await _answering(wire, query), took)
    finally:
        writer.close()


async def _by_https(server: Server, query: dns.message.Message, clock: Clock) -> Heard:
    import httpx

    # RFC 8484 s4.1: the id is 0, so that what is the same question is the same request.
    query.id = 0
    address = ip_address(server.address)
    place = f"[{address}]" if address.version == 6 else str(address)
    name = _name_of(server)
    kind = "application/dns-message"
    sent = clock.real()
    try:
        async with httpx.AsyncClient(verify=_trust(), trust_env=False, timeout=None) as client:  # noqa: S113 - the caller's deadline holds
            response = await client.post(
                f"https://{place}:{server.port}/dns-query",
                content=query.to_wire(),
                headers={"Host": name, "Content-Type": kind, "Accept": kind},
                extensions={"sni_hostname": name},
            )
            connection = response.extensions["network_stream"].get_extra_info("socket")
            took = round_trip_s(connection) or clock.real() - sent
    except httpx.HTTPError as error:
        raise OSError(0, failure_words(error)) from error
    if response.status_code != 200:
        raise OSError(0, f"answers HTTP {response.status_code}")
    return Heard(await _answering(response.content, query), took)


_WAYS: Mapping[Way, _How] = {"tcp": _by_stream, "tls": _by_stream, "https": _by_https}


async def _answering(wire: bytes, query: dns.message.Message) -> dns.message.Message:
    # 64 kB of records take a tenth of a second, in which the loop would do nothing else.
    is_long = len(wire) > LONG
    message = await asyncio.to_thread(_read, wire) if is_long else _read(wire)
    if not query.is_response(message):
        raise dns.exception.FormError
    return message


def _read(wire: bytes) -> dns.message.Message:
    if is_knotted(wire):
        raise dns.exception.FormError
    return dns.message.from_wire(wire)


def _name_of(server: Server) -> str:
    return server.host or server.address


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def is_bare_error(wire: bytes) -> bool:
    """Whether this is an error without its question, as some servers send it."""
    return wire[4:8] == bytes(4) and wire[3] & 0x0F in BARE_ERRORS
