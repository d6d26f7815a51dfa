"""Watches run while what they guard stands, and say so when they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cockpit.checks import registry
from cockpit.checks.base import CheckContext, Finding
from cockpit.engine.core import Core
from cockpit.engine.ledger import Ledger
from cockpit.engine.watches import Watches
from cockpit.journal import events as e
from cockpit.journal.state import RunState
from cockpit.redact import Redactor
from cockpit.runbook.actions import ManualAction
from cockpit.runbook.checks import Check, SoakCheck
from cockpit.runbook.model import Phase, Runbook, Watch
from cockpit.runbook.words import CheckId, Duration, Id, Offset, StepId
from tests.fakes.small_runbooks import NOTHING, World, asking, runbook, step
from tests.fakes.written_runs import WrittenRun

SOAKED = SoakCheck(
    kind="soak",
    id=Id("old_is_closed"),
    title="The old side refuses writes",
    after=StepId("freeze"),
    duration=Duration(0),
)
GUARD = Watch(
    id=Id("guard"),
    title="Old side stays closed",
    check=CheckId("old_is_closed"),
    every=Duration(0),
    after=StepId("freeze"),
    until=StepId("decommission"),
)


def book(folder: Path) -> Runbook:
    found = runbook(World(folder), NOTHING, (SOAKED,))
    steps = tuple(
        step(ManualAction(kind="manual", do=("it",)), one) for one in ("freeze", "decommission")
    )
    phases = (Phase(id=Id("all"), title="All", offset=Offset(0), steps=steps),)
    return replace(found, procedure=replace(found.procedure, phases=phases, watches=(GUARD,)))


class Run:
    """A run's ledger, and watches that look at it."""

    def __init__(self, written: WrittenRun, folder: Path) -> None:
        written.done("freeze")
        written.close()
        self.ledger = Ledger.opened(written.directory, Redactor())
        self.ledger.set_clock(written.now + 60, 1.0, "start")
        self.book = book(folder)
        self.folder = folder
        self.watches = Watches()
        self.told = len(self.ledger.state.log)

    @property
    def state(self) -> RunState:
        return self.ledger.state

    async def look(self) -> None:
        core = SimpleNamespace(runbook=self.book, ledger=self.ledger, context=self.context)
        await self.watches.look(cast("Core", core))

    def context(self) -> CheckContext:
        asked = asking(World(self.folder), state=self.state)
        return replace(asked, runbook=self.book, clock=self.ledger.clock)

    def lines(self) -> list[str]:
        return [line.text for line in self.state.log[self.told :]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    found = Run(WrittenRun(), tmp_path)
    yield found
    found.ledger.close()


async def test_a_watch_answers_while_what_it_guards_stands(run: Run) -> None:
    await run.look()
    assert run.state.watches["guard"].said == "pass"


@pytest.mark.parametrize("how", ["roll_back", "call_off"])
@pytest.mark.parametrize(
    ("others", "said"), [(0, "its watch ends"), (9, "10 watches of the way forward end")]
)
async def test_a_run_that_turns_back_says_shortly_that_its_watches_end(
    run: Run, how: e.BackHow, others: int, said: str
) -> None:
    await run.look()
    for number in range(others):
        answer = run.state.watches["guard"]
        run.ledger.tell(e.WatchAnswered(f"gate_{number}, judged again", answer))
    run.ledger.tell(e.TurnedBack(how, "it is slow", []))
    await run.look()
    assert run.state.watches == {}
    assert run.lines()[-1].endswith(f"it is slow; {said}")


async def test_nothing_is_watched_once_the_run_or_the_guarded_time_is_over(run: Run) -> None:
    run.ledger.tell(e.Confirmed("decommission", 1, "d" * 64, 1, [], [], {}))
    run.ledger.tell(e.StepFinished("decommission", 1, "done"))
    await run.look()
    assert run.state.watches == {}
    run.ledger.tell(e.RunEnded("completed"))
    await run.look()
    assert run.state.watches == {}


async def test_an_answer_that_comes_after_the_turn_is_no_alarm(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(check: Check, context: Any) -> Finding:
        run.ledger.tell(e.TurnedBack("roll_back", "slow", []))
        return Finding("fail", "the old side takes writes: the rollback opened it")

    monkeypatch.setattr(registry, "_asker", lambda _: late)
    await run.look()
    assert run.state.watches == {}
    assert not [line for line in run.lines() if line.startswith("watch")]
