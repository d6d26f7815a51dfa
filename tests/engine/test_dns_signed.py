from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from cockpit.checks.signed import dns_signed
from cockpit.propagation.answers import Grid
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.checks import DnsSignedCheck
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from cockpit.runbook.words import Duration, Id, TargetId
from tests.fakes.dns_lab import DnsLab, dns_lab
from tests.fakes.dns_servers import is_for, own_net, serving

ZONE = "freshtrackpro.test."
SIGNED = DnsSignedCheck(
    id=Id("signed"),
    title="",
    kind="dns_signed",
    target=TargetId("zone"),
    valid_for=Duration(86400.0),
)
GOOD_UNTIL = "20280115090000"


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0, resolvers=False) as running:
        yield running


SIGNED_SETS = {
    "A": "192.0.2.1",
    "DNSKEY": "257 3 13 AAAA",
    "SOA": "ns1.freshtrackpro.test. host.freshtrackpro.test. 7 3600 600 604800 60",
}


def signed(ends: str) -> Callable[[bytes], bytes]:
    """An authority with a key, whose answers are signed until then."""

    def respond(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        (question,) = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        if kind in SIGNED_SETS:
            text = f"{kind} 13 3 60 {ends} 20270101000000 1 freshtrackpro.test. AAAA"
            made = dns.rrset.from_text(question.name, 60, "IN", kind, SIGNED_SETS[kind])
            reply.answer.append(made)
            if ends:
                reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "RRSIG", text))
        return reply.to_wire()

    return respond


def proving_or_not(respond: Callable[[bytes], bytes], *, proves: bool) -> Callable[[bytes], bytes]:
    """A resolver that says AD of all its answers, where it is asked to, or of none."""

    def resolve(wire: bytes) -> bytes:
        reply = dns.message.from_wire(respond(wire))
        if proves and dns.message.from_wire(wire).flags & dns.flags.AD:
            reply.flags |= dns.flags.AD
        return reply.to_wire()

    return resolve


@pytest.mark.parametrize(
    ("ends", "said", "words"),
    [
        ("20270115090000", "fail", "signed; the first signature runs out at 2027-01-15 09:00:00"),
        ("20280115090000", "pass", "signed; the first signature runs out at 2028-01-15 09:00:00"),
        ("", "fail", "the zone has keys, and no signature for api.freshtrackpro.test. A at ns1"),
    ],
)
async def test_signatures_are_told_by_when_they_run_out(
    lab: DnsLab, ends: str, said: str, words: str
) -> None:
    net = own_net()
    async with (
        serving(f"{net}.1", signed(ends)) as port,
        serving(f"{net}.2", proving_or_not(signed(ends), proves=True)) as prover,
    ):
        one = Authority(name="ns1", address=f"{net}.1", port=port)
        proving = Resolver(name="proving", address=f"{net}.2", port=prover)
        target = replace(lab.target, authorities=(one,), resolvers=(proving,))
        finding = await dns_signed(SIGNED, lab.checking(target=target))
    assert (finding.said, finding.evidence.startswith(words)) == (said, True), finding


async def test_signatures_that_no_resolver_proved_are_unknown_and_any_of_many_may_prove_them(
    lab: DnsLab,
) -> None:
    net = own_net()
    zone_signed = signed("20280115090000")
    async with (
        serving(f"{net}.1", zone_signed) as port,
        serving(f"{net}.2", proving_or_not(zone_signed, proves=False)) as plain,
        serving(f"{net}.3", proving_or_not(zone_signed, proves=True)) as prover,
    ):
        one = Authority(name="ns1", address=f"{net}.1", port=port)
        plains = tuple(
            Resolver(name=f"plain{at}", address=f"{net}.2", port=plain) for at in range(6)
        )
        proving = Resolver(name="proving", address=f"{net}.3", port=prover)
        target = replace(lab.target, authorities=(one,), resolvers=())

        async def told(*resolvers: Resolver, paused: str = "") -> tuple[str, str]:
            asked = replace(target, resolvers=resolvers)
            grid = Grid(target.names, (), paused=paused)
            return await dns_signed(SIGNED, lab.checking(grid, target=asked))

        for resolvers, paused, why in (
            ((), "", "none of 0 resolvers says AD"),
            (plains, "", "none of 6 resolvers says AD"),
            (
                (proving,),
                "T-0 is near",
                "none of 0 resolvers said AD, and none is asked now",
            ),
        ):
            said, evidence = await told(*resolvers, paused=paused)
            assert said == "unknown"
            assert evidence.endswith(f"; nobody validated: {why}")
        said, evidence = await told(*plains, proving)
        assert (said, evidence.endswith("; validated by proving")) == ("pass", True)


async def test_an_unsigned_zone_is_said_to_be(lab: DnsLab) -> None:
    finding = await dns_signed(SIGNED, lab.checking())
    assert finding == ("pass", "the zone is not signed; the lab plays no parent zone")


def ds_of(key: str) -> str:
    made = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DNSKEY, key)
    return str(dns.dnssec.make_ds(dns.name.from_text(ZONE), made, "SHA256"))


def vouching(*records: str) -> Callable[[bytes], bytes]:
    """A server of the parent with these DS records."""

    def respond(wire: bytes) -> bytes:
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        if records and is_for(wire, ZONE, "DS"):
            reply.answer.append(dns.rrset.from_text(ZONE, 60, "IN", "DS", *records))
        return reply.to_wire()

    return respond


def refusing(wire: bytes) -> bytes:
    reply = dns.message.make_response(dns.message.from_wire(wire))
    reply.set_rcode(dns.rcode.REFUSED)
    return reply.to_wire()


