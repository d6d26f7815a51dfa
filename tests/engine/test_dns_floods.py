from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from itertools import count

import dns.exception
import dns.message
import pytest

from cockpit.clock import live_clock
from cockpit.propagation import candidates, ports, vetting
from cockpit.propagation.ask import DAMAGE, Server
from cockpit.propagation.candidates import PLACES, Candidates
from cockpit.propagation.classify import Reply
from cockpit.propagation.memo import Memo, walk
from cockpit.propagation.templates import Asked, Templates
from cockpit.propagation.vetting import vet
from cockpit.propagation.volley import NOT_ASKED, Question, volley
from cockpit.runbook.targets import Authority, Resolver
from tests.fakes.dns_servers import NEW, OLD, Respond, Zone, own_net, reply_to, resolver, serving
from tests.fakes.dns_targets import dns_target

NAME = "www.shop.test."
BUSY_S = 10.0
"""What a machine under tests may add to a deadline."""
_ADDRESS = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0"
"""A record of an address, up to its length's last byte."""
_NUMBERS = count()


def answer(wire: bytes, *data: bytes, more: int = 0) -> bytes:
    """An answer of these addresses, that claims some more."""
    question = wire[12 : wire.index(0, 12) + 5]
    head = wire[:2] + b"\x81\x80\0\1" + (len(data) + more).to_bytes(2) + bytes(4) + question
    return head + b"".join(_ADDRESS + bytes([len(one)]) + one for one in data)


def cut_off(wire: bytes) -> bytes:
    """A long one that ends before its last record, and is like no other."""
    return answer(wire, *(next(_NUMBERS).to_bytes(4) for _ in range(245)), more=1)


def ill(wire: bytes, size: int = 245) -> bytes:
    """One whose records fill it, the last with five bytes for an address; like no other."""
    return answer(wire, *(next(_NUMBERS).to_bytes(4) for _ in range(size)), bytes(5))


def true(wire: bytes) -> bytes:
    return reply_to(wire, NEW).to_wire()


async def swept(*responds: Respond, deadline_s: float = 0.5) -> list[Reply]:
    """What one sweep hears of such servers."""
    net, asked = own_net(), []
    async with AsyncExitStack() as stack:
        for at, respond in enumerate(responds):
            address = f"{net}.{at + 1}"
            port = await stack.enter_async_context(serving(address, respond))
            asked.append((Server(address, port), NAME, "A"))
        return [one for one in await volley(asked, live_clock(), deadline_s) if one]


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was given to the parser."""
    seen: list[bytes] = []
    parse = Memo.parse

    def counted(memo: Memo, wire: bytes) -> tuple[Reply, int | None]:
        seen.append(wire)
        return parse(memo, wire)

    monkeypatch.setattr(Memo, "parse", counted)
    return seen


async def test_long_damaged_packets_never_reach_the_parser_and_the_true_answer_behind_them_counts(
    parsed: list[bytes],
) -> None:
    def flooding(wire: bytes) -> list[bytes]:
        return [*(cut_off(wire) for _ in range(4 * PLACES)), true(wire)]

    (reply,) = await swept(flooding)
    assert reply.values == (NEW,)
    assert len(parsed) == 1


async def test_a_flood_of_any_damaged_packets_holds_up_nobody_and_costs_a_few_parsings(
    parsed: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "WASTE_S", 0.0)

    def flooding(wire: bytes) -> list[bytes]:
        return [ill(wire, 3) for _ in range(100)] + [cut_off(wire) for _ in range(100)]

    began = time.perf_counter()
    flooded, honest = await swept(flooding, resolver(NEW, ttl=60))
    assert (flooded.outcome, honest.values) == ("timeout", (NEW,))
    assert len(parsed) <= 3, "one a try, and the honest one"
    assert time.perf_counter() - began < BUSY_S


async def test_a_sweep_ends_and_counts_the_honest_however_long_a_parser_takes_for_the_damaged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parse = Memo.parse

    def slow(memo: Memo, wire: bytes) -> tuple[Reply, int | None]:
        if len(wire) > 100:
            time.sleep(0.1)
            raise dns.exception.FormError
        return parse(memo, wire)

    monkeypatch.setattr(Memo, "parse", slow)
    many = 30

    def flooding(wire: bytes) -> list[bytes]:
        return [ill(wire, 20) for _ in range(PLACES)]

    began = time.perf_counter()
    *flooded, honest = await swept(*[flooding] * many, resolver(NEW, ttl=60))
    assert {one.outcome for one in flooded} == {"timeout"}
    assert honest.values == (NEW,)
    assert time.perf_counter() - began < many * PLACES * 0.1 / 2


async def test_damaged_packets_in_the_first_try_silence_nobody_in_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(candidates, "WASTE_S", 0.0)
    tries: list[bytes] = []

    def respond(wire: bytes) -> list[bytes]:
        tries.append(wire)
        if len(tries) > 1:
            return [true(wire)]
        return [ill(wire, 3) for _ in range(2 * PLACES)] + [cut_off(wire) for _ in range(200)]

    (reply,) = await swept(respond, deadline_s=1.0)
    assert reply.values == (NEW,)


def test_what_is_thrown_away_unparsed_is_nothing_that_dnspython_would_read() -> None:
    rng = random.Random(11)
    question = dns.message.make_query(NAME, "A", use_edns=0).to_wire()
    whole = [
        true(question),
        answer(question, *(bytes([one]) * 4 for one in range(5))),
        Zone.at(OLD).answer(question),
    ]
    refused, end = 0, len(question) - 11
    for _ in range(6000):
        changed = bytearray(rng.choice(whole))
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(6, len(changed))] = rng.choice((0, 1, 0xC0, rng.randrange(256)))
        wire = bytes(changed + rng.randbytes(9))[: len(changed) + rng.choice((0, 0, 0, -1, 1, 9))]
        if wire[12:end] == question[12:end] and walk(wire, end) is None:
            refused += 1
            with pytest.raises(DAMAGE):
                dns.message.from_wire(wire)
    assert refused > 1000


def a_question() -> Asked:
    return Asked(0, Templates().of(Server("192.0.2.1"), NAME, "A"))


def nobody(one: Asked, reply: Reply, ttl: int | None, took: float, now: float) -> None:
    raise AssertionError(one, reply, ttl, took, now)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What a parser looked at that finds everything damaged."""
    seen: list[bytes] = []

    def damaged(_: Memo, wire: bytes) -> tuple[Reply, int | None]:
        seen.append(wire)
        raise dns.exception.FormError

    monkeypatch.setattr(Memo, "parse", damaged)
    return seen


