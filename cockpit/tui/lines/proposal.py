"""The confirmation: exactly what will run, on what, why it may, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

from cockpit.answer import Answer
from cockpit.called import as_called
from cockpit.clock import NS
from cockpit.countwords import many
from cockpit.outlook import StepLine, tried
from cockpit.status import CHECK, ENVIRONMENT
from cockpit.telemetry.live import Proposal
from cockpit.tui.lines import times
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import (
    Line,
    Span,
    ends,
    fit,
    folded,
    glyph,
    joined,
    kept,
    pad,
    said,
    wrapped,
)

LABEL = 14
"""Columns of the labels at the left."""
FOOT = 4
"""Rows that the reason may take why the dialog's key does nothing."""
GOES_ON = "↳ "
"""What stands before the rest of a line that was too long for its row."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Where the dialog itself stands."""

    refusal: str = ""
    """Why its key does nothing yet; empty where it acts."""
    expires_in: float = 60.0
    """Real seconds until it closes."""
    typed: str = ""
    """What was typed of the word, where one is wanted."""
    sent: bool = False
    """It was confirmed; the engine has not answered yet."""
    second: bool = False
    """It is the second person's."""
    told: str = ""
    """Why the last key did nothing; empty where it did something."""


def proposal(scene: Scene, step: StepLine, ask: Ask, width: int) -> Picture:
    """The picture of the dialog."""
    found = scene.proposal(step.step.id)
    attempt = found.attempt if found else len(step.state.attempts) + 1
    what = "Second person:" if ask.second else "Confirm"
    body: list[Line] = [_head(step, width), (), _where(scene, width)]
    if found is None:
        body += [(), (("the engine is asked what would run …", "dim"),)]
    else:
        body += proposal_body(scene, step, found, width)
    return Picture(
        title=f"{what} step {step.number}, attempt {attempt}",
        conclusion=_expiry(ask),
        body=tuple(body),
        foot=tuple(_foot(scene, found, ask, width)),
    )


def proposal_body(scene: Scene, step: StepLine, found: Proposal, width: int) -> list[Line]:
    """Everything between the head and the last lines."""
    # What a person types need not be what is written in the runbook, but must work here.
    by_hand = step.step.action.kind == "manual"
    rows = exactly(tuple(map(as_called, found.lines)) if by_hand else found.lines, width)
    rows += labelled("Foreseen", [(line, "strong") for line in found.foreseen], width)
    rows += _targets(scene, found, width)
    rows += _gates(scene, found, width)
    rows += _seen(scene, step, found, width)
    rows += _second(scene, found, width)
    rows += labelled("Took before", [(found.took_before or "it never ran", "plain")], width)
    rows += labelled("Way back", [(found.way_back or "unknown", "plain")], width)
    rows += labelled("Good when", [(as_called(step.step.success_looks_like), "plain")], width)
    if found.matters:
        rows += labelled("What matters", [(found.matters, "needs strong")], width)
    return rows


def exactly(texts: tuple[str, ...], width: int) -> list[Line]:
    """What runs, character by character; a row that goes on from the one above says so."""
    rows: list[Line] = []
    for text in texts:
        for index, row in enumerate(kept(text, width - LABEL - len(GOES_ON))):
            label = (pad("" if rows else "Will do", LABEL), "dim")
            rows.append(fit((label, (GOES_ON if index else "", "dim"), (row, "strong")), width))
    return rows


def labelled(label: str, texts: list[Span], width: int) -> list[Line]:
    """Texts beneath each other, wrapped, with the label before the first."""
    rows: list[Line] = []
    for text, tone in texts:
        for row in wrapped(said(text), width - LABEL):
            head = "" if rows else label
            rows.append(fit(((pad(head, LABEL), "dim"), (row, tone)), width))
    return rows


