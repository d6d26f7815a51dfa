from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from cockpit.checks.caa import dns_caa
from cockpit.checks.dns import dns_answer, dns_ttl
from cockpit.checks.signed import dns_signed
from cockpit.checks.zone import dns_agree, dns_old_address
from cockpit.clock import live_clock
from cockpit.errors import CockpitError
from cockpit.propagation.answers import Grid, Row
from cockpit.propagation.ask import _trust
from cockpit.propagation.convergence import late
from cockpit.propagation.identity import identity
from cockpit.propagation.sweep import authority_rows, resolver_rows
from cockpit.propagation.vetting import vet
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.checks import (
    DnsAnswerCheck,
    DnsCaaCheck,
    DnsSignedCheck,
    DnsTtlCheck,
    DnsZoneCheck,
)
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from cockpit.runbook.words import Duration, Id
from tests.lab.fix_dns import CLAMP_S, NEW, OLD, ZONE, RealDns, real_dns
from tests.lab.fix_dns_steps import (
    LOWER,
    RESTORE,
    TARGET,
    TO_NEW,
    TO_OLD,
    TTL_S,
    act,
    checking,
    compare,
    dump,
)


@pytest.fixture
def servers(open_folder: Path) -> Iterator[RealDns]:
    with real_dns(open_folder) as running:
        yield running


async def given(servers: RealDns) -> set[tuple[tuple[str, ...], int | None]]:
    rows = await authority_rows(servers.target, live_clock())
    return {(cell.answers, cell.ttl) for row in rows for cell in row.cells}


def states(grid: Grid) -> dict[str, str]:
    return {row.name: row.cells[0].state for row in grid.rows if row.role == "resolver"}


async def test_bind_takes_signed_changes_there_and_back(servers: RealDns) -> None:
    lowered = await act(servers, LOWER)
    assert await given(servers) == {((OLD,), TTL_S)}
    await act(servers, TO_NEW)
    assert await given(servers) == {((NEW,), TTL_S)}
    await act(servers, TO_OLD)
    await act(servers, RESTORE, {"lower": lowered})
    assert await given(servers) == {((OLD,), 3600)}


async def test_bind_refuses_another_key_and_nothing_changes(servers: RealDns) -> None:
    servers.key_file.write_text(base64.b64encode(b"x" * 32).decode(), encoding="ascii")
    with pytest.raises(CockpitError):
        await act(servers, LOWER)
    assert await given(servers) == {((OLD,), 3600)}


async def test_the_zone_says_who_it_is(servers: RealDns) -> None:
    servers_words = f"ns1.{ZONE}, ns2.{ZONE}, primary ns1.{ZONE}"
    assert await identity(servers.target) == f"{ZONE} at {servers_words}"


HONEST = ("one", "two", "three", "dnsmasq", "truncating", "capping")
SEEN_AS = {
    **dict.fromkeys((*HONEST, "clamping", "stale"), "old"),
    "refusing": "refused",
    "silent": "timeout",
    "nothing": "no_name",
    "bogus": "servfail",
    "failing": "servfail",
    "lying": "other",
}


async def test_each_resolver_is_seen_as_it_behaves_while_a_switch_spreads(
    servers: RealDns,
) -> None:
    await act(servers, LOWER)
    watch = PropagationWatch(servers.target, live_clock())
    assert states(await watch.look()) == SEEN_AS
    await act(servers, TO_NEW)
    switched = time.monotonic()
    seen = await watch.look()
    assert states(seen)["clamping"] == "old"
    while {states(seen)[name] for name in HONEST} != {"new"}:
        assert time.monotonic() - switched < TTL_S + 6, states(seen)
        await asyncio.sleep(0.3)
        seen = await watch.look()
    assert states(seen)["clamping"] == "old"
    while {states(seen)[name] for name in ("clamping", "stale")} != {"new"}:
        # A stale cache whose refresh failed tries again after 30 s (RFC 8767 section 5).
        assert time.monotonic() - switched < CLAMP_S + 12 + 30, states(seen)
        await asyncio.sleep(0.5)
        seen = await watch.look()
    assert seen.switched_at is not None
    assert {name: states(seen)[name] for name in ("silent", "lying")} == {
        "silent": "timeout",
        "lying": "other",
    }
    assert {row.name: row.about for row in seen.rows}["stale"] <= 1, "it is one cache"


