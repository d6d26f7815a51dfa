from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import pytest

from cockpit.clock import live_clock
from cockpit.commands.dns import code_of, look
from cockpit.commands.dns import run as command
from cockpit.commands.dns_run import Known
from cockpit.commands.rehearse import begin_rehearsal
from cockpit.engine.dns_memory import zone_that_moves
from cockpit.errors import Untold
from cockpit.propagation import recall
from cockpit.propagation.watch import PropagationWatch
from cockpit.rehearsal.spec import load
from cockpit.resources import shipped
from cockpit.runbook.plan import load_plan
from cockpit.runbook.targets import Authority, Resolver
from tests.fakes.dns_lab import DnsLab, dns_lab, name_servers, runbook_of
from tests.fakes.dns_records import BESIDE, with_records
from tests.fakes.dns_servers import (
    NEW,
    OLD,
    ZONE,
    Zone,
    failing,
    is_for,
    own_net,
    serving,
)
from tests.fakes.rehearsals import write_status


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0) as running:
        yield running


async def test_the_command_says_of_each_answer_what_else_it_told(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    async with with_records(lab) as (zone, target):
        zone.records[ZONE, "A"] = 60, frozenset((OLD, NEW))
        await look(runbook_of(target), lab.clock, Known(), once=True)
        assert "one @: both in one answer" in capsys.readouterr().out
        zone.records[ZONE, "A"] = 60, frozenset((OLD, "203.0.113.66"))
        await look(runbook_of(target), lab.clock, Known(), once=True)
    assert "one @: in one answer: old, 203.0.113.66" in capsys.readouterr().out


async def test_the_command_says_why_a_record_beside_the_names_has_no_answer(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse = failing(dns.rcode.NOTIMP)
    async with with_records(lab) as (zone, target):

        def broken(wire: bytes) -> bytes | list[bytes] | None:
            if not is_for(wire, ZONE, "TXT"):
                return zone.answer(wire)
            return refuse(wire)

        net = own_net()
        async with serving(f"{net}.1", broken) as port:
            odd = Resolver(name="two", address=f"{net}.1", port=port)
            told = replace(target, resolvers=(*target.resolvers, odd))
            await look(runbook_of(told), lab.clock, Known(), once=True)
    assert "two @ TXT: NOTIMP" in capsys.readouterr().out.splitlines()


async def test_the_command_asks_no_resolver_while_the_run_must_not(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    runbook = runbook_of(lab.target)

    class Pausing(Known):
        def pause(self) -> str:
            return "no resolver is asked just before the switch"

    assert await look(runbook, lab.clock, Pausing(), once=True) == 0
    text = capsys.readouterr().out
    assert "no resolver is asked just before the switch" in text
    assert text.count("not asked yet") == 3 * len(lab.target.resolvers)


async def test_the_command_prints_declared_records_as_columns_and_in_json(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    async with with_records(lab) as (zone, target):
        runbook = runbook_of(target)
        assert await look(runbook, lab.clock, Known(), once=True) == 0
        text = capsys.readouterr().out
        assert "@ AAAA" in text
        assert "shop CNAME" in text
        assert f'www.{ZONE} HTTPS: old 1 . ipv4hint="{OLD}", new nothing' in text
        assert f"{ZONE} AAAA: stays nothing" in text
        zone.records[ZONE, "TXT"] = 600, frozenset([f'"v=spf1 ip4:{OLD} -all"'])
        assert await look(runbook, lab.clock, Known(), once=True, form="json") == 1
        grid = json.loads(capsys.readouterr().out)["grid"]
        assert [one["type"] for one in grid["beside"]] == [one.type for one in BESIDE]
        assert grid["rows"][0]["beside"][5]["answers"] == [f'"v=spf1 ip4:{OLD} -all"']
        assert grid["rows"][0]["beside"][5]["state"] == "other"


async def test_the_command_prints_the_grid_and_what_follows_from_it(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    runbook = runbook_of(lab.target)
    assert await look(runbook, lab.clock, Known(), once=True) == 0
    text = capsys.readouterr().out
    assert "· old 3600 s" in text
    assert "Telekom (clamps)" in text
    assert "✗ SERVFAIL" in text
    assert "0% of users by weight lead to the new side (0 of 21 answers)" in text
    assert max(map(len, text.splitlines())) <= 80


async def test_the_command_shows_an_answer_of_neither_side(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = "203.0.113.66"
    async with with_records(lab) as (zone, target):
        zone.records[ZONE, "A"] = 60, frozenset([stranger])
        zone.records[ZONE, "TXT"] = 60, frozenset(['"elsewhere"'])
        await look(runbook_of(target), lab.clock, Known(), once=True)
    lines = capsys.readouterr().out.splitlines()
    assert f"one @: gives {stranger}" in lines
    assert 'one @ TXT: gives "elsewhere"' in lines


async def test_the_command_gives_each_answer_in_detail_where_that_is_wanted(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    net, zone = own_net(), Zone.at(OLD, 60)

    def sited(wire: bytes) -> bytes:
        reply = dns.message.from_wire(zone.answer(wire))
        reply.use_edns(0, options=[dns.edns.NSIDOption(b"fra1")])
        return reply.to_wire()

    async with serving(f"{net}.1", sited) as port:
        only = Authority(name="one", address=f"{net}.1", port=port)
        target = replace(lab.target, names=(ZONE,), old=OLD, authorities=(only,), resolvers=())
        target = replace(target, zone=ZONE, records=())
        runbook = runbook_of(target)
        await look(runbook, lab.clock, Known(), once=True)
        plain = capsys.readouterr().out
        await look(runbook, lab.clock, Known(), once=True, form="details")
        told = capsys.readouterr().out
    shape = rf"^one \({re.escape(net)}.1\) @: old {OLD}, TTL 60, \d+ .+ left, heard \d+ s ago, "
    assert re.search(shape + r"in [\d.e+]+ ms, site fra1$", told, re.MULTILINE), told
    assert "fra1" not in plain


async def test_the_command_gives_json_for_programs(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    await look(runbook_of(lab.target), lab.clock, Known(), once=True, form="json")
    told = json.loads(capsys.readouterr().out)
    assert told["zone"] == "freshtrackpro.test."
    assert len(told["grid"]["rows"]) == 9


async def test_the_command_ends_by_what_the_authorities_say(lab: DnsLab) -> None:
    dead = Authority(name="ns2", address=lab.spec.at(99), port=5300)
    target = replace(lab.target, authorities=(lab.target.authorities[0], dead))
    watch = PropagationWatch(target, lab.clock)
    assert code_of(await watch.look("only the authorities")) == 2
    stranger = replace(lab.target, old="192.0.2.77")
    watch = PropagationWatch(stranger, lab.clock)
    assert code_of(await watch.look("only the authorities")) == 1


async def test_name_servers_that_give_both_sides_end_the_command_as_bad_and_are_named(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    await lab.put(lab.spec.new, 60, everywhere=False)
    runbook = runbook_of(replace(lab.target, resolvers=()))
    assert await look(runbook, lab.clock, Known(), once=True) == 1
    text = capsys.readouterr().out
    assert "name servers do not agree: old at ns2" in text
    assert "name servers do not agree: new at ns1" in text
    assert "no resolver was asked" in text


async def test_a_name_server_that_is_only_silent_is_not_said_to_disagree(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    dead = Authority(name="ns2", address=lab.spec.at(99), port=5300)
    target = replace(lab.target, authorities=(lab.target.authorities[0], dead), resolvers=())
    assert await look(runbook_of(target), lab.clock, Known(), once=True) == 2
    text = capsys.readouterr().out
    assert "do not agree" not in text
    assert "ns2 does not answer: whether the name servers agree is unknown" in text


@pytest.mark.parametrize(("host", "code"), [(109, 1), (99, 2)])
async def test_where_no_resolver_gives_an_answer_the_command_is_not_content(
    lab: DnsLab, capsys: pytest.CaptureFixture[str], host: int, code: int
) -> None:
    only = Resolver(name="Only", address=lab.spec.at(host), port=5300)
    runbook = runbook_of(replace(lab.target, resolvers=(only,)))
    assert await look(runbook, lab.clock, Known(), once=True) == code
    assert "no resolver was asked" not in capsys.readouterr().out


async def test_the_command_looks_at_the_rehearsal_under_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shipped("runbooks") / "freshtrack"
    with pytest.raises(Untold, match="no rehearsal of freshtrack is under way"):
        command(folder, "rehearsal", once=True, as_json=False)
    going = begin_rehearsal(folder, "calm", 60.0, 1)
    with pytest.raises(Untold, match="the lab of the rehearsal under way is down"):
        command(folder, "rehearsal", once=True, as_json=False)
    write_status(going.lab, "up")
    async with name_servers(load(going.lab)):
        code = await asyncio.to_thread(command, folder, "rehearsal", once=True, as_json=False)
        text = capsys.readouterr().out
        runbook = load_plan(folder, "rehearsal", going.about().given).runbook
        watch = PropagationWatch(zone_that_moves(runbook), live_clock())
        recall.write(going.propagation, replace(watch.remembered(), switched_at=7.0))
        await asyncio.to_thread(command, folder, "rehearsal", once=True, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["grid"]["switched_at"] == 7.0, "the run knows it"
    assert code == 0
    assert "Swisscom CH" in text
    assert "0% of users by weight lead to the new side" in text
