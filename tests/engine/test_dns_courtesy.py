from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.checks.dns import LOOKS, converged, dns_ttl
from cockpit.propagation.answers import Grid
from cockpit.propagation.courtesy import Courtesy
from cockpit.propagation.turns import LEAST_S, Turns
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from tests.engine.test_dns_checks import FOLLOWS, TTL
from tests.fakes.dns_lab import DnsLab, dns_lab
from tests.fakes.dns_servers import NAMES, OLD, Zone, is_for, own_net, serving
from tests.fakes.dns_targets import dns_target

PATIENCE_S = 30.0


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0, resolvers=False) as running:
        yield running


class Heard:
    """A zone whose resolver counts how often it was asked for the first of the names."""

    def __init__(self) -> None:
        self.zone = Zone.at(OLD, 60)
        self.count = 0
        self.once = asyncio.Event()

    def resolve(self, wire: bytes) -> bytes:
        if is_for(wire, NAMES[0], "A"):
            self.count += 1
            self.once.set()
        return self.zone.answer(wire)


def target_of(net: str, authority: int, port: int) -> DnsTarget:
    return dns_target(
        authorities=(Authority(name="ns1", address=f"{net}.1", port=authority),),
        resolvers=(Resolver(name="one", address=f"{net}.2", port=port),),
    )


async def test_gates_ask_a_resolver_together_and_never_twice_within_a_second(
    lab: DnsLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is, the presses of the key come within that time.
    monkeypatch.setattr("cockpit.propagation.courtesy.LEAST_S", PATIENCE_S)
    net, heard, turns = own_net(), Heard(), Turns(polite=True)
    async with (
        serving(f"{net}.1", heard.zone.answer) as authority,
        serving(f"{net}.2", heard.resolve) as port,
    ):
        target = target_of(net, authority, port)
        began = lab.clock.real()
        grid = await PropagationWatch(target, lab.clock, polite=True, turns=turns).look()
        context = replace(lab.checking(grid, target), courtesy=Courtesy(turns))
        told = await asyncio.gather(
            dns_ttl(TTL, context), converged(FOLLOWS, context), dns_ttl(TTL, context)
        )
        assert {one.said for one in told} == {"pass"}
        assert heard.count == 1 + LOOKS, "the watch's look, and the gates' together"
        assert (await dns_ttl(TTL, context)).said == "pass"
        assert heard.count == 1 + LOOKS, "what was heard just now counts"
        assert turns.reserve(["one"], began) >= (1 + LOOKS) * LEAST_S, "each look had its turn"


async def test_a_gate_that_nobody_waits_for_asks_no_more(lab: DnsLab) -> None:
    net, heard = own_net(), Heard()
    async with (
        serving(f"{net}.1", heard.zone.answer) as authority,
        serving(f"{net}.2", heard.resolve) as port,
    ):
        target = target_of(net, authority, port)
        context = replace(lab.checking(Grid(NAMES, ()), target), courtesy=Courtesy())
        asking = [asyncio.create_task(dns_ttl(TTL, context)) for _ in range(3)]
        await heard.once.wait()
        asking[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking[0]
        (shared,) = (one for one in asyncio.all_tasks() if "_begun" in repr(one.get_coro()))
        assert not shared.done(), "others wait for it"
        for one in asking[1:]:
            one.cancel()
        await asyncio.wait((shared, *asking), timeout=PATIENCE_S)
        assert shared.cancelled()
        assert heard.count < LOOKS