def _head(step: StepLine, width: int) -> Line:
    undo = (
        ("CANNOT BE UNDONE", "bad strong") if step.step.irreversible else ("can be undone", "dim")
    )
    badge = "  (T-0)" if step.step.t0 else ""
    name: Line = (
        (f"{step.number}  ", "plain"),
        (said(step.step.title) + badge, "strong"),
    )
    return ends(name, (undo,), width)


def _where(scene: Scene, width: int) -> Line:
    name = ENVIRONMENT.get(scene.environment, scene.environment)
    seat = scene.state.seat
    who = f"{said(seat.operator)}, seat {seat.number}" if seat and not seat.vacant else "nobody"
    return fit(
        (
            (pad("Environment", LABEL), "dim"),
            (f" {name} ", f"env-{scene.environment} strong"),
            ("  on host  ", "dim"),
            (said(scene.state.host), "strong"),
            ("  as  ", "dim"),
            (who, "strong"),
        ),
        width,
    )


def _targets(scene: Scene, found: Proposal, width: int) -> list[Line]:
    if not found.targets:
        words = (
            "identities are being read …" if found.asking else "none declared: nothing is read back"
        )
        return labelled("Target", [(words, "dim")], width)
    rows: list[Line] = []
    for name, identity in found.targets:
        pinned = scene.state.pinned.get(name)
        unread = identity.startswith("could not be read")
        key = "unknown" if unread else "fail" if pinned not in (None, identity) else "pass"
        shown, tone = glyph(CHECK[key], ascii_only=scene.ascii)
        words = f"{name}: {identity}"
        if key == "fail":
            words += f"; it was {pinned} before"
        rows += _answer_rows("" if rows else "Target", (shown, tone), words, "", width)
    return rows


def _gates(scene: Scene, found: Proposal, width: int) -> list[Line]:
    if not found.gates:
        words = "gates are being asked …" if found.asking else "none"
        return labelled("Gates", [(words, "dim")], width)
    rows: list[Line] = []
    for gate in found.gates:
        rows += gate_rows(scene, gate, "" if rows else "Gates", width)
    return rows


def _seen(scene: Scene, step: StepLine, found: Proposal, width: int) -> list[Line]:
    """What is to be seen now of its former attempts."""
    if found.asking or not tried(step.state):
        return []
    rows: list[Line] = []
    for answer in found.seen:
        label = "" if rows else "Seen now"
        rows += gate_rows(scene, answer, label, width, must=False)
    if not rows:
        words = "it has no verification: only its output tells how far it came"
        rows += labelled("Seen now", [(words, "needs")], width)
    return rows


def _second(scene: Scene, found: Proposal, width: int) -> list[Line]:
    """Who else confirmed it, where another login must."""
    if not found.second_person:
        return []
    told = scene.state.second
    wanted = (found.step, found.attempt, found.digest)
    if told is None or (told.step, told.attempt, told.digest) != wanted:
        shown, tone = glyph(CHECK["unknown"], ascii_only=scene.ascii)
        words = "nobody yet: another login presses y on a screen of their own"
        return _answer_rows("Second person", (shown, tone), words, "must confirm", width)
    shown, tone = glyph(CHECK["pass"], ascii_only=scene.ascii)
    doubt = "" if told.proven else ", not proven to be another person: both are root"
    age = times.ago((scene.view.boot_ns - told.pressed_ns) / NS)
    return _answer_rows("Second person", (shown, tone), f"{told.by}{doubt}", age, width)


def answer_key(answer: Answer, now: float) -> str:
    """A key of `status.CHECK`; an answer grown old is stale."""
    return "stale" if answer.said == "pass" and answer.is_stale(now) else answer.said


