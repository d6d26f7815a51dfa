from __future__ import annotations

from cockpit.engine.world import SPREAD_S, spreads, switches
from cockpit.journal.state import RunState, StepState
from tests.fakes.screen_runbook import screen_runbook

BOOK = screen_runbook()
SWITCH = BOOK.t0_step.id
NOW = 1_790_000_000.0


def after(*steps: str) -> RunState:
    return RunState(steps={one: StepState(one, "done") for one in steps})


def test_before_the_switch_the_authorities_are_asked_now_and_then() -> None:
    others = tuple(step.id for step in BOOK.steps() if step.id != SWITCH)
    assert not switches(BOOK, after(*others))


def test_from_the_switch_on_they_are_asked_every_second() -> None:
    assert switches(BOOK, after(SWITCH))
    assert spreads(None, NOW)


def test_while_caches_may_still_hold_the_former_answer_they_are_asked_every_second() -> None:
    assert spreads(NOW + 60, NOW)
    assert spreads(NOW - SPREAD_S + 1, NOW)


def test_long_after_the_last_cache_had_to_let_go_now_and_then_will_do() -> None:
    assert not spreads(NOW - SPREAD_S, NOW)
