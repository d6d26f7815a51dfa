from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import dns.flags
import dns.rcode
import dns.rrset
import pytest

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.caa import dns_caa
from cockpit.propagation.answers import Grid
from cockpit.runbook.checks import DnsCaaCheck
from cockpit.runbook.targets import Authority, Resolver
from cockpit.runbook.words import Id, TargetId
from tests.fakes.dns_lab import DnsLab, dns_lab
from tests.fakes.dns_servers import (
    OLD,
    ZONE,
    Respond,
    Zone,
    failing,
    is_for,
    own_net,
    reply_to,
    serving,
    silent,
)

CAA = DnsCaaCheck(
    id=Id("caa"), title="", kind="dns_caa", target=TargetId("zone"), issuer="letsencrypt.org"
)
PARENT = ZONE.partition(".")[2]
STRANGER = "shop.elsewhere.test."
ISSUER, OTHER = '0 issue "letsencrypt.org"', '0 issue "pki.example"'


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, resolvers=False, speed=1.0) as running:
        yield running


def telling(name: str, value: str) -> Respond:
    """A resolver that knows one CAA record, and that nothing else has any."""

    def respond(wire: bytes) -> bytes:
        values = (value,) if is_for(wire, name, "CAA") else ()
        return reply_to(wire, *values, kind="CAA").to_wire()

    return respond


@asynccontextmanager
async def climbing(
    lab: DnsLab, resolver: Respond, *authorities: Respond, zone: str = ZONE, name: str = ""
) -> AsyncIterator[CheckContext]:
    """A gate's context outside of a rehearsal, with one resolver and up to two name servers."""
    net = own_net()
    first, second = (*authorities, Zone.at(OLD).answer, Zone.at(OLD).answer)[:2]
    async with (
        serving(f"{net}.1", first) as ns1,
        serving(f"{net}.2", second) as ns2,
        serving(f"{net}.3", resolver) as port,
    ):
        target = replace(
            lab.target,
            zone=zone,
            names=(name or zone,),
            authorities=(
                Authority(name="ns1", address=f"{net}.1", port=ns1),
                Authority(name="ns2", address=f"{net}.2", port=ns2),
            ),
            resolvers=(Resolver(name="one", address=f"{net}.3", port=port),),
        )
        context = lab.checking(target=target)
        profile = replace(context.runbook.profile, environment="staging")
        yield replace(context, runbook=replace(context.runbook, profile=profile))


async def judged(lab: DnsLab, resolver: Respond, *authorities: Respond) -> Finding:
    async with climbing(lab, resolver, *authorities) as context:
        return await dns_caa(CAA, context)


async def test_what_stands_above_the_zone_counts_where_the_zone_has_none(lab: DnsLab) -> None:
    refused = await judged(lab, telling(PARENT, OTHER))
    assert refused == ("fail", f"CAA at {PARENT} allows pki.example, not letsencrypt.org")
    allows = await judged(lab, telling(PARENT, ISSUER))
    assert allows == ("pass", f"{PARENT} allows letsencrypt.org")
    none = await judged(lab, telling(STRANGER, OTHER))
    assert none == ("pass", f"{ZONE} has no CAA record, nor has what is above it")


async def test_the_zones_own_records_end_the_climb(lab: DnsLab) -> None:
    own = Zone.at(OLD)
    own.records[ZONE, "CAA"] = 60, frozenset([ISSUER])
    told = await judged(lab, telling(PARENT, OTHER), own.answer, own.answer)
    assert told == ("pass", f"{ZONE} allows letsencrypt.org")


async def test_every_name_server_must_allow_the_issuer_and_tell_so(lab: DnsLab) -> None:
    allows, forbids = Zone.at(OLD), Zone.at(OLD)
    allows.records[ZONE, "CAA"] = 60, frozenset([ISSUER])
    forbids.records[ZONE, "CAA"] = 60, frozenset([OTHER])
    resolver = telling(STRANGER, OTHER)
    assert (await judged(lab, resolver, allows.answer, forbids.answer)).said == "fail"
    quiet = await judged(lab, resolver, allows.answer, silent)
    assert quiet.said == "unknown"
    assert f"{ZONE} CAA at " in quiet.evidence


@pytest.mark.parametrize(
    ("wild", "said"), [(";", "fail"), ("letsencrypt.org", "pass"), (None, "pass")]
)
async def test_a_wildcard_that_moves_is_judged_by_issuewild_at_the_name_above_it(
    lab: DnsLab, wild: str | None, said: str
) -> None:
    own, star = Zone.at(OLD), f"*.star.{ZONE}"
    lines = [ISSUER] if wild is None else [ISSUER, f'0 issuewild "{wild}"']
    own.records[f"star.{ZONE}", "CAA"] = 60, frozenset(lines)
    own.records[star, "CAA"] = 60, frozenset([OTHER])
    own.records[star, "A"] = 60, frozenset([OLD])
    async with climbing(lab, silent, own.answer, own.answer, name=star) as context:
        finding = await dns_caa(CAA, context)
    assert finding.said == said, finding.evidence
    assert f" star.{ZONE} allows" in f" {finding.evidence}"


async def test_what_no_resolver_tells_of_the_names_above_is_unknown(lab: DnsLab) -> None:
    told = await judged(lab, silent)
    assert told == ("unknown", f"{PARENT}: no resolver tells its CAA records")


async def test_what_nobody_tells_of_a_name_above_the_nearest_records_does_not_matter(
    lab: DnsLab,
) -> None:
    def knows_one(wire: bytes) -> bytes | list[bytes] | None:
        known = is_for(wire, ZONE, "CAA")
        return (telling(ZONE, OTHER) if known else failing(dns.rcode.SERVFAIL))(wire)

    def knows_the_rest(wire: bytes) -> bytes | list[bytes] | None:
        known = not is_for(wire, ZONE, "CAA")
        return (telling(PARENT, ISSUER) if known else failing(dns.rcode.SERVFAIL))(wire)

    for resolver, said in ((knows_one, "fail"), (knows_the_rest, "unknown")):
        async with climbing(lab, resolver, zone=f"eu.{ZONE}") as context:
            assert (await dns_caa(CAA, context)).said == said


async def test_before_the_switch_no_resolver_is_asked_and_what_was_heard_counts_with_its_age(
    lab: DnsLab,
) -> None:
    async with climbing(lab, telling(PARENT, ISSUER)) as context:
        grid = Grid((ZONE,), (), paused="the switch is next")
        paused = replace(context, live=replace(context.live, grid=grid))
        untold = await dns_caa(CAA, paused)
        assert untold.said == "unknown"
        assert untold.evidence.endswith("nor asks now: the switch is next")
        await dns_caa(CAA, context)
        lab.jump(90.0)
        told = await dns_caa(CAA, paused)
        assert told == ("pass", f"{PARENT} allows letsencrypt.org as heard 1 min 30 s ago")


async def test_an_alias_out_of_the_zone_brings_the_records_of_where_it_leads(lab: DnsLab) -> None:
    def aliased(wire: bytes) -> bytes:
        reply = reply_to(wire)
        reply.flags |= dns.flags.AA
        reply.answer = [dns.rrset.from_text(ZONE, 60, "IN", "CNAME", STRANGER)]
        return reply.to_wire()

    told = await judged(lab, telling(STRANGER, OTHER), aliased, aliased)
    assert told == ("fail", f"CAA at {STRANGER} allows pki.example, not letsencrypt.org")
