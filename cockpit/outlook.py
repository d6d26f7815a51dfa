"""What comes next, when, and how late: the journal's state seen against the runbook."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cockpit.answer import Answer
from cockpit.decision.rollback import call_off_steps, steps_back
from cockpit.journal.state import AttemptState, LogLine, RunState, StepState
from cockpit.runbook.model import Probe, Runbook, Step


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step as a timeline shows it."""

    number: int
    """Its place in the list that is walked now, from 1."""
    step: Step
    state: StepState
    status: str
    """A key of `status.STEP`."""
    planned: float | None
    """Run-clock seconds; None in a rollback."""
    missing: tuple[str, ...]
    """Titles of the steps that must be done before."""

    @property
    def actual(self) -> float | None:
        """When it ended, or else began."""
        last = self.state.last
        if self.state.done_at is not None:
            return self.state.done_at
        return last.started_at if last else None

    @property
    def settled(self) -> bool:
        """Whether the list goes on after it."""
        return self.state.status in ("done", "skipped")


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """One phase as a timeline shows it."""

    id: str
    title: str
    offset: float | None
    """Seconds from T-0; None for the rollback."""
    steps: tuple[StepLine, ...]

    @property
    def done(self) -> int:
        """How many of its steps are done; a skipped one is not."""
        return sum(line.state.status == "done" for line in self.steps)

    @property
    def skipped(self) -> int:
        """How many were passed over."""
        return sum(line.state.status == "skipped" for line in self.steps)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The whole list, where it stands, and when it ends."""

    phases: tuple[PhaseLine, ...]
    next: StepLine | None
    """The step that Enter opens; None where nothing is left."""
    late_s: float
    """Run seconds by which the next step is late; negative where there is time."""
    ends_at: float | None
    """The run clock when the last step should be done."""

    def lines(self) -> Iterator[StepLine]:
        """Every step line."""
        for phase in self.phases:
            yield from phase.steps

    def line(self, step_id: str) -> StepLine | None:
        """The line of one step."""
        return next((line for line in self.lines() if line.step.id == step_id), None)

    @property
    def done(self) -> int:
        """How many steps are done."""
        return sum(phase.done for phase in self.phases)

    @property
    def total(self) -> int:
        """How many steps the list has."""
        return sum(len(phase.steps) for phase in self.phases)


def walked(runbook: Runbook, state: RunState) -> tuple[Step, ...]:
    """The steps of the list that is walked now: forward, or back."""
    if state.mode == "forward":
        return runbook.forward
    chosen = steps_back if state.mode == "roll_back" else call_off_steps
    now = {step.id for step in chosen(runbook, state)}
    return tuple(
        step
        for step in runbook.procedure.rollback
        if step.id in now or state.step(step.id).attempts or state.step(step.id).status != "open"
    )


def missing(runbook: Runbook, state: RunState, step: Step) -> tuple[str, ...]:
    """The titles of the steps that must be done before this one and are not."""
    if state.mode == "forward":
        needed: tuple[str, ...] = runbook.needs(step)
    else:
        order = [one.id for one in walked(runbook, state)]
        needed = tuple(order[: order.index(step.id)]) if step.id in order else ()
    return tuple(runbook.step(one).title for one in needed if not _counts(state, one))


STILL_RUNS = "still_runs"
"""The check of an answer that says what an attempt left running, or that nobody can tell."""


def may_have_happened(step: Step, answers: Sequence[Answer]) -> str:
    """Why an attempt may not be called one that had no effect; empty where it may.

    One verification that fails shows little where another holds: half of it has happened.
    """
    left = next((one for one in answers if one.check == STILL_RUNS), None)
    if left is not None:
        return f"it may still act: {left.evidence}"
    if step.idempotent:
        return ""
    if not answers:
        return "it is not declared idempotent, and nothing shows that it had no effect"
    other = next((one for one in answers if one.said != "fail"), None)
    if other is None:
        return ""
    seen = "holds" if other.holds else "is unknown"
    return f"it is not declared idempotent, and may have had its effect: {other.title} {seen}"


def left_to_do(state: StepState) -> str:
    """What remains where a step may not run once more."""
    way = "mark it done" if state.status == "failed" else "skip it"
    return f"{way} with a reason, or roll back"


def tried(state: StepState) -> tuple[AttemptState, ...]:
    """A step's attempts that began; what had none when it was settled may have had an effect."""
    return tuple(one for one in state.attempts if one.status != "open" or one.pid)


