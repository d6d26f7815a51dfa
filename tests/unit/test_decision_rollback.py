from collections.abc import Mapping
from dataclasses import replace

from cockpit.decision.evidence import Reading
from cockpit.decision.rollback import (
    back_by,
    call_off_steps,
    cannot_bring_back,
    settled,
    steps_back,
)
from cockpit.journal.state import RunState, StepState, StepStatus
from cockpit.runbook.actions import ManualAction, NotifyAction
from cockpit.runbook.model import Decision, Phase, Procedure, Profile, Runbook, Signal, Step
from cockpit.runbook.words import Duration, Id, Offset, SignalId, StepId, TargetId


def step(name: str, undoes: tuple[str, ...] = (), way_back: str = "") -> Step:
    return Step(
        id=Id(name),
        title=name.replace("_", " ").capitalize(),
        why="",
        success_looks_like="",
        if_it_fails="",
        ask="",
        action=ManualAction(kind="manual", do=("it",)),
        undoes=tuple(StepId(one) for one in undoes),
        way_back=way_back,
        no_return="end" if name == "decommission" else None,
    )


FORWARD = (
    step("lower_ttl"),
    step("freeze_old"),
    step("tell_users", way_back="none, because a mail cannot be unsent"),
    step("switch"),
    step("decommission", way_back="none"),
)
BACK = (
    step("freeze_new", undoes=("switch",)),
    step("open_old", undoes=("freeze_old",)),
    step("dns_back", undoes=("switch",)),
    step("restore_ttl", undoes=("lower_ttl",)),
)
RUNBOOK = Runbook(
    Procedure(
        cockpit=1,
        name=Id("move"),
        title="Move",
        targets={},
        checks=(),
        phases=(Phase(id=Id("all"), title="All", offset=Offset(0), steps=FORWARD),),
        decision=Decision(
            signals=(SignalId("failing"),),
            after=StepId("switch"),
            window_end=Offset(14400),
            rollback_estimate=Duration(540),
        ),
        rollback=BACK,
        call_off=(StepId("open_old"), StepId("restore_ttl")),
    ),
    Profile(cockpit=1, environment="staging", domain="x.test", targets={}),
    ".",
)


def state(steps: Mapping[str, StepStatus]) -> RunState:
    found = {name: StepState(name, status) for name, status in steps.items()}
    return RunState(t0_planned=1000, steps=found)


def names(steps: tuple[Step, ...]) -> list[str]:
    return [one.id for one in steps]


def test_nothing_done_leaves_nothing_to_undo() -> None:
    assert steps_back(RUNBOOK, state({})) == ()
    assert cannot_bring_back(RUNBOOK, state({})) == ()


def test_the_rollback_is_what_undoes_the_steps_that_began_in_written_order() -> None:
    now = state({"lower_ttl": "done", "freeze_old": "failed", "switch": "in_doubt"})
    assert names(steps_back(RUNBOOK, now)) == ["freeze_new", "open_old", "dns_back", "restore_ttl"]


def test_a_skipped_step_needs_no_way_back() -> None:
    assert names(steps_back(RUNBOOK, state({"freeze_old": "skipped", "lower_ttl": "done"}))) == [
        "restore_ttl"
    ]


def test_a_step_of_the_rollback_that_is_done_is_not_done_again() -> None:
    now = state({"switch": "done", "freeze_new": "done", "dns_back": "failed"})
    assert names(steps_back(RUNBOOK, now)) == ["dns_back"]


def test_calling_off_takes_only_the_steps_named_for_it() -> None:
    now = state({"lower_ttl": "done", "freeze_old": "done", "switch": "done"})
    assert names(call_off_steps(RUNBOOK, now)) == ["open_old", "restore_ttl"]


def test_a_rollback_begins_early_enough_to_end_in_the_window() -> None:
    assert back_by(RUNBOOK, state({}), 540) == 1000 + 14400 - 540


def test_what_cannot_be_brought_back_is_said_with_its_reason() -> None:
    assert cannot_bring_back(RUNBOOK, state({"tell_users": "done"})) == (
        "Tell users: a mail cannot be unsent",
    )
    assert cannot_bring_back(RUNBOOK, state({"decommission": "in_doubt"}))[0] == (
        "no way back from here: Decommission"
    )


def test_what_no_step_carries_back_is_named_from_the_first_write_on_the_new_side() -> None:
    decision = RUNBOOK.procedure.decision
    assert decision is not None
    left = replace(decision, not_carried=("passwords set there",))
    runbook = Runbook(replace(RUNBOOK.procedure, decision=left), RUNBOOK.profile, ".")
    assert cannot_bring_back(runbook, state({"freeze_old": "done"})) == ()
    assert cannot_bring_back(runbook, state({"switch": "running"})) == ("passwords set there",)


def test_what_was_lost_and_what_was_sent_is_known_not_to_come_back() -> None:
    sends = NotifyAction(kind="notify", to="users", subject="we move tonight")
    notice = replace(step("warned"), action=sends)
    phase = replace(RUNBOOK.procedure.phases[0], steps=(notice, *FORWARD))
    losses = Signal(
        id=Id("lost"), title="Readings", kind="losses", target=TargetId("new"), limit=1.0
    )
    procedure = replace(RUNBOOK.procedure, phases=(phase,), signals=(losses,))
    runbook = Runbook(procedure, RUNBOOK.profile, ".")
    words = "56 of 875 missing"
    lost = Reading("lost", "Readings lost?", "bad", 56.0, 56.0, 56.0, 1, 875, 0, words, 1000.0)
    assert cannot_bring_back(runbook, state({"warned": "done"}), (lost,)) == (
        "Readings lost: 56 of 875 missing",
        "sent: Warned",
    )
    none_lost = replace(lost, value=0.0)
    assert cannot_bring_back(runbook, state({"warned": "failed"}), (none_lost,)) == ()


def test_going_back_is_a_question_until_it_is_decided() -> None:
    assert settled(RUNBOOK, RunState()) == ""
    assert settled(RUNBOOK, state({"switch": "done"})) == ""
    turned = RunState(mode="roll_back", turned_at=8040, turned_why="it loses rows")
    assert settled(RUNBOOK, turned) == "the rollback was chosen at 02:14:00 UTC: it loses rows"
    off = RunState(mode="call_off", turned_at=8040, turned_why="rain")
    assert settled(RUNBOOK, off) == "calling off was chosen at 02:14:00 UTC: rain"
    over = RunState(mode="roll_back", ended="rolled_back", ended_at=8040)
    assert settled(RUNBOOK, over) == "rolled back at 02:14:00 UTC: the old side serves again"
    assert settled(RUNBOOK, RunState(ended="completed")) == "completed: the new side stays"
    assert (
        settled(RUNBOOK, state({"decommission": "running"})) == "no rollback any more: Decommission"
    )
