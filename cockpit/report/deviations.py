"""Where a run left its plan: skipped, failed, in doubt, settled by hand, late, held, moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cockpit.journal import events as e
from cockpit.journal.events import DATA, Event
from cockpit.journal.fold import decoded
from cockpit.outlook import planned_at
from cockpit.record import Record
from cockpit.runbook.model import Runbook
from cockpit.status import SETTLED
from cockpit.timewords import lasting, moment

LATE_S = 900.0
"""Run seconds after its planned time from which a step counts as late."""


def deviations(record: Record, runbook: Runbook) -> tuple[str, ...]:
    """Each with its time, in the order of the journal; late steps last, damage first."""
    state = record.state
    damage = (f"the journal is damaged: {state.damage}",) if state.damage else ()
    cut_off = (f"the journal is incomplete: {record.cut_off}",) if record.cut_off else ()
    newer = (state.newer,) if state.newer else ()
    return (*damage, *cut_off, *newer, *_journaled(record), *_late(record, runbook))


def _journaled(record: Record) -> Iterator[str]:
    for event, _ in record.events:
        shape = DATA.get(event.type)
        words = _WORDS.get(shape) if shape else None
        if shape and words and (text := words(event, decoded(event, shape))):
            yield f"{moment(event.run_s)}: {text}"


def _late(record: Record, runbook: Runbook) -> Iterator[str]:
    for step in runbook.forward:
        planned = planned_at(runbook, record.state, step)
        done = record.state.step(step.id).done_at
        if planned is not None and done is not None and done - planned > LATE_S:
            yield f"{step.title} was done {lasting(done - planned)} after its planned time"


def _ended(_event: Event, data: e.AttemptEnded) -> str:
    if data.ended == "exited":
        return ""
    return f"{_of(data)} was ended ({data.ended.replace('_', ' ')}) after {lasting(data.took_s)}"


def _finished(_event: Event, data: e.StepFinished) -> str:
    return f"{_of(data)} failed: {data.reason}" if data.result == "failed" else ""


def _settled(event: Event, data: e.StepSettled) -> str:
    return f"{_of(data)} was settled as {SETTLED[data.as_]} by {event.by}: {data.reason}"


def _seat(_event: Event, data: e.SeatTaken) -> str:
    note = f"; handed over: {data.handover}" if data.handover else ""
    said = f"{data.operator} took over the seat: {data.reason}{note}"
    return said if data.how == "over" else ""


def _clock(event: Event, data: e.ClockSet) -> str:
    told = {"reboot": "the host was started again", "lag": "the lab fell behind"}
    jump = f"{event.by} moved the run clock ahead"
    return {**told, "jump": jump}.get(data.why, "")


def _turned(event: Event, data: e.TurnedBack) -> str:
    how = "the rollback" if data.how == "roll_back" else "calling off"
    return f"{event.by} chose {how}: {data.reason}"


def _of(data: Any) -> str:
    return f"{data.step}, attempt {data.attempt},"


_WORDS: Mapping[type, Callable[[Event, Any], str]] = {
    e.AttemptEnded: _ended,
    e.PlanAccepted: lambda event, data: (
        f"the plan was changed by {event.by}: {data.reason}; {'; '.join(data.changes)}; "
        f"{data.former[:12]} -> {data.plan[:12]}"
    ),
    e.DamageAccepted: lambda event, data: (
        f"the journal did not hold, and {event.by} accepted that: {data.what}; as it was found: "
        f"{data.kept}, SHA-256 {data.sha256}; “{data.words}”"
    ),
    e.AttemptFound: lambda _, data: f"{_of(data)} was known by its folder alone: {data.reason}",
    e.LineSetAside: lambda _, data: f"half a line was set aside in {data.file}",
    e.AttemptInDoubt: lambda _, data: f"{_of(data)} came into doubt: {data.reason}",
    e.StepFinished: _finished,
    e.StepSettled: _settled,
    e.StepSkipped: lambda event, data: f"{data.step} was skipped by {event.by}: {data.reason}",
    e.ConfirmationVoid: lambda _, data: f"{_of(data)} confirmed in vain: {data.reason}",
    e.Held: lambda event, data: f"held by {event.by}: {data.reason}",
    e.T0Moved: lambda event, data: (
        f"T-0 moved to {moment(data.planned)} by {event.by}: {data.reason}"
    ),
    e.SeatTaken: _seat,
    e.ClockSet: _clock,
    e.TurnedBack: _turned,
}