def not_again(step: Step, state: StepState, answers: Sequence[Answer]) -> str:
    """Why a step that was tried may not run once more; empty where it may.

    What ended by itself with a failure may be tried again; what ended well, and failed because of
    a verification, or whose end nobody saw, may have had its whole effect, whatever it is called.
    """
    if all(one.ended == "exited" and one.exit for one in tried(state)):
        answers = [one for one in answers if one.check == STILL_RUNS]
        return may_have_happened(step, answers) if answers else ""
    return may_have_happened(step, answers)


def held_up_by(runbook: Runbook, state: RunState, step_id: str) -> tuple[Step, ...]:
    """The steps that stay closed while this one is not done: that need it, or one that does."""
    shut = {step_id}
    steps = walked(runbook, state)
    for at, step in enumerate(steps):
        needed = runbook.needs(step) if state.mode == "forward" else [s.id for s in steps[:at]]
        if shut.intersection(needed) and not _counts(state, step.id):
            shut.add(step.id)
    return tuple(step for step in steps if step.id in shut and step.id != step_id)


def outlook(runbook: Runbook, state: RunState, now: float) -> Outlook:
    """The list that is walked now, its next step, and its end."""
    steps = walked(runbook, state)
    following = _needed_first(runbook, state, steps, _next(steps, state))
    lines: dict[str, StepLine] = {
        step.id: StepLine(
            number=number,
            step=step,
            state=state.step(step.id),
            status=_status(runbook, state, step, following),
            planned=planned_at(runbook, state, step),
            missing=missing(runbook, state, step),
        )
        for number, step in enumerate(steps, start=1)
    }
    upcoming = lines[following.id] if following else None
    late = now - upcoming.planned if upcoming and upcoming.planned is not None else 0.0
    return Outlook(
        phases=tuple(_phases(runbook, state, lines)),
        next=upcoming,
        late_s=late,
        ends_at=_ends_at(runbook, state, steps, max(late, 0.0), now),
    )


def planned_at(runbook: Runbook, state: RunState, step: Step) -> float | None:
    """The run clock at which a step is planned: before T-0 by the plan, after it by the actual."""
    offset = runbook.offset(step)
    t0 = t0_of(runbook, state, step)
    # A journal whose beginning is lost knows no T-0.
    return None if offset is None or not t0 else t0 + offset


def t0_of(runbook: Runbook, state: RunState, step: Step) -> float:
    """The T-0 from which a forward step counts: the actual one where it stands after the switch."""
    before = itertools.takewhile(lambda one: one.id != step.id, runbook.forward)
    return state.t0 if any(one.t0 for one in before) else state.t0_planned


def off_as_planned(runbook: Runbook, state: RunState, probe: Probe) -> str:
    """Why a service is to be off now, in words; empty where it is to answer.

    It is off until the step that starts it has run, and from the step that stops it; a step of
    the rollback that undoes one of these turns it round. A start that failed, or a stop that did,
    promises nothing: then what the probe sees is shown.
    """
    if probe.after is not None:
        starts = runbook.step(probe.after)
        if state.step(starts.id).status in _NOT_YET_RUN:
            return f"“{starts.title}” has not started it yet"
        if undone := _undone_by(runbook, state, starts):
            return f"“{undone.title}” has stopped it"
    if probe.until is not None:
        stops = runbook.step(probe.until)
        if state.step(stops.id).status in _HAS_RUN and not _undone_by(runbook, state, stops):
            return f"“{stops.title}” has stopped it"
    return ""


