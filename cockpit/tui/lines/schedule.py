"""Plan against actual on one strip: hours around T-0, days at the ends."""

from __future__ import annotations

import math

from cockpit.outlook import StepLine
from cockpit.tui.lines import times
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, fit

LABEL = 7
TICKS = (-48, -24, -2, 0, 2, 24, 168)
"""Hours from T-0 that the axis names."""
NOW = "┃"
BAR = "█"


def schedule(scene: Scene, width: int) -> tuple[Line, ...]:
    """Three rows: the axis, the plan, what was."""
    lines = [line for line in scene.outlook.lines() if line.planned is not None]
    if len(lines) < 2 or scene.state.mode != "forward":
        return ()
    room = width - LABEL
    scale = _Scale(scene, lines, room)
    at = scale.column(scene.now)
    rows = (
        ("", _axis(scale, room, at), "dim"),
        ("plan", _bars(lines, scale, room, actual=False), "dim"),
        ("actual", _bars(lines, scale, room, actual=True), "spark"),
    )
    return tuple(
        fit(((label.ljust(LABEL), "dim"), *_marked(row, at, tone)), width)
        for label, row, tone in rows
    )


def _marked(row: str, at: int, tone: str) -> Line:
    """A row with the present moment marked on it; a bar that stands there stays one."""
    sign = row[at] if row[at] == BAR else NOW
    return (row[:at], tone), (sign, "needs strong"), (row[at + 1 :], tone)


class _Scale:
    """Moments to columns, with a logarithm to both sides of T-0."""

    def __init__(self, scene: Scene, lines: list[StepLine], room: int) -> None:
        self.t0 = scene.state.t0
        offsets = [line.planned - self.t0 for line in lines if line.planned is not None]
        self.first = _bend(min(*offsets, -times.HOUR))
        self.last = _bend(max(*offsets, times.HOUR))
        self.room = room

    def column(self, moment: float) -> int:
        """The column of a moment, kept on the strip."""
        at = (_bend(moment - self.t0) - self.first) / (self.last - self.first)
        return max(0, min(self.room - 1, round(at * (self.room - 1))))


def _bend(offset: float) -> float:
    """Hours count fully near T-0, and ever less away from it."""
    return math.copysign(math.log1p(abs(offset) / times.HOUR), offset)


def _axis(scale: _Scale, room: int, now: int) -> str:
    """The labels, the ones nearest to T-0 first, each beside the mark of the present moment."""
    cells = [" "] * room
    cells[now] = NOW
    for hours in sorted(TICKS, key=abs):
        label = "T-0" if hours == 0 else times.offset(hours * times.HOUR)[1:]
        at = scale.column(scale.t0 + hours * times.HOUR)
        place = _free(cells, label, at)
        if place is not None:
            cells[place : place + len(label)] = label
    return "".join(cells)


def _free(cells: list[str], label: str, at: int) -> int | None:
    """Where a label finds room: from its own column on, or else up to it."""
    for place in (at, at + 1, at - len(label), at - len(label) + 1):
        around = cells[max(0, place - 1) : place + len(label) + 1]
        inside = cells[max(0, place) : place + len(label)]
        if place < 0 or len(inside) < len(label) or any(cell != " " for cell in inside):
            continue
        if all(cell in (" ", NOW) for cell in around):
            return place
    return None


def _bars(lines: list[StepLine], scale: _Scale, room: int, *, actual: bool) -> str:
    cells = ["·"] * room
    for line in lines:
        began = line.actual if actual else line.planned
        if began is None:
            continue
        cells[scale.column(began)] = BAR
    return "".join(cells)
