from __future__ import annotations

import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from cockpit.clock import wall_s
from cockpit.engine import choosing, layout
from cockpit.engine.choosing import alone, going_or_begun
from cockpit.engine.layout import RunDirectory, every_run
from cockpit.engine.start import begin, run_started
from cockpit.errors import CockpitError, Refused
from cockpit.runbook.plan import Plan, load_plan
from tests.fakes.crash_runs import KINDS, some_net, write_runbook


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))
    return load_plan(write_runbook(tmp_path, some_net(), KINDS[:1]), "staging", {})


def begun(plan: Plan) -> RunDirectory:
    return begin(plan, {}, run_started(plan, wall_s() + 86400))


def test_two_who_begin_at_the_same_instant_get_one_run(plan: Plan) -> None:
    both, beginning = threading.Barrier(2), threading.Barrier(2)
    got: list[tuple[RunDirectory, bool]] = []

    def slowly() -> RunDirectory:
        # Where both may begin they meet here, and two runs are begun.
        with suppress(threading.BrokenBarrierError):
            beginning.wait(0.5)
        return begun(plan)

    def ask() -> None:
        both.wait(10)
        got.append(going_or_begun("survival", "staging", slowly))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for one in asking:
        one.start()
    for one in asking:
        one.join(30)
    assert sorted(begins for _, begins in got) == [False, True]
    assert [one for one, _ in got] == every_run() * 2


def test_an_unfinished_run_is_opened_while_somebody_else_holds_the_choice(plan: Plan) -> None:
    first = begun(plan)
    with alone("survival", "staging"):
        assert going_or_begun("survival", "staging", partial(begun, plan)) == (first, False)


def test_who_begins_beside_one_that_is_not_through_with_it_is_told_so(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "WAITS_S", 0.05)
    with (
        alone("survival", "staging"),
        pytest.raises(Refused, match="somebody else begins a run of this runbook"),
    ):
        going_or_begun("survival", "staging", partial(begun, plan))
    assert every_run() == []


def test_a_home_that_cannot_be_written_is_named_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plan: Plan
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "file"))
    with pytest.raises(CockpitError, match="the run directory cannot be made"):
        going_or_begun("survival", "staging", partial(begun, plan))


def test_runs_are_told_in_the_order_in_which_they_began(plan: Plan) -> None:
    names = ("b-20261123T010203Z", "b-20261123T010203Z-2", "b-20261123T010203Z-10")
    later, other = "a-20261123T010204Z", "long-name-20261122T235959Z-3"
    for name in (later, *reversed(names), other):
        folder = layout.runs() / "staging" / name
        folder.mkdir(parents=True)
        (folder / "run.json").touch()
    assert [one.path.name for one in every_run()] == [other, *names, later]
