from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.engine.pause import pause
from cockpit.engine.proposals import kept_for
from cockpit.journal.state import AttemptState, RunState, StepState, StepStatus
from cockpit.probes.scrape import parse
from cockpit.propagation.answers import Grid
from cockpit.propagation.forecast import kept_words
from cockpit.resources import shipped
from cockpit.runbook.model import Signal
from cockpit.runbook.plan import load_plan
from cockpit.runbook.words import Id, TargetId
from cockpit.telemetry.live import Live
from cockpit.telemetry.sources import elsewhere, elsewhere_column
from cockpit.timewords import lasting

SIGNAL = Signal(id=Id("share"), title="", kind="share", target=TargetId("old"), limit=0.5)
MOVING = frozenset(("example.com", "www.example.com"))
COUNTED = """\
http_requests_total{host="example.com",status="200"} 5
http_requests_total{host="WWW.example.com.:443",status="200"} 7
http_requests_total{host="old-host.provider.test",status="200"} 3
"""


def test_who_calls_the_old_host_by_another_name_is_counted_apart() -> None:
    assert elsewhere([SIGNAL], parse(COUNTED), MOVING) == {elsewhere_column(SIGNAL): 3.0}


def test_a_page_that_does_not_say_the_name_tells_nothing_of_it() -> None:
    assert elsewhere([SIGNAL], parse('http_requests_total{status="200"} 5\n'), MOVING) == {}


def test_nobody_asks_a_resolver_from_the_step_before_the_switch_until_it_is_seen() -> None:
    book = load_plan(shipped("runbooks") / "freshtrack", "staging", {}).runbook
    before = {one: StepState(one, status="done") for one in book.needs(book.t0_step)}
    ready = RunState(steps=before)
    assert pause(book, ready).startswith("no resolver is asked just before the switch")
    assert pause(book, RunState()) == ""
    waiting: tuple[StepStatus, ...] = ("running", "unverified", "in_doubt", "failed", "open")
    for status in waiting:
        tried = AttemptState(1, status, "", "", 0.0)
        begun = StepState(book.t0_step.id, status, (tried,))
        trying = replace(ready, steps={**before, book.t0_step.id: begun})
        assert pause(book, trying), f"a switch that is {status} has shown nobody the new answer"
        assert pause(book, replace(trying, t0_actual=5.0)) == ""
    ends: tuple[StepStatus, ...] = ("done", "skipped")
    for end in ends:
        over = StepState(book.t0_step.id, end)
        assert pause(book, replace(ready, steps={**before, book.t0_step.id: over})) == ""
    assert pause(book, replace(ready, mode="roll_back")) == "", "the way back waits for nobody"


def test_from_the_go_to_the_switch_the_bound_of_a_way_back_is_said_and_nowhere_else() -> None:
    book = load_plan(shipped("runbooks") / "freshtrack", "staging", {}).runbook
    live = Live(0, 0, grid=Grid((), (), back_s=60.0))
    said = {step.id for step in book.steps() if kept_for(book, step, live)}
    assert {"go_no_go", "switch_dns"} <= said
    assert "lower_ttl" not in said
    assert "for up to 1 min" in kept_for(book, book.t0_step, live)
    assert kept_for(book, book.t0_step, Live(0, 0)) == "", "nobody has looked yet"


@pytest.mark.parametrize(("raised", "told"), [(None, False), (60.0, False), (300.0, True)])
def test_those_that_raise_ttls_keep_a_switch_back_out_for_longer_and_are_told(
    raised: float | None, *, told: bool
) -> None:
    words = kept_words(Grid((), (), back_s=60.0, raised_s=raised), lasting)
    assert ("by those that raise TTLs for up to 5 min" in words) is told