@asynccontextmanager
async def with_parent(
    lab: DnsLab, zone: Callable[[bytes], bytes] | None, parent: Callable[[bytes], bytes]
) -> AsyncIterator[DnsTarget]:
    """The lab's zone, or another one, below a parent zone with one server; no resolver."""
    net, target = own_net(), replace(lab.target, resolvers=())
    async with (
        serving(f"{net}.1", zone or refusing) as port,
        serving(f"{net}.2", parent) as above,
    ):
        if zone is not None:
            one = Authority(name="ns1", address=f"{net}.1", port=port)
            target = replace(target, authorities=(one,))
        yield replace(target, parents=(Authority(name="up", address=f"{net}.2", port=above),))


OWN, OTHER = SIGNED_SETS["DNSKEY"], "257 3 13 BBBB"


@pytest.mark.parametrize("paused", ["", "T-0 is near"])
@pytest.mark.parametrize(
    ("zone", "has"), [(None, "has no keys"), (signed(GOOD_UNTIL), "has other keys")]
)
async def test_a_parent_that_vouches_for_keys_the_zone_has_not_is_said_loudly_at_any_time(
    lab: DnsLab, zone: Callable[[bytes], bytes] | None, has: str, paused: str
) -> None:
    async with with_parent(lab, zone, vouching(ds_of(OTHER))) as target:
        grid = Grid(target.names, (), paused=paused)
        finding = await dns_signed(SIGNED, lab.checking(grid, target))
    assert finding.said == "fail"
    assert finding.evidence.startswith("BOGUS for everyone who validates: the parent has DS")
    assert f"the zone {has}" in finding.evidence


async def test_a_parents_word_that_fits_is_said_with_the_signatures(lab: DnsLab) -> None:
    ds = (ds_of(OTHER), ds_of(OWN))  # the next key is announced, or the former one still is
    async with with_parent(lab, signed(GOOD_UNTIL), vouching(*ds)) as target:
        finding = await dns_signed(SIGNED, lab.checking(target=target))
    assert "the parent's DS is that of one of its keys" in finding.evidence
    async with with_parent(lab, signed(GOOD_UNTIL), vouching()) as target:
        finding = await dns_signed(SIGNED, lab.checking(target=target))
    assert "the parent has no DS record, so resolvers take it for unsigned" in finding.evidence


async def test_an_unsigned_zone_is_good_only_where_its_parent_is_heard_to_have_no_ds(
    lab: DnsLab,
) -> None:
    async with with_parent(lab, None, vouching()) as target:
        finding = await dns_signed(SIGNED, lab.checking(target=target))
        assert finding.said == "pass"
        assert finding.evidence.endswith("1 of 1 of the parent's servers have no DS record for it")
    async with with_parent(lab, None, refusing) as target:
        context = lab.checking(target=target)
        profile = replace(context.runbook.profile, environment="staging")
        runbook = replace(context.runbook, profile=profile)
        finding = await dns_signed(SIGNED, replace(context, runbook=runbook))
        assert finding.said == "unknown"
        assert finding.evidence.endswith("has a DS record none of 1 of its servers tells")


@pytest.mark.parametrize(("proves", "said"), [(True, "pass"), (False, "unknown")])
async def test_in_a_pause_the_last_sweep_says_with_its_age_who_proved_the_answers(
    lab: DnsLab, said: str, *, proves: bool
) -> None:
    net, asked = own_net(), 0

    def resolve(wire: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return proving_or_not(signed(GOOD_UNTIL), proves=proves)(wire)

    async with (
        with_parent(lab, signed(GOOD_UNTIL), vouching(ds_of(OWN))) as bare,
        serving(f"{net}.1", resolve) as port,
    ):
        target = replace(bare, resolvers=(Resolver(name="proving", address=f"{net}.1", port=port),))
        watch = PropagationWatch(target, lab.clock)
        await watch.look()
        before = asked
        grid = await watch.look("T-0 is near")
        lab.jump(120.0)
        finding = await dns_signed(SIGNED, lab.checking(grid, target))
        assert asked == before, "no resolver is asked in the pause"
    assert finding.said == said
    if proves:
        assert "; validated by proving, as heard 2 min" in finding.evidence
        assert finding.evidence.endswith("ago (T-0 is near)")
    else:
        why = "none of 1 resolver said AD, and none is asked now"
        assert finding.evidence.endswith(f"nobody validated: {why}")


async def test_in_a_pause_a_resolver_that_refused_the_zone_as_bogus_still_closes_the_gate(
    lab: DnsLab,
) -> None:
    net = own_net()

    def validating(wire: bytes) -> bytes:
        reply = dns.message.from_wire(signed(GOOD_UNTIL)(wire))
        if not dns.message.from_wire(wire).flags & dns.flags.CD:
            reply.answer.clear()
            reply.set_rcode(dns.rcode.SERVFAIL)
        return reply.to_wire()

    async with (
        with_parent(lab, signed(GOOD_UNTIL), vouching(ds_of(OWN))) as bare,
        serving(f"{net}.1", validating) as port,
    ):
        target = replace(bare, resolvers=(Resolver(name="v", address=f"{net}.1", port=port),))
        watch = PropagationWatch(target, lab.clock)
        await watch.look()
        grid = await watch.look("T-0 is near")
        finding = await dns_signed(SIGNED, lab.checking(grid, target))
    assert finding.said == "fail"
    assert finding.evidence.startswith("validating resolvers refuse the zone: v not proved by")
    assert finding.evidence.endswith("ago (T-0 is near)")
