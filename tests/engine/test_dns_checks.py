from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from cockpit.checks.dns import converged, dns_answer, dns_ttl
from cockpit.errors import TargetError
from cockpit.propagation.answers import Grid, Row
from cockpit.propagation.identity import identity
from cockpit.propagation.sweep import resolver_rows, sweep
from cockpit.propagation.watch import PropagationWatch
from cockpit.rehearsal.zone import read_zone, write_zone
from cockpit.runbook.checks import ConvergedCheck, DnsAnswerCheck, DnsTtlCheck
from cockpit.runbook.targets import Authority, Resolver
from cockpit.runbook.words import Duration, Id, Share, TargetId
from tests.fakes.dns_lab import DnsLab, dns_lab
from tests.fakes.dns_servers import own_net, resolver, serving

ZONE = TargetId("zone")
TTL = DnsTtlCheck(
    id=Id("ttl"), title="", kind="dns_ttl", target=ZONE, at_most=Duration(60.0), resolvers=True
)
AT_AUTHORITIES = replace(TTL, resolvers=False)
FOLLOWS = ConvergedCheck(
    id=Id("follows"), title="", kind="converged", target=ZONE, at_least=Share(0.9)
)


def aged(row: Row, now: float, by: float, left_out: str) -> Row:
    cells = tuple(replace(cell, at=now - by) for cell in row.cells)
    return replace(row, cells=cells, left_out=left_out)


async def test_the_age_of_the_last_sweep_is_that_of_the_resolvers_that_count(lab: DnsLab) -> None:
    grid = await PropagationWatch(lab.target, lab.clock).look()
    now, hour = lab.clock.now(), 3600.0
    odd = {"Quad9": (5 * hour, ""), "Vodafone": (9 * hour, "it lies")}
    rows = tuple(aged(row, now, *odd.get(row.name, (2 * hour, ""))) for row in grid.rows)
    paused = lab.checking(replace(grid, rows=rows, paused="T-0 is near"))
    finding = await dns_ttl(replace(TTL, at_most=Duration(4000.0)), paused)
    assert "resolvers as heard 2 h to 5 h ago (T-0 is near)" in finding.evidence


def leads(answer: Literal["old", "new", "any"]) -> DnsAnswerCheck:
    return DnsAnswerCheck(id=Id("leads"), title="", kind="dns_answer", target=ZONE, answer=answer)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0) as running:
        yield running


async def test_the_ttl_at_the_authorities_alone_is_told_for_each(lab: DnsLab) -> None:
    finding = await dns_ttl(AT_AUTHORITIES, lab.checking())
    assert finding.said == "fail"
    assert "ns1 gives old 127." in finding.evidence
    assert "TTL 3600 for freshtrackpro.test." in finding.evidence
    await lab.put(lab.spec.old, 60)
    finding = await dns_ttl(AT_AUTHORITIES, lab.checking())
    assert finding == ("pass", "TTL 60 at 2 of 2 name servers")


async def test_a_cache_that_still_keeps_the_long_ttl_fails_the_check_by_name(lab: DnsLab) -> None:
    await resolver_rows(lab.target, lab.clock)
    await lab.put(lab.spec.old, 60)
    finding = await dns_ttl(TTL, lab.checking())
    assert finding.said == "fail"
    assert "Quad9 keeps it 59 min" in finding.evidence


async def test_a_lowered_ttl_passes_when_honest_caches_have_it_and_names_the_others(
    lab: DnsLab,
) -> None:
    await lab.put(lab.spec.old, 60)
    finding = await dns_ttl(TTL, lab.checking())
    assert finding.said == "pass"
    assert finding.evidence.startswith(
        "TTL 60 at 2 of 2 name servers; 4 of 4 honest resolvers; Telekom clamps to 900 s ("
    )
    assert "Office is known to fail (SERVFAIL)" in finding.evidence
    assert "Hotel violates (" in finding.evidence


