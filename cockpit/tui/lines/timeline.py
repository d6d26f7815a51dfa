"""The steps: done phases fold to a line, the current one is open, later ones where room is."""

from __future__ import annotations

from dataclasses import dataclass

from cockpit.outlook import PhaseLine, StepLine, t0_of
from cockpit.status import STEP
from cockpit.tui.lines import times
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.schedule import schedule
from cockpit.tui.lines.text import (
    Line,
    Span,
    clip,
    ends,
    fit,
    glyph,
    joined,
    pad,
    pad_left,
    said,
    toned,
    width_of,
)

MARK = 12
"""Columns of a state's glyph and word."""
WHEN = 11
"""Columns of the planned and the actual time, or of a day."""
DATED = 44
"""Columns from which times are shown."""
STRIP_FROM = 17
"""Body rows from which there is room for plan against actual."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the panel."""

    line: Line
    step: str = ""
    """The step that it shows; empty for a phase."""


def timeline(scene: Scene, width: int, height: int, cursor: str | None = None) -> Picture:
    """The panel's picture; the cursor is a step's id, the next step's where it is None."""
    cursor = cursor or (scene.outlook.next.step.id if scene.outlook.next else None)
    strip = schedule(scene, width) if height >= STRIP_FROM else ()
    room = height - len(strip) - (1 if strip else 0)
    rows = _rows(scene, width, room, cursor)
    at = next((i for i, row in enumerate(rows) if row.step and row.step == cursor), None)
    body = [row.line for row in rows]
    if strip and len(body) <= room:
        body += [()] * (room - len(body)) + [(), *strip]
    return Picture("Timeline", conclusion(scene, width), tuple(body), at)


def conclusion(scene: Scene, width: int) -> Line:
    """How far, when it will be done, and how late that is where there is room for it."""
    outlook = scene.outlook
    parts: list[Line] = [((f"{outlook.done} of {outlook.total}", "plain"),)]
    if scene.state.ended:
        parts.append(((scene.state.ended.replace("_", " "), "fine"),))
    elif outlook.ends_at is not None:
        parts.append(((f"done by {times.moment(outlook.ends_at, scene.now)}", "plain"),))
    if outlook.next and outlook.late_s > times.MINUTE:
        parts.append(((f"{times.lasting(outlook.late_s)} late", "needs"),))
    while len(parts) > 1 and width_of(joined(parts, " · ")) > width - 14:
        parts.pop()
    return joined(parts, " · ")


def every_row(scene: Scene, width: int, cursor: str | None) -> list[Row]:
    """All phases open: the whole screen's list."""
    return [
        row for phase in scene.outlook.phases for row in _phase_rows(scene, phase, width, cursor)
    ]


def _rows(scene: Scene, width: int, room: int, cursor: str | None) -> list[Row]:
    phases = scene.outlook.phases
    opened = _opened(phases, room, cursor)
    rows: list[Row] = []
    folded = [phase for phase in phases if phase.id not in opened]
    tight = len(phases) + sum(len(p.steps) for p in phases if p.id in opened) > room
    spare = room - len(phases) - sum(len(p.steps) for p in phases if p.id in opened)
    for group in _runs(phases, opened):
        if group[0].id in opened:
            rows += _phase_rows(scene, group[0], width, cursor)
        elif spare > 2 and rows and not _is_done(group[0]):
            rows += _first_steps(scene, group[0], width, spare)
            rows += [Row(_phase_line(scene, phase, width)) for phase in group[1:]]
            spare = 0
        elif tight and len(folded) > 1 and len(group) > 1:
            rows.append(Row(_group_line(scene, group, width)))
        else:
            rows += [Row(_phase_line(scene, phase, width)) for phase in group]
    return _shortened(scene, rows, room, cursor)


