from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.commands.dns import code_of, look
from cockpit.commands.dns import run as command
from cockpit.commands.rehearse import begin_rehearsal
from cockpit.errors import Untold
from cockpit.propagation.answers import Cell, Grid
from cockpit.propagation.watch import PropagationWatch
from cockpit.rehearsal.spec import load
from cockpit.resources import shipped
from cockpit.runbook.targets import Authority, DnsTarget, Resolver, WatchedRecord
from tests.fakes.dns_lab import DnsLab, dns_lab, name_servers, runbook_of
from tests.fakes.dns_servers import (
    NEW,
    OLD,
    ZONE,
    Respond,
    Zone,
    is_for,
    own_net,
    reply_to,
    serving,
)
from tests.fakes.rehearsals import write_status


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0) as running:
        yield running


def states(grid: Grid, name: str) -> set[str]:
    (row,) = (row for row in grid.rows if row.name == name)
    return {cell.state for cell in row.cells}


async def test_before_the_switch_all_is_old_and_no_bound_is_claimed(lab: DnsLab) -> None:
    grid = await PropagationWatch(lab.target, lab.clock).look()
    assert (grid.switched_at, grid.bound, grid.share) == (None, None, 0.0)
    assert (grid.following, grid.counted) == (0, 21), "Office answers nothing, which is no success"
    assert states(grid, "Quad9") == {"old"}
    assert states(grid, "Office") == {"servfail"}


