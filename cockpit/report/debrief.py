"""The debriefing of a rehearsal: what was planted, when it was noticed, what was decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cockpit.journal import events as e
from cockpit.journal.events import DATA, Event
from cockpit.journal.fold import decoded
from cockpit.record import Record
from cockpit.rehearsal.scenarios import ONSET_S, SCENARIOS, Scenario
from cockpit.runbook.actions import Action, ReadOnlyAction, RestoreAction
from cockpit.timewords import lasting, moment

TROUBLE = frozenset(("watch", "fix_forward", "scale_up", "roll_back"))
"""Verdicts that say that something is wrong."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """One moment at which the cockpit, or the operator, spoke of trouble."""

    at: float
    after_s: float
    """Run seconds since the fault showed."""
    words: str


@dataclass(frozen=True, slots=True)
class Debrief:
    """What a rehearsal teaches."""

    scenario: str
    planted: str
    """What the scenario plants."""
    planted_at: float | None
    """The run clock from which it showed; None where it never came to that."""
    noticed: tuple[Noticed, ...]
    """The first of each kind, oldest first."""
    decided: str
    decided_at: float | None
    evidence: tuple[str, ...]
    """What was asked and what it said, at the decision or at the last verdict."""
    cost: tuple[str, ...]
    """What it would have cost: time in which nobody could write, rows that came back by hand."""


def debrief(record: Record) -> Debrief:
    """Put the planted fault beside what was seen and decided."""
    state = record.state
    scenario = SCENARIOS.get(state.scenario)
    planted_at = _planted_at(scenario, record) if scenario else None
    evidence = [data.evidence for _, data in _told(record, e.TurnedBack, e.VerdictGiven)]
    return Debrief(
        scenario=state.scenario,
        planted=scenario.says if scenario else "",
        planted_at=planted_at,
        noticed=tuple(_noticed(record, planted_at)),
        decided=_decided(record),
        decided_at=state.turned_at,
        evidence=tuple(evidence[-1]) if evidence else (),
        cost=tuple(_cost(record)),
    )


def _planted_at(scenario: Scenario, record: Record) -> float | None:
    if scenario.dies_once:
        failed = (event.run_s for event, data in _told(record, e.AttemptEnded) if data.exit)
        return next(failed, None)
    t0 = record.state.t0_actual
    if t0 is None or scenario == SCENARIOS["calm"]:
        return None
    late = scenario.new_errors is not None or scenario.new_slowness != 1.0
    return t0 + ONSET_S if late else t0


def _noticed(record: Record, planted_at: float | None) -> Iterator[Noticed]:
    if planted_at is None:
        return
    seen: set[str] = set()
    for event, data in _told(
        record, e.VerdictGiven, e.WatchAnswered, e.ServiceTurned, e.StepFinished
    ):
        words = _trouble(data)
        if words and event.run_s >= planted_at and event.type not in seen:
            seen.add(event.type)
            yield Noticed(event.run_s, event.run_s - planted_at, words)


def _trouble(data: Any) -> str:
    match data:
        case e.VerdictGiven() if data.verdict in TROUBLE:
            return f"verdict {data.verdict.replace('_', ' ')}: {data.reason}"
        case e.WatchAnswered() if not data.answer.holds:
            return f"watch {data.watch}: {data.answer.evidence}"
        case e.ServiceTurned() if data.now in ("slow", "down", "silent"):
            return f"{data.title} turned {data.now}: {data.figure}"
        case e.StepFinished() if data.result == "failed":
            return f"step {data.step} failed: {data.reason}"
        case _:
            return ""


def _cost(record: Record) -> Iterator[str]:
    """Each time in which no side took writes, and the rows that were carried back."""
    closed = None
    for at, is_open in _writable(record):
        if is_open and closed is not None:
            span = f"from {moment(closed)} to {moment(at)}"
            yield f"nobody could write for {lasting(at - closed)}, {span}"
        closed = None if is_open else (at if closed is None else closed)
    if closed is not None:
        yield f"nobody could write from {moment(closed)} on"
    for step in record.runbook().procedure.rollback:
        rows = record.state.step(step.id).recorded.get("rows")
        if isinstance(step.action, RestoreAction) and isinstance(rows, dict):
            counts = (f"{name} {count:,}" for name, count in rows.items() if isinstance(count, int))
            yield f"carried back: {', '.join(counts)}"


def _writable(record: Record) -> Iterator[tuple[float, bool]]:
    """When a side was closed or opened, and whether any took writes then; the old one did first."""
    runbook = record.runbook()
    decision = runbook.procedure.decision
    if decision is None or decision.carry is None:
        return
    sides = {decision.carry[1]}
    actions: dict[str, Action] = {step.id: step.action for step in runbook.steps()}
    for event, data in _told(record, e.StepFinished, e.StepSettled):
        action = actions.get(data.step)
        result = data.as_ if isinstance(data, e.StepSettled) else data.result
        if result == "done" and isinstance(action, ReadOnlyAction):
            (sides.add if action.mode == "open" else sides.discard)(action.target)
            yield event.run_s, bool(sides)


def _decided(record: Record) -> str:
    state = record.state
    if state.turned_at is None:
        return f"to go on; the run {state.ended.replace('_', ' ') or 'has not ended'}"
    return f"{'to roll back' if state.mode == 'roll_back' else 'to call off'}: {state.turned_why}"


def _told(record: Record, *shapes: type) -> Iterator[tuple[Event, Any]]:
    for event, _ in record.events:
        shape = DATA.get(event.type)
        if shape in shapes:
            yield event, decoded(event, shape)
