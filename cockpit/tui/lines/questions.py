"""What the one-line dialogs say: what would happen, and what is to be typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cockpit.clock import utc
from cockpit.decision.rollback import call_off_steps, steps_back
from cockpit.journal.state import Seat
from cockpit.outlook import StepLine, held_up_by, step_names
from cockpit.runbook.model import Step
from cockpit.status import STEP
from cockpit.tui.lines import times
from cockpit.tui.lines.decision import back_words
from cockpit.tui.lines.now import running_words
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.settle import looked_at, seen_rows
from cockpit.tui.lines.text import Line, Span, folded, said


def _not_empty(text: str, _scene: Scene) -> str:
    return "" if text.strip() else "a reason is wanted: it goes into the record"


@dataclass(frozen=True, slots=True)
class Question:
    """A question that is answered in one line."""

    title: str
    body: Callable[[Scene, int], list[Line]]
    """What it says at a moment, in rows of a width."""
    prompt: str
    refusal: Callable[[str, Scene], str] = _not_empty
    """Why what is typed does not do; empty where it does."""
    does: str = ""
    """What the deliberate key does after the typing; empty where Enter alone suffices."""
    meaning: Callable[[str, Scene], str] = lambda _text, _scene: ""
    """How what is typed is understood; empty where it is just words."""
    about: Callable[[Scene], Hashable] = lambda _scene: ()
    """What of its body must be read anew where it changes: all but figures and ages."""


def telling(*lines: Line | str) -> Callable[[Scene, int], list[Line]]:
    """A body that says the same at every moment."""
    told: list[Line] = [((one, "plain"),) if isinstance(one, str) else one for one in lines]
    return lambda _scene, width: [row for one in told for row in folded(one, width)]


def skipping(scene: Scene, step: StepLine) -> Question:
    """Before a step is passed over: which steps stay closed then."""
    shut = held_up_by(scene.runbook, scene.state, step.step.id)
    names = step_names(scene.runbook, scene.state)
    then = "these stay closed until Enter opens it again:" if shut else "no open step needs it."
    return Question(
        f"Skip step {step.number}",
        telling(
            ((said(step.step.title), "strong"),),
            f"A skipped step is not done: {then}",
            *(((f"  {said(names[one.id])}", "needs"),) for one in shut),
        ),
        "why is it skipped?",
        does="skips it",
    )


def noting() -> Question:
    """Before a note."""
    return Question(
        "Note", telling("It goes into the record, with your name and the time."), "note"
    )


def rolling_back(_scene: Scene) -> Question:
    """Before going back: which steps, how many rows, how long, and what is lost."""
    return Question(
        "Roll back", _rollback, "why do we go back?", does="turns the list round", about=_lost
    )


def _lost(scene: Scene) -> Hashable:
    verdict = scene.live.verdict if scene.live else None
    lost = [re.sub(r"\d+", "", what) for what in verdict.cannot_bring_back] if verdict else None
    return str(lost), steps_back(scene.runbook, scene.state)


def _rollback(scene: Scene, width: int) -> list[Line]:
    verdict = scene.live.verdict if scene.live else None
    head = "These steps would come next, each with its confirmation:"
    body = _listed(head, steps_back(scene.runbook, scene.state))
    if verdict is not None:
        body += [(), (("Now: ", "dim"), *back_words(scene, verdict))]
        body += [
            (("It cannot bring back: ", "dim"), (said(what), "needs"))
            for what in verdict.cannot_bring_back
        ]
    body += [(), (("Choosing it only turns the list round: nothing runs yet.", "dim"),)]
    return [row for one in body for row in folded(one, width)]


def calling_off(_scene: Scene) -> Question:
    """Before the change is called off."""
    return Question(
        "Call off",
        _call_off,
        "why is it called off?",
        does="calls the change off",
        about=lambda scene: call_off_steps(scene.runbook, scene.state),
    )


def _call_off(scene: Scene, width: int) -> list[Line]:
    steps = call_off_steps(scene.runbook, scene.state)
    body = _listed("What was done is put back, each step with its confirmation:", steps)
    body += [(), (("From then on no step forward can run in this run.", "needs"),)]
    return [row for one in body for row in folded(one, width)]


def _listed(head: str, steps: tuple[Step, ...]) -> list[Line]:
    if not steps:
        return [(("Nothing was done that has to be put back: the run ends at once.", "needs"),)]
    room = len(str(len(steps)))
    return [
        ((head, "plain"),),
        *(((f"  {number:>{room}}  ", "dim"), (said(step.title), "strong"))
          for number, step in enumerate(steps, start=1)),
    ]  # fmt: skip


def taking_over(scene: Scene) -> Question:
    """Before the seat is taken from somebody."""
    seat = scene.state.seat
    name = f"{said(seat.operator)} on {said(seat.host)}" if seat else "nobody"
    since = f" since {times.moment(seat.since, scene.now)}" if seat else ""
    told = telling(
        f"{name} has it{since}.",
        "From then on only you can confirm; what its holder still asks is refused.",
        "Both screens say so, and the record keeps what you type here.",
    )
    return Question(
        "Take over the seat",
        lambda now, width: [*told(now, width), (), *_just_now(now, width)],
        "why do you take over?",
    )


def _just_now(scene: Scene, width: int) -> list[Line]:
    """What is taken over with the seat: what runs, what is not settled, what its holder reads."""
    facts: list[Span] = []
    for line in scene.outlook.lines():
        name = f"{line.number} {said(line.step.title)}"
        if line.status in ("running", "stopping"):
            facts.append((running_words(scene, line), "needs"))
        elif line.status in ("unverified", "in_doubt", "failed"):
            facts.append((f"{name}: {STEP[line.status].word}", "needs"))
    shown = scene.live.proposal if scene.live else None
    opened = scene.outlook.line(shown.step) if shown else None
    if opened is not None:
        facts.append((f"open before them: {opened.number} {said(opened.step.title)}", "needs"))
    if scene.is_old:
        age = "" if scene.age_s is None else f", for {times.lasting(scene.age_s)}"
        facts.append((f"the engine is silent{age}: nobody knows it better", "unknown"))
    return labelled("Just now", facts or [("no step runs", "plain")], width)


def taken_over(seat: Seat, width: int) -> tuple[Line, ...]:
    """What its former holder is told when the seat was taken over."""
    who = f"{said(seat.operator)} on {said(seat.host)}"
    return (
        (("The seat was taken over from you: ", "plain"), (who, "strong"),
         (f" has seat {seat.number}.", "plain")),
        (("You look on from here; t takes it over again.", "plain"),),
        (),
        *labelled("Reason", [(seat.reason, "plain")], width),
        *labelled("Handover", [(seat.handover, "plain")], width),
    )  # fmt: skip


def settling(step: StepLine, how: str) -> Question:
    """Before an attempt is settled, with what was seen of it."""
    title, prompt, does = _SETTLING[how]

    def body(scene: Scene, width: int) -> list[Line]:
        line = scene.outlook.line(step.step.id) or step
        rows: list[Line] = [((f"{line.number}  ", "plain"), (said(line.step.title), "strong")), ()]
        rows += seen_rows(scene, looked_at(scene, line) or (), width)
        told: Line = (("Your words and what was seen go into the record together.", "dim"),)
        return [*rows, *folded(told, width)]

    def about(scene: Scene) -> Hashable:
        line = scene.outlook.line(step.step.id) or step
        return tuple((answer.check, answer.said) for answer in looked_at(scene, line) or ())

    return Question(title, body, prompt, does=does, about=about)


_SETTLING = {
    "settle_done": ("It is done", "what shows that it is done?", "settles it as done"),
    "settle_failed": ("It failed", "what shows that it failed?", "settles it as failed"),
    "settle_not_happened": (
        "It did not happen",
        "what shows that it had no effect?",
        "lets it run again, with a confirmation",
    ),
}


def postponing(scene: Scene) -> Question:
    """Before T-0 is moved."""
    planned = scene.state.t0_planned
    return Question(
        "Move T-0",
        telling(
            f"It is planned for {times.day(planned)} {times.hhmm(planned)} {times.zone(planned)}.",
            "Gates that were passed before are judged again for the new time.",
            "Type when, then why:",
            (
                ("  +24h storm warning", "strong"),
                ("   or   ", "dim"),
                ("2026-11-25 02:00 storm warning", "strong"),
            ),
        ),
        "when, and why?",
        _when_refused,
        does="moves T-0",
        meaning=understood,
    )


_AHEAD = re.compile(r"\+(\d+)([mhd])\s+(.+)")
_AT = re.compile(r"(?:(\d{4}-\d\d-\d\d)[ T])?(\d\d:\d\d)(?::00)?(Z|[+-]\d\d:?\d\d)?\s+(.+)")
_UNITS = {"m": times.MINUTE, "h": times.HOUR, "d": times.DAY}


def moment_and_reason(text: str, scene: Scene) -> tuple[float | None, str]:
    """What was typed as a moment of the run clock, and the reason; None where it is no moment."""
    if ahead := _AHEAD.fullmatch(text.strip()):
        amount, unit, why = ahead.groups()
        return scene.state.t0_planned + int(amount) * _UNITS[unit], why
    if at := _AT.fullmatch(text.strip()):
        date, clock, zone, why = at.groups()
        return _moment(date, clock, zone or "", scene.now), why
    return None, ""


def _moment(date: str | None, clock: str, zone: str, now: float) -> float | None:
    """The moment; in this host's zone where none is named."""
    local = utc(now).astimezone()
    try:
        wanted = datetime.fromisoformat(f"{date or local.date()}T{clock}{zone}")
    except ValueError:
        return None
    if wanted.tzinfo is None:
        wanted = wanted.replace(tzinfo=local.tzinfo)
    if date is None and wanted <= local:
        wanted += timedelta(days=1)
    return wanted.timestamp()


def understood(text: str, scene: Scene) -> str:
    """The moment that was typed, as it is understood; empty where none was."""
    moment, _ = moment_and_reason(text, scene)
    if moment is None:
        return ""
    away = times.lasting(moment - scene.now)
    return f"T-0 would be {times.day(moment)} {times.hhmm(moment)} {times.zone(moment)}, in {away}"


def _when_wanted(text: str) -> str:
    """What a time lacks that cannot be read."""
    if _AT.fullmatch(text.strip()):
        return "there is no such day or time"
    if _AHEAD.fullmatch(f"{text.strip()} x") or _AT.fullmatch(f"{text.strip()} x"):
        return "a reason is wanted after the time: 2026-11-30T02:00+00:00 storm warning"
    return "first when, then a blank, then why: +24h storm warning"


def _when_refused(text: str, scene: Scene) -> str:
    moment, _ = moment_and_reason(text, scene)
    if moment is None:
        return _when_wanted(text)
    if moment <= scene.now:
        return "the new T-0 lies in the past"
    return ""
