"""A report as a document: blocks that Markdown and HTML lay out alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cockpit.answer import Answer
from cockpit.called import called
from cockpit.report.content import AttemptReport, Report, StepReport
from cockpit.report.debrief import Debrief
from cockpit.status import CHECK, ENVIRONMENT, STEP, VERDICT, Mark
from cockpit.timewords import lasting, moment

Cell = str | Mark


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a level from 1 to 4."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or two."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines as they are."""

    lines: tuple[str, ...]


Block = Heading | Paragraph | Items | Table | Code


def document(report: Report) -> Iterator[Block]:
    """The whole report."""
    yield from _summary(report)
    yield Heading(2, "Deviations")
    yield from _list(report.deviations, "none: every step ran as planned")
    yield Heading(2, "Planned and actual")
    yield Table(
        ("step", "phase", "state", "planned", "done", "late", "attempts"),
        tuple(_row(step) for step in report.steps),
    )
    yield Heading(2, "Verdicts")
    yield from _verdicts(report)
    if report.debrief:
        yield from _debrief(report.debrief)
    if report.state.environment == "rehearsal":
        yield Heading(2, f"Not rehearsed here: {len(report.not_rehearsed)}")
        yield from _list(report.not_rehearsed, "nothing: the lab played all of it")
    yield Heading(2, "Steps")
    for step in report.steps:
        if step.attempts:
            yield from _step(step)
    yield Heading(2, "What happened")
    yield Table(("#", "when", "what"), tuple(_log(report)))


def _summary(report: Report) -> Iterator[Block]:
    state = report.state
    environment = ENVIRONMENT.get(state.environment, state.environment)
    scenario = f"{state.scenario}, seed {state.seed}" if state.scenario else "-"
    rows = {
        "environment": f"{environment} · {state.domain}",
        "outcome": report.outcome,
        "run": state.run,
        "host": state.host,
        "program": f"cockpit {state.program}",
        "began": moment(state.started_at),
        "T-0 planned": moment(state.t0_planned),
        "T-0 actual": moment(state.t0_actual),
        "ended": moment(state.ended_at),
        "scenario": scenario,
        "procedure": state.procedure,
        "plan": state.plan,
        "events": str(state.seq + 1),
        "journal head": state.head,
    }
    yield Heading(1, f"{state.title} · {environment}")
    yield Table(("", ""), tuple(rows.items()))
    yield Paragraph(
        f"`{called()} journal --verify --head` with the head above proves that the journal "
        "is the one that this report was made from."
    )


def _list(texts: tuple[str, ...], none: str) -> Iterator[Block]:
    yield Items(texts) if texts else Paragraph(none)


def _row(step: StepReport) -> tuple[Cell, ...]:
    late = step.late_s
    early = late is not None and late < 0
    words = "-" if late is None else lasting(abs(late)) + (" early" if early else "")
    return (
        step.title,
        step.phase,
        mark(step),
        moment(step.planned),
        moment(step.done_at),
        words,
        str(len(step.attempts)),
    )


def mark(step: StepReport) -> Mark:
    """How a step's state is shown."""
    return STEP.get("later" if step.status == "open" else step.status, STEP["running"])


def _verdicts(report: Report) -> Iterator[Block]:
    if not report.verdicts:
        yield Paragraph("none was given")
        return
    yield Table(
        ("when", "verdict", "reason", "evidence"),
        tuple(
            (moment(one.at), VERDICT[one.verdict], one.reason, "; ".join(one.evidence))
            for one in report.verdicts
        ),
    )


def _debrief(debrief: Debrief) -> Iterator[Block]:
    yield Heading(2, "Debriefing")
    yield Paragraph(f"Scenario {debrief.scenario or '-'}: {debrief.planted or 'not known here'}.")
    if debrief.planted_at is not None:
        yield Paragraph(f"The fault showed from {moment(debrief.planted_at)}.")
        noticed = tuple(
            f"noticed {lasting(one.after_s)} later, {moment(one.at)}: {one.words}"
            for one in debrief.noticed
        )
        yield from _list(noticed, "Nothing noticed it.")
    yield Paragraph(f"Decided {debrief.decided}.")
    if debrief.evidence:
        yield Paragraph("What the evidence said then:")
        yield Items(debrief.evidence)
    if debrief.cost:
        yield Paragraph("What it would have cost:")
        yield Items(debrief.cost)


def _step(step: StepReport) -> Iterator[Block]:
    yield Heading(3, f"{step.title} ({step.id})")
    yield Paragraph(mark(step).shown() + (f": {step.reason}" if step.reason else ""))
    for attempt in step.attempts:
        yield from _attempt(attempt)


def _attempt(attempt: AttemptReport) -> Iterator[Block]:
    yield Heading(4, f"Attempt {attempt.number}")
    yield Items(tuple(_facts(attempt)))
    if attempt.lines:
        yield Paragraph("What ran, as shown and confirmed:")
        yield Code(attempt.lines)
    if attempt.gates:
        yield Paragraph("Gates:")
        yield _answers(attempt.gates)
    if attempt.output:
        yield Paragraph("The last lines of its output:")
        yield Code(attempt.output)
    if attempt.verification:
        yield Paragraph("Verification:")
        yield _answers(attempt.verification)


def _facts(attempt: AttemptReport) -> Iterator[str]:
    yield f"confirmed by {attempt.by} at {moment(attempt.confirmed_at)}"
    yield f"digest {attempt.digest}"
    if attempt.started_at is not None:
        yield f"began {moment(attempt.started_at)}"
    if attempt.ended_at is not None:
        took = "" if attempt.took_s is None else f" after {attempt.took_s:.1f} s"
        status = "" if attempt.exit is None else f", exit {attempt.exit}"
        yield f"ended {moment(attempt.ended_at)}{took}{status}"
    yield from (text for text in (attempt.message, attempt.reason) if text)


def _answers(answers: Iterable[Answer]) -> Table:
    return Table(
        ("question", "answer", "evidence", "when"),
        tuple((one.title, CHECK[one.said], one.evidence, moment(one.at)) for one in answers),
    )


def _log(report: Report) -> Iterator[tuple[Cell, ...]]:
    for line in report.log:
        yield str(line.seq), moment(line.at), line.text
