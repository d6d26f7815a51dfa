"""Stay or go back: what was measured, what it says, and what going back would do now."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cockpit.decision.evidence import Reading, Verdict
from cockpit.status import CHECK, VERDICT, Mark
from cockpit.tui.lines import times
from cockpit.tui.lines.bar import run_mark
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import (
    Line,
    Span,
    cells,
    clip,
    clipped,
    fit,
    glyph,
    joined,
    mark,
    pad,
    pad_left,
    plain,
    said,
    unsure,
    width_of,
)

TITLE = "Rollback: stay or go back"
ANSWER: dict[str, tuple[Mark, str]] = {
    "good": (CHECK["pass"], "no"),
    "warn": (Mark("!", "!", "warn", "needs"), "some"),
    "bad": (CHECK["fail"], "YES"),
    "unknown": (CHECK["unknown"], "unknown"),
}
"""A leaning as the answer to its question."""
QUESTION = 26
"""Columns of a question at most."""
BEFORE = "nothing to weigh before the switch"
LEANINGS = ("bad", "warn", "unknown", "good")
COUNT_OLD_S = 120.0
"""Run seconds after which a count of rows is old."""
OLD_READING_S = 60.0
"""Run seconds after which a reading is called old."""


def decision(scene: Scene, width: int, height: int) -> Picture:
    """The panel's picture."""
    verdict = scene.live.verdict if scene.live else None
    if verdict is None:
        words = "no verdict yet: nothing was measured"
        return Picture(TITLE, (("no data yet", "unknown"),), (((words, "dim"),),))
    hidden = 0
    if height >= 4:
        body, hidden = _tree(scene, verdict, width, height)
    else:
        body = _short(scene, verdict, width, height)
    if scene.is_old:
        body = [unsure(line) for line in body]
    told = conclusion(scene, verdict)
    if hidden:
        told = joined([((f"{hidden} more", "plain"),), told], " · ")
    return Picture(TITLE, told, tuple(body[:height]))


def conclusion(scene: Scene, verdict: Verdict) -> Line:
    """The verdict; once the run goes back, that it does."""
    if scene.state.mode != "forward" or scene.state.ended:
        words, tone = mark(run_mark(scene), ascii_only=scene.ascii)
        return ((words, f"{tone} strong"),)
    shown = VERDICT[verdict.word]
    if scene.is_old:
        sign, tone = glyph(CHECK["stale"], ascii_only=scene.ascii)
        return (("verdict: ", "dim"), (f"{sign} {shown.word} (old)", f"{tone} strong"))
    words, tone = mark(shown, ascii_only=scene.ascii)
    return (("verdict: ", "dim"), (words, f"{tone} strong"))


def _tree(scene: Scene, verdict: Verdict, width: int, height: int) -> tuple[list[Line], int]:
    """The rows, and how many readings had no room among them."""
    first = _beginning(scene, verdict, width)
    readings = verdict.readings if _is_judged(scene, verdict) else ()
    room = height - len(first) - 1
    hidden = max(0, len(readings) - room)
    if hidden:
        # What going back would do now never gives way: the mildest readings do.
        readings = tuple(_worst_first(readings)[:room])
    wide = _columns(scene, readings, QUESTION)
    lines = [*first, *(_node(scene, reading, wide, width) for reading in readings)]
    if scene.state.mode == "forward":
        lines += _back(scene, verdict, width)
    lines += cannot(verdict, width)
    if readings:
        lines.append(fit((("because ", "dim"), (said(verdict.reason), "plain")), width))
    return lines, hidden


