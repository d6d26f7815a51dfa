from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import dns.flags
import dns.message
import dns.rrset
import pytest

from cockpit.checks.dns import dns_answer
from cockpit.clock import live_clock
from cockpit.commands.dns import code_of
from cockpit.propagation.ask import Server, ask
from cockpit.propagation.classify import Reply
from cockpit.propagation.reading import REFERRAL, STRAY
from cockpit.propagation.volley import volley
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.checks import DnsAnswerCheck
from cockpit.runbook.targets import Resolver
from cockpit.runbook.words import Id, TargetId
from tests.fakes.dns_lab import DnsLab, dns_lab
from tests.fakes.dns_records import with_records
from tests.fakes.dns_servers import NEW, ZONE, Respond, is_for, own_net, reply_to, serving

NAME = f"www.{ZONE}"
NS = dns.rrset.from_text(ZONE, 60, "IN", "NS", f"ns1.{ZONE}")
SOA = dns.rrset.from_text(ZONE, 60, "IN", "SOA", f"ns1.{ZONE} host.{ZONE} 1 3600 600 604800 30")
ALIAS = dns.rrset.from_text(NAME, 60, "IN", "CNAME", "elsewhere.test.")
STRANGER = dns.rrset.from_text("elsewhere.test.", 60, "IN", "A", NEW)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0, resolvers=False) as running:
        yield running


def answering(
    wire: bytes, *, answer: tuple[dns.rrset.RRset, ...] = (), beside: tuple[dns.rrset.RRset, ...]
) -> dns.message.Message:
    reply = reply_to(wire)
    reply.flags |= dns.flags.AA
    reply.answer.extend(answer)
    reply.authority.extend(beside)
    return reply


async def told(
    answer: tuple[dns.rrset.RRset, ...],
    beside: tuple[dns.rrset.RRset, ...],
    *,
    authoritative: bool = False,
) -> tuple[str, str]:
    """What is made of such a response, by either way of asking."""
    address = f"{own_net()}.1"

    def respond(wire: bytes) -> bytes:
        return answering(wire, answer=answer, beside=beside).to_wire()

    async with serving(address, respond) as port:
        server = Server(address, port, authoritative)
        alone = await ask(server, NAME, "A", live_clock())
        (among,) = await volley([(server, NAME, "A")], live_clock(), 2.0)
    assert isinstance(among, Reply)
    assert (among.outcome, among.note) == (alone.outcome, alone.note)
    return among.outcome, among.note


@pytest.mark.parametrize("authoritative", [False, True])
async def test_a_referral_and_records_of_others_are_no_word_that_there_are_none(
    *, authoritative: bool
) -> None:
    assert await told((), (NS,), authoritative=authoritative) == ("error", REFERRAL)
    assert await told((STRANGER,), (), authoritative=authoritative) == ("error", STRAY)
    assert await told((), (SOA, NS), authoritative=authoritative) == ("answer", "")
    assert await told((), (), authoritative=authoritative) == ("answer", "")


async def test_an_alias_that_leads_out_of_a_zone_is_the_authoritys_whole_answer() -> None:
    assert await told((ALIAS,), (NS,), authoritative=True) == ("answer", "")
    assert await told((ALIAS,), (NS,)) == ("error", REFERRAL), "a resolver has to follow it"
    assert await told((ALIAS, STRANGER), (NS,)) == ("answer", "")


async def test_who_refers_to_others_does_not_show_that_a_record_has_gone(lab: DnsLab) -> None:
    refers, stray = own_net(), own_net()

    async with with_records(lab) as (zone, target):

        def instead(*answer: dns.rrset.RRset, beside: tuple[dns.rrset.RRset, ...] = ()) -> Respond:
            def respond(wire: bytes) -> bytes:
                if is_for(wire, NAME, "HTTPS"):
                    return answering(wire, answer=answer, beside=beside).to_wire()
                return zone.answer(wire)

            return respond

        async with (
            serving(f"{refers}.1", instead(beside=(NS,))) as ns,
            serving(f"{stray}.1", instead(STRANGER)) as one,
        ):
            (known,) = target.authorities
            lame = replace(known, name="ns2", address=f"{refers}.1", port=ns)
            odd = Resolver(name="two", address=f"{stray}.1", port=one)
            both = replace(target, authorities=(known, lame), resolvers=(odd,))
            grid = await PropagationWatch(both, lab.clock).look()
            check = DnsAnswerCheck(
                id=Id("a"), title="", kind="dns_answer", target=TargetId("zone"), answer="old"
            )
            finding = await dns_answer(check, lab.checking(target=both))
    hints = {row.name: row.beside[1] for row in grid.rows}
    assert [hints[name].state for name in ("ns1", "ns2", "two")] == ["old", "error", "error"]
    assert hints["ns2"].note == REFERRAL
    assert code_of(grid) == 1
    assert finding.said == "fail"
    assert f"ns2 gives error for {NAME} HTTPS" in finding.evidence