async def test_everybodys_first_packet_comes_before_a_second_and_short_ones_before_long_ones(
    looked_at: list[bytes],
) -> None:
    new, flooded, honest = Candidates(nobody), a_question(), a_question()
    for one, wire in (
        (flooded, b"a long one"),
        (flooded, b"2"),
        (flooded, b"3"),
        (honest, b"short"),
    ):
        new.add(one, wire, 0.0, 0.0)
    await asyncio.sleep(0.05)
    assert looked_at == [b"short", b"a long one", b"2", b"3"]


async def test_a_packet_found_damaged_gives_its_place_to_the_next_one(
    looked_at: list[bytes],
) -> None:
    new, one = Candidates(nobody), a_question()
    for at in range(3 * PLACES):
        new.add(one, bytes([at]), 0.0, 0.0)
        await asyncio.sleep(0.01)
    assert len(looked_at) == 3 * PLACES


async def test_of_one_question_few_packets_wait_for_a_parser(looked_at: list[bytes]) -> None:
    new, one = Candidates(nobody), a_question()
    for at in range(3 * PLACES):
        new.add(one, bytes([at]), 0.0, 0.0)
    await asyncio.sleep(0.05)
    assert len(looked_at) == PLACES


async def test_once_damaged_packets_took_their_time_only_first_ones_are_looked_at(
    looked_at: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "WASTE_S", 0.0)
    new, flooded, honest = Candidates(nobody), a_question(), a_question()
    for one, wire in ((flooded, b"1"), (flooded, b"2"), (honest, b"first")):
        new.add(one, wire, 0.0, 0.0)
    await asyncio.sleep(0.05)
    new.add(flooded, b"3", 0.0, 0.0)
    new.begin()
    await asyncio.sleep(0.05)
    assert looked_at == [b"1", b"first"]


async def test_while_the_rest_is_read_at_the_end_nothing_is_parsed_not_even_what_was_due(
    looked_at: list[bytes],
) -> None:
    new, one = Candidates(nobody), a_question()
    new.add(one, b"due", 0.0, 0.0)
    new.hold()
    new.add(one, b"read later", 0.0, 0.0)
    await asyncio.sleep(0.05)
    assert looked_at == []
    await new.finish(asyncio.get_running_loop().time() + BUSY_S)
    assert looked_at == [b"due", b"read later"]


async def test_too_many_silent_servers_make_no_sweep_longer_and_who_was_not_asked_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ports, "BUFFER", 4096)
    net, seen = own_net(), set[str]()

    def silent(wire: bytes) -> None:
        seen.add(dns.message.from_wire(wire).question[0].name.to_text().lower())

    names = [f"n{at}.shop.test." for at in range(4000)]
    async with serving(f"{net}.1", silent) as port:
        began = time.perf_counter()
        asked = [(Server(f"{net}.1", port), name, "A") for name in names]
        replies = await volley(asked, live_clock(), 1.0)
        took = time.perf_counter() - began
    assert {reply.outcome for reply in replies if reply} == {"timeout"}
    unasked = {
        name
        for name, reply in zip(names, replies, strict=True)
        if reply and reply.note == NOT_ASKED
    }
    assert unasked
    assert not unasked & seen
    assert took < 8.0, "a wait for each batch is five seconds in each of the two tries"


async def test_a_resolver_that_was_not_asked_is_not_left_out_as_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = dns_target(
        authorities=(Authority(name="ns1", address="192.0.2.1"),),
        resolvers=(
            Resolver(name="silent", address="192.0.2.2"),
            Resolver(name="unasked", address="192.0.2.3"),
        ),
    )
    told = {
        "192.0.2.1": Reply("answer", ("ns1.shop.test.",)),
        "192.0.2.2": Reply("timeout"),
        "192.0.2.3": Reply("timeout", note=NOT_ASKED),
    }

    async def ask_each(questions: list[Question], *_: object) -> list[Reply | None]:
        return [told[server.address] for server, *_ in questions]

    monkeypatch.setattr(vetting, "ask_each", ask_each)
    found = await vet(target, target.resolvers, live_clock())
    assert found == {"silent": "keeps silent", "unasked": ""}
