"""After the action: verifying it, settling what is in doubt, and the end of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Literal

from cockpit.answer import Answer
from cockpit.engine import left_running, seen
from cockpit.engine.core import Core
from cockpit.engine.intents import Intent
from cockpit.errors import Refused
from cockpit.journal.events import (
    PhaseReached,
    RunEnd,
    RunEnded,
    StepFinished,
    StepSettled,
    Verified,
)
from cockpit.journal.state import StepState
from cockpit.outlook import may_have_happened, walked

_ENDS: Mapping[str, RunEnd] = {
    "forward": "completed",
    "roll_back": "rolled_back",
    "call_off": "called_off",
}
LOOK_FIRST = "nobody has looked at what it left behind since it ended: look first"
VERIFY_S = 20.0
"""Real seconds for which a verification that does not hold yet is asked again."""


async def verify(core: Core) -> None:
    """Ask the verifications of an attempt whose action succeeded, and journal its result."""
    state = core.ledger.state.active
    if state is None or state.status != "unverified" or state.last is None:
        return
    step = core.runbook.step(state.id)
    answers = await seen.verified(step, core.context())
    deadline = core.ledger.clock.real() + VERIFY_S
    while not all(one.holds for one in answers) and core.ledger.clock.real() < deadline:
        await asyncio.sleep(1.0)
        answers = await seen.verified(step, core.context())
    if _waits(core, state):
        core.ledger.tell(Verified(step.id, state.last.number, list(answers)))
        _conclude(core, state, answers)


def _waits(core: Core, asked: StepState) -> bool:
    """Whether an attempt still waits for its result: an operator may have settled it meanwhile."""
    now = core.ledger.state.step(asked.id)
    return now.status == "unverified" and len(now.attempts) == len(asked.attempts)


def _conclude(core: Core, state: StepState, answers: tuple[Answer, ...]) -> None:
    """Done where all hold, failed where one fails; where one is unknown nobody knows yet."""
    if state.last is None:
        return
    failed = [one for one in answers if one.said == "fail"]
    if failed:
        reason = f"{failed[0].title}: {failed[0].evidence}"
        core.ledger.tell(StepFinished(state.id, state.last.number, "failed", reason))
    elif all(one.holds for one in answers):
        core.ledger.tell(StepFinished(state.id, state.last.number, "done"))
        core.world.step_done(core.runbook.step(state.id))
        end_if_all_done(core)
    core.looked = (state.id, answers)
    core.write_way_back()


async def look(core: Core, intent: Intent, _by: str) -> None:
    """Ask the verifications of a step in doubt or failed; only reading."""
    state = core.ledger.state.step(intent.step)
    if state.last is None:
        raise Refused("it was never begun: there is nothing to look at")
    if state.status in ("confirmed", "running", "stopping"):
        raise Refused("it is under way: what it leaves behind is looked at once it has ended")
    if state.status == "unverified":
        await verify(core)
        return
    answers = await seen.of(core.runbook.step(intent.step), core.context())
    if core.ledger.state.step(intent.step).attempts != state.attempts:
        raise Refused("it went on while it was looked at: look again")
    _saw(core, intent.step, state.last.number, answers)


def _saw(core: Core, step: str, number: int, answers: tuple[Answer, ...]) -> None:
    core.ledger.tell(Verified(step, number, list(answers)))
    core.looked = (step, answers)


async def settle_done(core: Core, intent: Intent, by: str) -> None:
    """Call an attempt done on the operator's word, with the evidence that they looked at."""
    number = _must_be_unsettled(core, intent)
    looked = core.looked
    if looked is None or looked[0] != intent.step:
        raise Refused(LOOK_FIRST)
    step = core.runbook.step(intent.step)
    answers = await seen.of(step, core.context())
    # The operator's word rests on what they saw: another answer wants another word.
    if changed := _other(looked[1], answers):
        _saw(core, step.id, number, answers)
        raise Refused(f"{changed} now, and not when you looked: look again")
    _settle(core, intent, by, "done", answers)
    core.world.step_done(step)
    end_if_all_done(core)


def _other(looked: tuple[Answer, ...], now: tuple[Answer, ...]) -> str:
    """The first answer that is not what was seen, in words; empty where all are."""
    before = {one.check: one.said for one in looked}
    found = (one for one in now if before.get(one.check) != one.said)
    return next((f"{one.title}: {one.said}" for one in found), "")


async def settle_failed(core: Core, intent: Intent, by: str) -> None:
    """Call an attempt failed on the operator's word: it may have acted, so its way back counts."""
    _must_be_unsettled(core, intent)
    if core.ledger.state.step(intent.step).status == "failed":
        raise Refused("it is failed already")
    answers = await seen.of(core.runbook.step(intent.step), core.context())
    _settle(core, intent, by, "failed", answers)


async def settle_not_happened(core: Core, intent: Intent, by: str) -> None:
    """Let a step run again: where that does no harm, or it is seen that it had no effect."""
    number = _must_be_unsettled(core, intent)
    step = core.runbook.step(intent.step)
    # Asked now, not remembered: what had no effect an hour ago may have had it since.
    answers = await seen.of(step, core.context())
    if why := may_have_happened(step, answers):
        _saw(core, step.id, number, answers)
        raise Refused(why)
    _settle(core, intent, by, "not_happened", answers)


def _must_be_unsettled(core: Core, intent: Intent) -> int:
    """The number of the attempt that is to be settled; Refused where there is none."""
    state = core.ledger.state.step(intent.step)
    if state.last is None or state.status not in ("in_doubt", "failed", "unverified"):
        raise Refused(f"it is {state.status.replace('_', ' ')}: there is nothing to settle")
    if not intent.text.strip():
        raise Refused("a reason is wanted")
    core.attempts.must_be_quiet()
    return state.last.number


def _settle(
    core: Core,
    intent: Intent,
    by: str,
    how: Literal["done", "failed", "not_happened"],
    evidence: tuple[Answer, ...],
) -> None:
    number = _must_be_unsettled(core, intent)
    left_running.must_be_over(evidence)
    reason = intent.text.strip()
    core.ledger.tell(StepSettled(intent.step, number, how, reason, list(evidence)), by, intent.id)
    core.looked = None
    core.write_way_back()


def resume(core: Core) -> None:
    """After an engine's start: what follows from a result that was journaled last."""
    for step in core.runbook.forward:
        if core.ledger.state.step(step.id).status == "done":
            core.world.step_done(step)
    _end_if_nothing_is_left(core)


def end_if_all_done(core: Core) -> None:
    """Name the phase that is complete, and end the run when nothing is left."""
    if not core.ledger.state.ended:
        _phases(core)
        _end_if_nothing_is_left(core)


def _end_if_nothing_is_left(core: Core) -> None:
    state = core.ledger.state
    if state.ended:
        return
    left = [s for s in walked(core.runbook, state) if not _settled(state.step(s.id))]
    if not left:
        core.ledger.tell(RunEnded(_ENDS[state.mode]))


def _phases(core: Core) -> None:
    """Say once that a phase is complete: when its last step has just been settled."""
    state = core.ledger.state
    newest = max(state.steps.values(), key=lambda one: one.done_at or 0.0, default=None)
    phase = core.runbook.phase_of(newest.id) if newest else None
    if phase is not None and all(_settled(state.step(one.id)) for one in phase.steps):
        core.ledger.tell(PhaseReached(phase.id))


def _settled(step: StepState) -> bool:
    return step.status in ("done", "skipped")
