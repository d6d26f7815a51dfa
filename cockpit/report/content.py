"""What a report says of a run: facts from the journal and the plan, without a layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cockpit.answer import Answer
from cockpit.journal import events as e
from cockpit.journal.events import DATA
from cockpit.journal.fold import decoded
from cockpit.journal.lines import line_of
from cockpit.journal.state import AttemptState, LogLine, RunState, StepState
from cockpit.outlook import planned_at
from cockpit.record import Record
from cockpit.report.debrief import Debrief, debrief
from cockpit.report.deviations import deviations
from cockpit.runbook.model import Runbook, Step


@dataclass(frozen=True, slots=True)
class AttemptReport:
    """One attempt of one step."""

    number: int
    status: str
    by: str
    """Who confirmed it."""
    confirmed_at: float
    started_at: float | None
    ended_at: float | None
    took_s: float | None
    exit: int | None
    message: str
    reason: str
    digest: str
    lines: tuple[str, ...]
    """Exactly what ran, as it was shown."""
    gates: tuple[Answer, ...]
    verification: tuple[Answer, ...]
    output: tuple[str, ...]
    """The last lines."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step: planned and actual."""

    id: str
    title: str
    phase: str
    status: str
    planned: float | None
    done_at: float | None
    reason: str
    attempts: tuple[AttemptReport, ...]

    @property
    def late_s(self) -> float | None:
        """Run seconds by which it was done after its planned time; None where it was not."""
        if self.planned is None or self.done_at is None:
            return None
        return self.done_at - self.planned


@dataclass(frozen=True, slots=True)
class VerdictReport:
    """One turn of the verdict."""

    at: float
    verdict: str
    reason: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report says."""

    state: RunState
    steps: tuple[StepReport, ...]
    deviations: tuple[str, ...]
    verdicts: tuple[VerdictReport, ...]
    log: tuple[LogLine, ...]
    not_rehearsed: tuple[str, ...]
    """Steps and checks that the embedded lab did not play."""
    debrief: Debrief | None
    """Of rehearsals."""

    @property
    def outcome(self) -> str:
        """How the run ended, or that it has not."""
        return self.state.ended.replace("_", " ") or "not ended"


def report(record: Record) -> Report:
    """What the journal and the plan say of a run."""
    runbook, state = record.runbook(), record.state
    steps = tuple(_step(record, runbook, step) for step in runbook.steps())
    return Report(
        state=state,
        steps=steps,
        deviations=deviations(record, runbook),
        verdicts=tuple(_verdicts(record)),
        log=tuple(_log(record)),
        not_rehearsed=tuple(dict.fromkeys(_not_rehearsed(steps, state))),
        debrief=debrief(record) if state.environment == "rehearsal" else None,
    )


def _step(record: Record, runbook: Runbook, step: Step) -> StepReport:
    found: StepState = record.state.step(step.id)
    phase = runbook.phase_of(step.id)
    return StepReport(
        id=step.id,
        title=step.title,
        phase=phase.title if phase else "Rollback",
        status=_status(record.state, found),
        planned=planned_at(runbook, record.state, step),
        done_at=found.done_at,
        reason=found.reason,
        attempts=tuple(_attempt(record, step.id, one) for one in found.attempts),
    )


def _status(state: RunState, step: StepState) -> str:
    """What never came to its turn is to come, or, in a run that has ended, was not needed."""
    return "not_needed" if state.ended and step.status == "open" else step.status


def _attempt(record: Record, step: str, one: AttemptState) -> AttemptReport:
    return AttemptReport(
        number=one.number,
        status=one.status,
        by=one.by,
        confirmed_at=one.confirmed_at,
        started_at=one.started_at,
        ended_at=one.ended_at,
        took_s=one.took_s,
        exit=one.exit,
        message=one.message,
        reason=one.reason,
        digest=one.digest,
        lines=one.lines,
        gates=one.gates,
        verification=one.answers,
        output=record.tail(step, one.number),
    )


def _verdicts(record: Record) -> Iterator[VerdictReport]:
    for event, _ in record.events:
        if event.type == "verdict_given":
            data: e.VerdictGiven = decoded(event, e.VerdictGiven)
            yield VerdictReport(event.run_s, data.verdict, data.reason, tuple(data.evidence))


def _log(record: Record) -> Iterator[LogLine]:
    for event, _ in record.events:
        shape = DATA.get(event.type)
        said = line_of(record.state, event, decoded(event, shape)) if shape else None
        if said:
            yield LogLine(event.seq, event.run_s, *said)


def _not_rehearsed(steps: tuple[StepReport, ...], state: RunState) -> Iterator[str]:
    for step in steps:
        last = state.step(step.id).last
        if last and last.recorded.get("not_rehearsed"):
            yield f"step {step.id}: {step.title}"
        for attempt in step.attempts:
            for answer in (*attempt.gates, *attempt.verification):
                if answer.said == "not_rehearsed":
                    yield f"check {answer.check}: {answer.title}"
