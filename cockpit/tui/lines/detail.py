"""One thing on a page: what it is, its state with evidence, its history, what can be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cockpit.called import as_called
from cockpit.decision.evidence import Reading
from cockpit.journal.state import AttemptState
from cockpit.outlook import StepLine, held_up_by, step_names
from cockpit.status import STEP
from cockpit.tui.allowed import observing
from cockpit.tui.lines import times
from cockpit.tui.lines.decision import answer_of, window_words
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import gate_rows, gates_words, labelled
from cockpit.tui.lines.resolver_page import resolver_page
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.service import service_page
from cockpit.tui.lines.text import Line, glyph, mark, pad, said

GONE = Picture("Gone", (), ((("it is not there any more", "dim"),),))


def detail(scene: Scene, kind: str, key: str, width: int) -> Picture:
    """The page of a step, a service, a resolver or a signal."""
    return _PAGES[kind](scene, key, width)


def _part(title: str) -> Line:
    return ((title, "title"),)


# -- a step -------------------------------------------------------------------------------------


def _step(scene: Scene, key: str, width: int) -> Picture:
    line = scene.outlook.line(key)
    if line is None:
        return GONE
    body = [_part("What it is"), *_about(scene, line, width), (), _part("State now")]
    body += _state(scene, line, width)
    body += [(), _part("What happened"), *_attempts(scene, line, width)]
    body += [(), _part("What you can do"), *_can(scene, line, width)]
    state = mark(STEP[line.status], ascii_only=scene.ascii)
    return Picture(f"Step {line.number}: {said(line.step.title)}", (state,), tuple(body))


def _about(scene: Scene, line: StepLine, width: int) -> list[Line]:
    step = line.step
    rows = labelled("Why", [(as_called(step.why), "plain")], width)
    rows += labelled("Good when", [(as_called(step.success_looks_like), "plain")], width)
    rows += labelled("If it fails", [(as_called(step.if_it_fails), "plain")], width)
    rows += labelled("Ask", [(step.ask, "plain")], width)
    kind = f"{step.action.kind}, about {times.lasting(step.estimate)}, "
    rows += labelled(
        "Action", [(f"{kind}ended after {times.lasting(step.timeout)}", "plain")], width
    )
    undoing = [
        one.title
        for one in scene.runbook.procedure.rollback
        if step.id in tuple(map(str, one.undoes))
    ]
    back = step.way_back or "; ".join(undoing) or "nothing to take back"
    rows += labelled("Way back", [(back, "plain")], width)
    if step.irreversible:
        rows += labelled("", [("it cannot be undone", "bad strong")], width)
    return rows


def _state(scene: Scene, line: StepLine, width: int) -> list[Line]:
    word = mark(STEP[line.status], ascii_only=scene.ascii)
    rows = labelled("It is", [word], width)
    if line.state.reason:
        rows += labelled("Because", [(line.state.reason, "plain")], width)
    if line.missing:
        rows += labelled("Waits for", [(title, "unknown") for title in line.missing], width)
    if line.planned is not None:
        rows += labelled("Planned", [(times.moment(line.planned, scene.now), "plain")], width)
    found = scene.proposal(line.step.id)
    answers = found.gates if found else (line.state.last.gates if line.state.last else ())
    if not answers:
        return rows + labelled("Gates", [gates_words(scene, line)], width)
    for index, gate in enumerate(answers):
        rows += gate_rows(scene, gate, "" if index else "Gates", width, past=found is None)
    return rows


def _attempts(scene: Scene, line: StepLine, width: int) -> list[Line]:
    if not line.state.attempts:
        return [(("no attempt yet", "dim"),)]
    longest = max(one.took_s or 0.0 for one in line.state.attempts)
    rows: list[Line] = []
    for attempt in line.state.attempts:
        rows.append(_attempt(scene, attempt, longest))
        rows += labelled("", [(text, "dim") for text in attempt.lines], width)
        rows += labelled("", [(attempt.reason, "plain")] if attempt.reason else [], width)
        for answer in attempt.answers:
            rows += gate_rows(scene, answer, "", width, past=True)
    return rows


def _attempt(scene: Scene, attempt: AttemptState, longest: float) -> Line:
    known = STEP.get(attempt.status)
    word = mark(known, ascii_only=scene.ascii) if known else ("· void", "dim")
    took = attempt.took_s
    bar = "" if took is None or longest <= 0 else "█" * max(1, round(took / longest * 20))
    return (
        (pad(f"attempt {attempt.number}", 14), "plain"),
        (pad(word[0], 14), word[1]),
        (f"{times.hhmmss(attempt.confirmed_at)} by {said(attempt.by)}  ", "plain"),
        (bar, "spark"),
        (f" {times.lasting(took)}" if took is not None else "", "plain"),
    )


def _can(scene: Scene, line: StepLine, width: int) -> list[Line]:
    status = line.status
    told = {
        "next": "Enter shows exactly what will run; another key confirms it",
        "running": "o shows its output, k stops it",
        "stopping": "o shows its output",
        "in_doubt": "Enter looks at it and settles it",
        "failed": "Enter looks at it, runs it again or settles it; b is the way back",
        "unverified": "Enter looks at its verifications again",
        "waits": "what it waits for comes first",
        "later": "it comes later; s skips it with a reason",
    }
    words = told.get(status, "nothing: it is settled")
    if status == "skipped":
        words = _opened_again(scene, line)
    if status in ("next", "failed", "skipped") and not scene.view.is_driver:
        words = observing(scene)
    return labelled("", [(words, "plain")], width)


def _opened_again(scene: Scene, line: StepLine) -> str:
    shut = held_up_by(scene.runbook, scene.state, line.step.id)
    names = step_names(scene.runbook, scene.state)
    if not shut:
        return "nothing: no open step waits for it"
    count = f", {len(shut)} steps in all" if len(shut) > 1 else ""
    return f"Enter opens its confirmation: {names[shut[0].id]} waits for it{count}"


# -- a service, a resolver, a signal --------------------------------------------------------------


def _service(scene: Scene, key: str, width: int) -> Picture:
    return service_page(scene, key, width) or GONE


def _resolver(scene: Scene, key: str, width: int) -> Picture:
    return resolver_page(scene, key, width) or GONE


def _signal(scene: Scene, key: str, width: int) -> Picture:
    verdict = scene.live.verdict if scene.live else None
    found = next((r for r in verdict.readings if r.signal == key), None) if verdict else None
    if verdict is None or found is None:
        return GONE
    sign, answer = answer_of(scene, found)
    shown, tone = glyph(sign, ascii_only=scene.ascii)
    body: list[Line] = [_part("What it is"), *_judged(scene, found, width)]
    body += [(), _part("State now")]
    body += labelled("Answer", [(f"{shown} {answer or 'it only informs'}", tone)], width)
    measured = f"{found.words}, {window_words(scene, found)}"
    body += labelled("Measured", [(measured, "plain")], width)
    body += labelled("Interval", [(_interval(found), "plain")], width)
    body += labelled("Rests on", [(f"{found.sample} observations", "plain")], width)
    if found.needed:
        body += labelled("Needs", [(f"{found.needed} more to be settled", "unknown")], width)
    body += labelled(
        "Seen", [(times.ago(scene.now - found.at) if found.at else "never", "plain")], width
    )
    body += [(), _part("What you can do"), (("b shows the way back", "plain"),)]
    return Picture(f"Signal: {said(found.question)}", (), tuple(body))


def _judged(scene: Scene, found: Reading, width: int) -> list[Line]:
    """What is measured, and against what."""
    signals = scene.runbook.procedure.signals
    signal = next((one for one in signals if one.id == found.signal), None)
    if signal is None:
        return labelled("Question", [(found.question, "plain")], width)
    rows = labelled("Signal", [(f"{signal.title}: {signal.kind}", "plain")], width)
    limit = _LIMITED[signal.kind].format(limit=f"{signal.limit:g}")
    warn = f"; beyond {signal.warn:g} it wants watching" if signal.warn else ""
    rows += labelled("Limit", [(limit + warn, "plain")], width)
    rows += labelled("Measured at", [(str(signal.target), "plain")], width)
    beside = str(signal.baseline) if signal.baseline else "none: it stands for itself"
    return rows + labelled("Baseline", [(beside, "plain")], width)


_LIMITED = {
    "failures": "a rollback beyond {limit} of all requests",
    "latency": "a rollback beyond {limit} times the old side's median",
    "losses": "a rollback beyond {limit} missing rows",
    "share": "none: it only informs",
}


def _interval(found: Reading) -> str:
    if found.low is None or found.high is None:
        return "not told"
    return f"{found.low:.4g} to {found.high:.4g}, with 95% certainty"


_PAGES: Mapping[str, Callable[[Scene, str, int], Picture]] = {
    "step": _step,
    "service": _service,
    "resolver": _resolver,
    "signal": _signal,
}
