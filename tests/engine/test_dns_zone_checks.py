from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from cockpit.checks import caa, zone
from cockpit.checks.provider import dns_provider
from cockpit.clock import live_clock
from cockpit.commands.dns import look
from cockpit.commands.dns_run import Known
from cockpit.errors import TargetError
from cockpit.journal.state import RunState
from cockpit.propagation.answers import Grid
from cockpit.propagation.delegation import unlisted
from cockpit.propagation.providers.base import as_kept
from cockpit.propagation.watch import PropagationWatch
from cockpit.propagation.wholezone import holding
from cockpit.rehearsal.zone import read_zone, write_zone
from cockpit.runbook.checks import (
    DnsCaaCheck,
    DnsProviderCheck,
    DnsZoneCheck,
)
from cockpit.runbook.targets import Authority, WatchedRecord
from cockpit.runbook.words import Duration, Id, TargetId
from tests.fakes.dns_lab import DnsLab, dns_lab, runbook_of
from tests.fakes.dns_servers import OLD, Zone, own_net, serving
from tests.fakes.dns_targets import dns_target

ZONE = TargetId("zone")
QUIET = DnsZoneCheck(id=Id("quiet"), title="", kind="dns_quiet", target=ZONE)
AGREE = DnsZoneCheck(id=Id("agree"), title="", kind="dns_agree", target=ZONE)
HITS = DnsZoneCheck(id=Id("hits"), title="", kind="dns_old_address", target=ZONE)
CAA = DnsCaaCheck(id=Id("caa"), title="", kind="dns_caa", target=ZONE, issuer="letsencrypt.org")


def keeps(ttl: float) -> DnsProviderCheck:
    return DnsProviderCheck(
        id=Id("keeps"), title="", kind="dns_provider", target=ZONE, ttl=Duration(ttl)
    )


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0) as running:
        yield running


def add(lab: DnsLab, *lines: str, secondary: bool = True) -> None:
    """More records in the zone of both servers."""
    text = "\n".join((write_zone(lab.authorities.primary.zone), *lines))
    lab.authorities.primary.zone = read_zone(text, lab.spec.zone)
    if secondary:
        lab.authorities.secondary.zone = lab.authorities.primary.zone


async def test_a_switch_that_is_out_at_one_name_server_is_not_kept_waiting_for_its_rest(
    lab: DnsLab,
) -> None:
    grid = await PropagationWatch(lab.target, lab.clock).look()
    out = replace(lab.checking(grid), state=RunState(t0_actual=lab.clock.now()))
    assert (await zone.dns_quiet(QUIET, out)).said == "pass"
    assert (await zone.dns_quiet(QUIET, lab.checking(grid))).said == "fail"


async def test_the_switch_waits_until_no_cache_can_hold_an_answer_to_our_own_question(
    lab: DnsLab,
) -> None:
    await lab.put(lab.spec.old, 60)
    watch = PropagationWatch(lab.target, lab.clock)
    asked = await watch.look()
    finding = await zone.dns_quiet(QUIET, lab.checking(asked))
    assert finding.said == "fail"
    lab.jump(300.0)
    quiet = await watch.look("T-0 is near")
    finding = await zone.dns_quiet(QUIET, lab.checking(quiet))
    assert finding.said == "fail", "until the pause began, anything may have asked"
    lab.jump(59.0)
    assert (await zone.dns_quiet(QUIET, lab.checking(quiet))).said == "fail"
    lab.jump(2.0)
    finding = await zone.dns_quiet(QUIET, lab.checking(await watch.look("T-0 is near")))
    assert finding.said == "pass"
    assert finding.evidence.endswith("the TTL is 1 min")
    with pytest.raises(TargetError):
        await zone.dns_quiet(QUIET, lab.checking(Grid(lab.target.names, ())))


async def test_servers_that_agree_pass_and_a_serial_behind_fails(lab: DnsLab) -> None:
    finding = await zone.dns_agree(AGREE, lab.checking())
    assert finding == ("pass", "serial 1 at 2 name servers; the lab plays no parent zone")
    await lab.put(lab.spec.old, 60, everywhere=False)
    finding = await zone.dns_agree(AGREE, lab.checking())
    late = "who missed the notice follows within 1 h"
    assert finding == ("fail", f"serials differ: 1, 2; {late}")