async def test_a_resolver_that_is_vetted_out_keeps_no_gate_closed_and_is_named(lab: DnsLab) -> None:
    await lab.put(lab.spec.old, 60)
    net = own_net()
    async with serving(f"{net}.1", resolver("203.0.113.66", ttl=86400)) as port:
        liar = Resolver(name="Liar", address=f"{net}.1", port=port)
        target = replace(lab.target, resolvers=(*lab.target.resolvers, liar))
        low = await dns_ttl(TTL, lab.checking(target=target))
        follows = await converged(FOLLOWS, lab.checking(target=target))
    for finding in (low, follows):
        assert finding.said == "pass", finding.evidence
        assert "Liar is left out: invents an answer for a name that is not" in finding.evidence


async def test_a_long_ttl_in_one_of_several_caches_behind_an_address_is_found(
    lab: DnsLab,
) -> None:
    cloudflare = tuple(one for one in lab.target.resolvers if one.name == "Cloudflare")
    target = replace(lab.target, resolvers=cloudflare)
    for _ in range(4):  # the asker's port chooses the cache: so nearly all of them have it
        await resolver_rows(target, lab.clock)
    await lab.put(lab.spec.old, 60)
    finding = await dns_ttl(TTL, lab.checking(target=target))
    assert finding.said == "fail"
    assert "Cloudflare keeps it" in finding.evidence


async def test_while_asking_is_paused_the_last_answers_count_with_their_age(lab: DnsLab) -> None:
    await lab.put(lab.spec.old, 60)
    watch = PropagationWatch(lab.target, lab.clock)
    await watch.look()
    lab.jump(30.0)
    grid = await watch.look("T-0 is near")
    finding = await dns_ttl(TTL, lab.checking(grid))
    assert finding.said == "pass"
    assert finding.evidence.endswith("s ago (T-0 is near)")
    with pytest.raises(TargetError, match="no resolver was asked yet"):
        await dns_ttl(TTL, lab.checking(Grid(lab.target.names, (), paused="T-0 is near")))


async def test_who_failed_its_vetting_or_raises_ttls_by_itself_is_named_and_closes_nothing(
    lab: DnsLab,
) -> None:
    grid = await PropagationWatch(lab.target, lab.clock).look()  # the old TTL lies in every cache
    await lab.put(lab.spec.old, 60)
    marks = {"Cloudflare": {"left_out": "gives other name servers"}, "Quad9": {"mark": "raised"}}
    rows = tuple(replace(row, **marks.get(row.name, {})) for row in grid.rows)  # type: ignore[arg-type]
    finding = await dns_ttl(TTL, lab.checking(replace(grid, rows=rows)))
    assert "Cloudflare is left out: gives other name servers" in finding.evidence
    assert "Quad9 raises TTLs by itself (" in finding.evidence
    assert "Quad9 keeps it" not in finding.evidence
    assert "Vodafone keeps it" in finding.evidence


async def test_too_few_resolvers_that_answer_tell_nothing(lab: DnsLab) -> None:
    await lab.put(lab.spec.old, 60)
    only_office = replace(
        lab.target, resolvers=tuple(one for one in lab.target.resolvers if one.name == "Office")
    )
    finding = await dns_ttl(TTL, lab.checking(target=only_office))
    assert finding.said == "unknown"


async def test_which_side_the_name_servers_lead_to_is_told_with_the_serial(lab: DnsLab) -> None:
    finding = await dns_answer(leads("old"), lab.checking())
    assert finding == ("pass", f"old ({lab.spec.old}) at 2 of 2 name servers, serial 1")
    assert (await dns_answer(leads("new"), lab.checking())).said == "fail"
    assert (await dns_answer(leads("any"), lab.checking())).said == "pass"


async def test_name_servers_that_disagree_are_never_right(lab: DnsLab) -> None:
    await lab.put(lab.spec.new, 60, everywhere=False)
    finding = await dns_answer(leads("any"), lab.checking())
    assert finding.said == "fail"
    assert "the name servers do not agree: ns1 new, ns2 old" in finding.evidence
    assert (await dns_answer(leads("new"), lab.checking())).said == "fail"