async def test_how_long_an_absence_is_kept_is_read_from_the_soa(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = await PropagationWatch(lab.target, lab.clock).look("nobody is asked")
    assert grid.absent_s == 900.0
    await look(runbook_of(lab.target), lab.clock, "new", once=True, as_json=False)
    assert "an absence is kept for up to 15 min" in capsys.readouterr().out


async def test_after_the_switch_the_bound_counts_from_the_last_authority_to_turn(
    lab: DnsLab,
) -> None:
    await lab.put(lab.spec.old, 60)
    watch = PropagationWatch(lab.target, lab.clock)
    await watch.look()
    await lab.put(lab.spec.new, 60, everywhere=False)
    first = await watch.look()
    assert first.switched_at is not None
    lab.jump(5.0)
    lab.authorities.secondary.zone = lab.authorities.primary.zone
    grid = await watch.look()
    turned = max(cell.at for row in grid.rows if row.name == "ns2" for cell in row.cells)
    assert grid.switched_at == first.switched_at
    assert grid.bound == pytest.approx(turned + 60.0)


async def test_a_whole_switch_shows_who_follows_and_who_holds_on(lab: DnsLab) -> None:
    await lab.put(lab.spec.old, 60)
    watch = PropagationWatch(lab.target, lab.clock)
    await watch.look()
    await lab.put(lab.spec.new, 60)
    grid = await watch.look()
    assert states(grid, "Quad9") == {"old"}
    lab.jump(80.0)
    grid = await watch.look()
    assert grid.bound is not None
    assert grid.bound < lab.clock.now()
    assert states(grid, "Quad9") == {"new"}
    assert states(grid, "Telekom") == {"old"}, "it raises TTLs, so its own bound is later"
    assert states(grid, "Hotel") == {"holds"}
    assert (grid.following, grid.counted) == (12, 21)
    assert grid.share == pytest.approx(12 / 21)
    lab.jump(900.0)
    assert states(await watch.look(), "Telekom") == {"new"}


async def test_an_honest_resolver_that_never_lets_go_is_found_out(tmp_path: Path) -> None:
    async with dns_lab(tmp_path, scenario="stuck-resolver", speed=1.0) as lab:
        await lab.put(lab.spec.old, 60)
        watch = PropagationWatch(lab.target, lab.clock)
        await watch.look()
        await lab.put(lab.spec.new, 60)
        await watch.look()
        lab.jump(70.0)
        lab.clock.map = replace(lab.clock.map, speed=60.0)
        grid = await watch.look()
        assert states(grid, "Vodafone") == {"holds"}


async def test_a_pause_leaves_the_resolvers_alone_and_keeps_what_they_said(lab: DnsLab) -> None:
    watch = PropagationWatch(lab.target, lab.clock)
    before = await watch.look()
    after = await watch.look("T-0 is near")
    assert after.paused == "T-0 is near"
    assert after.rows[2:] == before.rows[2:]
    assert after.rows[0].cells[0].at > before.rows[0].cells[0].at


async def test_the_way_back_waits_for_the_old_answer_with_a_bound_of_its_own(lab: DnsLab) -> None:
    await lab.put(lab.spec.old, 60)
    watch = PropagationWatch(lab.target, lab.clock)
    await watch.look()
    await lab.put(lab.spec.new, 60)
    await watch.look()
    lab.jump(70.0)
    await watch.look()
    watch.expect("old")
    assert (await watch.look("nobody is asked")).switched_at is None
    await lab.put(lab.spec.old, 60)
    grid = await watch.look()
    turned = max(cell.at for row in grid.rows[:2] for cell in row.cells)
    assert grid.wanted == "old"
    assert grid.bound == pytest.approx(turned + 60.0)
    assert states(grid, "Quad9") == {"new"}


async def test_after_a_jump_nothing_from_before_is_claimed(lab: DnsLab) -> None:
    watch = PropagationWatch(lab.target, lab.clock)
    await watch.look()
    await lab.put(lab.spec.new, 60)
    assert (await watch.look()).bound is not None
    watch.forget()
    grid = await watch.look("nobody is asked")
    assert (grid.bound, grid.share, grid.counted) == (None, None, 0)
    assert states(grid, "Quad9") == {"unasked"}


async def test_what_is_heard_while_the_clock_jumps_is_dropped(lab: DnsLab) -> None:
    watch = PropagationWatch(lab.target, lab.clock)
    looking = asyncio.create_task(watch.look())
    await asyncio.sleep(0)
    watch.forget()
    grid = await looking
    assert {cell.state for row in grid.rows for cell in row.cells} == {"unasked"}


async def test_an_engine_that_starts_again_knows_the_bound_from_its_journal(lab: DnsLab) -> None:
    await lab.put(lab.spec.new, 60)
    watch = PropagationWatch(lab.target, lab.clock)
    watch.resume(lab.clock.now() - 10.0, 60, lab.clock.now() - 5.0)
    grid = await watch.look()
    assert grid.switched_at == pytest.approx(lab.clock.now() - 10.0, abs=2.0)
    assert grid.bound == pytest.approx(lab.clock.now() + 55.0, abs=2.0)
    assert not grid.unknown


async def held_answer(lab: DnsLab, resolver: Respond) -> Cell:
    """What a watch says of one resolver after the bound of a switch."""
    net, zone = own_net(), Zone.at(OLD, 60)
    async with serving(f"{net}.1", zone.answer) as ns, serving(f"{net}.2", resolver) as port:
        target = DnsTarget(
            kind="dns",
            zone=ZONE,
            names=(ZONE,),
            old=OLD,
            new=NEW,
            provider="rfc2136",
            secret=lab.target.secret,
            authorities=(Authority(name="ns1", address=f"{net}.1", port=ns),),
            resolvers=(Resolver(name="one", address=f"{net}.2", port=port),),
        )
        watch = PropagationWatch(target, lab.clock)
        await watch.look("not yet")
        zone.put(NEW, 60)
        await watch.look("not yet")
        lab.jump(70.0)
        lab.clock.map = replace(lab.clock.map, speed=60.0)
        return (await watch.look()).rows[1].cells[0]


async def test_one_stale_answer_while_a_cache_refreshes_is_not_held_against_it(
    lab: DnsLab,
) -> None:
    held = [(OLD, 30), (NEW, 60)]

    def respond(wire: bytes) -> bytes:
        if not is_for(wire, ZONE, "A"):
            return reply_to(wire).to_wire()
        value, ttl = held.pop(0)
        return reply_to(wire, value, ttl=ttl).to_wire()

    assert (await held_answer(lab, respond)).state == "new"


async def test_an_old_answer_with_a_long_ttl_past_the_bound_holds_on(lab: DnsLab) -> None:
    cell = await held_answer(lab, lambda wire: reply_to(wire, OLD, ttl=1700).to_wire())
    assert cell.state == "holds"


BESIDE = (
    WatchedRecord(name=ZONE, type="AAAA"),
    WatchedRecord(name=f"www.{ZONE}", type="HTTPS", old=(f"1 . ipv4hint={OLD}",), new=()),
    WatchedRecord(name=f"shop.{ZONE}", type="CNAME", old=(f"www.{ZONE}",)),
    WatchedRecord(name=ZONE, type="CAA", old=("0 issue letsencrypt.org",)),
    WatchedRecord(name=ZONE, type="MX", old=(f"10 mail.{ZONE}",)),
    WatchedRecord(name=ZONE, type="TXT", old=("v=spf1 mx -all",)),
)


@asynccontextmanager
async def with_records(lab: DnsLab) -> AsyncIterator[tuple[Zone, DnsTarget]]:
    """One authority that also stands as a resolver, with everything that `BESIDE` declares."""
    net, zone = own_net(), Zone.at(OLD, 60)
    for name, kind, text in (
        (f"www.{ZONE}", "HTTPS", f'1 . ipv4hint="{OLD}"'),
        (f"shop.{ZONE}", "CNAME", f"www.{ZONE}"),
        (ZONE, "CAA", '0 issue "letsencrypt.org"'),
        (ZONE, "MX", f"10 mail.{ZONE}"),
        (ZONE, "TXT", '"v=spf1 " "mx -all"'),
    ):
        zone.records[name, kind] = 600, frozenset([text])
    async with (
        serving(f"{net}.1", zone.answer) as ns,
        serving(f"{net}.2", zone.answer) as port,
    ):
        yield (
            zone,
            DnsTarget(
                kind="dns",
                zone=ZONE,
                names=(ZONE,),
                old=OLD,
                new=NEW,
                provider="rfc2136",
                secret=lab.target.secret,
                authorities=(Authority(name="ns1", address=f"{net}.1", port=ns),),
                resolvers=(Resolver(name="one", address=f"{net}.2", port=port),),
                records=BESIDE,
            ),
        )


async def test_every_declared_record_is_a_column_with_what_it_must_say(lab: DnsLab) -> None:
    async with with_records(lab) as (zone, target):
        watch = PropagationWatch(target, lab.clock)
        before = await watch.look()
        for row in before.rows:
            assert [one.state for one in row.beside] == ["kept", "old", *["kept"] * 4]
            assert [one.state for one in row.cells] == ["old"], "they are in no share"
        assert before.beside[1].old == (f'1 . ipv4hint="{OLD}"',)
        del zone.records[f"www.{ZONE}", "HTTPS"]
        zone.records[ZONE, "AAAA"] = 600, frozenset(["2001:db8::66"])
        grid = await watch.look()
        assert [one.state for one in grid.rows[0].beside][:2] == ["other", "new"]
        assert grid.beside[1].bound == pytest.approx(lab.clock.now() + 600, abs=5.0)
        assert grid.switched_at is None, "a record beside the names is not the switch"
        assert code_of(grid) == 1


async def test_the_command_says_of_each_answer_what_else_it_told(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    async with with_records(lab) as (zone, target):
        zone.records[ZONE, "A"] = 60, frozenset((OLD, NEW))
        await look(runbook_of(target), lab.clock, "new", once=True, as_json=False)
    assert "one @: both in one answer" in capsys.readouterr().out


async def test_the_command_asks_no_resolver_while_the_run_must_not(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    runbook = runbook_of(lab.target)
    why = lambda: "no resolver is asked just before the switch"  # noqa: E731  # one line is enough
    assert await look(runbook, lab.clock, "new", why, once=True, as_json=False) == 0
    text = capsys.readouterr().out
    assert "no resolver is asked just before the switch" in text
    assert text.count("not asked yet") == 3 * len(lab.target.resolvers)


async def test_the_command_prints_declared_records_as_columns_and_in_json(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    async with with_records(lab) as (zone, target):
        runbook = runbook_of(target)
        assert await look(runbook, lab.clock, "new", once=True, as_json=False) == 0
        text = capsys.readouterr().out
        assert "@ AAAA" in text
        assert "shop CNAME" in text
        assert f'www.{ZONE} HTTPS: old 1 . ipv4hint="{OLD}", new nothing' in text
        assert f"{ZONE} AAAA: stays nothing" in text
        zone.records[ZONE, "TXT"] = 600, frozenset([f'"v=spf1 ip4:{OLD} -all"'])
        assert await look(runbook, lab.clock, "new", once=True, as_json=True) == 1
        grid = json.loads(capsys.readouterr().out)["grid"]
        assert [one["type"] for one in grid["beside"]] == [one.type for one in BESIDE]
        assert grid["rows"][0]["beside"][5]["answers"] == [f'"v=spf1 ip4:{OLD} -all"']
        assert grid["rows"][0]["beside"][5]["state"] == "other"


async def test_the_command_prints_the_grid_and_what_follows_from_it(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    runbook = runbook_of(lab.target)
    assert await look(runbook, lab.clock, "new", once=True, as_json=False) == 0
    text = capsys.readouterr().out
    assert "· old 3600 s" in text
    assert "Telekom (clamps)" in text
    assert "✗ SERVFAIL" in text
    assert "0% of users by weight lead to the new side (0 of 21 answers)" in text
    assert max(map(len, text.splitlines())) <= 80


async def test_the_command_gives_json_for_programs(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    await look(runbook_of(lab.target), lab.clock, "new", once=True, as_json=True)
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
    assert await look(runbook, lab.clock, "new", once=True, as_json=False) == 1
    text = capsys.readouterr().out
    assert "name servers do not agree: old at ns2" in text
    assert "name servers do not agree: new at ns1" in text
    assert "no resolver was asked" in text


@pytest.mark.parametrize(("host", "code"), [(109, 1), (99, 2)])
async def test_where_no_resolver_gives_an_answer_the_command_is_not_content(
    lab: DnsLab, capsys: pytest.CaptureFixture[str], host: int, code: int
) -> None:
    only = Resolver(name="Only", address=lab.spec.at(host), port=5300)
    runbook = runbook_of(replace(lab.target, resolvers=(only,)))
    assert await look(runbook, lab.clock, "new", once=True, as_json=False) == code
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
    assert code == 0
    assert "Swisscom CH" in text
    assert "0% of users by weight lead to the new side" in text
