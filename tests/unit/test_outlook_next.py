from __future__ import annotations

from dataclasses import replace

from cockpit.journal.state import RunState, StepState
from cockpit.outlook import held_up_by, outlook
from tests.fakes.screen_runbook import screen_runbook

DONE, SKIPPED = "done", "skipped"


def at(**steps: str) -> RunState:
    told = {name: StepState(name, status) for name, status in steps.items()}  # type: ignore[arg-type]  # words of the test
    return RunState(steps=told, t0_planned=1_790_000_000.0)


def next_after(**steps: str) -> str | None:
    found = outlook(screen_runbook(), at(**steps), 1_790_000_000.0).next
    return found.step.id if found else None


def test_the_first_step_that_is_not_settled_comes_next() -> None:
    assert next_after() == "announce"
    assert next_after(announce=DONE) == "lower_ttl"


def test_a_skipped_step_comes_next_where_the_next_one_waits_for_it() -> None:
    assert next_after(announce=DONE, lower_ttl=SKIPPED) == "lower_ttl"


def test_a_skipped_step_does_not_count_as_done() -> None:
    found = outlook(screen_runbook(), at(announce=DONE, lower_ttl=SKIPPED), 1_790_000_000.0)
    assert found.done == 1


def test_what_stays_closed_for_a_step_is_all_that_needs_it_and_what_needs_that() -> None:
    runbook = screen_runbook()
    shut = [step.id for step in held_up_by(runbook, at(announce=DONE), "lower_ttl")]
    assert shut[0] == "back_up"
    assert "switch" in shut
    assert "announce" not in shut


def test_a_rollbacks_step_that_was_skipped_comes_next_too() -> None:
    done = at(lower_ttl=DONE, freeze=DONE, switch=DONE)
    back = [line.step.id for line in outlook(screen_runbook(), turned(done), 0.0).lines()]
    first, second = back[:2]
    state = turned(at(lower_ttl=DONE, freeze=DONE, switch=DONE, **{first: SKIPPED}))
    found = outlook(screen_runbook(), state, 0.0).next
    assert found is not None
    assert found.step.id == first
    assert second in [step.id for step in held_up_by(screen_runbook(), state, first)]


def turned(state: RunState) -> RunState:
    return replace(state, mode="roll_back")