async def test_cells_say_what_the_caches_hold_there_and_back(servers: RealDns) -> None:
    await act(servers, LOWER)
    target = replace(servers.target, resolvers=tuple(watched(servers)))
    watch = PropagationWatch(target, live_clock())
    compared = 0
    for change in (None, TO_NEW, TO_OLD):
        if change is not None:
            await act(servers, change)
        began = time.monotonic()
        while time.monotonic() - began < TTL_S + 2:
            grid = await watch.look()
            for name in ("one", "two", "three", "clamping"):
                said = compare(grid, name, dump(servers, name))
                assert said.wrong == (), grid
                compared += said.right
            await asyncio.sleep(0.3)
    assert compared >= 24


async def test_no_honest_cache_outlasts_the_bound_and_a_raised_ttl_is_named(
    servers: RealDns,
) -> None:
    await act(servers, LOWER)
    unmarked = replace(
        servers.target,
        resolvers=tuple(replace(one, behaviour="honest", clamp=0.0) for one in watched(servers)),
    )
    watch = PropagationWatch(unmarked, live_clock())
    await watch.look()
    await act(servers, TO_NEW)
    grid = await watch.look()
    assert grid.bound is not None
    while time.time() < grid.bound + 3.0:
        await asyncio.sleep(0.5)
        grid = await watch.look()
        assert grid.bound is not None
    assert late(grid.rows).violators == ("clamping",)


def watched(servers: RealDns) -> list[Resolver]:
    names = ("one", "two", "three", "clamping", "dnsmasq")
    return [one for one in servers.target.resolvers if one.name in names]


async def until_low(target: DnsTarget) -> None:
    began = time.monotonic()
    seen = {3600}
    while seen != {TTL_S}:
        assert time.monotonic() - began < 10
        await asyncio.sleep(0.2)
        rows = await authority_rows(target, live_clock())
        seen = {cell.ttl or 0 for row in rows for cell in row.cells}


async def test_a_secondary_that_lags_moves_the_bound_with_it(servers: RealDns) -> None:
    await act(servers, LOWER)
    slow = Authority(name="slow", address="127.0.0.1", port=servers.lagging)
    target = replace(
        servers.target,
        authorities=(*servers.target.authorities, slow),
        resolvers=(),
    )
    await until_low(target)
    watch = PropagationWatch(target, live_clock())
    await watch.look()
    await act(servers, TO_NEW)
    grid = await watch.look()
    while grid.rows[2].cells[0].state != "new":
        await asyncio.sleep(0.2)
        grid = await watch.look()
    turned = grid.rows[2].cells[0].at
    assert grid.bound is not None
    assert turned <= grid.bound <= turned + TTL_S + 0.01


async def test_checks_tell_a_real_zone_and_real_caches(servers: RealDns) -> None:
    context = checking(servers)
    low = DnsTtlCheck(
        kind="dns_ttl", id=Id("low"), title="", target=TARGET, at_most=Duration(float(TTL_S))
    )
    assert (await dns_ttl(low, context)).said == "fail"
    await act(servers, LOWER)
    old = DnsAnswerCheck(kind="dns_answer", id=Id("old"), title="", target=TARGET, answer="old")
    told = await dns_answer(old, context)
    assert told.said == "pass", told.evidence
    assert "at 2 of 2 name servers" in told.evidence


async def asked(
    servers: RealDns, resolver: Resolver, monkeypatch: pytest.MonkeyPatch, looks: int = 1
) -> Row:
    """One resolver's row after so many looks."""
    monkeypatch.setenv("SSL_CERT_FILE", str(servers.certificate))
    _trust.cache_clear()
    target = replace(servers.target, resolvers=(resolver,))
    watch = PropagationWatch(target, live_clock())
    grid = await watch.look()
    for _ in range(looks - 1):
        grid = await watch.look()
    _trust.cache_clear()
    return grid.rows[-1]