def gates_words(scene: Scene, upcoming: StepLine) -> Span:
    """How many gates hold, as far as anybody asked."""
    proposal = scene.proposal(upcoming.step.id)
    total = len(upcoming.step.gates)
    if proposal is None:
        return many(total, "gate"), "dim"
    if proposal.asking and total:
        return f"{many(total, 'gate')}, being asked", "dim"
    counts = {
        word: sum(1 for gate in proposal.gates if answer_key(gate, scene.now) in kinds)
        for word, kinds in (
            ("pass", ("pass", "not_rehearsed")),
            ("FAIL", ("fail",)),
            ("unknown", ("unknown",)),
            ("stale", ("stale",)),
        )
    }
    words = [f"{count} {word}" for word, count in counts.items() if count]
    doubt = counts["unknown"] or counts["stale"]
    tone = "bad" if counts["FAIL"] else "unknown" if doubt else "fine"
    return f"gates: {', '.join(words) or 'none'}", tone


def gate_rows(
    scene: Scene, gate: Answer, label: str, width: int, *, past: bool = False, must: bool = True
) -> list[Line]:
    """One check: its question, what was seen, and how old that is, or when it was."""
    key = gate.said if past else answer_key(gate, scene.now)
    mark = CHECK[key]
    shown, tone = glyph(mark, ascii_only=scene.ascii)
    age = times.ago(scene.now - gate.at)
    word = "" if key == "pass" else f"{mark.word}: "
    evidence = f": {as_called(gate.evidence)}" if gate.evidence else ""
    right = age if gate.holds or not must else f"must pass, {age}"
    if past:
        right = times.moment(gate.at, scene.now)
    return _answer_rows(label, (shown, tone), f"{word}{gate.title}{evidence}", right, width)


def _answer_rows(label: str, sign: Span, words: str, right: str, width: int) -> list[Line]:
    room = width - LABEL - 2 - (len(right) + 2 if right else 0)
    rows: list[Line] = []
    tone = "plain" if sign[1] in ("fine", "dim") else sign[1]
    for index, row in enumerate(wrapped(said(words), room)):
        left: Line = (
            (pad(label if not index else "", LABEL), "dim"),
            (f"{sign[0] if not index else ' '} ", sign[1]),
            (row, tone),
        )
        rows.append(ends(left, ((right, "dim"),) if right and not index else (), width))
    return rows


def _expiry(ask: Ask) -> Line:
    tone = "needs" if ask.expires_in < 15 else "dim"
    return ((f"this dialog closes in {times.left(ask.expires_in)}", tone),)


def _foot(scene: Scene, found: Proposal | None, ask: Ask, width: int) -> list[Line]:
    word = found.typed_word if found else ""
    if ask.sent:
        state: Line = (("confirmed: waiting for the engine …", "plain"),)
    elif ask.told:
        state = ((said(ask.told), "needs"),)
    elif ask.refusal:
        state = (("not yet: ", "needs strong"), (said(ask.refusal), "needs"))
    elif word:
        state = (("type ", "plain"), (word, "strong"), (" below, then Enter", "plain"))
    else:
        then = " as second person; the driver begins it" if ask.second else ""
        if found and any(answer_key(gate, scene.now) == "stale" for gate in found.gates):
            then += "; what is stale is asked again first"
        state = (("c", "key"), (f" confirms what is shown above{then}", "plain"))
    # A refusal may name a holder and a path: what matters must not be cut off.
    rows = (fit(row, width) for row in folded(state, width)[:FOOT])
    return [(), *rows, fit(_other_keys(scene, typing=bool(word)), width)]


def _other_keys(scene: Scene, *, typing: bool) -> Line:
    """The keys that do not confirm; letters are the word's where one is typed."""
    hold = "release" if scene.state.held is not None else "hold"
    letters = [("g", "ask again"), ("h", hold), ("n", "note"), ("?", "keys")]
    keys = [("PgUp PgDn", "scroll")] if typing else letters
    shown: list[Line] = [((key, "key"), (f" {does}", "dim")) for key, does in keys]
    return joined([*shown, (("Esc", "key"), (" leaves: nothing changes", "dim"))], "   ")
