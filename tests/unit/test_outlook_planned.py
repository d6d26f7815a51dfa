from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.clock import ClockMap
from cockpit.journal.state import LogLine, RunState, StepState
from cockpit.outlook import (
    log_words,
    off_as_planned,
    outlook,
    planned_at,
    step_names,
    switch_late_s,
    walked,
)
from cockpit.resources import shipped
from cockpit.runbook.load import load
from cockpit.runbook.model import Probe
from cockpit.runbook.words import Id, Offset, StepId, TargetId
from tests.fakes.screen_runbook import screen_runbook

BOOK = screen_runbook()
NEW = Probe(id=Id("new"), title="n", kind="http", target=TargetId("web"), after=StepId("open_new"))
OLD = Probe(id=Id("old"), title="o", kind="http", target=TargetId("web"), until=StepId("freeze"))
ALWAYS = Probe(id=Id("host"), title="h", kind="host", target=TargetId("host"))
T0 = 1_790_000_000.0


def at(**steps: str) -> RunState:
    told = {name: StepState(name, status) for name, status in steps.items()}  # type: ignore[arg-type]  # words of the test
    return RunState(steps=told, t0_planned=T0)


def off(probe: Probe, **steps: str) -> str:
    return off_as_planned(BOOK, at(**steps), probe)


@pytest.mark.parametrize("status", ["open", "skipped", "confirmed", "running"])
def test_a_service_is_off_as_planned_until_its_step_has_started_it(status: str) -> None:
    assert off(NEW, open_new=status) == "“New side opened” has not started it yet"


@pytest.mark.parametrize("status", ["unverified", "done", "failed", "in_doubt"])
def test_once_the_start_has_run_nothing_excuses_a_service_that_is_down(status: str) -> None:
    assert off(NEW, open_new=status) == ""


def test_the_step_back_that_undoes_the_start_makes_it_planned_again() -> None:
    assert off(NEW, open_new="done", back_rows="open") == ""
    assert off(NEW, open_new="done", back_rows="done") == "“Carry the rows back” has stopped it"


@pytest.mark.parametrize(
    ("status", "is_off"),
    [("open", False), ("running", True), ("done", True), ("failed", False), ("in_doubt", False)],
)
def test_a_service_is_off_as_planned_from_the_step_that_stops_it(status: str, is_off: bool) -> None:
    assert bool(off(OLD, freeze=status)) is is_off


def test_the_step_back_that_undoes_the_stop_wants_it_up_again() -> None:
    assert off(OLD, freeze="done", back_open="done") == ""


def test_a_service_without_a_step_is_never_off_as_planned() -> None:
    assert off(ALWAYS) == ""


def test_a_switch_is_late_from_its_planned_moment_until_it_happens() -> None:
    assert switch_late_s(at(), T0 - 1) is None
    assert switch_late_s(at(), T0 + 840) == 840
    assert switch_late_s(replace(at(), t0_actual=T0 + 900), T0 + 1000) is None
    assert switch_late_s(replace(at(), mode="call_off"), T0 + 840) is None


def test_a_step_after_the_switch_counts_from_the_moment_at_which_it_happened() -> None:
    phase = next(one for one in BOOK.procedure.phases if one.id == "watch")
    first, *others = phase.steps
    phases = [
        replace(one, steps=(replace(first, offset=Offset(0.0)), *others)) if one is phase else one
        for one in BOOK.procedure.phases
    ]
    book = replace(BOOK, procedure=replace(BOOK.procedure, phases=tuple(phases)))
    late = replace(at(switch="done"), t0_actual=T0 + 840)
    assert planned_at(book, late, book.step("switch")) == T0
    assert planned_at(book, late, book.step("errors")) == T0 + 840
    assert planned_at(book, at(), book.step("errors")) == T0


def test_a_log_line_calls_its_step_by_number_and_title() -> None:
    names = step_names(BOOK, at())
    line = LogLine(1, 0.0, "open_new · attempt 1 · done", "fine", "open_new")
    assert log_words(names, line) == "9 New side opened · attempt 1 · done"
    back = LogLine(2, 0.0, "back_rows · skipped by ops: none", "needs", "back_rows")
    assert log_words(names, back) == "Carry the rows back · skipped by ops: none"
    turned = replace(at(open_new="done"), mode="roll_back")
    number = [step.id for step in walked(BOOK, turned)].index(Id("back_rows")) + 1
    numbered = f"{number} Carry the rows back · skipped by ops: none"
    assert log_words(step_names(BOOK, turned), back) == numbered
    note = LogLine(3, 0.0, "noted by ops: open_new is next")
    assert log_words(names, note) == "noted by ops: open_new is next"


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_a_rollback_ends_after_what_its_steps_are_planned_for_however_time_is_compressed(
    speed: float,
) -> None:
    state = replace(
        at(switch="done", freeze="done", open_new="done"),
        mode="roll_back",
        clock=ClockMap(0, T0, speed),
    )
    ahead = outlook(BOOK, state, T0)
    assert ahead.ends_at is not None
    left = [line.step.estimate for line in ahead.lines() if line.status not in ("done", "skipped")]
    assert ahead.ends_at - T0 == sum(left) > 0


def test_the_templates_new_service_is_off_as_planned_until_its_step_starts_it() -> None:
    found = load(shipped("runbooks") / "template", "rehearsal").runbook
    assert found is not None
    (probe,) = (one for one in found.procedure.probes if one.side == "new")
    assert off_as_planned(found, at(), probe) == "“New service started” has not started it yet"
    assert off_as_planned(found, at(start_new="done"), probe) == ""
