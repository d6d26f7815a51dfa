from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.commands.dns import code_of, look
from cockpit.commands.dns_details import notes
from cockpit.commands.dns_run import Known
from cockpit.propagation.answers import Grid, Row
from cockpit.propagation.convergence import late
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.targets import Authority, Resolver
from tests.fakes.dns_lab import DnsLab, dns_lab, runbook_of
from tests.fakes.dns_records import with_records
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
from tests.fakes.dns_targets import dns_target


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


async def test_what_nobody_saw_turn_is_not_called_the_switch_but_where_its_step_has_begun(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    await lab.put(lab.spec.new, 60)
    watch = PropagationWatch(lab.target, lab.clock)
    for _ in range(2):
        grid = await watch.look()
        assert (grid.switched_at, grid.bound, grid.expected) == (None, None, None)
        assert grid.unknown.startswith("since when the new answer is given is unknown")
    assert await look(runbook_of(lab.target), lab.clock, Known(), once=True) == 0
    assert "since when the new answer is given is unknown" in capsys.readouterr().out
    watch.expect("new", begun=True)
    assert (await watch.look()).switched_at is not None


async def test_how_long_an_absence_is_kept_is_read_from_the_soa(
    lab: DnsLab, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = await PropagationWatch(lab.target, lab.clock).look("nobody is asked")
    assert grid.absent_s == 900.0
    await look(runbook_of(lab.target), lab.clock, Known(), once=True)
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
    own = {row.name: row.own_bound for row in grid.rows if row.own_bound is not None}
    assert own == {"Telekom": grid.longest_bound}
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


class Two:
    """Two name servers, of which the second one follows late or keeps silent, and a cache."""

    def __init__(self) -> None:
        self.net = own_net()
        self.first, self.second, self.held = (Zone.at(OLD, 20) for _ in range(3))
        self.answers = True

    def respond(self, wire: bytes) -> bytes | None:
        return self.second.answer(wire) if self.answers else None

    @asynccontextmanager
    async def watched(self, lab: DnsLab) -> AsyncIterator[PropagationWatch]:
        async with (
            serving(f"{self.net}.1", self.first.answer) as ns1,
            serving(f"{self.net}.2", self.respond) as ns2,
            serving(f"{self.net}.3", self.held.answer) as one,
        ):
            target = dns_target(
                secret=lab.target.secret,
                authorities=(
                    Authority(name="ns1", address=f"{self.net}.1", port=ns1),
                    Authority(name="ns2", address=f"{self.net}.2", port=ns2),
                ),
                resolvers=(Resolver(name="one", address=f"{self.net}.3", port=one),),
                names=(ZONE,),
                provider="rfc2136",
            )
            yield PropagationWatch(target, lab.clock, deadline_s=0.2)


async def test_no_end_is_promised_while_a_name_server_that_last_gave_old_is_silent(
    lab: DnsLab,
) -> None:
    two = Two()
    async with two.watched(lab) as watch:
        await watch.look("not yet")
        two.first.put(NEW, 20)
        two.answers = False
        lab.jump(30.0)
        grid = await watch.look("not yet")
        assert grid.switched_at is not None
        assert (grid.bound, grid.longest_bound, grid.expected) == (None, None, None)
        assert f"ns2 ({two.net}.2) was not seen to turn, and silent now" in grid.unknown
        two.answers = True
        grid = await watch.look("not yet")
        assert grid.bound == pytest.approx(grid.rows[1].cells[0].at + 20.0)
        two.second.put(NEW, 20)
        grid = await watch.look("not yet")
        turned, two.answers = grid.bound, False
        grid = await watch.look("not yet")
        assert (grid.bound, grid.unknown) == (turned, ""), "it had turned before it fell silent"


async def test_no_end_is_promised_while_a_name_server_was_never_heard(lab: DnsLab) -> None:
    two = Two()
    two.answers = False
    async with two.watched(lab) as watch:
        await watch.look("not yet")
        two.first.put(NEW, 20)
        await watch.look("not yet")
        lab.jump(30.0)
        grid = await watch.look()
        assert grid.switched_at is not None
        assert (grid.bound, grid.longest_bound) == (None, None)
        assert states(grid, "one") == {"old"}, "it may have it from ns2 just now"
        assert f"ns2 ({two.net}.2) was not seen to turn, and silent now" in grid.unknown
        two.answers = True
        two.second.put(NEW, 20)
        grid = await watch.look("not yet")
        heard = grid.rows[1].cells[0].at
        assert grid.bound == pytest.approx(heard + 20.0), "until just now it may have given old"
        two.answers = False
        grid = await watch.look("not yet")
        assert not grid.unknown
        assert grid.bound == pytest.approx(heard + 20.0)


async def held_row(lab: DnsLab, resolver: Respond) -> Row:
    """What a watch says of one resolver after the bound of a switch."""
    net, zone = own_net(), Zone.at(OLD, 60)
    async with serving(f"{net}.1", zone.answer) as ns, serving(f"{net}.2", resolver) as port:
        target = dns_target(
            secret=lab.target.secret,
            authorities=(Authority(name="ns1", address=f"{net}.1", port=ns),),
            resolvers=(Resolver(name="one", address=f"{net}.2", port=port),),
            names=(ZONE,),
            provider="rfc2136",
        )
        watch = PropagationWatch(target, lab.clock)
        await watch.look("not yet")
        zone.put(NEW, 60)
        await watch.look("not yet")
        lab.jump(70.0)
        lab.clock.map = replace(lab.clock.map, speed=60.0)
        return (await watch.look()).rows[1]


def giving(*held: tuple[tuple[str, ...], int]) -> Respond:
    """A resolver that gives these values with these TTLs, one after the other."""
    left = list(held)

    def respond(wire: bytes) -> bytes:
        if not is_for(wire, ZONE, "A"):
            return reply_to(wire).to_wire()
        values, ttl = left.pop(0)
        return reply_to(wire, *values, ttl=ttl).to_wire()

    return respond


async def test_one_stale_answer_while_a_cache_refreshes_is_not_held_against_it(
    lab: DnsLab,
) -> None:
    row = await held_row(lab, giving(((OLD,), 30), ((NEW,), 60)))
    assert row.cells[0].state == "new"
    told = "\n".join(notes(Grid((ZONE,), (row,)), ZONE))
    assert told.startswith(("one @: it gave the old answer before", "one @: one cache"))


async def test_past_the_bound_a_second_answer_from_another_cache_is_said_to_be_one(
    lab: DnsLab,
) -> None:
    row = await held_row(lab, giving(((OLD,), 30), ((NEW,), 10)))
    told = "\n".join(notes(Grid((ZONE,), (row,)), ZONE))
    assert told == "one @: another cache behind this address gave the old answer just before"


@pytest.mark.parametrize(
    ("ttls", "kind"), [((30, 30), "stale"), ((20, 18), "violators"), ((1700,), "violators")]
)
async def test_past_the_bound_a_second_answer_tells_who_serves_stale_from_who_keeps_it(
    lab: DnsLab, ttls: tuple[int, ...], kind: str
) -> None:
    row = await held_row(lab, giving(*(((OLD,), ttl) for ttl in ttls)))
    assert row.cells[0].state == "holds"
    assert getattr(late([row]), kind) == ("one",)


@pytest.mark.parametrize("ttls", [(20, 18), (30, 30), (1700,)])
async def test_a_strangers_address_beside_the_old_one_is_still_shown_past_the_bound(
    lab: DnsLab, ttls: tuple[int, ...]
) -> None:
    row = await held_row(lab, giving(*(((OLD, "203.0.113.66"), ttl) for ttl in ttls)))
    assert row.cells[0].state == "holds"
    told = "\n".join(notes(Grid((ZONE,), (row,)), ZONE))
    assert told.startswith("one @: in one answer: old, 203.0.113.66")


async def test_a_cache_that_serves_stale_is_one_cache_however_often_it_is_asked(
    lab: DnsLab,
) -> None:
    net, zone = own_net(), Zone.at(OLD, 20)

    def stale(wire: bytes) -> bytes:
        if not is_for(wire, ZONE, "A"):
            return zone.answer(wire)
        return reply_to(wire, OLD, ttl=30).to_wire()

    async with serving(f"{net}.1", zone.answer) as ns, serving(f"{net}.2", stale) as port:
        target = dns_target(
            authorities=(Authority(name="ns1", address=f"{net}.1", port=ns),),
            resolvers=(Resolver(name="one", address=f"{net}.2", port=port),),
            names=(ZONE,),
        )
        watch = PropagationWatch(target, lab.clock)
        for _ in range(6):
            grid = await watch.look()
            lab.jump(5.0)
        (_, row) = grid.rows
        assert (row.caches, row.about) == (1, 1)
        zone.put(NEW, 20)
        watch.expect("new", begun=True)
        grid = await watch.look()
    assert grid.switched_at is not None
    assert grid.cache_share == 0.0


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
