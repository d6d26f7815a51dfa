from __future__ import annotations

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cockpit.engine import intents, replan
from cockpit.engine.processes import start_time
from cockpit.journal.events import Ended
from cockpit.journal.file import JournalReader
from cockpit.journal.fold import fold
from cockpit.journal.state import RunState
from cockpit.runbook.plan import Plan, load_plan
from cockpit.telemetry.live import PlanChange
from tests.fakes.crash_machine import Machine, Runner, without_processes
from tests.fakes.crash_runs import KINDS, some_net, write_runbook

EXAMPLES = int(os.environ.get("COCKPIT_MACHINE_EXAMPLES", "40"))
ANSWERED = (
    "confirm",
    "skip",
    "hold",
    "release",
    "settle_done",
    "settle_failed",
    "settle_not_happened",
    "roll_back",
    "second",
    "accept_plan",
    "accept_damage",
    "restart",
    "take_seat",
)
"""Intents that always leave an event."""
OTHER = f"{os.getppid()}:{start_time(os.getppid())}"
"""A viewer that is not the driver's."""
STEPS = ("quick", "slow", "after", "again", "paired", "back_quick")


class Survival(RuleBasedStateMachine):
    """Intents, deaths and restarts in any order."""

    plan: ClassVar[Plan]
    loop: ClassVar[asyncio.AbstractEventLoop]
    current: ClassVar[Machine]
    others: ClassVar[list[Plan]]
    """The runbook as it is, with another timeout, and without a step."""
    candidate: ClassVar[Plan]
    """What lies on the disk."""

    def __init__(self) -> None:
        super().__init__()
        plans = {one.plan_digest: one for one in self.others}
        self.m = Survival.current = Machine(self.plan, self.loop, plans=plans)
        self.shown: list[tuple[str, int, str]] = []

    def teardown(self) -> None:
        self.m.close()
        shutil.rmtree(self.m.directory.path)

    # -- the operator ---------------------------------------------------------------------------

    @rule(step=st.sampled_from(STEPS))
    def propose(self, step: str) -> None:
        self.m.ask("propose", step=step)
        shown = self.m.core.proposal
        if shown is not None:
            self.shown.append((shown.step, shown.attempt, shown.digest))

    @precondition(lambda self: self.shown)
    @rule(back=st.integers(1, 3), late=st.booleans())
    def confirm(self, back: int, late: bool) -> None:
        step, attempt, digest = self.shown[-min(back, len(self.shown))]
        held, ended = self.m.state.held, self.m.state.ended
        known = len(self.m.state.step(step).attempts)
        old = {"boot_id": "another"} if late else {}
        self.m.ask("confirm", step=step, attempt=attempt, digest=digest, **old)
        if late or held is not None or ended:
            assert len(self.m.state.step(step).attempts) == known

    @rule(step=st.sampled_from(STEPS[:2]))
    def walk(self, step: str) -> None:
        self.propose(step)
        self.confirm(1, late=False)

    @rule(step=st.sampled_from(STEPS))
    def observer_confirms(self, step: str) -> None:
        self.propose(step)
        if self.shown:
            step, attempt, digest = self.shown[-1]
            asked = {"step": step, "attempt": attempt, "digest": digest}
            assert self.m.ask("confirm", seat=0, **asked)
            assert self.m.ask("confirm", by="mallory", **asked)

    @rule(by=st.sampled_from(["bob", "root", "ana"]), other=st.booleans())
    def second(self, by: str, other: bool) -> None:
        """Somebody confirms as second person what is shown, or what was shown before."""
        if not self.shown:
            return
        step, attempt, digest = self.shown[-1 if not other else 0]
        known = self.m.state.second
        asked = {"step": step, "attempt": attempt, "digest": digest, "seat": 0}
        self.m.ask("second", by=by, viewer=OTHER, **asked)
        told = self.m.state.second
        if told is not known and told is not None:
            seat = self.m.state.seat
            assert seat is not None
            assert self.plan.runbook.step(told.step).second_person
            assert told.by != seat.operator or not told.proven

    @rule()
    def walk_seconded(self) -> None:
        self.propose("paired")
        self.second("bob", other=False)
        self.confirm(1, late=False)

    @rule(by=st.sampled_from(["bob", "ana"]))
    def take_over(self, by: str) -> None:
        viewer = OTHER if by == "bob" else self.m.viewer
        self.m.ask("take_seat", by=by, viewer=viewer, text="it is mine", note="all of it")
        seat = self.m.state.seat
        if seat is not None and seat.viewer == OTHER:
            # The screens of this machine are one: whoever drives sits at it.
            self.m.ask("take_seat", by="ana", text="back", note="all of it")

    @rule(which=st.integers(0, 2))
    def change_plan(self, which: int) -> None:
        """The runbook's files are others now, and the driver goes over to them."""
        plan = self.others[which]
        while intents.waiting(self.m.directory.intents):
            self.m.take()  # a stop that the full disk did not take is followed now, not below
        before = self.m.state
        self.m.core.plan_change = PlanChange(digest=plan.plan_digest, files=("runbook.yaml",))
        Survival.candidate = plan
        refused = self.m.ask("accept_plan", digest=plan.plan_digest, text="mended")
        after = self.m.state
        if refused == "died":
            # Starting again settles what it finds, a confirmation without a runner among it.
            assert _attempts(after) == _attempts(before)
        else:
            assert after.steps == before.steps
            assert after.plan == (before.plan if refused else plan.plan_digest)
        if after.plan != before.plan:
            begun = {name for name, step in after.steps.items() if step.began}
            assert begun <= {step.id for step in plan.runbook.steps()}
            assert before.active is None
            assert not before.ended

    @rule(digest=st.sampled_from(["", "0" * 64]))
    def accept_what_is_not_there(self, digest: str) -> None:
        before = self.m.state.plan, self.m.state.mended
        for kind in ("accept_plan", "accept_damage", "restart"):
            assert self.m.ask(kind, digest=digest, text="I accept the damage at event 3")
        assert (self.m.state.plan, self.m.state.mended) == before

    @rule(step=st.sampled_from(STEPS))
    def skip(self, step: str) -> None:
        self.m.ask("skip", step=step, text="so")

    @rule(step=st.sampled_from(STEPS), looks=st.booleans())
    def settle_done(self, step: str, looks: bool) -> None:
        if self.m.verifies(self.plan.runbook.step(step)).said != "pass":
            return
        if looks:
            self.m.ask("look", step=step)
        seen, before = self.m.core.looked, self.m.state.step(step)
        self.m.ask("settle_done", step=step, text="seen")
        if seen is None or seen[0] != step:
            assert self.m.state.step(step).done_at == before.done_at, "nobody had looked"

    @rule(step=st.sampled_from(STEPS[:2]))
    def settle_not_happened(self, step: str) -> None:
        self.m.ask("settle_not_happened", step=step, text="not seen")

    @rule(step=st.sampled_from(STEPS))
    def settle_failed(self, step: str) -> None:
        self.m.ask("settle_failed", step=step, text="it is no good")

    @rule(step=st.sampled_from(STEPS))
    def look(self, step: str) -> None:
        self.m.ask("look", step=step)

    @rule()
    def hold(self) -> None:
        self.m.ask("hold")

    @rule()
    def release(self) -> None:
        self.m.ask("release")

    @rule()
    def stop(self) -> None:
        self.m.ask("stop")

    @precondition(lambda self: len(self.m.effects) > 1)
    @rule()
    def roll_back(self) -> None:
        self.m.ask("roll_back", text="enough")

    # -- the engine -----------------------------------------------------------------------------

    @rule()
    def beat(self) -> None:
        self.m.beat()

    @rule()
    def restart(self) -> None:
        self.m.restart()

    @rule(event=st.integers(1, 4), how=st.sampled_from(["before", "after", "torn", "full"]))
    def die_at_a_coming_event(self, event: int, how: str) -> None:
        self.m.journal.countdown, self.m.journal.how = event, how

    # -- the runners ----------------------------------------------------------------------------

    def _runners(self) -> Iterator[Runner]:
        yield from (one for one in self.m.runners if one.alive)

    @rule(moves=st.integers(1, 3))
    def runners_go_on(self, moves: int) -> None:
        for _ in range(moves):
            for one in self._runners():
                if not one.claimed:
                    self.m.claim(one)
                elif not one.acted:
                    self.act(one)
                else:
                    self.m.end(one, 0, "exited")

    @rule(
        how=st.sampled_from(["exited", "stopped", "timed_out", "killed"]),
        code=st.sampled_from([0, 1]),
    )
    def runners_end(self, how: Ended, code: int) -> None:
        for one in self._runners():
            if one.claimed:
                self.m.end(one, code, how)
        self.m.beat()

    @rule()
    def runners_die(self) -> None:
        for one in self._runners():
            one.alive = False
        self.m.beat()

    def act(self, runner: Runner) -> None:
        """The effect; what must hold when it happens."""
        step, number = runner.key
        told = self._on_disk().step(step).attempts
        confirmed = [one for one in told if one.number == number]
        assert confirmed, "it was not confirmed"
        assert confirmed[0].status != "open", "its confirmation is void"
        assert runner.key not in self.m.effects, "twice on one confirmation"
        if self.plan.runbook.step(step).second_person:
            assert " and bob" in confirmed[0].by or " and root" in confirmed[0].by, "one person"
        others = [one for one in self._runners() if one.claimed and one is not runner]
        assert not others, "another attempt is under way"
        if not self.plan.runbook.step(step).idempotent:
            before = [one for one in told if (step, one.number) in self.m.effects]
            # A failure that its action itself told is the only one after which it may act again.
            plainly = [one.status == "failed" and bool(one.exit) for one in before]
            assert all(plainly), "it had its effect already"
        self.m.act(runner)

    # -- what always holds ----------------------------------------------------------------------

    def _on_disk(self) -> RunState:
        reader = JournalReader(self.m.directory.journal, self.plan.plan_digest)
        state = fold(RunState(run=self.m.directory.name), reader.read())
        assert reader.damage == ""
        return state

    @invariant()
    def the_engine_knows_what_is_on_the_disk(self) -> None:
        assert self._on_disk() == self.m.state

    @invariant()
    def every_intent_is_answered_once_or_still_waits(self) -> None:
        reader = JournalReader(self.m.directory.journal, self.plan.plan_digest)
        answered = Counter(event.intent for event, _ in reader.read() if event.intent)
        assert max(answered.values(), default=0) <= 1
        waiting = {path.stem for path in intents.waiting(self.m.directory.intents)}
        for name, kind in self.m.sent.items():
            if kind in ANSWERED:
                assert (name in waiting) or answered[name] == 1, f"a {kind} was lost"

    @invariant()
    def done_is_never_said_of_what_did_not_happen(self) -> None:
        for step in self.m.state.steps.values():
            if step.status == "done":
                assert any(name == step.id for name, _ in self.m.effects)
                assert step.last is not None
                assert step.last.exit == 0 or step.reason, "a failure was called done by itself"


