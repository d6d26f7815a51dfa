from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.answer import Answer
from cockpit.checks.base import CheckContext
from cockpit.checks.dns import dns_ttl
from cockpit.commands.dns import _opened, as_text, look
from cockpit.commands.dns_run import KnownToEnded, KnownToRun
from cockpit.engine.dns_memory import DnsMemory, evidence, zone_that_moves
from cockpit.journal import events as e
from cockpit.journal.clock import JournalClock
from cockpit.journal.file import JournalReader
from cockpit.journal.state import AttemptState, RunState, StepState
from cockpit.propagation import former
from cockpit.propagation.answers import Cell, Row
from cockpit.propagation.courtesy import Courtesy
from cockpit.propagation.memory import LOOKS_KEPT, LOOKS_WRITTEN, Memory
from cockpit.propagation.providers.base import record_set
from cockpit.propagation.recall import Found, Heard
from cockpit.propagation.watch import PropagationWatch
from cockpit.redact import Redactor
from cockpit.resources import shipped
from cockpit.runbook.checks import DnsTtlCheck
from cockpit.runbook.model import Runbook
from cockpit.runbook.plan import load_plan
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from cockpit.runbook.words import Duration, Id, TargetId
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live
from cockpit.timewords import moment
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import NAMES, NEW, OLD, Zone, own_net, reply_to, serving
from tests.fakes.dns_targets import dns_target
from tests.fakes.written_runs import WrittenRun

NOON = 1_800_000_000.0
NOBODY = "nobody is asked"
ZONE_ID = TargetId("zone")
LOW = DnsTtlCheck(
    id=Id("low"), title="", kind="dns_ttl", target=ZONE_ID, at_most=Duration(60.0), resolvers=True
)


async def somewhere() -> Found:
    return Found(("192.0.2.9",), "")


class Clock(JournalClock):
    """A run clock that stands still but for what a test adds."""

    def __init__(self, folder: Path) -> None:
        (folder / "journal.jsonl").touch()
        super().__init__(JournalReader(folder / "journal.jsonl", ""))
        self.at = NOON

    def now(self) -> float:
        return self.at

    @property
    def speed(self) -> float:
        return 1000.0


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@asynccontextmanager
async def two(late: Zone, early: Zone) -> AsyncIterator[tuple[DnsTarget, Zone]]:
    """Two authorities, and a resolver that answers as a zone of its own says."""
    net, cache = own_net(), Zone.at(OLD, 60)
    async with (
        serving(f"{net}.1", early.answer) as one,
        serving(f"{net}.2", late.answer) as other,
        serving(f"{net}.3", cache.answer) as port,
    ):
        yield (
            dns_target(
                authorities=(
                    Authority(name="ns1", address=f"{net}.1", port=one),
                    Authority(name="ns2", address=f"{net}.2", port=other),
                ),
                resolvers=(Resolver(name="one", address=f"{net}.3", port=port),),
            ),
            cache,
        )


def book_of(target: DnsTarget) -> Runbook:
    """The shipped runbook, whose only target is this one."""
    book = load_plan(shipped("runbooks") / "freshtrack", "staging", {}).runbook
    (name,) = (name for name, one in book.profile.targets.items() if one.kind == "dns")
    return replace(book, profile=replace(book.profile, targets={name: target}))


async def test_an_engine_that_starts_again_knows_the_last_turn_and_not_the_first(
    clock: Clock, tmp_path: Path
) -> None:
    early, late, memory = Zone.at(OLD, 60), Zone.at(OLD, 60), DnsMemory(tmp_path / "dns", clock)
    async with two(late, early) as (target, _):
        watch = PropagationWatch(target, clock)
        await watch.look()
        early.put(NEW, 60)
        first = await watch.look()
        clock.at += 40
        late.put(NEW, 60)
        before = await watch.look()
        await memory.keep(watch)
        clock.at += 25
        again = PropagationWatch(target, clock)
        DnsMemory(tmp_path / "dns", clock).load(again)
        assert again.remembered() == watch.remembered(), "caches and all"
        again.resume(first.switched_at or 0.0, 60)
        after = await again.look()
        assert before.bound == NOON + 100
        assert (after.bound, after.switched_at, after.unknown) == (NOON + 100, NOON, "")
        states = {cell.state for row in after.rows for cell in row.cells if row.name == "one"}
        assert states == {"old"}, "an honest cache that has its TTL yet is not accused"
        assert after.rows[2].caches >= before.rows[2].caches > 0


