"""What waits to be accepted: a damaged journal, a changed program, a changed runbook."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from cockpit.status import ENVIRONMENT
from cockpit.telemetry.live import Damage, PlanChange
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, Span, fit, kept, pad, said

What = Literal["", "damage", "program", "plan"]
FIELD = 18
"""Columns of a field's name."""
_TONE = {"+": "fine", "-": "bad", "@": "dim"}


def waiting(scene: Scene) -> What:
    """What waits to be accepted, the worst first; empty where nothing does."""
    live = scene.live
    if scene.state.damage:
        return "damage"
    if live is None:
        return ""
    if live.program_change:
        return "program"
    return "plan" if live.plan_change else ""


def changes(scene: Scene, width: int) -> Picture:
    """The page."""
    return _PAGES[waiting(scene)](scene, width)


def sentences(scene: Scene) -> Iterator[Span]:
    """What NOW says of it."""
    live = scene.live
    if live is None or scene.state.damage:
        return
    if live.program_change:
        yield (
            "PROGRAM CHANGED on disk: held until the engine begins again with it, a",
            "needs strong",
        )
    if live.plan_change and not live.plan_change.is_gone:
        count = len(live.plan_change.rows) + len(live.plan_change.texts)
        what = f"{count} differences" if count != 1 else "1 difference"
        what = "with mistakes" if live.plan_change.mistakes else what
        words = f"RUNBOOK CHANGED on disk ({what}): only the accepted copy runs; a shows it"
        yield words, "needs strong"


def _nothing(_scene: Scene, _width: int) -> Picture:
    words = "the journal holds, and runbook and program are those of this run"
    return Picture("Nothing waits to be accepted", (), (((words, "dim"),),))


# -- the journal --------------------------------------------------------------------------------


def _damage(scene: Scene, width: int) -> Picture:
    found = scene.live.damage if scene.live else None
    rows = labelled("What is wrong", [(scene.state.damage, "bad strong")], width)
    if found is None:
        rows += labelled("", [("the engine has not read it yet", "dim")], width)
    else:
        rows += _damaged(found, width)
    conclusion = (("nothing is recorded, nothing can be confirmed", "bad"),)
    return Picture("The journal is damaged", conclusion, tuple(rows))


def _damaged(found: Damage, width: int) -> list[Line]:
    vouched, carried = found.vouched
    told = f"{found.taken_over} events behind it fit each other"
    told += f"; {vouched} of {carried} heads that attempts and reports carry are among all these"
    where = f"{found.file}: behind byte {found.offset} of {found.size}"
    rows = [(), *labelled("Where", [(where, "plain")], width)]
    rows += labelled("Holds", [(f"{found.sound} events before it", "plain")], width)
    rows += labelled("Still fits", [(told, "plain")], width)
    if found.lost:
        rows += labelled("Lost", [(f"event {', '.join(found.lost)}", "bad")], width)
    for one in found.found:
        words = f"{one}: only its folder knows of it; it will be in doubt"
        rows += labelled("Found", [(words, "needs")], width)
    rows.append(())
    if found.hopeless:
        rows += labelled("Not possible", [(found.hopeless, "bad")], width)
    else:
        rows += labelled("If accepted", [(one, "plain") for one in _then(found)], width)
    instead = "put the whole journal back from its copy: the damage is gone by itself then"
    return [*rows, (), *labelled("Instead", [(instead, "plain")], width)]


def _then(found: Damage) -> Iterator[str]:
    yield f"the file stays as it is, as {found.kept}, SHA-256 {found.sha256[:16]}…"
    yield "the run goes on with what holds and what still fits, and is held until h releases it"
    yield "a step whose end is lost is read from its folder again, and asked its verifications"


# -- the program --------------------------------------------------------------------------------


def _program(scene: Scene, width: int) -> Picture:
    now = scene.live.program_change if scene.live else ""
    rows = labelled("Works now", [(f"cockpit {scene.state.program}", "plain")], width)
    rows += labelled("On disk", [(f"cockpit {now}", "needs strong")], width)
    then = (
        "the engine begins again with the program on disk, as the same process: what runs goes on",
        "the run stays held until h releases it",
    )
    rows += [(), *labelled("If accepted", [(one, "plain") for one in then], width)]
    words = "put the former program back: the run goes on once it is released"
    rows += [(), *labelled("Instead", [(words, "plain")], width)]
    conclusion = (("held: what runs next would be another program's", "needs"),)
    return Picture("The program's files changed", conclusion, tuple(rows))


# -- the runbook --------------------------------------------------------------------------------


def _plan(scene: Scene, width: int) -> Picture:
    change = scene.live.plan_change if scene.live else None
    if change is None:
        return _nothing(scene, width)
    files = ", ".join(change.files)
    rows = labelled("Runs", [(f"the accepted copy, plan {scene.state.plan[:12]}", "plain")], width)
    what = f"plan {change.digest[:12]}" if change.digest else "no plan: it has mistakes"
    if change.is_gone:
        what = "nothing: the runbook's folder is gone; the accepted copy needs it no more"
    rows += labelled("On disk", [(what, "needs strong"), (f"changed: {files}", "plain")], width)
    rows += labelled("Mistakes", [(one, "bad") for one in change.mistakes], width)
    rows += labelled("Not possible", [(one, "bad") for one in change.refusals], width)
    rows += labelled("To know", list(_to_know(scene, change)), width)
    rows += [line for row in change.rows for line in _thing(row, width)]
    rows += [line for row in change.texts for line in _text(row, width)]
    if change.digest and not change.rows and not change.texts:
        rows += [(), (("only words that nothing reads: blanks, remarks", "dim"),)]
    conclusion = (("only the accepted copy runs", "needs"),)
    return Picture("The runbook changed on disk", conclusion, tuple(rows))


def _to_know(scene: Scene, change: PlanChange) -> Iterator[Span]:
    for step in change.begun:
        status = scene.state.step(step).status.replace("_", " ")
        yield f"{step} is {status}: what it did stays as it was", "needs"
    if change.other_procedure and scene.environment == "production":
        name = ENVIRONMENT["staging"].lower()
        yield f"this procedure was not rehearsed in {name}: its digest is another one", "needs"


def _thing(row: tuple[str, str, tuple[tuple[str, str, str], ...]], width: int) -> Iterator[Line]:
    name, what, fields = row
    tone = {"added": "fine", "removed": "bad"}.get(what, "needs")
    yield ()
    yield ((said(name), "strong"), (f"  {what}", tone))
    for field, before, now in fields:
        label = pad(f"  {said(field)}", FIELD)
        for sign, text in (("-", before), ("+", now)):
            for line in _signed(sign, text or "nothing", width - FIELD):
                yield fit(((label, "dim"), *line), width)
                label = pad("", FIELD)


def _signed(sign: str, text: str, width: int) -> Iterator[Line]:
    for part in text.split("\n"):
        for number, piece in enumerate(kept(said(part), width - 2)):
            yield ((f"{sign} " if not number else "  ", _TONE[sign]), (piece, _TONE[sign]))


def _text(row: tuple[str, tuple[str, ...]], width: int) -> Iterator[Line]:
    name, lines = row
    yield ()
    yield (("file ", "strong"), (said(name), "strong"))
    for line in lines:
        for piece in kept(said(line), width - 2):
            yield (("  ", "plain"), (piece, _TONE.get(line[:1], "plain")))


_PAGES: Mapping[What, Callable[[Scene, int], Picture]] = {
    "": _nothing,
    "damage": _damage,
    "program": _program,
    "plan": _plan,
}