@pytest.mark.parametrize("way", ["tls", "https", "tcp"])
async def test_encrypted_resolvers_are_asked_and_their_certificate_is_proved(
    servers: RealDns, monkeypatch: pytest.MonkeyPatch, way: Literal["tls", "https", "tcp"]
) -> None:
    ports = {"tls": 53, "https": 53, "tcp": 5300}
    one = Resolver(name="dot", address=servers.balancer, port=ports[way], way=way)
    row = await asked(servers, one, monkeypatch)
    assert [cell.state for cell in row.cells] == ["old"] * 3, row
    assert row.left_out == ""
    if way != "tcp":
        stranger = replace(one, host="elsewhere.test")
        row = await asked(servers, stranger, monkeypatch)
        assert row.cells[0].state == "timeout"
        assert "certificate" in row.cells[0].note


async def test_several_real_caches_behind_one_address_are_counted(
    servers: RealDns, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two", "three"):
        (cache,) = (one for one in servers.target.resolvers if one.name == name)
        await resolver_rows(replace(servers.target, resolvers=(cache,)), live_clock())
        await asyncio.sleep(2.2)
    together = Resolver(name="together", address=servers.balancer, port=5300)
    row = await asked(servers, together, monkeypatch, looks=12)
    assert (row.caches, row.about) == (3, 3)


async def test_vetting_names_who_lies_fails_or_keeps_silent(servers: RealDns) -> None:
    told = await vet(servers.target, servers.target.resolvers, live_clock())
    assert told["lying"].startswith("invents an answer")
    assert told["nothing"]
    assert told["silent"] == "keeps silent"
    assert told["refusing"].startswith("refuses to answer us")
    assert told["bogus"].startswith("fails: not proved by its signatures")
    assert {name for name in HONEST if told[name]} == set()


async def test_a_name_server_that_is_a_cache_gives_falling_ttls_and_still_bounds_the_switch(
    servers: RealDns,
) -> None:
    await act(servers, replace(LOWER, ttl=Duration(10.0)))
    cached = Authority(name="cached", address=servers.balancer, port=5303)
    target = replace(servers.target, authorities=(cached,), resolvers=())
    watch = PropagationWatch(target, live_clock())
    await watch.look()
    await act(servers, TO_NEW)
    grid = await watch.look()
    assert grid.rows[0].cells[0].state == "old", "it still has its own copy"
    while grid.rows[0].cells[0].state == "old":
        await asyncio.sleep(0.3)
        grid = await watch.look()
    turned = grid.rows[0].cells[0].at
    assert grid.bound is not None
    assert grid.bound >= turned, "its falling TTL is what a cache behind it may keep"


async def test_the_whole_real_zone_is_searched_and_asked(servers: RealDns) -> None:
    context = checking(servers)
    hits = DnsZoneCheck(kind="dns_old_address", id=Id("hits"), title="", target=TARGET)
    found = await dns_old_address(hits, context)
    assert found.said == "fail"
    for word in ("mail.", "v=spf1", "ipv4hint", "*.wild."):
        assert word in found.evidence
    caa = DnsCaaCheck(
        kind="dns_caa", id=Id("caa"), title="", target=TARGET, issuer="letsencrypt.org"
    )
    assert (await dns_caa(caa, context)).said == "pass"
    assert (await dns_caa(replace(caa, issuer="pki.example"), context)).said == "fail"
    agree = DnsZoneCheck(kind="dns_agree", id=Id("agree"), title="", target=TARGET)
    told = await dns_agree(agree, context)
    assert told.said == "unknown"
    assert "at 2 name servers; no server of the parent zone told its delegation" in told.evidence
    signed = DnsSignedCheck(
        kind="dns_signed", id=Id("signed"), title="", target=TARGET, valid_for=Duration(60.0)
    )
    (bogus,) = (one for one in servers.target.resolvers if one.name == "bogus")
    broken = replace(servers.target, resolvers=(bogus,))
    assert (await dns_signed(signed, checking(servers, broken))).said == "fail"