def _first_steps(scene: Scene, phase: PhaseLine, width: int, spare: int) -> list[Row]:
    """A later phase that does not fit as a whole: its first steps, and how many follow."""
    rows = _phase_rows(scene, phase, width, None)[:spare]
    left = len(phase.steps) - len(rows) + 1
    return [*rows, Row(((f"     {left} more", "dim"),))]


def _opened(phases: tuple[PhaseLine, ...], room: int, cursor: str | None) -> set[str]:
    """Which phases show their steps: the cursor's, then later ones, then the newest done ones."""
    if not phases:
        return set()
    holding = [p for p in phases if any(line.step.id == cursor for line in p.steps)]
    current = holding[0] if holding else phases[-1]
    at = phases.index(current)
    opened, used = {current.id}, len(phases) + len(current.steps)
    for phase in (*phases[at + 1 :], *reversed(phases[:at])):
        if used + len(phase.steps) <= room:
            opened.add(phase.id)
            used += len(phase.steps)
        elif phases.index(phase) > at:
            break
    return opened


def _runs(phases: tuple[PhaseLine, ...], opened: set[str]) -> list[list[PhaseLine]]:
    """Phases in order; folded neighbours that are all done, or all not begun, together."""
    groups: list[list[PhaseLine]] = []
    for phase in phases:
        alike = (
            groups
            and phase.id not in opened
            and groups[-1][-1].id not in opened
            and _is_done(groups[-1][-1]) == _is_done(phase)
        )
        if alike:
            groups[-1].append(phase)
        else:
            groups.append([phase])
    return groups


def _shortened(scene: Scene, rows: list[Row], room: int, cursor: str | None) -> list[Row]:
    """Rows that fit: settled steps above the cursor give way first."""
    settled = {line.step.id for line in scene.outlook.lines() if line.settled}
    at = next((i for i, row in enumerate(rows) if row.step == cursor), len(rows))
    over = len(rows) - room
    kept: list[Row] = []
    for index, row in enumerate(rows):
        # One settled step stays above the cursor: what was just done.
        if over > 0 and row.step in settled and index < at - 1:
            over -= 1
            continue
        kept.append(row)
    return kept


def _is_done(phase: PhaseLine) -> bool:
    return bool(phase.steps) and phase.done == len(phase.steps)


# -- phases -------------------------------------------------------------------------------------


def _phase_rows(scene: Scene, phase: PhaseLine, width: int, cursor: str | None) -> list[Row]:
    rows = [Row(_phase_line(scene, phase, width))]
    # Where the phase's line has no room for its day, its steps say theirs beside today's.
    day = scene.now if _no_return((phase,)) else _day_of(scene, phase)
    for step in phase.steps:
        chosen = step.step.id == cursor
        drawn = _step_line(step, _step_state(scene, step, width, day), width, chosen=chosen)
        rows.append(Row(toned(drawn, "cursor") if chosen else drawn, step.step.id))
    return rows


def _phase_line(scene: Scene, phase: PhaseLine, width: int) -> Line:
    label = "" if phase.offset is None else times.offset(phase.offset)
    name: Line = (
        (f"{pad(label, 6)} ", "dim"),
        (said(phase.title), "strong"),
    )
    final = _no_return((phase,)) or _passed_over((phase,))
    when = ""
    if phase.offset is not None:
        when = times.day(_day_of(scene, phase))
    right: Line = _phase_state(scene, (phase,))
    if width >= DATED:
        when_said: Line = final or ((when, "dim"),)
        right = (*fit(when_said, WHEN + 1), *right)
    return ends(name, right, width)


def _day_of(scene: Scene, phase: PhaseLine) -> float:
    """A moment of the day that a phase is named with; a rollback has none, and is of today."""
    if phase.offset is None or not phase.steps:
        return scene.now
    return t0_of(scene.runbook, scene.state, phase.steps[0].step) + phase.offset


