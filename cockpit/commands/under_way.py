"""What runs now, or is in doubt, as `cockpit status` says it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cockpit.called import called
from cockpit.clock import NS
from cockpit.engine.attempt_files import AttemptFolder, Identity, Told
from cockpit.engine.client import View
from cockpit.engine.layout import RunDirectory
from cockpit.engine.processes import is_alive
from cockpit.engine.recovery import classify
from cockpit.journal.state import AttemptState, StepState
from cockpit.runbook.model import Step
from cockpit.status import STEP
from cockpit.timewords import lasting, moment

UNDER_WAY = ("running", "stopping", "unverified")
CHOICES = ("look", "settle_done", "settle_failed", "settle_not_happened", "roll_back")
"""What an operator may do about an attempt in doubt: the wishes of `engine.intents`."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A step whose newest attempt runs, or is in doubt."""

    step: str
    attempt: int
    state: str
    """A key of `status.STEP`."""
    since: float | None
    """The run clock when it began; None where nobody saw it begin."""
    for_s: float | None
    """Real seconds since then, or until it ended; None where a reboot came between."""
    usual_s: float | None
    """None where the plan knows no such step."""
    limit_s: float | None
    """Real seconds after which it is stopped; None as above."""
    last_output: str
    """Empty where another attempt is newer, or it said nothing."""
    reason: str
    choices: tuple[str, ...]


def under_way(view: View, directory: RunDirectory) -> Iterator[UnderWay]:
    """Each of them: the one that runs, then those in doubt."""
    state = view.state
    if state.active is not None and state.active.last is not None:
        now = _now(directory, state.active, state.active.last)
        yield _seen(view, state.active, state.active.last, *now)
    for step in state.steps.values():
        if step.status == "in_doubt" and step.last is not None:
            yield _seen(view, step, step.last, "in_doubt", step.last.reason or "nobody saw it end")


def _now(directory: RunDirectory, step: StepState, last: AttemptState) -> tuple[str, str]:
    """The state of the active attempt and why: without an engine the journal lags behind it."""
    # Confirmed, and its runner not yet seen: it is about to run.
    journaled = "running" if step.status == "confirmed" else step.status
    if step.status == "unverified":
        return journaled, "it ended well, and an engine is still to verify it"
    folder = AttemptFolder(directory.attempt(step.id, last.number))
    known = Identity(last.pid, last.start_time, last.boot_id) if last.pid else None
    try:
        one = folder.told(known).identity
        alive = one is not None and is_alive(one.pid, one.start_time, one.boot_id)
        # The end is read after the look at the process: it may come in between.
        told = folder.told(known)
    except OSError as error:
        return journaled, f"what became of it cannot be read: {error.strerror}"
    unreadable = bool(told.unreadable)
    found = classify(
        confirmed=True, identity=one, alive=alive, ended=told.ended, unreadable=unreadable
    )
    if found in ("running", "not_begun"):
        return journaled, "" if found == "running" else "no runner has begun it"
    if found == "clean":
        return "waits", "its confirmation is void: nothing ran"
    return found, _why(told)


def _why(told: Told) -> str:
    """What of an attempt that nobody follows is on the disk."""
    ended = told.ended
    if ended is None or told.unreadable:
        how = told.unreadable or "nobody recorded how it ended"
        return f"its runner is gone, and {how}"
    if ended.ended != "exited":
        return f"it was {ended.ended.replace('_', ' ')}"
    if ended.exit:
        return ended.message or f"exit {ended.exit}"
    return "it ended well, and an engine is still to verify it"


def _seen(view: View, step: StepState, last: AttemptState, state: str, reason: str) -> UnderWay:
    declared = _declared(view, step.id)
    real_s = (view.boot_ns - last.started_boot_ns) / NS if last.started_boot_ns else -1.0
    said = view.output if view.output_of == f"{step.id}/{last.number}" else ()
    return UnderWay(
        step=step.id,
        attempt=last.number,
        state=state,
        since=last.started_at,
        for_s=last.took_s if last.took_s is not None else real_s if real_s >= 0 else None,
        usual_s=declared.estimate if declared else None,
        limit_s=declared.timeout if declared else None,
        last_output=next((line for line in reversed(said) if line.strip()), ""),
        reason=reason,
        choices=_choices(view) if state == "in_doubt" else (),
    )


def _declared(view: View, step_id: str) -> Step | None:
    """What the plan says of a step; None where a journal names one that it does not know."""
    return next((one for one in view.runbook.steps() if one.id == step_id), None)


def _choices(view: View) -> tuple[str, ...]:
    """None once the run is over; and a run that goes back already has no way back to choose."""
    if view.state.ended:
        return ()
    return CHOICES if view.state.mode == "forward" else CHOICES[:-1]


def lines(view: View, one: UnderWay) -> Iterator[str]:
    """The same in words."""
    declared = _declared(view, one.step)
    title = declared.title if declared else f"{one.step}, which is no step of this plan"
    began = f"since {moment(one.since)}" if one.since is not None else "not seen to begin"
    yield f"{STEP[one.state].shown()}: {title}, attempt {one.attempt}, {began}"
    if one.reason:
        yield f"  because {one.reason}"
    if one.choices:
        back = ", or roll back" if "roll_back" in one.choices else ""
        yield f"  look at it, then settle it as done, failed or not having happened{back}:"
        yield f"  `{called()} attach`, where Enter opens it"
    elif one.state == "in_doubt":
        yield "  the run ended without an answer to it"
    elif one.for_s is not None and one.state in ("running", "stopping"):
        yield f"  for {lasting(one.for_s)}{_bounds(one)}"
    if one.last_output:
        yield f"  its last output: {one.last_output.strip()}"


def _bounds(one: UnderWay) -> str:
    if one.usual_s is None or one.limit_s is None:
        return ""
    return f"; usual are {lasting(one.usual_s)}, it is stopped after {lasting(one.limit_s)}"