async def test_an_authority_that_turned_while_the_engine_was_gone_is_counted_from_its_return(
    clock: Clock, tmp_path: Path
) -> None:
    early, late, memory = Zone.at(OLD, 60), Zone.at(OLD, 60), DnsMemory(tmp_path / "dns", clock)
    async with two(late, early) as (target, _):
        watch = PropagationWatch(target, clock)
        await watch.look()
        early.put(NEW, 60)
        await watch.look()
        await memory.keep(watch)
        late.put(NEW, 60)
        clock.at += 500
        again = PropagationWatch(target, clock)
        memory.load(again)
        again.resume(NOON, 60)
        assert (await again.look()).bound == NOON + 560


async def test_who_looks_beside_a_run_is_told_what_the_run_knows(
    clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    early, late, path = Zone.at(OLD, 60), Zone.at(OLD, 60), tmp_path / "dns"
    async with two(late, early) as (target, _):
        book = book_of(target)
        watch = PropagationWatch(target, clock)
        await watch.look()
        for zone in (early, late):
            zone.put(NEW, 60)
        engine = await watch.look()
        await DnsMemory(path, clock).keep(watch)
        clock.at += 90
        await look(book, clock, KnownToRun(book, clock, path), once=True, form="json")
        beside = json.loads(capsys.readouterr().out)["grid"]
    assert (beside["switched_at"], beside["bound"]) == (engine.switched_at, engine.bound)
    assert {cell["state"] for cell in beside["rows"][2]["cells"]} == {"holds"}


async def test_after_a_rollback_that_has_ended_the_old_answer_is_the_one_expected(
    clock: Clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    back = StepState("back_switch_dns", "done", (AttemptState(1, "done", "", "", 0.0),))
    state = RunState(
        t0_actual=NOON, mode="roll_back", ended="rolled_back", steps={"back_switch_dns": back}
    )
    early, late, path = Zone.at(NEW, 60), Zone.at(NEW, 60), tmp_path / "dns"
    async with two(late, early) as (target, cache):
        watch = PropagationWatch(target, clock)
        watch.expect("old", begun=True)
        await watch.look()
        for zone in (early, late):
            zone.put(OLD, 60)
        engine = await watch.look()
        await DnsMemory(path, clock).keep(watch)
        clock.at += 90
        cache.put(NEW, 40)
        texts = []
        for asked, memory in (
            (target, path),
            (target, tmp_path / "none"),
            (replace(target, new="192.0.2.77"), path),
        ):
            book = book_of(asked)
            await look(book, clock, KnownToEnded(book, clock, state, memory), once=True)
            texts.append(capsys.readouterr().out)
    assert f"follows by {moment(engine.bound)} (" in texts[0]
    assert "new, holds on" in texts[0]
    sides = [re.findall("lead to the (.*) side", text) for text in texts]
    assert sides == [["old"], ["old"], ["new"]], "with other values another switch is meant"


def test_the_command_knows_the_last_run_that_ended_where_none_is_under_way() -> None:
    folder = shipped("runbooks") / "freshtrack"
    assert not isinstance(_opened(folder, "staging")[2], KnownToEnded)
    run = WrittenRun("staging")
    run.done("back_switch_dns")
    run.write(e.TurnedBack("roll_back", "rehearsed"))
    run.write(e.RunEnded("rolled_back"))
    run.close()
    book, clock, known = _opened(folder, "staging")
    assert clock.speed == 1.0
    assert isinstance(known, KnownToEnded)
    watch = PropagationWatch(replace(zone_that_moves(book), own_resolvers=False), clock)
    known.tell(watch)
    assert watch.remembered().wanted == "old"


async def test_without_a_memory_the_bound_is_late_and_said_to_be_unknown_never_early(
    clock: Clock, tmp_path: Path
) -> None:
    async with two(Zone.at(NEW, 60), Zone.at(NEW, 60)) as (target, _):
        watch = PropagationWatch(target, clock)
        DnsMemory(tmp_path / "none", clock).load(watch)
        watch.resume(NOON - 600, 60)
        clock.at += 3
        grid = await watch.look()
        assert grid.bound == NOON + 63
        assert "unknown since the engine was gone" in grid.unknown
        states = {cell.state for row in grid.rows for cell in row.cells if row.name == "one"}
        assert states == {"old"}


async def test_a_ttl_lowered_late_counts_after_a_restart_as_it_did_before(clock: Clock) -> None:
    async with two(Zone.at(NEW, 60), Zone.at(NEW, 60)) as (target, _):
        watch = PropagationWatch(target, clock)
        watch.resume(NOON, 60, NOON + 5, [(3600, NOON - 100)])
        assert (await watch.look()).bound == NOON + 3500


async def test_an_engine_that_dies_in_the_pause_leaves_the_last_sweep_to_the_next_one(
    clock: Clock, tmp_path: Path
) -> None:
    net = own_net()
    async with (
        two(Zone.at(OLD, 60), Zone.at(OLD, 60)) as (honest, _),
        serving(f"{net}.1", lambda wire: reply_to(wire, OLD, ttl=60).to_wire()) as port,
    ):
        liar = Resolver(name="liar", address=f"{net}.1", port=port)
        target = replace(honest, resolvers=(*honest.resolvers, liar))
        watch, memory = PropagationWatch(target, clock), DnsMemory(tmp_path / "dns", clock)
        await watch.look()
        await memory.keep(watch)
        clock.at += 20
        swept = await watch.look()
        clock.at += 5
        before = await watch.look(NOBODY)
        await memory.keep(watch)  # which is at once, though it was written just now
        clock.at += 40
        again = PropagationWatch(target, clock)
        DnsMemory(tmp_path / "dns", clock).load(again)
        after = await again.look(NOBODY)
        assert after.rows[2].cells == before.rows[2].cells == swept.rows[2].cells
        assert after.rows[3].left_out == before.rows[3].left_out != ""
        assert (after.share, after.asked_at) == (before.share, NOON + 25)
        (told,) = (
            one for one in as_text(after, target, clock.at, ascii_only=True) if NOBODY in one
        )
        assert told == f"{NOBODY}; resolvers as heard 45 s ago"
        never = await PropagationWatch(target, clock).look(NOBODY)
        assert f"{NOBODY}; none was asked before" in as_text(
            never, target, clock.at, ascii_only=True
        )
        live = Live(engine_pid=0, boot_ns=0, grid=after)
        secrets = Secrets({}, Redactor())
        context = CheckContext(runbook_of(target), clock, secrets, RunState(), live, None)
        finding = await dns_ttl(LOW, context)
        assert finding.said == "pass"
        assert "resolvers as heard 45 s ago" in finding.evidence


async def test_a_resolvers_history_goes_on_where_the_engine_before_left_it(
    clock: Clock, tmp_path: Path
) -> None:
    async with two(Zone.at(OLD, 60), Zone.at(OLD, 60)) as (target, cache):
        watch, memory = PropagationWatch(target, clock), DnsMemory(tmp_path / "dns", clock)
        await watch.look()
        cache.put(NEW, 60)
        clock.at += 61
        before = (await watch.look()).rows[2]
        await memory.keep(watch)
        clock.at += 30
        again = PropagationWatch(target, clock)
        memory.load(again)
        after = (await again.look()).rows[2]
        moved = PropagationWatch(replace(target, new="192.0.2.77"), clock)
        memory.load(moved)
        other = (await moved.look(NOBODY)).rows[2]
    assert before.history == ("old", "new")
    assert after.history == ("old", "new", "new")
    assert after.history_at[:2] == before.history_at
    assert other.history == (), "of other values it says nothing"


def test_the_history_on_disk_is_bounded_however_many_resolvers_there_are() -> None:
    for many, each in ((3, LOOKS_KEPT), (500, LOOKS_WRITTEN // 500), (LOOKS_WRITTEN + 1, 0)):
        memory, again = Memory(), Memory()
        rows = [Row(f"r{at}", "", "", "resolver", "honest", 1.0, ()) for at in range(many)]
        for at in range(LOOKS_KEPT + 5 if many < 1000 else 1):
            cells = (Cell("old", at=NOON + at),)
            memory.hear((replace(row, cells=cells) for row in rows), NAMES[:1], {})
        written = memory.looks()
        assert {len(one.states) for one in written} == ({each} if each else set())
        again.looked(written)
        assert again.looks() == written


async def test_where_another_zones_name_led_is_known_to_the_next_engine(
    clock: Clock, tmp_path: Path
) -> None:
    first, second = Courtesy(), Courtesy()
    async with two(Zone.at(OLD, 60), Zone.at(OLD, 60)) as (target, _):
        watch, memory = PropagationWatch(target, clock), DnsMemory(tmp_path / "dns", clock, first)
        await watch.look()
        await memory.keep(watch)
        await first.led("elsewhere.test.", clock, somewhere)
        await memory.keep(watch)  # which is at once
        DnsMemory(tmp_path / "dns", clock, second).load(PropagationWatch(target, clock))
    assert second.last_led("elsewhere.test.") == Heard("elsewhere.test.", await somewhere(), NOON)


async def test_the_last_sweep_says_nothing_of_values_that_are_no_more_asked_about(
    clock: Clock, tmp_path: Path
) -> None:
    memory = DnsMemory(tmp_path / "dns", clock)
    async with two(Zone.at(OLD, 60), Zone.at(OLD, 60)) as (target, _):
        watch = PropagationWatch(target, clock)
        await watch.look()
        await memory.keep(watch)
        again = PropagationWatch(replace(target, new="192.0.2.77"), clock)
        memory.load(again)
        grid = await again.look(NOBODY)
        assert {cell.state for cell in grid.rows[2].cells} == {"unasked"}


async def test_a_clamp_that_was_learned_outlasts_the_engine(clock: Clock, tmp_path: Path) -> None:
    early, late = Zone.at(OLD, 60), Zone.at(OLD, 60)
    async with two(late, early) as (target, cache):
        watch = PropagationWatch(target, clock)
        for ttl in (500, 900, 500, 900):
            cache.put(OLD, ttl)
            await watch.look()
            clock.at += ttl + 1
        memory = DnsMemory(tmp_path / "dns", clock)
        await memory.keep(watch)
        again = PropagationWatch(target, clock)
        memory.load(again)
        early.put(NEW, 60)
        late.put(NEW, 60)
        for one in (watch, again):
            grid = await one.look(NOBODY)
            assert grid.bound is not None
            assert grid.longest_bound == (await watch.look(NOBODY)).longest_bound


async def test_what_cannot_be_read_or_is_of_other_names_claims_nothing(
    clock: Clock, tmp_path: Path
) -> None:
    async with two(Zone.at(OLD, 60), Zone.at(OLD, 60)) as (target, _):
        watch = PropagationWatch(target, clock)
        await watch.look()
        memory = DnsMemory(tmp_path / "dns", clock)
        await memory.keep(watch)
        other = PropagationWatch(replace(target, names=NAMES[:1]), clock)
        memory.load(other)
        assert other.remembered().known == ()
        (tmp_path / "dns").write_bytes(b"{")
        damaged = PropagationWatch(target, clock)
        memory.load(damaged)
        assert damaged.remembered().known == ()


async def test_it_is_written_when_an_authority_turns_and_else_seldom(
    clock: Clock, tmp_path: Path
) -> None:
    early, late, path = Zone.at(OLD, 60), Zone.at(OLD, 60), tmp_path / "dns"
    async with two(late, early) as (target, _):
        watch, memory = PropagationWatch(target, clock), DnsMemory(path, clock)
        await watch.look()
        await memory.keep(watch)
        path.unlink()
        await watch.look()
        await memory.keep(watch)
        assert not path.exists()
        early.put(NEW, 60)
        await watch.look()
        await memory.keep(watch)
        assert path.exists()
        missing = DnsMemory(tmp_path / "no" / "folder", clock)
        await missing.keep(watch)  # a disk that takes nothing stops no engine


class Ticking(Clock):
    """One whose real seconds stand still, too."""

    ran = 1000.0

    def real(self) -> float:
        return self.ran


async def test_while_a_switch_spreads_it_is_written_every_few_seconds(tmp_path: Path) -> None:
    clock, path = Ticking(tmp_path), tmp_path / "dns"
    early, late = Zone.at(OLD, 60), Zone.at(OLD, 60)
    async with two(late, early) as (target, cache):
        watch, memory = PropagationWatch(target, clock), DnsMemory(path, clock)

        async def written(after: float) -> bool:
            clock.ran += after
            path.unlink(missing_ok=True)
            await watch.look()
            await memory.keep(watch)
            return path.exists()

        await written(0.0)
        early.put(NEW, 60)
        late.put(NEW, 60)
        assert await written(0.0), "an authority turned"
        cache.put(NEW, 60)
        clock.at += 70
        assert [await written(4.0), await written(2.0)] == [False, True], "one more follows"
        assert [await written(6.0), await written(25.0)] == [False, True], "nothing is new"


def test_the_journal_shows_by_when_all_name_servers_were_seen_to_lead_to_the_new_side() -> None:
    book = load_plan(shipped("runbooks") / "freshtrack", "staging", {}).runbook
    was = {
        ttl: former.as_json([record_set("a.test.", "A", ("192.0.2.1",), ttl)]) for ttl in (60, 3600)
    }
    verified = Answer("dns_answers_new", "", "pass", "", NOON + 9)
    switch = AttemptState(1, "done", "", "", 0.0, recorded={"former": was[60]})
    lower = AttemptState(1, "done", "", "", 0.0, recorded={"former": was[3600]})
    state = RunState(
        t0_actual=NOON,
        steps={
            "lower_ttl": StepState("lower_ttl", "done", (lower,), NOON - 900),
            "switch_dns": StepState("switch_dns", "done", (switch,)),
        },
    )
    unseen = evidence(book, state, NOON + 50)
    assert unseen is not None
    assert (unseen.ttl, unseen.turned_by, unseen.longer) == (60, None, ((3600, NOON - 900),))
    switch = replace(switch, answers=(verified,))
    steps = {**state.steps, "switch_dns": StepState("switch_dns", "done", (switch,))}
    seen = evidence(book, replace(state, steps=steps), NOON + 50)
    assert seen is not None
    assert seen.turned_by == NOON + 9
    assert evidence(book, replace(state, t0_actual=None), NOON) is None
