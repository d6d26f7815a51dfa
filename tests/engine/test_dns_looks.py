from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from cockpit.propagation.answers import Grid
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.targets import Authority, Resolver
from tests.fakes.dns_lab import DnsLab, dns_lab
from tests.fakes.dns_servers import NEW, OLD, ZONE, Respond, Zone, is_for, own_net, serving
from tests.fakes.dns_targets import dns_target

NEVER_S = 3600.0
"""A deadline that no test lives to see."""
BUSY_S = 60.0
"""In which the busiest machine gets done what waits for nobody."""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0, resolvers=False) as running:
        yield running


@dataclass
class Servers:
    """Two name servers and two resolvers of one zone; those named in `silent` say nothing."""

    zone: Zone = field(default_factory=lambda: Zone.at(OLD, 60))
    silent: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    wanted: dict[str, Respond] = field(default_factory=dict)
    """What one answers instead of what the zone says."""

    def at(self, name: str) -> Respond:
        def respond(wire: bytes) -> bytes | list[bytes] | None:
            self.asked[name] += 1
            if name in self.silent:
                return None
            return self.wanted.get(name, self.zone.answer)(wire)

        return respond

    @asynccontextmanager
    async def watched(self, lab: DnsLab, deadline_s: float) -> AsyncIterator[PropagationWatch]:
        net = own_net()
        async with (
            serving(f"{net}.1", self.at("ns1")) as ns1,
            serving(f"{net}.2", self.at("ns2")) as ns2,
            serving(f"{net}.3", self.at("one")) as one,
            serving(f"{net}.4", self.at("two")) as two,
        ):
            target = dns_target(
                authorities=(
                    Authority(name="ns1", address=f"{net}.1", port=ns1),
                    Authority(name="ns2", address=f"{net}.2", port=ns2),
                ),
                resolvers=(
                    Resolver(name="one", address=f"{net}.3", port=one),
                    Resolver(name="two", address=f"{net}.4", port=two),
                ),
                names=(ZONE,),
            )
            watch = PropagationWatch(target, lab.clock, deadline_s)
            try:
                yield watch
            finally:
                watch.stop()


def state(grid: Grid, name: str) -> str:
    (row,) = (row for row in grid.rows if row.name == name)
    return row.cells[0].state


async def test_a_resolver_that_keeps_silent_holds_up_no_look_at_the_name_servers(
    lab: DnsLab,
) -> None:
    servers = Servers(silent={"two"})
    async with servers.watched(lab, NEVER_S) as watch, asyncio.timeout(BUSY_S):
        first = await watch.look(at_once=True)
        assert (state(first, "ns1"), first.switched_at) == ("old", None)
        servers.zone.put(NEW, 60)
        grid = await watch.look(at_once=True)
        assert grid.switched_at is not None
        assert grid.bound is not None
        assert state(grid, "two") == "unasked", "its sweep is under way still"
        assert grid.at > first.at


async def test_what_resolvers_say_beside_a_silent_one_comes_with_a_later_look(lab: DnsLab) -> None:
    servers = Servers(silent={"two"})
    async with servers.watched(lab, 0.4) as watch, asyncio.timeout(BUSY_S):
        grid = await watch.look(at_once=True)
        while state(grid, "one") == "unasked":
            grid = await watch.look(at_once=True)
        assert (state(grid, "one"), state(grid, "two")) == ("old", "timeout")


async def test_a_name_server_that_keeps_silent_holds_up_no_look_at_the_others(lab: DnsLab) -> None:
    servers = Servers(silent={"ns2"})
    async with servers.watched(lab, 2.0) as watch, asyncio.timeout(BUSY_S):
        grid = await watch.look("not yet", at_once=True)
        assert (state(grid, "ns1"), state(grid, "ns2")) == ("old", "timeout")
        servers.asked.clear()
        for _ in range(4):
            grid = await watch.look("not yet", at_once=True)
        # Asked at every look, who keeps silent is asked twice as often as who answers.
        assert servers.asked["ns2"] < servers.asked["ns1"]
        assert state(grid, "ns2") == "timeout"
        servers.silent.clear()
        while state(grid, "ns2") == "timeout":
            grid = await watch.look("not yet", at_once=True)
        assert state(grid, "ns2") == "old"


async def test_a_pause_ends_the_sweep_under_way_and_nobody_is_asked_once_more(lab: DnsLab) -> None:
    def cut(wire: bytes) -> bytes:
        reply = dns.message.make_response(dns.message.from_wire(wire))
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    def bogus(wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        if query.flags & dns.flags.CD:
            return None
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply.to_wire()

    for odd in (cut, bogus):
        servers = Servers(silent={"two"}, wanted={"one": odd})
        async with servers.watched(lab, NEVER_S) as watch, asyncio.timeout(BUSY_S):
            before = asyncio.all_tasks()
            await watch.look(at_once=True)
            while not (servers.asked["one"] and servers.asked["two"]):
                await watch.look(at_once=True)
            assert asyncio.all_tasks() > before
            grid = await watch.look("T-0 is near", at_once=True)
            assert asyncio.all_tasks() <= before, "nothing is left that could ask"
            assert (grid.paused, state(grid, "two")) == ("T-0 is near", "unasked")
            asked = servers.asked["one"], servers.asked["two"]
            await watch.look("T-0 is near", at_once=True)
            assert (servers.asked["one"], servers.asked["two"]) == asked


async def test_an_answer_in_doubt_is_not_shown_before_the_second_one_and_holds_up_no_look(
    lab: DnsLab,
) -> None:
    stale, fresh = Zone.at(OLD, 30), Zone.at(NEW, 60)
    servers = Servers(silent={"two"}, wanted={"one": Zone.at(OLD, 60).answer})
    given: list[str] = []

    def stale_once(wire: bytes) -> bytes:
        if not is_for(wire, ZONE, "A"):
            return fresh.answer(wire)
        given.append(OLD if not given else NEW)
        return (stale if given == [OLD] else fresh).answer(wire)

    async with servers.watched(lab, 0.4) as watch, asyncio.timeout(BUSY_S):
        await watch.look()
        servers.zone.put(NEW, 60)
        await watch.look("not yet")
        lab.jump(70.0)
        servers.wanted["one"] = stale_once
        looks, seen = Counter[int](), set()
        while "new" not in seen:
            grid = await watch.look(at_once=True)
            looks[len(given)] += 1
            seen.add(state(grid, "one"))
    assert given == [OLD, NEW]
    assert "holds" not in seen
    assert looks[1], "the name servers were looked at while it was in doubt"
