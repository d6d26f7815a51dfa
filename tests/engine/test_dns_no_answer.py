from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import dns.message
import dns.rcode
import pytest

from cockpit.checks import dns as checks
from cockpit.propagation import public
from cockpit.propagation.vetting import AGAIN_S
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from tests.engine.test_dns_checks import FOLLOWS, TTL
from tests.fakes.dns_lab import DnsLab, dns_lab
from tests.fakes.dns_servers import NAMES, NEW, OLD, ZONE, Zone, own_net, serving

MANY = 5


@dataclass
class Breaking:
    """One authority, and resolvers of which some stop answering once the zone is broken."""

    zone: Zone
    net: str
    target: DnsTarget
    rcode: dns.rcode.Rcode | None = None
    """What the first two answer; None where they answer as the zone says."""
    ports: list[int] = field(default_factory=list)

    def respond(self, wire: bytes) -> bytes | None:
        if self.rcode is None:
            return self.zone.answer(wire)
        reply = dns.message.make_response(dns.message.from_wire(wire))
        reply.set_rcode(self.rcode)
        return reply.to_wire()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0, resolvers=False) as running:
        yield running


@asynccontextmanager
async def breaking() -> AsyncIterator[Breaking]:
    net, zone = own_net(), Zone.at(OLD, 1)
    target = DnsTarget(
        kind="dns", zone=ZONE, names=NAMES, old=OLD, new=NEW, provider="manual", authorities=()
    )
    made = Breaking(zone, net, target)
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(serving(f"{net}.1", zone.answer))
        resolvers = []
        for at in range(MANY):
            answer = made.respond if at < 2 else zone.answer
            address = f"{net}.{10 + at}"
            made.ports.append(await stack.enter_async_context(serving(address, answer)))
            resolvers.append(Resolver(name=f"r{at}", address=address, port=made.ports[at]))
        made.target = replace(
            target,
            authorities=(Authority(name="ns1", address=f"{net}.1", port=port),),
            resolvers=tuple(resolvers),
        )
        yield made


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.NXDOMAIN, dns.rcode.REFUSED])
async def test_who_answers_nothing_after_the_switch_is_counted_and_follows_nobody(
    lab: DnsLab, rcode: dns.rcode.Rcode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cockpit.propagation.watch.AGAIN_S", -AGAIN_S)  # vetted at every look
    async with breaking() as one:
        watch = PropagationWatch(one.target, lab.clock, 0.5)
        await watch.look()
        one.zone.put(NEW, 1)
        one.rcode = rcode
        await watch.look()
        await asyncio.sleep(1.1)
        grid = await watch.look()
        assert not any(row.left_out for row in grid.rows)
        assert (grid.following, grid.counted) == (3 * len(NAMES), MANY * len(NAMES))
        context = lab.checking(grid, one.target)
        finding = await checks.converged(FOLLOWS, context)
        assert finding.said == "fail"
        assert finding.evidence.startswith("60% of honest caches lead to the new side")
        assert "r0 " in finding.evidence
        low = await checks.dns_ttl(TTL, context)
        assert low.said == "unknown"
        assert "3 of 5 honest resolvers" in low.evidence
        alone = await checks.converged(FOLLOWS, lab.checking(None, one.target))
        assert alone.said == "fail", "nobody watched, and the runbook lists them all the same"


async def test_a_public_resolver_counts_once_it_stood_its_vetting_and_in_gates_too(
    lab: DnsLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with breaking() as one:
        (known, *_), (port, *_) = one.target.resolvers, one.ports

        def only_one(_kind: str, _weight: float) -> list[Resolver]:
            return [Resolver(name="Public", address=known.address, port=port)]

        monkeypatch.setattr(public, "_of", only_one)
        target = replace(one.target, resolvers=(), public_resolvers=("ipv4",))
        one.rcode = dns.rcode.SERVFAIL
        stranger = await PropagationWatch(target, lab.clock, 0.5).look()
        assert (stranger.counted, stranger.rows[1].left_out) == (0, "fails")
        one.rcode = None
        monkeypatch.setattr("cockpit.propagation.watch.AGAIN_S", -AGAIN_S)
        watch = PropagationWatch(target, lab.clock, 0.5)
        grid = await watch.look()
        low = await checks.dns_ttl(TTL, lab.checking(grid, target))
        assert (low.said, "1 of 1 honest resolver" in low.evidence) == ("pass", True)
        one.rcode = dns.rcode.SERVFAIL
        grid = await watch.look()
        assert (grid.following, grid.counted) == (0, len(NAMES))
        assert (await checks.dns_ttl(TTL, lab.checking(grid, target))).said == "unknown"
