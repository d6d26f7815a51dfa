"""What going back would do now, by when it must begin, and what it could not bring back."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit.clock import utc
from cockpit.decision.evidence import Reading
from cockpit.journal.state import RunState
from cockpit.runbook.model import Runbook, Step


def steps_back(runbook: Runbook, state: RunState) -> tuple[Step, ...]:
    """The rollback's steps that are wanted now: they undo what began, and are not done yet."""
    return tuple(step for step in runbook.procedure.rollback if _is_wanted(step, state))


def call_off_steps(runbook: Runbook, state: RunState) -> tuple[Step, ...]:
    """The same for calling the change off before T-0."""
    named: frozenset[str] = frozenset(runbook.procedure.call_off)
    return tuple(step for step in steps_back(runbook, state) if step.id in named)


def t0_may_have_acted(runbook: Runbook, state: RunState) -> bool:
    """Whether the switch may have had an effect.

    Not where no authority was ever seen to give the new answer, and every attempt failed or is
    settled as not happened.
    """
    step = state.step(runbook.t0_step.id)
    attempts = (attempt.status for attempt in step.attempts)
    harmless = all(status in ("open", "failed", "skipped") for status in (*attempts, step.status))
    return state.t0_actual is not None or not harmless


def new_side_wrote(runbook: Runbook, state: RunState) -> bool:
    """Whether the new side may hold something that the old one does not."""
    decision = runbook.procedure.decision
    opened = [step.id for step in runbook.forward if step.no_return == "rows"]
    return any(state.step(one).began for one in (*opened, *([decision.after] if decision else ())))


def settled(runbook: Runbook, state: RunState) -> str:
    """Why going back is no question any more; empty where it is one."""
    if state.ended:
        words = {
            "rolled_back": "rolled back{}: the old side serves again",
            "called_off": "called off{}: the old side serves on",
            "completed": "completed{}: the new side stays",
        }
        return words[state.ended].format(_moment(state.ended_at))
    if state.mode != "forward":
        what = "the rollback was" if state.mode == "roll_back" else "calling off was"
        return f"{what} chosen{_moment(state.turned_at)}: {state.turned_why}"
    final = given_up_by(runbook, state)
    return f"no rollback any more: {final.title}" if final else ""


def given_up_by(runbook: Runbook, state: RunState) -> Step | None:
    """The step that gave the old side up, or may have; None while there is one to go back to."""
    final = (one for one in runbook.forward if one.no_return == "end" and state.step(one.id).began)
    return next(final, None)


def _moment(run_s: float | None) -> str:
    return "" if run_s is None else f" at {utc(run_s):%H:%M:%S} UTC"


def _is_wanted(step: Step, state: RunState) -> bool:
    began = any(state.step(undone).began for undone in step.undoes)
    return began and state.step(step.id).status != "done"


def back_by(runbook: Runbook, state: RunState, estimate: float) -> float | None:
    """The run clock by which a rollback of `estimate` seconds must begin to end in the window.

    None where the runbook names no window. The estimate counts as run seconds: a compressed
    rehearsal shows the times of the night that it rehearses.
    """
    decision = runbook.procedure.decision
    return None if decision is None else state.t0 + decision.window_end - estimate


def cannot_bring_back(
    runbook: Runbook, state: RunState, readings: Sequence[Reading] = ()
) -> tuple[str, ...]:
    """In words: what was lost or sent, and what began and no step of the rollback takes back.

    With it goes what stays on the new side since its first write. An empty answer says that
    nothing of the kind is known, never that there is nothing.
    """
    undone: set[str] = {step_id for step in runbook.procedure.rollback for step_id in step.undoes}
    lost = [step for step in runbook.forward if state.step(step.id).began]
    ended = [f"no way back from here: {step.title}" for step in lost if step.no_return == "end"]
    stay = [step for step in lost if _stays(step, undone)]
    told = [f"{step.title}: {_because(step)}" for step in stay]
    sent = [f"sent: {s.title}" for s in lost if _is_sent(s, state) and s not in stay]
    return (*ended, *_missing(runbook, readings), *_left_there(runbook, state), *told, *sent)


def _left_there(runbook: Runbook, state: RunState) -> tuple[str, ...]:
    decision = runbook.procedure.decision
    return decision.not_carried if decision and new_side_wrote(runbook, state) else ()


def _missing(runbook: Runbook, readings: Sequence[Reading]) -> list[str]:
    """What never arrived: no way back makes up for it."""
    kinds = {str(signal.id): signal.kind for signal in runbook.procedure.signals}
    found = [r for r in readings if kinds.get(r.signal) == "losses" and r.value]
    return [f"{reading.question.rstrip('?')}: {reading.words}" for reading in found]


def _is_sent(step: Step, state: RunState) -> bool:
    return step.action.kind == "notify" and state.step(step.id).status == "done"


def _stays(step: Step, undone: set[str]) -> bool:
    return step.id not in undone and step.way_back.lower().startswith("none")


def _because(step: Step) -> str:
    words = step.way_back.partition(",")[2].strip().removeprefix("because").strip()
    return words or "cannot be undone"