def nodes(scene: Scene, verdict: Verdict, width: int) -> list[Line]:
    """Every reading, for the whole screen."""
    wide = _columns(scene, verdict.readings, max(QUESTION, width // 3))
    return [_node(scene, one, wide, width, whole=True) for one in verdict.readings]


def way_back(scene: Scene, verdict: Verdict, width: int) -> list[Line]:
    """What going back would do now and what it could not, whole; or how far it is."""
    if scene.state.mode != "forward":
        return [(), *_going_back(scene, width)]
    lost: list[Span] = [(what, "needs") for what in verdict.cannot_bring_back]
    if verdict.word == "decided":
        return []
    rows = labelled("Back now", [(plain(back_words(scene, verdict)), "plain")], width)
    return rows + labelled("Cannot undo", lost or [_not_known(scene)], width)


def _not_known(scene: Scene) -> Span:
    """What is said where nothing is known that a rollback could not bring back."""
    if any(scene.state.step(step.id).began for step in scene.runbook.forward):
        return "not worked out: no step and no signal names anything", "unknown"
    return "nothing: no step has begun", "dim"


def _is_judged(scene: Scene, verdict: Verdict) -> bool:
    """Whether there is anything to weigh: not before the switch, and not once it is decided."""
    return (
        verdict.word not in ("not_yet", "not_weighed", "decided") and scene.state.mode == "forward"
    )


def _beginning(scene: Scene, verdict: Verdict, width: int) -> list[Line]:
    """What stands in the place of readings while there is nothing to weigh."""
    if scene.state.mode != "forward":
        return _going_back(scene, width)
    if verdict.word == "not_yet":
        asked = "  ".join(said(reading.question) for reading in verdict.readings)
        later: list[Line] = [fit((("then: ", "dim"), (asked, "dim")), width)] if asked else []
        return [fit(((BEFORE, "plain"),), width), *later]
    if verdict.word in ("decided", "not_weighed") or not verdict.readings:
        return [fit(((said(verdict.reason), "plain"),), width)]
    return []


def _going_back(scene: Scene, width: int) -> list[Line]:
    """Since when and why, how far, and what comes next."""
    since = times.moment(scene.state.turned_at or scene.now, scene.now)
    chosen: Line = ((f"chosen {since}: ", "dim"), (said(scene.state.turned_why), "plain"))
    return [fit(chosen, width), fit(_how_far(scene), width)]


def _how_far(scene: Scene) -> Line:
    outlook = scene.outlook
    words = f"{outlook.done} of {outlook.total} steps back are done"
    if outlook.next is not None:
        words += f", next {outlook.next.number} {said(outlook.next.step.title)}"
    return ((words, "plain"),)


def _worst_first(readings: Iterable[Reading]) -> list[Reading]:
    return sorted(readings, key=lambda reading: LEANINGS.index(reading.leaning))


def answer_of(scene: Scene, reading: Reading) -> tuple[Mark, str]:
    """The answer to its question; a share asks none, it only informs."""
    if reading.leaning == "good" and _kind(scene, reading) == "share":
        return Mark("·", ".", "told", "plain"), ""
    return ANSWER[reading.leaning]


def _kind(scene: Scene, reading: Reading) -> str:
    signals = scene.runbook.procedure.signals
    return next((one.kind for one in signals if one.id == reading.signal), "")


def _columns(scene: Scene, readings: Iterable[Reading], most: int) -> tuple[int, int]:
    """How wide the longest question and the longest answer are, with a blank after each."""
    shown = [(cells(said(r.question)) + 3, len(answer_of(scene, r)[1]) + 1) for r in readings]
    question = max((one for one, _ in shown), default=0)
    return min(most, question), max((one for _, one in shown), default=0)


def _node(
    scene: Scene, reading: Reading, wide: tuple[int, int], width: int, *, whole: bool = False
) -> Line:
    sign, answer = answer_of(scene, reading)
    shown, tone = glyph(sign, ascii_only=scene.ascii)
    age = _age(scene, reading)
    room = max(0, width - sum(wide) - len(age) - 1)
    return fit(
        (
            (
                pad(clip(f"{shown} {said(reading.question)}", wide[0] - 1), wide[0]),
                tone if tone != "fine" else "plain",
            ),
            (pad(answer, wide[1]), tone),
            (pad(_within(scene, reading, room, whole=whole), room), "plain"),
            (" " + pad_left(age, len(age)), "unknown" if _is_old(scene, reading) else "dim"),
        ),
        width,
    )


def _within(scene: Scene, reading: Reading, room: int, *, whole: bool) -> str:
    """What was measured, and where there is room for it in which time."""
    words = _figures(reading, room)
    longer = f"{words}, {window_words(scene, reading)}"
    return longer if whole and cells(longer) <= room else words


def window_words(scene: Scene, reading: Reading) -> str:
    """The stretch of time in which a reading counts."""
    signals = scene.runbook.procedure.signals
    window = next((one.window for one in signals if one.id == reading.signal), None)
    return "since the switch" if window is None else f"in the last {times.lasting(window)}"


def _figures(reading: Reading, room: int) -> str:
    """What was measured; the sample, which the interval tells too, gives way before the limit."""
    words = said(reading.words)
    if reading.needed:
        words += f", {reading.needed} more needed"
    return words if cells(words) <= room else re.sub(r" of \d+(?=,)", "", words)


def _is_old(scene: Scene, reading: Reading) -> bool:
    return scene.now - reading.at > OLD_READING_S


def _age(scene: Scene, reading: Reading) -> str:
    return times.ago(scene.now - reading.at).removesuffix(" ago") if reading.at else "never"


def _back(scene: Scene, verdict: Verdict, width: int) -> list[Line]:
    """The way back; none where it is taken already, or is no more."""
    if verdict.word == "decided":
        return []
    return [fit(_fitting(scene, verdict, "back now: ", width), width)]


def _fitting(scene: Scene, verdict: Verdict, label: str, width: int) -> Line:
    """The longest way to say what a rollback would do that fits; the shortest where none does."""
    for short in (0, 1, 2):
        line: Line = ((label, "dim"), *back_words(scene, verdict, short=short))
        if width_of(line) <= width:
            break
    return line


def back_words(scene: Scene, verdict: Verdict, *, short: int = 0) -> Line:
    """What a rollback would do now, in one clause; 1 and 2 say it shorter."""
    if verdict.to_carry is None:
        words = "unknown" if verdict.carried_at else "not counted yet"
        rows: Line = (("? rows" if short else f"rows to carry {words}", "unknown"),)
    else:
        rows = ((f"{verdict.to_carry} rows{'' if short else ' to carry'}", "plain"),)
        rows = (*rows, *_counted(scene, verdict, short=short))
    parts = [rows, _takes(verdict, short=short)]
    if verdict.back_by is not None:
        late = verdict.back_by <= scene.now
        when = times.moment(verdict.back_by, scene.now)
        words = (f"begin by {when} at latest", f"begin by {when}", f"by {when}")[short]
        if late:
            words = (f"latest start was {when}", f"{when} is past", f"{when} is past")[short]
        parts.append(((words, "bad" if late else "plain"),))
    return joined(parts, ", ")


def _takes(verdict: Verdict, *, short: int) -> Line:
    """How long it takes, as rehearsed or as the runbook expects; unknown where neither says so."""
    if verdict.rollback_s is None:
        words = ("time unknown: no estimate is declared", "time unknown", "? time")
        return ((words[short], "unknown"),)
    return ((times.lasting(verdict.rollback_s), "plain"),)


def _counted(scene: Scene, verdict: Verdict, *, short: int) -> Line:
    """How old the count of rows is: always where there is room, else once it is old."""
    age = scene.now - verdict.carried_at
    if not verdict.carried_at or (short and age < COUNT_OLD_S):
        return ()
    return ((f" ({times.ago(age)})", "dim" if age < COUNT_OLD_S else "unknown"),)


def cannot(verdict: Verdict, width: int) -> list[Line]:
    """What a rollback could not bring back."""
    return [
        fit((("it cannot bring back: ", "dim"), (said(what), "needs")), width)
        for what in verdict.cannot_bring_back
    ]


def _short(scene: Scene, verdict: Verdict, width: int, height: int) -> list[Line]:
    """A line or two: the worst readings, then the way back."""
    if verdict.word == "decided" and scene.state.mode == "forward":
        return [fit(((said(verdict.reason), "plain"),), width)]
    back = _back_short(scene, verdict, width, height)
    parts: list[Line] = []
    for reading in _worst_first(verdict.readings if _is_judged(scene, verdict) else ()):
        sign, _ = answer_of(scene, reading)
        shown, tone = glyph(sign, ascii_only=scene.ascii)
        spare = width if height > 1 else width - width_of(back) - 3
        question = f"{shown} {said(reading.question)} "
        words = _figures(reading, spare - cells(question))
        part: Line = ((question, tone), (words, "plain"))
        if width_of(joined([*parts, part], " · ")) > spare:
            if not parts:
                parts.append(clipped(part, spare))
            break
        parts.append(part)
    if height > 1:
        first = [joined(parts, " · ")] if parts else _beginning(scene, verdict, width)[:1]
        return [*(fit(one, width) for one in first), fit(back, width)]
    return [fit(joined([*parts, back], " · "), width)]


def _back_short(scene: Scene, verdict: Verdict, width: int, height: int) -> Line:
    if scene.state.mode != "forward":
        return _how_far(scene)
    if height > 1:
        return _fitting(scene, verdict, "back: ", width)
    return (("back: ", "dim"), *back_words(scene, verdict, short=2))