_NOT_YET_RUN = ("open", "skipped", "confirmed", "running")
_HAS_RUN = ("running", "stopping", "unverified", "done")


def _undone_by(runbook: Runbook, state: RunState, step: Step) -> Step | None:
    """The step of the rollback that took it back, where one has."""
    back = (one for one in runbook.procedure.rollback if str(step.id) in map(str, one.undoes))
    return next((one for one in back if state.step(one.id).status in _HAS_RUN), None)


def switch_late_s(state: RunState, now: float) -> float | None:
    """How long ago T-0 was planned and has not come; None where it is not awaited, or not late."""
    if state.t0_actual is not None or state.mode != "forward" or state.ended:
        return None
    return now - state.t0_planned if now > state.t0_planned else None


def step_names(runbook: Runbook, state: RunState) -> dict[str, str]:
    """What each step is called, by its id: with the number that it has in its list."""
    names: dict[str, str] = {step.id: step.title for step in runbook.procedure.rollback}
    back = () if state.mode == "forward" else walked(runbook, state)
    for steps in (runbook.forward, back):
        names |= {step.id: f"{number} {step.title}" for number, step in enumerate(steps, start=1)}
    return names


def log_words(names: Mapping[str, str], entry: LogLine) -> str:
    """A line of "What happened", the step called by its name."""
    if entry.step not in names:
        return entry.text
    return names[entry.step] + entry.text.removeprefix(entry.step)


def _counts(state: RunState, step_id: str) -> bool:
    return state.step(step_id).status == "done"


def _next(steps: tuple[Step, ...], state: RunState) -> Step | None:
    if state.ended:
        return None
    return next((s for s in steps if state.step(s.id).status not in ("done", "skipped")), None)


def _needed_first(
    runbook: Runbook, state: RunState, steps: tuple[Step, ...], following: Step | None
) -> Step | None:
    """The step that comes next: one that was skipped, where the next one waits for it."""
    if following is None:
        return following
    back = [step.id for step in steps[: steps.index(following)]]
    needed = runbook.needs(following) if state.mode == "forward" else back
    skipped = [s for s in needed if state.step(s).status == "skipped"]
    return runbook.step(skipped[0]) if skipped else following


def _status(runbook: Runbook, state: RunState, step: Step, following: Step | None) -> str:
    status = state.step(step.id).status
    if status == "confirmed":
        return "running"
    if status == "done" and state.mode != "forward":
        return "done"
    if status != "open":
        return status
    if following is None or step.id != following.id:
        return "later"
    return "waits" if missing(runbook, state, step) else "next"


def _phases(runbook: Runbook, state: RunState, lines: dict[str, StepLine]) -> Iterator[PhaseLine]:
    if state.mode == "forward":
        for phase in runbook.procedure.phases:
            own = tuple(lines[step.id] for step in phase.steps)
            yield PhaseLine(phase.id, phase.title, phase.offset, own)
        return
    title = "Roll back" if state.mode == "roll_back" else "Call off"
    yield PhaseLine(state.mode, title, None, tuple(lines.values()))


def _ends_at(
    runbook: Runbook, state: RunState, steps: tuple[Step, ...], late: float, now: float
) -> float | None:
    left = [step for step in steps if state.step(step.id).status not in ("done", "skipped")]
    if not left:
        return state.ended_at
    planned = planned_at(runbook, state, left[-1])
    if planned is None:
        # In run seconds: a compressed rehearsal shows the times of the night that it rehearses.
        return now + sum(step.estimate for step in left)
    # A delay before T-0 moves all that follows; after it, steps wait for their own offsets.
    moved = late if state.t0_actual is None else 0.0
    return max(planned + moved, now) + left[-1].estimate