def _group_line(scene: Scene, group: list[PhaseLine], width: int) -> Line:
    first, last = group[0].offset, group[-1].offset
    label = f"{times.offset(first or 0.0)} .. {times.offset(last or 0.0)}"
    name: Line = ((label, "dim"), (f"  {len(group)} phases", "strong"))
    for told in (_no_return(tuple(group)), _passed_over(tuple(group))):
        name = (*name, ("  ", "plain"), *told)
    return ends(name, _phase_state(scene, tuple(group)), width)


def _no_return(phases: tuple[PhaseLine, ...]) -> Line:
    left = [s for p in phases for s in p.steps if s.step.no_return == "end" and not s.settled]
    return (("‡ no return", "needs"),) if left else ()


def _passed_over(phases: tuple[PhaseLine, ...]) -> Line:
    count = sum(phase.skipped for phase in phases)
    return ((f"{count} skipped", "needs"),) if count else ()


def _phase_state(scene: Scene, phases: tuple[PhaseLine, ...]) -> Line:
    lines = [line for phase in phases for line in phase.steps]
    key = _worst(lines, scene.outlook.next)
    shown, tone = glyph(STEP[key], ascii_only=scene.ascii)
    word = "now" if key in ("next", "waits", "running") else STEP[key].word
    count = f"{sum(line.status == 'done' for line in lines)}/{len(lines)}"
    state = f"{shown} {word}"
    if key == "skipped":
        # What was passed over is counted beside it; here stands what was done.
        state, count = f"{shown} {count} done", ""
    room = max(0, MARK - len(state) - 1)
    # A word that says trouble needs its room: then the count gives way.
    return (pad(state, MARK - room), tone), (
        pad_left(count if len(count) <= room else "", room),
        "plain",
    )


def _worst(lines: list[StepLine], following: StepLine | None) -> str:
    """The state that says most about a phase."""
    found = {line.status for line in lines}
    if following in lines and following is not None and following.status == "skipped":
        found.add("next")
    for key in ("in_doubt", "failed", "stopping", "running", "unverified", "next", "waits"):
        if key in found:
            return key
    # A phase without steps has nothing that is still to come.
    return next((key for key in ("later", "skipped") if key in found), "done")


# -- steps --------------------------------------------------------------------------------------


def _step_line(step: StepLine, state: Line, width: int, *, chosen: bool) -> Line:
    cursor = "▸" if chosen else " "
    head: list[Span] = [(f"{cursor}{step.number:>2}  ", "plain")]
    tone = "dim" if step.status in ("later", "undone", "not_needed") else "plain"
    badges = tuple((f"  {words}", tone) for words, tone in _badges(step))
    room = width - width_of(state) - width_of((*head, *badges)) - 1
    title = clip(said(step.step.title), max(8, room))
    head.append((title, f"{tone} strong" if step.status == "next" else tone))
    return ends((*head, *badges), state, width)


def _badges(step: StepLine) -> list[Span]:
    badges: list[Span] = []
    if step.step.t0:
        badges.append(("T-0", "needs strong"))
    if step.step.no_return:
        badges.append(("‡", "needs"))
    return badges


def _step_state(scene: Scene, step: StepLine, width: int, day: float) -> Line:
    mark = STEP[step.status]
    shown, tone = glyph(mark, ascii_only=scene.ascii)
    state: Line = ((pad(f"{shown} {mark.word}", MARK), tone),)
    return state if width < DATED else (*_when(step, day), (" ", "plain"), *state)


def _when(step: StepLine, day: float) -> Line:
    """Planned and actual; where one is of another day than its phase, that one alone, with it."""
    planned = "" if step.planned is None else times.beside(step.planned, day)
    if step.actual is None:
        if len(planned) > 5:
            return ((pad_left(planned, WHEN), "dim"),)
        return (pad(planned, 5), "dim"), ("   ·  ", "plain")
    actual = times.beside(step.actual, day)
    if len(actual) > 5:
        return ((pad_left(actual, WHEN), "plain"),)
    return (pad(planned if len(planned) == 5 else "", 5), "dim"), (f" {actual}", "plain")
