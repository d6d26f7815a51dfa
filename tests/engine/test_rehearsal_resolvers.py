from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.update
import pytest

from cockpit.rehearsal.authority import Authorities
from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.resolvers import Resolvers
from cockpit.rehearsal.scenarios import SCENARIOS
from cockpit.rehearsal.spec import DNS_PORT, LabSpec
from cockpit.rehearsal.zone import update
from tests.fakes.dns_servers import by_udp
from tests.fakes.rehearsals import HandJournal, lab_spec

ZONE = "freshtrackpro.test."
WWW = f"www.{ZONE}"
QUAD9, VODAFONE, TELEKOM, OFFICE, HOTEL, CLOUDFLARE = 103, 105, 108, 109, 110, 101


class World:
    def __init__(
        self, spec: LabSpec, journal: HandJournal, clock: JournalClock, authorities: Authorities
    ) -> None:
        self.spec = spec
        self._journal = journal
        self._clock = clock
        self._authorities = authorities

    def pass_time(self, seconds: float) -> None:
        self._journal.jump(seconds)
        self._clock.poll()

    def switch(self, address: str, ttl: int) -> None:
        message = dns.update.UpdateMessage(ZONE)
        message.replace(dns.name.from_text(WWW), ttl, "A", address)
        for authority in (self._authorities.primary, self._authorities.secondary):
            rcode, authority.zone = update(authority.zone, message)
            assert rcode == dns.rcode.NOERROR

    async def ask(self, host: int, name: str = WWW) -> dns.message.Message:
        nsid = dns.edns.GenericOption(dns.edns.OptionType.NSID, b"")
        query = dns.message.make_query(name, "A", use_edns=0, options=[nsid])
        return await by_udp(query, self.spec.at(host), DNS_PORT)

    async def address(self, host: int) -> tuple[str, int]:
        (rrset,) = (await self.ask(host)).answer
        return rrset[0].to_text(), rrset.ttl


Build = Callable[[str], AbstractAsyncContextManager[World]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    @asynccontextmanager
    async def world(scenario: str) -> AsyncIterator[World]:
        journal = HandJournal(tmp_path / "journal.jsonl")
        journal.go(1.0)
        spec = lab_spec(tmp_path, journal, scenario)
        clock = JournalClock(journal.path)
        clock.poll()
        authorities = Authorities(spec, clock)
        resolvers = Resolvers(spec, SCENARIOS[scenario], clock)
        await authorities.start()
        await resolvers.start()
        try:
            yield World(spec, journal, clock, authorities)
        finally:
            await resolvers.stop()
            await authorities.stop()

    return world


async def test_an_honest_cache_counts_down_and_lets_go_at_the_end(build: Build) -> None:
    async with build("calm") as world:
        assert await world.address(QUAD9) == (world.spec.old, 3600)
        world.switch(world.spec.new, 60)
        world.pass_time(3000)
        address, ttl = await world.address(QUAD9)
        assert address == world.spec.old
        assert ttl == pytest.approx(599, abs=3)
        world.pass_time(602)
        assert await world.address(QUAD9) == (world.spec.new, 60)


async def test_a_clamping_cache_raises_small_ttls_and_only_those(build: Build) -> None:
    async with build("calm") as world:
        assert await world.address(TELEKOM) == (world.spec.old, 3600)
        world.pass_time(3601)
        world.switch(world.spec.old, 60)
        assert await world.address(TELEKOM) == (world.spec.old, 900)
        world.switch(world.spec.new, 60)
        world.pass_time(880)
        assert (await world.address(TELEKOM))[0] == world.spec.old
        world.pass_time(21)
        assert (await world.address(TELEKOM))[0] == world.spec.new


async def test_a_violating_cache_holds_on_half_an_hour_too_long(build: Build) -> None:
    async with build("calm") as world:
        await world.address(HOTEL)
        world.switch(world.spec.new, 60)
        world.pass_time(3610)
        address, ttl = await world.address(HOTEL)
        assert address == world.spec.old
        assert ttl == pytest.approx(1790, abs=3)
        world.pass_time(1795)
        assert await world.address(HOTEL) == (world.spec.new, 60)


async def test_a_broken_resolver_fails_and_says_why(build: Build) -> None:
    async with build("calm") as world:
        reply = await world.ask(OFFICE)
        assert reply.rcode() == dns.rcode.SERVFAIL
        reasons = [
            option.code for option in reply.options if isinstance(option, dns.edns.EDEOption)
        ]
        assert reasons == [dns.edns.EDECode.NO_REACHABLE_AUTHORITY]


async def test_a_stuck_resolver_never_gives_another_address(build: Build) -> None:
    async with build("stuck-resolver") as world:
        await world.address(VODAFONE)
        world.switch(world.spec.new, 60)
        for _ in range(3):
            world.pass_time(3700)
            assert (await world.address(VODAFONE))[0] == world.spec.old
            assert (await world.address(QUAD9))[0] == world.spec.new


async def test_an_absent_name_is_kept_for_the_soa_minimum(build: Build) -> None:
    async with build("calm") as world:
        reply = await world.ask(QUAD9, f"nobody.{ZONE}")
        assert reply.rcode() == dns.rcode.NXDOMAIN
        assert reply.authority[0].ttl == 900
        world.pass_time(100)
        assert (await world.ask(QUAD9, f"nobody.{ZONE}")).authority[0].ttl < 802


async def test_several_caches_stand_behind_one_anycast_address(build: Build) -> None:
    async with build("calm") as world:
        seen = {}
        for _ in range(60):
            reply = await world.ask(CLOUDFLARE)
            assert reply.flags & dns.flags.RA
            (name,) = [
                option.nsid for option in reply.options if isinstance(option, dns.edns.NSIDOption)
            ]
            seen[name] = reply.answer[0].ttl
        assert len(seen) == 4
