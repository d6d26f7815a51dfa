from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import dns.exception
import dns.message
import pytest

from cockpit.clock import live_clock
from cockpit.propagation.ask import DAMAGE, Server, ask
from cockpit.propagation.classify import Reply
from cockpit.propagation.reading import Heard, read
from cockpit.propagation.vetting import vet
from cockpit.propagation.volley import volley
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from tests.fakes.dns_servers import NEW, OLD, ZONE, Zone, own_net, reply_to, serving
from tests.fakes.hostile_dns import HOSTILE, hostile_servers

WWW = f"www.{ZONE}"
DEADLINE_S = 0.8
BUSY_S = 20.0
"""What a machine under tests may add to a deadline."""


@dataclass(frozen=True)
class Bad:
    """The hostile servers, and a good one among them."""

    servers: dict[str, tuple[str, int]]
    good: tuple[str, int]
    zone: Zone

    @property
    def target(self) -> DnsTarget:
        address, port = self.good
        return DnsTarget(
            kind="dns",
            zone=ZONE,
            names=(WWW,),
            old=OLD,
            new=NEW,
            provider="manual",
            authorities=(Authority(name="good", address=address, port=port),),
            resolvers=(
                Resolver(name="good", address=address, port=port),
                *(
                    Resolver(name=name, address=address, port=port)
                    for name, (address, port) in self.servers.items()
                ),
            ),
        )


@pytest.fixture
async def bad() -> AsyncIterator[Bad]:
    net, zone = own_net(), Zone.at(OLD)
    address = f"{net}.1"
    async with serving(address, zone.answer) as port, hostile_servers(net) as servers:
        yield Bad(servers, (address, port), zone)


def believed(reply: Reply | None) -> bool:
    """Whether anything was taken for what the name leads to."""
    return reply is None or reply.values != ()


@pytest.mark.parametrize("authoritative", [False, True])
async def test_no_hostile_server_is_believed_or_holds_up_a_sweep(
    bad: Bad, *, authoritative: bool
) -> None:
    clock = live_clock()
    everyone = {"good": bad.good, **bad.servers}
    began = clock.real()
    replies = await volley(
        [(Server(*one, authoritative=authoritative), WWW, "A") for one in everyone.values()],
        clock,
        DEADLINE_S,
    )
    # The second deadline is that of those who are asked again by a socket of their own.
    assert clock.real() - began < 2 * DEADLINE_S + BUSY_S
    told = dict(zip(everyone, replies, strict=True))
    good = told.pop("good")
    assert good is not None
    assert good.values == (OLD,)
    assert {name: reply for name, reply in told.items() if believed(reply)} == {}


@pytest.mark.parametrize("name", HOSTILE)
async def test_no_hostile_server_is_believed_or_holds_up_who_asks_it_alone(
    bad: Bad, name: str
) -> None:
    clock = live_clock()
    began = clock.real()
    reply = await ask(Server(*bad.servers[name]), WWW, "A", clock, DEADLINE_S)
    assert clock.real() - began < 2 * DEADLINE_S + BUSY_S
    assert not believed(reply), reply


async def test_hostile_resolvers_are_vetted_out_or_say_nothing_and_the_good_one_counts(
    bad: Bad,
) -> None:
    told = await vet(bad.target, bad.target.resolvers, live_clock(), DEADLINE_S)
    assert {name for name, why in told.items() if not why} == {"good"}


async def test_hostile_name_servers_and_resolvers_make_no_false_cell_and_no_false_bound(
    bad: Bad,
) -> None:
    more = [Authority(name=name, address=at, port=port) for name, (at, port) in bad.servers.items()]
    target = replace(bad.target, authorities=(*bad.target.authorities, *more))
    watch, clock = PropagationWatch(target, live_clock(), DEADLINE_S), live_clock()
    for _ in range(2):
        began = clock.real()
        grid = await watch.look()
        # The authorities and the resolvers are vetted, then swept, with a second deadline each.
        assert clock.real() - began < 6 * DEADLINE_S + BUSY_S
        states = {(row.role, row.name): row.cells[0].state for row in grid.rows}
        assert states.pop(("authority", "good")) == states.pop(("resolver", "good")) == "old"
        assert not set(states.values()) & {"old", "new", "mixed", "holds", "kept"}, states
        assert (grid.switched_at, grid.bound) == (None, None)
        # Whoever is listed and gives nothing is counted, and follows nobody.
        counting = [row for row in grid.rows if row.role == "resolver" and not row.left_out]
        assert (grid.following, grid.counted) == (0, len(counting))
        assert "good" in {row.name for row in counting}


def damaged(wire: bytes, rng: random.Random) -> bytes:
    """An answer with some of its bytes changed: in its records, or anywhere behind the id."""
    sent = bytearray(reply_to(wire, OLD, NEW, ttl=rng.choice([0, 60, 2**31 - 1])).to_wire())
    first = rng.choice([2, len(wire) - 11, len(wire) - 11])
    for _ in range(rng.randrange(1, 4)):
        sent[rng.randrange(first, len(sent))] = rng.randrange(256)
    return bytes(sent)


async def test_what_a_sweep_makes_of_damaged_answers_is_what_dnspython_makes_of_them() -> None:
    rng, net = random.Random(29), own_net()
    said: dict[str, list[bytes]] = {}

    def respond(wire: bytes) -> bytes:
        name = dns.message.from_wire(wire).question[0].name.to_text().lower()
        before = said.setdefault(name, [damaged(wire, rng)])
        # A damaged name may point into the id, so another try may be another answer.
        before.append(wire[:2] + before[0][2:])
        return before[-1]

    async with serving(f"{net}.1", respond) as port:
        names = [f"n{at}.{ZONE}" for at in range(400)]
        questions = [(Server(f"{net}.1", port), name, "A") for name in names]
        replies = await volley(questions, live_clock(), 1.5)
    answered = [(name, reply) for name, reply in zip(names, replies, strict=True) if reply]
    assert len(answered) == len(names)
    for name, reply in answered:
        oracles = [one for one in map(by_dnspython, said.get(name, ())) if one]
        if reply.values:
            assert (reply.values, reply.ttl) in [(one.values, one.ttl) for one in oracles], name
    assert sum(1 for _, reply in answered if reply.values) > 50


def by_dnspython(wire: bytes) -> Reply | None:
    try:
        return read(Heard(dns.message.from_wire(wire), 0.0), 0.0, authoritative=False)
    except DAMAGE:
        return None


async def test_one_who_asks_alone_hears_nobody_but_whom_it_asked() -> None:
    net, heard = own_net(), asyncio.Event()
    seen: list[bytes] = []

    def respond(wire: bytes) -> None:
        seen.append(wire)
        heard.set()

    async with serving(f"{net}.1", respond) as port:
        asking = asyncio.create_task(ask(Server(f"{net}.1", port), WWW, "A", live_clock(), 1.0))
        await heard.wait()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind((f"{net}.2", port))
            forged = reply_to(seen[0], NEW).to_wire()
            for at in range(20000, 61000):
                stranger.sendto(forged, ("127.0.0.1", at))
        reply = await asking
    assert reply.outcome == "timeout"
