from __future__ import annotations

import asyncio
import random
import socket
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from cockpit.clock import live_clock
from cockpit.propagation.ask import BOGUS, Server, ask
from cockpit.propagation.classify import Reply
from cockpit.propagation.volley import volley
from tests.fakes.dns_servers import Respond, own_net, reply_to, resolver, serving

NAME = "www.shop.test."
NEW, FORGED = "192.0.2.20", "203.0.113.66"


async def told(respond: Respond, kind: str = "A", *, deadline_s: float = 0.6) -> Reply:
    net = own_net()
    async with serving(f"{net}.1", respond, tcp=lambda wire: reply_to(wire, NEW).to_wire()) as port:
        server = Server(f"{net}.1", port)
        (reply,) = await volley([(server, NAME, kind)], live_clock(), deadline_s)
    assert reply is not None
    return reply


def changed(wire: bytes, *, at: int, byte: int) -> bytes:
    return wire[:at] + bytes([wire[at] ^ byte]) + wire[at + 1 :]


def with_forgeries(wire: bytes) -> list[bytes]:
    """Everything that somebody off the path, or a broken server, may send before the answer."""
    forged = reply_to(wire, FORGED).to_wire()
    rng = random.Random(5)
    loop = bytearray(forged)
    loop[-16:-14] = b"\xc0" + bytes([len(forged) - 16])
    return [
        b"",
        b"\0",
        rng.randbytes(300),
        wire[:2] + rng.randbytes(200),
        changed(forged, at=0, byte=1),
        changed(forged, at=2, byte=0x80),
        changed(forged, at=5, byte=3),
        changed(forged, at=14, byte=0x01),
        forged[: len(forged) // 2],
        forged[:-3],
        wire,
        reply_to(wire, NEW).to_wire(),
    ]


async def test_forged_and_damaged_packets_are_ignored_and_the_answer_still_counts() -> None:
    reply = await told(with_forgeries)
    assert (reply.outcome, reply.values) == ("answer", (NEW,))


async def test_another_senders_packet_is_no_answer() -> None:
    net, seen = own_net(), []

    def respond(wire: bytes) -> None:
        seen.append(wire)

    async with serving(f"{net}.1", respond) as port:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((f"{net}.2", port))
            asking = asyncio.create_task(
                volley([(Server(f"{net}.1", port), NAME, "A")], live_clock(), 1.0)
            )
            await asyncio.sleep(0.2)
            for at in range(20000, 61000, 7):
                stranger.sendto(reply_to(seen[0], FORGED).to_wire(), ("127.0.0.1", at))
            (reply,) = await asking
    assert reply is not None
    assert reply.outcome == "timeout"


async def test_a_server_that_does_not_keep_the_letters_case_is_asked_by_a_socket_of_its_own() -> (
    None
):
    def respond(wire: bytes) -> bytes:
        end = wire.index(0, 12)
        return reply_to(wire[:12] + wire[12:end].lower() + wire[end:], NEW).to_wire()

    assert (await told(respond)).values == (NEW,)


async def test_a_short_answer_is_fetched_over_tcp() -> None:
    def cut(wire: bytes) -> bytes:
        reply = dns.message.make_response(dns.message.from_wire(wire))
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    assert (await told(cut)).values == (NEW,)


async def test_a_lost_packet_is_asked_for_once_more() -> None:
    seen: list[bytes] = []

    def respond(wire: bytes) -> bytes | None:
        seen.append(wire)
        return reply_to(wire, NEW).to_wire() if len(seen) == 2 else None

    assert (await told(respond, deadline_s=1.0)).values == (NEW,)
    assert seen[0][:2] != seen[1][:2], "with another id"


async def test_an_answer_counts_that_came_in_time_though_the_loop_was_busy_until_the_end() -> None:
    net, loop = own_net(), asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind((f"{net}.1", 0))
        here.setblocking(False)
        server = Server(f"{net}.1", here.getsockname()[1])
        asking = asyncio.create_task(volley([(server, NAME, "A")], live_clock(), 0.3))
        wire, where = await loop.sock_recvfrom(here, 512)
        here.sendto(reply_to(wire, NEW).to_wire(), where)
        time.sleep(0.4)  # noqa: ASYNC251 - the loop is to be busy
    (reply,) = await asking
    assert reply is not None
    assert reply.values == (NEW,)


async def test_a_closed_port_is_known_at_once() -> None:
    clock, net = live_clock(), own_net()
    began = clock.real()
    (reply,) = await volley([(Server(f"{net}.9", 5399), NAME, "A")], clock, 60.0)
    assert reply is not None
    assert (reply.outcome, reply.note) == ("timeout", "nothing listens there")
    assert clock.real() - began < 30.0


async def test_a_failure_is_told_from_bogus_data_by_asking_with_checking_disabled() -> None:
    def validating(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        if query.flags & dns.flags.CD:
            return reply_to(wire, NEW).to_wire()
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply.to_wire()

    reply = await told(validating)
    assert reply.outcome == "servfail"
    assert reply.note.startswith(BOGUS)


async def test_many_resolvers_answer_in_the_time_of_the_slowest() -> None:
    clock, net = live_clock(), own_net()
    async with serving(f"{net}.1", resolver(NEW, ttl=60)) as port:
        questions = [(Server(f"{net}.1", port), f"n{at}.shop.test.", "A") for at in range(300)]
        began = clock.real()
        replies = await volley(questions, clock, 10.0)
    assert {reply.values for reply in replies if reply} == {(NEW,)}
    assert clock.real() - began < 9.0


@pytest.mark.parametrize("kind", ["A", "AAAA", "MX", "TXT", "CNAME", "SOA", "NS", "HTTPS", "CAA"])
async def test_what_is_remembered_reads_as_dnspython_reads_it(kind: str) -> None:
    texts = {
        "A": ("192.0.2.1", "192.0.2.2"),
        "AAAA": ("2001:db8::1",),
        "MX": (f"10 mail.{NAME}",),
        "TXT": ('"one" "two"',),
        "CNAME": (f"other.{NAME}",),
        "SOA": (f"ns.{NAME} host.{NAME} 7 3600 600 604800 60",),
        "NS": (f"ns1.{NAME}", f"ns2.{NAME}"),
        "HTTPS": ("1 . alpn=h2 ipv4hint=192.0.2.1",),
        "CAA": ('0 issue "letsencrypt.org"',),
    }
    ttls = iter((300, 3600, 17, 4, 60, 1, 86400, 2))

    def respond(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        name = query.question[0].name
        reply.answer.append(dns.rrset.from_text(name, next(ttls), "IN", kind, *texts[kind]))
        return reply.to_wire()

    net = own_net()
    async with serving(f"{net}.1", respond) as port:
        server = Server(f"{net}.1", port)
        replies = await volley([(server, NAME, kind)] * 4, live_clock(), 1.0)
        oracle = [await ask(server, NAME, kind, live_clock(), 1.0) for _ in range(4)]
    assert {one.values for one in replies if one} == {one.values for one in oracle}
    assert sorted(one.ttl or 0 for one in replies if one) == [4, 17, 300, 3600]
    assert [one.ttl for one in oracle] == [60, 1, 86400, 2]


async def test_an_absence_is_kept_as_long_as_its_soa_says() -> None:
    rounds = iter(((900, 60), (30, 60), (900, 60)))

    def respond(wire: bytes) -> bytes:
        ttl, minimum = next(rounds)
        reply = dns.message.make_response(dns.message.from_wire(wire))
        reply.set_rcode(dns.rcode.NXDOMAIN)
        text = f"ns.shop.test. host.shop.test. 7 3600 600 604800 {minimum}"
        reply.authority.append(dns.rrset.from_text("shop.test.", ttl, "IN", "SOA", text))
        return reply.to_wire()

    net = own_net()
    async with serving(f"{net}.1", respond) as port:
        questions = [(Server(f"{net}.1", port), NAME, "A")] * 3
        replies = await volley(questions, live_clock(), 1.0)
    assert sorted((one.outcome, one.ttl or 0) for one in replies if one) == [
        ("no_name", 30),
        ("no_name", 60),
        ("no_name", 60),
    ]