async def test_a_lame_server_fails_and_a_silent_one_leaves_it_open(lab: DnsLab) -> None:
    (cloudflare, *_) = lab.target.resolvers
    lame = Authority(name="ns3", address=cloudflare.address, port=cloudflare.port)
    target = replace(lab.target, authorities=(*lab.target.authorities, lame))
    finding = await zone.dns_agree(AGREE, lab.checking(target=target))
    assert finding.said == "fail"
    assert "answers without authority" in finding.evidence
    dead = replace(lame, address=lab.spec.at(99))
    target = replace(lab.target, authorities=(*lab.target.authorities, dead))
    assert (await zone.dns_agree(AGREE, lab.checking(target=target))).said == "unknown"


async def test_what_was_asked_of_a_part_of_the_name_servers_is_no_agreement(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = lab.target.authorities
    part = replace(lab.target, authorities=(first,), resolvers=())
    missing = f"ns2.{lab.spec.zone} ({second.address})"
    finding = await zone.dns_agree(AGREE, lab.checking(target=part))
    assert finding.said == "unknown"
    assert finding.evidence.startswith("serial 1 at 1 name server;")
    told = f"not asked, since the profile leaves them out: {missing}"
    assert finding.evidence.endswith(told)
    watch = PropagationWatch(part, lab.clock)
    assert (await watch.look("nobody is asked")).unlisted == (missing,)
    await look(runbook_of(part), lab.clock, Known(), once=True)
    assert told in capsys.readouterr().out.splitlines()
    whole = await PropagationWatch(lab.target, lab.clock).look("nobody is asked")
    assert whole.unlisted == ()


async def test_a_name_server_of_another_zone_counts_as_listed_by_its_name() -> None:
    net, served = own_net(), Zone.at(OLD)
    served.servers = ("ns1.provider.test.", "ns2.provider.test.")
    async with serving(f"{net}.1", served.answer) as port:
        one = Authority(name="NS1.provider.test", address=f"{net}.1", port=port)
        two = replace(one, name="ns2", address=f"{net}.2")
        clock = live_clock()
        assert await unlisted(dns_target((one, two), ()), clock, 0.5) == ()
        assert await unlisted(dns_target((one,), ()), clock, 0.5) == ("ns2.provider.test.",)
        assert await unlisted(dns_target((two,), ()), clock, 0.2) is None, "nobody named any"


def parent_of(lab: DnsLab, *servers: str, glue: str) -> Callable[[bytes], bytes]:
    def respond(wire: bytes) -> bytes:
        reply = dns.message.make_response(dns.message.from_wire(wire))
        reply.authority.append(dns.rrset.from_text(lab.spec.zone, 3600, "IN", "NS", *servers))
        reply.additional.append(dns.rrset.from_text(servers[0], 3600, "IN", "A", glue))
        return reply.to_wire()

    return respond


async def test_the_parents_delegation_and_glue_must_match(lab: DnsLab) -> None:
    right = (f"ns1.{lab.spec.zone}", f"ns2.{lab.spec.zone}")
    net = own_net()

    async def told(*servers: str, glue: str) -> tuple[str, str]:
        async with serving(f"{net}.1", parent_of(lab, *servers, glue=glue)) as port:
            parent = Authority(name="parent", address=f"{net}.1", port=port)
            target = replace(lab.target, parents=(parent,))
            return await zone.dns_agree(AGREE, lab.checking(target=target))

    assert (await told(*right, glue=lab.spec.at(53)))[0] == "pass"
    said, evidence = await told(*right, glue="192.0.2.99")
    assert (said, "its glue 192.0.2.99" in evidence) == ("fail", True)
    said, evidence = await told("elsewhere.test.", glue="192.0.2.99")
    assert (said, "names elsewhere.test., the zone" in evidence) == ("fail", True)


async def test_one_of_several_parent_servers_that_differs_fails_and_a_silent_one_is_named(
    lab: DnsLab,
) -> None:
    right = (f"ns1.{lab.spec.zone}", f"ns2.{lab.spec.zone}")
    net = own_net()
    good = parent_of(lab, *right, glue=lab.spec.at(53))
    bad = parent_of(lab, "elsewhere.test.", glue="192.0.2.99")
    async with serving(f"{net}.1", good) as one, serving(f"{net}.2", bad) as two:
        parents = (
            Authority(name="a", address=f"{net}.1", port=one),
            Authority(name="b", address=f"{net}.2", port=two),
            Authority(name="c", address=f"{net}.3", port=two),
        )
        told = await zone.dns_agree(
            AGREE, lab.checking(target=replace(lab.target, parents=parents))
        )
        assert told.said == "fail"
        assert f"b ({net}.2) names elsewhere.test." in told.evidence
        fewer = replace(lab.target, parents=(parents[0], parents[2]))
        told = await zone.dns_agree(AGREE, lab.checking(target=fewer))
        assert told.said == "pass"
        assert "1 of 2 of the parent's name the same 2; c does not tell" in told.evidence
        grid = await PropagationWatch(fewer, lab.clock).look("nobody is asked")
        assert [one.fits for one in grid.parents] == [True, None]


async def test_mail_that_moves_along_with_a_name_is_said(lab: DnsLab) -> None:
    add(lab, f"{lab.spec.zone} 60 IN MX 10 www.{lab.spec.zone}")
    finding = await zone.dns_old_address(HITS, lab.checking())
    assert finding.said == "pass"
    assert f"they move along: {lab.spec.zone} MX 10 www.{lab.spec.zone}" in finding.evidence


async def test_an_ipv6_address_of_the_old_side_is_searched_for_where_it_is_declared(
    lab: DnsLab,
) -> None:
    add(lab, f"mail.{lab.spec.zone} 60 IN AAAA 2001:db8::10")
    moves = WatchedRecord(name=lab.spec.zone, type="AAAA", old=("2001:DB8::10",), new=())
    target = replace(lab.target, records=(moves,))
    finding = await zone.dns_old_address(HITS, lab.checking(target=target))
    assert finding.said == "fail"
    assert f"mail.{lab.spec.zone} AAAA 2001:db8::10" in finding.evidence


@pytest.mark.parametrize("record", ["AAAA 2001:db8::10", 'HTTPS 1 . alpn="h2"', "SVCB 1 new.test."])
async def test_what_leads_users_of_a_name_that_moves_must_be_declared(
    lab: DnsLab, record: str
) -> None:
    www, (kind, value) = f"www.{lab.spec.zone}", record.split(" ", 1)
    add(lab, f"{www} 60 IN {record}", f"mail.{lab.spec.zone} 60 IN {record}")
    finding = await zone.dns_old_address(HITS, lab.checking())
    assert finding.said == "fail"
    assert f"not declared in `records`: {www} {record}" in finding.evidence
    assert "mail." not in finding.evidence, "that one stays, and does not move"
    stays = WatchedRecord(name=www.upper(), type=kind, old=(value,))  # type: ignore[arg-type]
    target = replace(lab.target, records=(*lab.target.records, stays))
    assert (await zone.dns_old_address(HITS, lab.checking(target=target))).said == "pass"


async def test_every_other_record_with_the_old_address_is_listed(lab: DnsLab) -> None:
    finding = await zone.dns_old_address(HITS, lab.checking())
    assert finding.said == "pass", finding.evidence
    old = lab.spec.old
    add(
        lab,
        f"mail.{lab.spec.zone} 60 IN A {old}",
        f'{lab.spec.zone} 60 IN TXT "v=spf1 ip4:{old} -all"',
        f"www.{lab.spec.zone} 60 IN HTTPS 1 . ipv4hint={old}",
        f"*.{lab.spec.zone} 60 IN A {old}",
    )
    finding = await zone.dns_old_address(HITS, lab.checking())
    assert finding.said == "fail"
    for word in ("mail.", "v=spf1", "ipv4hint", "*."):
        assert word in finding.evidence


async def test_a_text_that_stays_is_still_listed_where_it_holds_the_old_address(
    lab: DnsLab,
) -> None:
    old, spf = lab.spec.old, f'"v=spf1 IP4:{lab.spec.old} -all"'
    add(lab, f"{lab.spec.zone} 60 IN TXT {spf}")
    stays = WatchedRecord(name=lab.spec.zone, type="TXT", old=(spf,))
    for record in (stays, replace(stays, old=('"another"',), new=())):
        target = replace(lab.target, records=(record,))
        finding = await zone.dns_old_address(HITS, lab.checking(target=target))
        assert finding.said == "fail", "what stays, or was not declared, does not go"
        assert f"holds {old}: {lab.spec.zone} TXT {spf}" in finding.evidence
    target = replace(lab.target, records=(replace(stays, new=('"v=spf1 -all"',)),))
    finding = await zone.dns_old_address(HITS, lab.checking(target=target))
    assert finding.said == "pass", finding.evidence
    assert f"and what is declared to change hold {old}" in finding.evidence
    assert f"declared to change: {lab.spec.zone} TXT {spf}" in finding.evidence


def test_an_spf_record_counts_in_either_case_and_however_its_strings_are_cut() -> None:
    records = [
        as_kept("a.test", "TXT", ['"v=spf1 IP4:192.0.2.0/24 -all"'], 60),
        as_kept("b.test", "TXT", ['"v=spf1 ip4:192.0." "2.10 -all"'], 60),
        as_kept("c.test", "TXT", ['"v=spf1 Ip4:192.0.3.0/24 -all"'], 60),
        as_kept("d.test", "TXT", ['"origin=192.0.2.10;port=443"'], 60),
    ]
    found = [one.name for one, _ in holding(records, "192.0.2.10")]
    assert found == ["a.test.", "b.test.", "d.test."]


def test_an_spf_range_counts_and_a_longer_number_does_not() -> None:
    records = [
        as_kept("a.test", "TXT", ['"v=spf1 ip4:192.0.2.0/24 -all"'], 60),
        as_kept("b.test", "A", ["192.0.2.100"], 60),
        as_kept("c.test", "AAAA", ["2001:db8:0::1"], 60),
        as_kept("d.test", "TXT", ['"ip4:nonsense"'], 60),
    ]
    assert [one.name for one, _ in holding(records, "192.0.2.10")] == ["a.test."]
    assert [one.name for one, _ in holding(records, "2001:DB8::1")] == ["c.test."]


async def test_a_transfer_that_is_refused_leaves_it_open(lab: DnsLab) -> None:
    target = replace(lab.target, key_name="another")
    with pytest.raises(TargetError):
        await zone.dns_old_address(HITS, lab.checking(target=target))


async def test_caa_climbs_and_names_who_may_issue(lab: DnsLab) -> None:
    finding = await caa.dns_caa(CAA, lab.checking())
    assert finding.said == "pass"
    assert "has no CAA record" in finding.evidence
    add(lab, f'{lab.spec.zone} 60 IN CAA 0 issue "letsencrypt.org; validationmethods=dns-01"')
    assert (await caa.dns_caa(CAA, lab.checking())).said == "pass"
    add(lab, f'www.{lab.spec.zone} 60 IN CAA 0 issue "pki.example"')
    finding = await caa.dns_caa(CAA, lab.checking())
    assert finding.said == "fail"
    assert "allows pki.example, not letsencrypt.org" in finding.evidence


async def test_what_is_kept_must_be_what_is_served_and_the_ttl_possible(lab: DnsLab) -> None:
    assert (await dns_provider(keeps(60.0), lab.checking())).said == "pass"
    finding = await dns_provider(keeps(0.5), lab.checking())
    assert finding == ("fail", "rfc2136 keeps no TTL below 1 s")
    await lab.put(lab.spec.new, 60, everywhere=False)
    finding = await dns_provider(keeps(60.0), lab.checking())
    assert finding.said == "fail"
    assert "proxied, or not yet everywhere" in finding.evidence
