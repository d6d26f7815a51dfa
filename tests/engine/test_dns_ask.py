from __future__ import annotations

import asyncio

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from hypothesis import given
from hypothesis import strategies as st

from cockpit.clock import live_clock
from cockpit.propagation.ask import DAMAGE, Server, ask
from cockpit.propagation.classify import Reply
from cockpit.propagation.reading import Heard, read
from tests.fakes.dns_servers import (
    NEW,
    OLD,
    ZONE,
    Respond,
    Zone,
    failing,
    own_net,
    reply_to,
    serving,
    silent,
)

WWW = f"www.{ZONE}"


async def asked(
    respond: Respond, *, authoritative: bool = False, deadline_s: float = 2.0, name: str = WWW
) -> Reply:
    address = f"{own_net()}.9"
    async with serving(address, respond) as port:
        server = Server(address, port, authoritative)
        return await ask(server, name, "A", live_clock(), deadline_s)


async def test_an_answer_comes_with_values_ttl_and_a_round_trip() -> None:
    reply = await asked(lambda wire: reply_to(wire, OLD, NEW, ttl=42).to_wire())
    assert (reply.outcome, reply.values, reply.ttl) == ("answer", (OLD, NEW), 42)
    assert reply.rtt_ms is not None
    assert 0 < reply.rtt_ms < 1000


async def test_differing_ttls_of_one_set_count_as_the_lowest() -> None:
    def respond(wire: bytes) -> bytes:
        reply = reply_to(wire, OLD, ttl=300)
        reply.answer.append(dns.rrset.from_text(WWW, 60, "IN", "A", NEW))
        return reply.to_wire()

    assert (await asked(respond)).ttl == 60


async def test_a_chain_of_aliases_is_followed_inside_the_answer() -> None:
    def respond(wire: bytes) -> bytes:
        reply = reply_to(wire, f"app.{ZONE}", ttl=3600, kind="CNAME")
        reply.answer.append(dns.rrset.from_text(f"app.{ZONE}", 60, "IN", "A", NEW))
        return reply.to_wire()

    reply = await asked(respond)
    assert (reply.values, reply.ttl) == ((NEW,), 60)


async def test_forged_and_damaged_packets_before_the_true_one_are_ignored() -> None:
    def respond(wire: bytes) -> list[bytes]:
        wrong_id = reply_to(wire, "203.0.113.66")
        wrong_id.id ^= 0x5555
        other_question = dns.message.make_response(dns.message.make_query("evil.test.", "A"))
        other_question.id = wrong_id.id ^ 0x5555
        true = reply_to(wire, NEW).to_wire()
        return [wrong_id.to_wire(), other_question.to_wire(), true[:17], b"", true]

    assert (await asked(respond)).values == (NEW,)


@given(st.data())
def test_no_bytes_of_a_server_break_the_reader(data: st.DataObject) -> None:
    query = dns.message.make_query(WWW, "A", use_edns=0)
    wire = bytearray(reply_to(query.to_wire(), OLD, NEW).to_wire())
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(2, len(wire) - 1))] = data.draw(st.integers(0, 255))
    try:
        message = dns.message.from_wire(bytes(wire), raise_on_truncation=True)
    except DAMAGE:
        return
    if query.is_response(message):
        reply = read(Heard(message, 0.01), 1.0, authoritative=data.draw(st.booleans()))
        assert reply.at == 1.0


async def test_a_truncated_answer_is_asked_for_over_tcp() -> None:
    def cut(wire: bytes) -> bytes:
        reply = reply_to(wire)
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    address = f"{own_net()}.9"
    async with serving(address, cut, lambda wire: reply_to(wire, NEW).to_wire()) as port:
        reply = await ask(Server(address, port), WWW, "A", live_clock())
    assert reply.values == (NEW,)


async def test_a_truncated_answer_without_tcp_is_no_answer_and_says_why() -> None:
    def cut(wire: bytes) -> bytes:
        reply = reply_to(wire)
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    reply = await asked(cut)
    assert (reply.outcome, reply.note) == ("timeout", "nothing listens there")


async def test_a_silent_server_costs_the_deadline_and_no_more() -> None:
    clock = live_clock()
    began = clock.real()
    reply = await asked(silent, deadline_s=0.3)
    assert reply.outcome == "timeout"
    assert 0.25 < clock.real() - began < 20.0


async def test_a_lost_packet_is_sent_once_more_within_the_deadline() -> None:
    seen: list[bytes] = []

    def respond(wire: bytes) -> bytes | None:
        seen.append(wire)
        return reply_to(wire, NEW).to_wire() if len(seen) == 2 else None

    assert (await asked(respond, deadline_s=0.5)).values == (NEW,)
    assert seen[0][:2] != seen[1][:2], "the second try has an id of its own"


async def test_a_closed_port_is_told_at_once() -> None:
    clock = live_clock()
    began = clock.real()
    reply = await ask(Server(f"{own_net()}.9", 5399), WWW, "A", clock, 60.0)
    assert (reply.outcome, reply.note) == ("timeout", "nothing listens there")
    assert clock.real() - began < 30.0


async def test_an_authority_is_asked_without_recursion_and_must_answer_with_authority() -> None:
    zone = Zone.at(OLD)
    questions: list[dns.message.Message] = []

    def respond(wire: bytes) -> bytes:
        questions.append(dns.message.from_wire(wire))
        return zone.answer(wire)

    reply = await asked(respond, authoritative=True)
    assert (reply.outcome, reply.values, reply.ttl) == ("answer", (OLD,), 3600)
    assert not questions[0].flags & dns.flags.RD
    assert questions[0].payload == 1232
    lame = await asked(lambda wire: reply_to(wire, OLD).to_wire(), authoritative=True)
    assert (lame.outcome, lame.note) == ("refused", "answers without authority")


async def test_absence_is_kept_as_long_as_the_soa_says() -> None:
    zone = Zone.at(OLD)
    reply = await asked(zone.answer, authoritative=True, name=f"nothing.{ZONE}")
    assert (reply.outcome, reply.values, reply.ttl) == ("no_name", (), 900)


async def test_errors_of_a_server_are_told_apart() -> None:
    for code, outcome in (
        (dns.rcode.SERVFAIL, "servfail"),
        (dns.rcode.REFUSED, "refused"),
        (dns.rcode.NOTIMP, "error"),
        (dns.rcode.NXDOMAIN, "no_name"),
    ):
        assert (await asked(failing(code))).outcome == outcome


async def test_an_extended_error_is_told_in_words() -> None:
    def respond(wire: bytes) -> bytes:
        reply = reply_to(wire, OLD, ttl=30)
        reply.use_edns(0, options=[dns.edns.EDEOption(dns.edns.EDECode.STALE_ANSWER)])
        return reply.to_wire()

    assert (await asked(respond)).note == "stale answer (EDE 3)"


async def test_many_questions_wait_only_for_the_slowest() -> None:
    clock = live_clock()
    began = clock.real()
    replies = await asyncio.gather(*(asked(silent, deadline_s=0.4) for _ in range(30)))
    assert {reply.outcome for reply in replies} == {"timeout"}
    assert clock.real() - began < 30 * 0.4 - 1.0