def _attempts(state: RunState) -> dict[str, int]:
    """How often each step was confirmed."""
    return {name: len(step.attempts) for name, step in state.steps.items()}


@dataclass
class Disk:
    """Where the runbook lies: what lies there is the candidate."""

    machine: Machine
    plan: str

    @property
    def frozen(self) -> Plan:
        return self.machine.plans[self.plan]

    def load(self) -> Plan:
        return Survival.candidate

    def changed(self) -> tuple[str, ...]:
        return ("runbook.yaml",)


def _changed(folder: Path) -> Iterator[Plan]:
    """The runbook with another timeout, and without the step `again`."""
    path = folder / "runbook" / "runbook.yaml"
    text = path.read_text()
    start = text.index("      - id: again\n")
    end = text.index("      - id: ", start + 10)
    for other in (text.replace("timeout: 60s", "timeout: 61s"), text[:start] + text[end:]):
        path.write_text(other)
        yield load_plan(path.parent, "staging", {})
    path.write_text(text)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Survival]]:
    """The machine's class, ready to be made."""
    few = tuple(kind for kind in KINDS if kind.id in STEPS)
    Survival.plan = load_plan(write_runbook(tmp_path, some_net(), few), "staging", {})
    Survival.others = [Survival.plan, *_changed(tmp_path)]
    Survival.loop = asyncio.new_event_loop()
    monkeypatch.setattr(replan, "source_of", lambda core: Disk(Survival.current, core.state.plan))
    without_processes(monkeypatch, lambda: Survival.current)
    yield Survival
    Survival.loop.close()


