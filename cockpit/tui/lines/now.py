"""NOW and NEXT: the worst fact first, then progress; what acts next, and by which key."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cockpit.called import called
from cockpit.clock import NS
from cockpit.journal.state import AttemptState
from cockpit.outlook import StepLine, held_up_by
from cockpit.patience import usual_time
from cockpit.propagation.convergence import share_words
from cockpit.status import STEP, TILE
from cockpit.telemetry.live import tile_state
from cockpit.tui.lines import times
from cockpit.tui.lines.changes import sentences
from cockpit.tui.lines.grouped import grouped
from cockpit.tui.lines.proposal import gates_words
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import (
    Line,
    Span,
    as_ascii,
    ends,
    fit,
    glyph,
    said,
    width_of,
)

WIDE = 100
"""Columns from which NEXT names more than one key."""
LATE_AFTER_S = 60.0
"""Run seconds from which a step is called late."""


def now(scene: Scene, width: int) -> Line:
    """The sentence."""
    facts = [*troubles(scene), *progress(scene)]
    line: Line = ((" NOW   ", "label"), facts[0])
    right = _timeliness(scene)
    if width_of(line) + width_of(right) + 3 > width:
        right = ()  # the worst fact is said whole; how late we are stands in NEXT, too
    for text, tone in facts[1:]:
        longer: Line = (*line, (" · ", "dim"), (text, tone))
        if width_of(longer) + width_of(right) + 3 > width:
            break
        line = longer
    return _finished(scene, ends(line, (*right, (" ", "plain")), width))


def troubles(scene: Scene) -> Iterator[Span]:
    """What needs the operator, worst first."""
    for rule in _TROUBLES:
        yield from rule(scene)


def progress(scene: Scene) -> Iterator[Span]:
    """How far things are."""
    yield from _lab(scene)
    yield from _ended(scene)
    yield from _running(scene)
    yield from _switched(scene)
    outlook = scene.outlook
    if outlook.done < outlook.total:
        yield f"{outlook.done} of {outlook.total} steps done", "plain"
    elif not scene.state.ended:
        yield "every step is done", "plain"


def next_line(scene: Scene, width: int, before: str = "") -> Line:
    """The step that comes next, when it is planned, what it waits for, and its key.

    `before` names the keys that lead to it, where Enter alone means something else just now.
    """
    upcoming = scene.outlook.next
    head: Line = ((" NEXT  ", "label"),)
    if upcoming is None:
        words = "nothing is left to do" if scene.state.ended or scene.outlook.total else "-"
        left: Line = (*head, (words, "plain"))
        return _finished(scene, ends(left, _keys(("q", "leave")), width))
    keys = _next_keys(scene, upcoming, width, before)
    name: Line = (*head, (f"{upcoming.number} {said(upcoming.step.title)}", "strong"))
    left = name
    for choices in _next_words(scene, upcoming):
        for part in choices:
            longer: Line = (*left, ("   ", "plain"), part)
            if width_of(longer) + width_of(keys) + 1 <= width:
                left = longer
                break
    return _finished(scene, ends(left, keys, width))


def _finished(scene: Scene, line: Line) -> Line:
    return as_ascii(line) if scene.ascii else line


# -- troubles -----------------------------------------------------------------------------------


def _damage(scene: Scene) -> Iterator[Span]:
    if scene.state.damage:
        words = f"JOURNAL DAMAGED: {said(scene.state.damage)}"
        yield f"{words}; nothing is confirmed; a shows it", "bad strong"
    if scene.state.newer:
        yield f"NEWER PROGRAM: {said(scene.state.newer)}; it cannot be driven from here", "bad"


def _engine(scene: Scene) -> Iterator[Span]:
    live, age = (None, None) if scene.view.is_over else (scene.live, scene.age_s)
    if live is not None and scene.view.engine_gone:
        since = times.hhmmss(scene.state.clock.at(live.boot_ns))
        owner = scene.view.owner  # in few words: they stay whole in 80 columns
        again = f"only {owner} can start it again" if owner else f"start it: `{called()} attach`"
        yield f"ENGINE GONE since {since}, {again}", "bad strong"
    elif age is not None and scene.is_old:
        yield f"the engine has been silent for {times.lasting(age)}", "unknown strong"


def _trouble(scene: Scene) -> Iterator[Span]:
    if scene.live and scene.live.trouble and scene.view.engine_gone:
        yield f"ITS LAST WORD: {said(scene.live.trouble)}", "bad"
    elif scene.live and scene.live.trouble:
        yield f"NOTHING CAN BE CONFIRMED: {said(scene.live.trouble)}", "bad strong"


def _unsettled(scene: Scene) -> Iterator[Span]:
    for status in ("in_doubt", "failed"):
        for line in scene.outlook.lines():
            if line.status == status:
                reason = line.state.last.reason if line.state.last else line.state.reason
                word = STEP[status].word
                tail = f": {said(reason)}" if reason else ""
                yield f"{word}: {line.number} {said(line.step.title)}{tail}", "bad strong"


def _not_ended(scene: Scene) -> Iterator[Span]:
    """A step that goes on after its timeout: nobody can tell what it still does."""
    for name, _, last in _under_way(scene):
        if "not_ended" in last.long:
            yield f"NOT ENDED by its timeout: {name}; look at pid {last.pid}", "bad strong"


def _long(scene: Scene) -> Iterator[Span]:
    """A step under way that takes longer than it should, or writes nothing."""
    for name, line, last in _under_way(scene):
        if "takes_long" in last.long and "not_ended" not in last.long:
            took = times.lasting((scene.view.boot_ns - last.started_boot_ns) / NS)
            yield f"LONG: {name} for {took}, {usual_time(line.step).words}", "needs strong"
        found = scene.live.silence if scene.live and not scene.is_old else None
        if found and (found.step, found.attempt) == (line.step.id, last.number):
            since = times.lasting((scene.view.boot_ns - found.since_ns) / NS)
            yield f"SILENT for {since}: {name}; {said(found.usual)}", "needs strong"


def _under_way(scene: Scene) -> Iterator[tuple[str, StepLine, AttemptState]]:
    for line in scene.outlook.lines():
        if line.status in ("running", "stopping") and line.state.last is not None:
            yield f"{line.number} {said(line.step.title)}", line, line.state.last


def _second(scene: Scene) -> Iterator[Span]:
    """The driver has a step open that another login must confirm too."""
    shown = scene.live.proposal if scene.live else None
    line = scene.outlook.line(shown.step) if shown else None
    if shown is None or line is None or not shown.second_person or shown.asking:
        return
    told = scene.state.second
    if told is not None and told.digest == shown.digest:
        return
    name = f"{line.number} {said(line.step.title)}"
    way = "on a screen of their own" if scene.view.is_driver else "y opens it"
    yield f"A SECOND PERSON confirms {name}: {way}", "needs strong"


def _held(scene: Scene) -> Iterator[Span]:
    if scene.state.held is not None:
        yield f"HELD: {said(scene.state.held)}", "needs strong"


def _verdict(scene: Scene) -> Iterator[Span]:
    verdict = scene.live.verdict if scene.live else None
    if verdict and verdict.word == "roll_back" and scene.state.mode == "forward":
        yield f"verdict ROLL BACK: {said(verdict.reason)}", "bad strong"


_LEFT = {"rolled_back": "new", "called_off": "new", "completed": "old"}
"""The side that nobody needs any more where a run ended so: that it is down is no trouble."""


def _services(scene: Scene) -> Iterator[Span]:
    down = [
        said(tile.title)
        for tile in grouped(scene)
        # A service of the new side that never answered is not up yet: its tile says so.
        if tile_state(tile, scene.now) == "down"
        and (tile.side != "new" or any(tile.history))
        and tile.side != _LEFT.get(scene.state.ended)
    ]
    if down:
        yield f"{TILE['down'].word}: {', '.join(down)}", "bad strong"


def _turned(scene: Scene) -> Iterator[Span]:
    if scene.state.mode != "forward" and not scene.state.ended:
        words = "going back" if scene.state.mode == "roll_back" else "calling off"
        yield f"{words}: {said(scene.state.turned_why)}", "bad strong"


def _risk(scene: Scene) -> Iterator[Span]:
    if scene.live and scene.live.risk:
        yield f"{said(scene.live.risk)}: `{called()} doctor` says how to mend it", "needs strong"


def _unverified(scene: Scene) -> Iterator[Span]:
    for line in scene.outlook.lines():
        if line.status == "unverified":
            yield f"ended, not yet verified: {line.number} {said(line.step.title)}", "needs"


def _passed_over(scene: Scene) -> Iterator[Span]:
    """The run stands: what comes next waits for a step that was skipped."""
    skipped = scene.outlook.next
    if skipped is None or skipped.status != "skipped":
        return
    waiting = held_up_by(scene.runbook, scene.state, skipped.step.id)
    line = scene.outlook.line(waiting[0].id) if waiting else None
    if line is not None:
        words = f"{line.number} {said(line.step.title)} waits for {skipped.number}"
        yield f"{words}, which was skipped: Enter opens it", "needs"


def _seat(scene: Scene) -> Iterator[Span]:
    seat = scene.state.seat
    if (seat is None or seat.vacant) and scene.state.seq >= 0 and not scene.state.ended:
        yield "nobody has the seat: t takes it", "needs"


_TROUBLES: tuple[Callable[[Scene], Iterator[Span]], ...] = (
    _damage,
    _engine,
    _trouble,
    _unsettled,
    sentences,
    _second,
    _turned,
    _not_ended,
    _held,
    _verdict,
    _services,
    _long,
    _risk,
    _unverified,
    _passed_over,
    _seat,
)


# -- progress -----------------------------------------------------------------------------------


def _lab(scene: Scene) -> Iterator[Span]:
    lab = scene.live.lab if scene.live else None
    state = lab.state if lab else scene.state.lab
    detail = said(lab.detail if lab else scene.state.lab_detail)
    tail = f": {detail}" if detail else ""
    if state == "starting":
        yield f"the lab is coming up{tail}", "needs"
    elif state == "down":
        yield f"the lab is down{tail}", "bad strong"
    elif state == "behind" or (lab and lab.lag_s > 1):
        yield f"the lab is behind{tail}", "unknown"


def _ended(scene: Scene) -> Iterator[Span]:
    put_back = "what was done is put back" if scene.state.steps else "nothing was done"
    told = {"completed": "every step is done", "rolled_back": "the old side serves again"}
    if ended := scene.state.ended:
        yield f"{ended.replace('_', ' ')}: {told.get(ended, put_back)}", "fine strong"


def _running(scene: Scene) -> Iterator[Span]:
    for line in scene.outlook.lines():
        if line.status in ("running", "stopping"):
            yield running_words(scene, line), "plain"


def running_words(scene: Scene, line: StepLine) -> str:
    """A step under way: how long already, of how long, and its last line of output."""
    last = line.state.last
    since = ""
    if last and last.started_boot_ns:
        took = (scene.view.boot_ns - last.started_boot_ns) / 1e9
        since = f" for {times.lasting(took)} of {times.lasting(line.step.estimate)}"
    shown = scene.view.output if scene.view.output_of.split("/")[0] == line.step.id else ()
    tail = f": {said(shown[-1])}" if shown else ""
    word = STEP[line.status].word
    return f"{line.number} {said(line.step.title)} {word}{since}{tail}"


def _switched(scene: Scene) -> Iterator[Span]:
    grid = scene.live.grid if scene.live else None
    if grid is None or grid.switched_at is None or scene.state.t0_actual is None:
        return
    since = times.lasting(scene.now - grid.switched_at)
    back = " back" if grid.wanted == "old" else ""
    share = "an unknown share" if grid.share is None else share_words(grid.share)
    words = f"DNS switched{back} {since} ago: {share} of answers follow"
    if grid.bound is not None and grid.bound > scene.now:
        words += f", honest caches by {times.hhmmss(grid.bound)}"
    yield words, "plain"
    holding = [row.name for row in grid.rows if any(c.state == "holds" for c in row.cells)]
    if holding:
        more = f" and {len(holding) - 2} more" if len(holding) > 2 else ""
        verb = "holds" if len(holding) == 1 else "hold"
        yield f"{', '.join(map(said, holding[:2]))}{more} {verb} on", "needs"


# -- when, and by which key ---------------------------------------------------------------------


def _timeliness(scene: Scene) -> Line:
    late = scene.outlook.late_s
    if scene.outlook.next is None or scene.outlook.next.planned is None:
        return ()
    if late > LATE_AFTER_S:
        return ((f"{times.lasting(late)} late", "needs"),)
    return (("on time", "fine"),)


def _next_words(scene: Scene, upcoming: StepLine) -> Iterator[tuple[Span, ...]]:
    """Each thing to say, and how it is said where room is short."""
    status = upcoming.status
    if status not in ("next", "waits"):
        shown, tone = glyph(STEP[status], ascii_only=scene.ascii)
        yield ((f"{shown} {STEP[status].word}", tone),)
        return
    if upcoming.missing:
        yield (f"waits for: {said(upcoming.missing[0])}", "unknown"), ("waits", "unknown")
    if upcoming.planned is not None:
        away = upcoming.planned - scene.now
        when = f"in {times.left(away)}" if away > 0 else "now"
        if away < -LATE_AFTER_S:
            when = f"{times.lasting(-away)} ago"
        planned = times.moment(upcoming.planned, scene.now)
        yield (
            (f"planned {planned}, {when}", "plain"),
            (f"{planned}, {when}", "plain"),
            (planned, "plain"),
        )
    yield (gates_words(scene, upcoming),)


def _next_keys(scene: Scene, upcoming: StepLine, width: int, before: str) -> Line:
    acts = {
        "running": ("Enter", "output"),
        "stopping": ("Enter", "output"),
        "in_doubt": ("Enter", "settle it"),
        "failed": ("Enter", "settle it"),
        "unverified": ("Enter", "look"),
    }
    key, does = acts.get(upcoming.status, ("Enter", "open"))
    enter = (f"{before} {key}".strip(), does)
    hold = ("h", "release" if scene.state.held is not None else "hold")
    back = ("b", "way back")
    if scene.view.is_driver and any(_verdict(scene)):
        # What the evidence asks for stands before what the list asks for.
        return _keys(back, enter, hold) if width >= WIDE else _keys(back, enter)
    keys = _keys(enter, hold, back)
    return keys if scene.view.is_driver and width >= WIDE else _keys(enter)


def _keys(*keys: tuple[str, str]) -> Line:
    spans: list[Span] = []
    for key, words in keys:
        spans += [(key, "key"), (f" {words}", "dim"), ("  ", "plain")]
    return fit(tuple(spans[:-1]), width_of(tuple(spans[:-1])) + 1)
