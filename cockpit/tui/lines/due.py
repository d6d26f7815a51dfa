"""Until when the side that was left may still be given, and who is late."""

from __future__ import annotations

from cockpit.propagation.answers import Cell, Grid, Row
from cockpit.propagation.convergence import TELLS_NOTHING
from cockpit.tui.lines import times
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line


def until(scene: Scene, grid: Grid, *, brief: bool = False) -> Line:
    """By when honest caches must follow; past that, how things are and not when they were due.

    One that raises TTLs has a bound of its own, and is not late before it. Nor is one that was not
    asked since: what it answered before says nothing of what it holds now. `brief` leaves out since
    when, where that is said already or room is short.
    """
    rows = counting(grid)
    if not rows:
        return (("nobody is counted", "unknown"),)
    states = {cell.state for row in rows for cell in row.cells}
    if not states - {grid.wanted} and not (grid.unknown and grid.bound is None):
        return (("all follow", "fine"),)
    if grid.bound is None:
        return (("no time known", "unknown"),)
    if grid.bound > scene.now:
        return ((f"by {times.hhmmss(grid.bound)}", "plain"),)
    return _past(scene, grid, rows, grid.bound, brief=brief)


def _past(scene: Scene, grid: Grid, rows: list[Row], bound: float, *, brief: bool) -> Line:
    """Who is late past the bound, who is not yet, and of whom nobody knows."""
    behind = [row for row in rows if any(_is_left(grid, cell) for cell in row.cells)]
    later = [end for row in behind if (end := _own_bound(row)) > scene.now]
    due = [row for row in behind if _own_bound(row) <= scene.now]
    if any(_seen_late(grid, row, bound) for row in due):
        past = "" if brief else f" past {times.hhmmss(bound)}"
        return ((f"still {grid.left}{past}", "needs"),)
    unasked = [row for row in due if any(_is_left(grid, c) and c.at <= bound for c in row.cells)]
    if unasked:
        since = "" if brief else f", not asked since {times.hhmmss(bound)}"
        return ((f"{len(unasked)} due{since}", "unknown"),)
    if due:
        # Asked since, they follow; another cache behind them was not met again.
        return ((f"{len(due)} mixed", "unknown"),)
    if later:
        verb = "raises" if len(later) == 1 else "raise"
        return ((f"{len(later)} {verb} TTLs, by {times.hhmmss(max(later))}", "plain"),)
    if all(cell.state in TELLS_NOTHING for row in rows for cell in row.cells):
        return (("nobody answers", "unknown"),)
    return ((f"none {grid.left}", "plain"),)


def _is_left(grid: Grid, cell: Cell) -> bool:
    return cell.state in (grid.left, "holds", "mixed")


def _seen_late(grid: Grid, row: Row, bound: float) -> bool:
    """Whether it still gave the side that was left after its time was over."""
    end = max(bound, _own_bound(row))
    return any(_is_left(grid, cell) and cell.left_seen > end for cell in row.cells)


def _own_bound(row: Row) -> float:
    """Until when it is not late by its own, longer bound; 0 where it is, or has none."""
    holds = any(cell.state == "holds" for cell in row.cells)
    return 0.0 if holds else row.own_bound or 0.0


def time_left(scene: Scene, grid: Grid, row: Row) -> str:
    """How long the longest answer of the side that was left may still be kept."""
    waiting = [
        cell.expires_at
        for cell in row.cells
        if cell.expires_at is not None and _is_left(grid, cell)
    ]
    if not waiting or row.left_out:
        return "-"
    # Its time may be over before the next look: then nobody knows what it holds.
    return times.left(max(waiting) - scene.now) if max(waiting) > scene.now else "due"


def counting(grid: Grid) -> list[Row]:
    """The resolvers that are in the count."""
    return [row for row in grid.rows if row.role == "resolver" and not row.left_out]