async def test_a_silent_name_server_leaves_the_answer_unknown(lab: DnsLab) -> None:
    dead = Authority(name="ns2", address=lab.spec.at(99), port=5300)
    target = replace(lab.target, authorities=(lab.target.authorities[0], dead))
    finding = await dns_answer(leads("old"), lab.checking(target=target))
    assert finding.said == "unknown"
    assert "ns2" in finding.evidence
    assert (await dns_ttl(AT_AUTHORITIES, lab.checking(target=target))).said == "fail"


async def test_a_name_that_is_missing_at_one_server_fails(lab: DnsLab) -> None:
    text = write_zone(lab.authorities.secondary.zone)
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("api."))
    lab.authorities.secondary.zone = read_zone(kept, lab.spec.zone)
    finding = await dns_answer(leads("any"), lab.checking())
    assert finding.said == "fail"
    assert "ns2 gives no such name for api.freshtrackpro.test." in finding.evidence


async def test_convergence_counts_honest_caches_as_they_let_go(lab: DnsLab) -> None:
    await lab.put(lab.spec.old, 60)
    await resolver_rows(lab.target, lab.clock)
    await lab.put(lab.spec.new, 60)
    finding = await converged(FOLLOWS, lab.checking())
    assert finding.said == "fail"
    assert "Quad9 old, " in finding.evidence
    lab.jump(61.0)
    finding = await converged(FOLLOWS, lab.checking())
    assert finding.said == "pass"
    count = "100% of honest caches lead to the new side (36 of 36 answers)"
    assert finding.evidence.startswith(count)
    dead = Authority(name="ns2", address=lab.spec.at(99), port=5300)
    target = replace(lab.target, authorities=(lab.target.authorities[0], dead))
    finding = await converged(FOLLOWS, lab.checking(target=target))
    assert finding.said == "unknown", "it may bring the old answer back"
    assert finding.evidence.startswith(count)
    assert f"ns2 ({dead.address}) does not answer" in finding.evidence


async def test_convergence_is_not_told_while_the_name_servers_disagree(lab: DnsLab) -> None:
    await lab.put(lab.spec.new, 60, everywhere=False)
    with pytest.raises(TargetError, match="do not lead to one side"):
        await converged(FOLLOWS, lab.checking())


async def test_a_zone_states_its_identity_and_it_does_not_change_with_its_records(
    lab: DnsLab,
) -> None:
    first = await identity(lab.target)
    assert first == (
        "freshtrackpro.test. at ns1.freshtrackpro.test., ns2.freshtrackpro.test.,"
        " primary ns1.freshtrackpro.test."
    )
    await lab.put(lab.spec.new, 60)
    assert await identity(lab.target) == first
    dead = Authority(name="ns2", address=lab.spec.at(99), port=5300)
    half = replace(lab.target, authorities=(lab.target.authorities[0], dead))
    assert await identity(half) == first
    with pytest.raises(TargetError, match="no authority"):
        await identity(replace(lab.target, authorities=(dead,)))


async def test_two_servers_of_different_zones_have_no_identity(lab: DnsLab) -> None:
    text = write_zone(lab.authorities.secondary.zone).replace(
        "SOA ns1.freshtrackpro.test.", "SOA elsewhere.test."
    )
    lab.authorities.secondary.zone = read_zone(text, lab.spec.zone)
    with pytest.raises(TargetError, match="do not agree"):
        await identity(lab.target)


async def test_a_sweep_keeps_the_order_of_its_servers(lab: DnsLab) -> None:
    rows = await sweep(lab.target, lab.clock)
    assert [row.name for row in rows] == [
        "ns1",
        "ns2",
        "Cloudflare",
        "Quad9",
        "Vodafone",
        "Orange",
        "Telekom",
        "Office",
        "Hotel",
    ]
    assert {cell.serial for row in rows[:2] for cell in row.cells} == {1}