def test_no_order_of_intents_deaths_and_restarts_runs_a_step_unconfirmed_or_twice(
    machine: type[Survival],
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("how", ["before", "after", "torn", "full"])
@pytest.mark.parametrize("code", [0, 1])
def test_a_step_ends_the_same_whichever_of_its_events_the_engine_does_not_survive(
    how: str, code: int, machine: type[Survival]
) -> None:
    for event in range(1, 6):
        one = machine()
        one.propose("slow")
        one.die_at_a_coming_event(event, how)
        one.confirm(1, late=False)
        one.runners_go_on(2)
        for _ in range(5):
            one.m.beat()
        one.runners_end("exited", code)
        one.restart()
        one.m.beat()
        state = one.m.state.step("slow")
        acted = len(one.m.effects)
        if acted:
            assert state.status == ("failed" if code else "done"), f"event {event}"
        else:
            assert state.status == "open", f"event {event}"
        one.the_engine_knows_what_is_on_the_disk()
        one.teardown()


def test_what_had_its_effect_never_runs_again_unless_it_is_idempotent(
    machine: type[Survival],
) -> None:
    for step, allowed in (("slow", False), ("again", True)):
        one = machine()
        one.walk(step)
        one.runners_go_on(2)
        one.runners_die()
        assert one.m.state.step(step).status == "in_doubt"
        one.settle_not_happened(step)
        one.walk(step)
        one.runners_go_on(3)
        assert len(one.m.effects) == (2 if allowed else 1)
        one.teardown()


def test_what_had_its_effect_does_not_run_again_by_way_of_a_failure_in_words(
    machine: type[Survival],
) -> None:
    for step, effects in (("slow", 1), ("again", 2)):
        one = machine()
        one.walk(step)
        one.runners_go_on(2)
        one.runners_die()
        assert one.m.ask("settle_failed", step=step, text="it is no good") == ""
        one.propose(step)
        shown = one.m.core.proposal
        assert shown is not None
        assert [answer.said for answer in shown.seen] == ["pass"]
        refused = one.m.ask("confirm", step=step, attempt=2, digest=shown.digest)
        one.runners_go_on(3)
        assert len(one.m.effects) == effects
        if effects == 1:
            assert "may have had its effect: its mark holds" in refused
            assert "mark it done with a reason, or roll back" in refused
            assert shown.closed == (refused,)
        one.teardown()


def test_what_had_its_effect_after_it_was_shown_does_not_run_again(
    machine: type[Survival],
) -> None:
    one = machine()
    one.walk("slow")
    one.runners_go_on(1)
    one.runners_die()
    assert one.m.ask("settle_failed", step="slow", text="no mark") == ""
    one.propose("slow")
    shown = one.m.core.proposal
    assert shown is not None
    assert shown.closed == ()
    one.m.effects.append(("slow", 1))
    refused = one.m.ask("confirm", step="slow", attempt=2, digest=shown.digest)
    assert refused == "what was shown no longer holds: its mark: fail before, pass now"
    assert len(one.m.state.step("slow").attempts) == 1
    one.teardown()


@pytest.mark.parametrize("happened", [True, False])
def test_what_ended_well_and_failed_by_its_verification_runs_again_only_where_it_says_no(
    happened: bool, machine: type[Survival]
) -> None:
    one = machine()
    one.walk("slow")
    one.runners_go_on(1)
    one.runners_end("exited", 0)
    assert one.m.state.step("slow").status == "failed"
    if happened:
        one.m.effects.append(("slow", 1))
    one.walk("slow")
    assert len(one.m.state.step("slow").attempts) == (1 if happened else 2)
    one.teardown()


def test_what_its_action_called_a_failure_is_tried_again_with_what_is_seen_now(
    machine: type[Survival],
) -> None:
    one = machine()
    one.walk("slow")
    one.runners_go_on(2)
    one.runners_end("exited", 1)
    one.propose("slow")
    shown = one.m.core.proposal
    assert shown is not None
    assert [answer.said for answer in shown.seen] == ["pass"]
    assert shown.closed == ()
    one.confirm(1, late=False)
    state = one.m.state.step("slow")
    assert len(state.attempts) == 2
    assert [answer.said for answer in state.attempts[0].answers] == ["pass"]
    one.teardown()


def _left_in_doubt(one: Survival) -> None:
    """An attempt whose runner died after its effect."""
    one.walk("slow")
    one.runners_go_on(2)
    one.runners_die()
    assert one.m.state.step("slow").status == "in_doubt"


def test_what_is_in_doubt_is_called_done_only_after_a_look(machine: type[Survival]) -> None:
    one = machine()
    _left_in_doubt(one)
    assert "look first" in one.m.ask("settle_done", step="slow", text="sure")
    one.m.ask("look", step="quick")
    assert "look first" in one.m.ask("settle_done", step="slow", text="sure")
    one.m.ask("look", step="slow")
    # What was seen is gone with the engine: the screen asks for another look, and so does it.
    one.m.restart()
    assert "look first" in one.m.ask("settle_done", step="slow", text="sure")
    one.m.ask("look", step="slow")
    assert one.m.ask("settle_done", step="slow", text="seen") == ""
    assert one.m.state.step("slow").status == "done"
    one.teardown()


def test_a_look_at_other_evidence_does_not_settle_an_attempt(machine: type[Survival]) -> None:
    one = machine()
    _left_in_doubt(one)
    one.m.ask("look", step="slow")
    effects, one.m.effects = one.m.effects, []
    refused = one.m.ask("settle_done", step="slow", text="seen")
    assert refused == "its mark: fail now, and not when you looked: look again"
    # The refusal shows what it saw: with that on screen the word is the operator's again.
    one.m.effects = effects
    assert "its mark: pass now" in one.m.ask("settle_done", step="slow", text="seen")
    assert one.m.ask("settle_done", step="slow", text="seen") == ""
    one.teardown()


def test_a_look_does_not_outlive_the_attempt_that_was_looked_at(machine: type[Survival]) -> None:
    one = machine()
    one.walk("again")
    one.runners_end("exited", 0)
    one.runners_go_on(2)
    one.runners_end("exited", 1)
    assert one.m.state.step("again").status == "failed"
    one.m.ask("look", step="again")
    one.walk("again")
    assert "under way" in one.m.ask("look", step="again")
    one.runners_go_on(2)
    one.runners_die()
    assert one.m.state.step("again").status == "in_doubt"
    assert "look first" in one.m.ask("settle_done", step="again", text="sure")
    one.teardown()


def test_no_key_moves_a_run_to_where_its_journal_would_not_be_believed(
    machine: type[Survival],
) -> None:
    one = machine()
    before = one.m.state.t0_planned
    assert "beyond 9000" in one.m.ask("postpone", value=1e15, text="rain")
    assert one.m.ask("postpone", value=before + 60, text="rain") == ""
    one.m.restart()
    assert (one.m.state.damage, one.m.state.t0_planned) == ("", before + 60)
    one.teardown()
