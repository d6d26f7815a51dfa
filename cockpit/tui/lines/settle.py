"""A step whose end is not settled: what is known of it, and what can be done."""

from __future__ import annotations

from cockpit.answer import Answer
from cockpit.called import as_called
from cockpit.journal.state import AttemptState
from cockpit.outlook import StepLine
from cockpit.outlook import not_again as not_once_more
from cockpit.status import STEP
from cockpit.tui.allowed import why_not
from cockpit.tui.lines import times
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import gate_rows, labelled
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, ends, flowed, folded, mark, said


def settle(scene: Scene, step: StepLine, width: int) -> Picture:
    """The picture of the dialog."""
    last = step.state.last
    state = mark(STEP[step.status], ascii_only=scene.ascii)
    name: Line = ((f"{step.number}  ", "plain"), (said(step.step.title), "strong"))
    body: list[Line] = [ends(name, ((state[0], f"{state[1]} strong"),), width), ()]
    if last is not None:
        body += _attempt(last, width)
    if left := _left(scene, step):
        body += labelled("Lives on", [(f"{left}: nothing is settled before its end", "bad")], width)
    body += _looked(scene, step, width)
    if why := not_again(scene, step):
        body += labelled("Not again", [(why, "needs")], width)
    body += _output(scene, step, width)
    body += labelled("If it fails", [(as_called(step.step.if_it_fails), "plain")], width)
    body += labelled("Ask", [(step.step.ask, "plain")], width)
    number = last.number if last else 0
    return Picture(
        title=f"Settle step {step.number}, attempt {number}",
        conclusion=(("nothing runs from here without a confirmation", "dim"),),
        body=tuple(body),
        foot=((), *_keys(scene, step, width)),
    )


def _left(scene: Scene, step: StepLine) -> str:
    """What of it lives on without its runner, by pid; empty where nothing is known to."""
    left = scene.live.left if scene.live else ()
    return next((one.who for one in left if one.step == step.step.id), "")


def looked_at(scene: Scene, step: StepLine) -> tuple[Answer, ...] | None:
    """What its verifications answered since this attempt; None where nobody looked yet."""
    looked = scene.live.looked if scene.live else None
    if looked is None or looked[0] != step.step.id:
        return None
    began = step.state.last.confirmed_at if step.state.last else 0.0
    return None if any(answer.at < began for answer in looked[1]) else looked[1]


def unseen(scene: Scene, step: StepLine) -> str:
    """Why it may not be called done yet; empty where somebody looked."""
    return "look first: l" if looked_at(scene, step) is None else ""


def not_again(scene: Scene, step: StepLine) -> str:
    """Why it may not run once more; empty where it may, or nobody looked."""
    answers = looked_at(scene, step)
    return "" if answers is None else not_once_more(step.step, step.state, answers)


def _attempt(last: AttemptState, width: int) -> list[Line]:
    rows = labelled("Why", [(as_called(last.reason) or "it ended without a word", "bad")], width)
    began = times.hhmmss(last.started_at) if last.started_at else "never seen to begin"
    ended = "nobody knows when it ended"
    if last.ended_at is not None:
        code = "" if last.exit is None else f", exit {last.exit}"
        took = "" if last.took_s is None else f" after {times.lasting(last.took_s)}"
        ended = f"{last.ended.replace('_', ' ')} {times.hhmmss(last.ended_at)}{took}{code}"
    rows += labelled("Began", [(f"{began}, confirmed by {last.by}", "plain")], width)
    rows += labelled("Ended", [(ended, "plain")], width)
    if last.message and last.message not in last.reason:
        rows += labelled("It said", [(as_called(last.message), "plain")], width)
    return rows


def _looked(scene: Scene, step: StepLine, width: int) -> list[Line]:
    answers = looked_at(scene, step)
    if answers is None:
        rows = labelled("Seen now", [("not looked yet: l asks its verifications", "needs")], width)
        before = step.state.last.answers if step.state.last else ()
        for index, answer in enumerate(before):
            rows += gate_rows(scene, answer, "" if index else "Seen then", width, past=True)
        return rows
    if not answers:
        words = "it has no verification: only you can tell, by its output and by hand"
        return labelled("Seen now", [(words, "needs")], width)
    return seen_rows(scene, answers, width)


def seen_rows(scene: Scene, answers: tuple[Answer, ...], width: int) -> list[Line]:
    """What verifications answer now."""
    rows: list[Line] = []
    for answer in answers:
        rows += gate_rows(scene, answer, "" if rows else "Seen now", width)
    return rows


def _output(scene: Scene, step: StepLine, width: int) -> list[Line]:
    if scene.view.output_of.split("/")[0] != step.step.id or not scene.view.output:
        return []
    return labelled("Last output", [(row, "dim") for row in scene.view.output[-4:]], width)


def _keys(scene: Scene, step: StepLine, width: int) -> list[Line]:
    """What can be done; what cannot yet is dim, with its reason, said once for who looks on."""
    if refusal := why_not(scene, "confirm"):
        free = (("l", "look again"), ("o", "output"), ("Esc", "leave"))
        others: list[Line] = [((key, "key"), (f" {words}", "plain")) for key, words in free]
        shut: Line = (("d  f  r  b: ", "dim"), (said(refusal), "needs"))
        return [*folded(shut, width), *flowed(others, "   ", width)]
    closed = "it may have had its effect" if not_again(scene, step) else ""
    keys = [("l", "look again", ""), ("d", "it is done", unseen(scene, step))]
    if step.status == "failed":
        keys.insert(1, ("r", "run it again", closed))
    else:
        keys += [("f", "it failed", ""), ("r", "run it again", closed)]
    keys += [("k", "end what lives on", "")] if _left(scene, step) else []
    keys += [("b", "way back", ""), ("o", "output", ""), ("Esc", "leave", "")]
    parts: list[Line] = [
        ((f"{key} {words} ({refusal})", "dim"),)
        if refusal
        else ((key, "key"), (f" {words}", "plain"))
        for key, words, refusal in keys
    ]
    return flowed(parts, "   ", width)
