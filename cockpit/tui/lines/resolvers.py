"""Who still sees the side that was left: resolvers worst first, and by when they must let go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cockpit.countwords import many, named
from cockpit.propagation.answers import Cell, Grid, Row
from cockpit.propagation.convergence import share_words
from cockpit.status import BEHAVIOUR, CELL, CELL_BACK, CHECK, TTL_MARK, Mark
from cockpit.tui.lines import times
from cockpit.tui.lines.due import counting, time_left, until
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.switching import to_come
from cockpit.tui.lines.text import (
    Line,
    cells,
    clip,
    fit,
    glyph,
    joined,
    leading,
    pad,
    pad_left,
    said,
    unsure,
    whole_parts,
    width_of,
)

TITLE = "Resolvers: who still sees the old side"
TITLE_BACK = "Resolvers: who still sees the new side"
WORST = (
    "other",
    "no_name",
    "no_data",
    "servfail",
    "error",
    "refused",
    "holds",
    "timeout",
    "mixed",
    "left",
    "unasked",
    "kept",
    "wanted",
)
"""A cell's state by how bad it is; which of `old` and `new` is wanted depends on the direction."""
FAILS = frozenset(("other", "no_name", "no_data", "servfail", "error", "refused", "timeout"))
"""Answers that lead to neither side."""
NAME, COUNTRY, LEFT = 12, 3, 8
FRAMED = 14
"""Columns of the panel's width that the conclusion cannot have: its name, and what parts them."""
OLD_LOOK_S = 20.0
"""Real seconds after which a look at the name servers is called old."""


def resolvers(scene: Scene, width: int, height: int) -> Picture:
    """The panel's picture."""
    grid = scene.live.grid if scene.live else None
    if grid is None or not grid.rows:
        return Picture(TITLE, (("no data yet", "unknown"),), (_nothing(scene, grid),))
    asked = by_rank(grid, "resolver")
    body = (
        _table(scene, grid, asked, width, height)
        if height >= 5
        else _listed(scene, grid, asked, width, height)
    )
    if is_old(scene, grid):
        body = [unsure(line) for line in body]
    told = conclusion(scene, grid)
    if width_of(told) > width - FRAMED:
        told = conclusion(scene, grid, brief=True)
    return Picture(title(grid), told, tuple(body))


def title(grid: Grid) -> str:
    """The panel's name, by the direction."""
    return TITLE if grid.wanted == "new" else TITLE_BACK


def by_rank(grid: Grid, role: str) -> list[Row]:
    """The servers of a role, the worst first; those that do not count last."""
    rows = [row for row in grid.rows if row.role == role]
    return sorted(rows, key=lambda row: (bool(row.left_out), worst_of(grid, row)[0]))


def _nothing(scene: Scene, grid: Grid | None) -> Line:
    if grid is not None and grid.paused:
        return ((f"no resolver is asked: {said(grid.paused)}", "unknown"),)
    if scene.live is None:
        return (("nobody was asked yet: no engine has looked", "dim"),)
    return (("nobody was asked yet", "dim"),)


# -- the conclusion -----------------------------------------------------------------------------


def conclusion(scene: Scene, grid: Grid, *, brief: bool = False) -> Line:
    """The share that follows, by when the rest must, and who is not in the count.

    `brief` leaves out what the rows tell, too, so that nothing is cut off where room is short.
    """
    parts: list[Line] = []
    if is_old(scene, grid):
        shown, tone = glyph(CHECK["stale"], ascii_only=scene.ascii)
        parts.append(((f"{shown} stale, looked {_ago(scene, grid.at)}", tone),))
    if grid.paused:
        parts.append((("paused until the switch", "unknown"),))
    elif grid.switched_at is None:
        unseen = ("nobody saw the switch", "unknown")
        parts.append((unseen if grid.unknown else (to_come(grid), "dim"),))
        if not parts[1:]:
            parts.append(((f"asked {_ago(scene, grid.asked_at or grid.at)}", "dim"),))
    else:
        parts.append(((f"{share_words(grid.share)} of {many(grid.counted, 'answer')}", "plain"),))
        parts.append(until(scene, grid, brief=brief or is_old(scene, grid)))
    parts += _beside(scene, grid)
    return joined(parts, " · ")


def is_old(scene: Scene, grid: Grid) -> bool:
    """Whether nobody looked for longer than looks are apart."""
    return scene.is_old or scene.now - grid.at > OLD_LOOK_S * max(1.0, scene.state.clock.speed)


def _ago(scene: Scene, at: float) -> str:
    return times.ago(scene.now - at) if at else "never"


def _beside(scene: Scene, grid: Grid) -> list[Line]:
    """Who answers neither side, and who was taken out of the count."""
    failing = sum(any(cell.state in FAILS for cell in row.cells) for row in counting(grid))
    ours = [row.beside for row in grid.rows if row.role == "authority"]
    wrong = sum(any(cell.state in FAILS for cell in cells) for cells in zip(*ours, strict=True))
    out = sum(bool(row.left_out) for row in grid.rows)
    parts: list[Line] = []
    if failing:
        shown, _ = glyph(CELL["servfail"], ascii_only=scene.ascii)
        verb = "fails" if failing == 1 else "fail"
        parts.append(((f"{shown} {failing} {verb}", "bad"),))
    if wrong:
        shown, _ = glyph(CELL["other"], ascii_only=scene.ascii)
        parts.append(((f"{shown} {many(wrong, 'record')} wrong", "bad"),))
    if out:
        parts.append(((f"{out} left out", "unknown"),))
    return parts


# -- a cell, a row ------------------------------------------------------------------------------


def rank(grid: Grid, cell: Cell) -> int:
    """How bad an answer is, 0 being the worst."""
    sides = {"old": "left", "new": "wanted"}
    if grid.wanted == "old":
        sides = {"old": "wanted", "new": "left"}
    return WORST.index(sides.get(cell.state, cell.state))


def worst_of(grid: Grid, row: Row) -> tuple[int, Cell | None]:
    """How bad a server's worst answer is, the worst being 0."""
    ranked = [(rank(grid, cell), cell) for cell in row.cells]
    return min(ranked, key=lambda one: one[0]) if ranked else (len(WORST), None)


def cell_mark(grid: Grid, cell: Cell) -> Mark:
    """How an answer is shown, by the direction."""
    return (CELL if grid.wanted == "new" else CELL_BACK)[cell.state]


def cell_words(scene: Scene, grid: Grid, cell: Cell) -> tuple[str, str]:
    """A cell's glyph and word, and its tone."""
    mark = cell_mark(grid, cell)
    shown, tone = glyph(mark, ascii_only=scene.ascii)
    return f"{shown} {mark.word}", tone


def note_of(row: Row) -> str:
    """What is odd about a resolver, in words; the reason it is left out before all else."""
    if row.left_out:
        return f"left out: {said(row.left_out)}"
    where = f"seen through {said(row.through)}" if row.through else ""
    own = "this host's own" if row.own else ""
    return "; ".join(filter(None, (BEHAVIOUR[row.behaviour], TTL_MARK[row.mark], own, where)))


def labels(grid: Grid) -> list[str]:
    """The names, short: what differs between them."""
    zone = min(grid.names, key=len, default="")
    return [
        "apex" if name == zone else said(name.removesuffix("." + zone)).rstrip(".")
        for name in grid.names
    ]


def column_width(grid: Grid, width: int) -> int:
    """Columns for each name."""
    return max(8, (width - NAME - COUNTRY - 1 - LEFT) // max(1, len(grid.names)))


def header(grid: Grid, width: int, heads: Sequence[str] = ()) -> Line:
    """The names above their columns."""
    column = column_width(grid, width)
    names = "".join(pad(clip(label, column - 1), column) for label in heads or labels(grid))
    return fit(((pad("", NAME + COUNTRY + 1) + names + pad_left("left", LEFT), "dim"),), width)


def table_row(scene: Scene, grid: Grid, row: Row, width: int, *, noted: bool = True) -> Line:
    """One server with its answer for each name, and how long the longest may be kept.

    `noted` lets what is odd about it take the room of answers that are alike.
    """
    bad = worst_of(grid, row)[0] < WORST.index("left") and not row.left_out
    head: Line = (
        (pad(said(row.name), NAME), "strong" if bad else "plain"),
        (f"{pad(said(row.country), COUNTRY)} ", "dim"),
    )
    middle = column_width(grid, width) * len(row.cells)
    tail = (pad_left(time_left(scene, grid, row), LEFT), "plain")
    return fit((*head, *fit(_answers(scene, grid, row, width, noted=noted), middle), tail), width)


def says_note(scene: Scene, grid: Grid, row: Row, width: int, *, whole: bool = False) -> bool:
    """Whether a row says what is odd about it: its answers must be alike, and leave room."""
    if not note_of(row) or len({cell.state for cell in row.cells}) != 1:
        return False
    return _spare(scene, grid, row, width) >= (cells(note_of(row)) if whole else 8)


def _spare(scene: Scene, grid: Grid, row: Row, width: int) -> int:
    words, _ = cell_words(scene, grid, row.cells[0])
    return column_width(grid, width) * len(row.cells) - cells(words) - 3


def _answers(scene: Scene, grid: Grid, row: Row, width: int, *, noted: bool) -> Line:
    """The answers by name; said once where all are alike and there is a note to make room for."""
    if noted and says_note(scene, grid, row, width):
        words, tone = cell_words(scene, grid, row.cells[0])
        note = whole_parts(note_of(row), _spare(scene, grid, row, width))
        told = (words, "dim" if row.left_out else tone)
        return told, (f"  {note}", "unknown" if row.left_out else "needs")
    column = column_width(grid, width)
    spans: list[tuple[str, str]] = []
    for cell in row.cells:
        words, tone = cell_words(scene, grid, cell)
        spans.append((pad(words, column - 1) + " ", "dim" if row.left_out else tone))
    return tuple(spans)


# -- the table ----------------------------------------------------------------------------------


def _table(scene: Scene, grid: Grid, asked: list[Row], width: int, height: int) -> list[Line]:
    foot = [_authorities(scene, grid, width), _bar(grid, width)]
    room = height - 1 - len(foot)
    shown = asked if len(asked) <= room else asked[: room - 1]
    lines = [header(grid, width), *(table_row(scene, grid, row, width) for row in shown)]
    if len(shown) < len(asked):
        lines.append(_rest(scene, grid, asked[len(shown) :], width))
    return lines + [()] * (height - len(lines) - len(foot)) + foot


def _rest(scene: Scene, grid: Grid, rows: list[Row], width: int) -> Line:
    more: Line = (
        (f"{len(rows)} more: ", "dim"),
        *_counts(scene, grid, [row for row in rows if not row.left_out]),
    )
    out = sum(bool(row.left_out) for row in rows)
    if out:
        more = (*more, (f"  {out} left out", "unknown"))
    return leading(more, "3 Enter", width)


def _counts(scene: Scene, grid: Grid, rows: list[Row]) -> Line:
    counts: Counter[Cell] = Counter(Cell(cell.state) for row in rows for cell in row.cells)
    parts: list[Line] = []
    for cell, count in sorted(counts.items(), key=lambda one: rank(grid, one[0])):
        mark = cell_mark(grid, cell)
        shown, tone = glyph(mark, ascii_only=scene.ascii)
        parts.append(((f"{shown} {count} {mark.word}", tone),))
    return joined(parts, "  ")


def _authorities(scene: Scene, grid: Grid, width: int) -> Line:
    ours = [row for row in grid.rows if row.role == "authority"]
    if not ours:
        return (("no name server of ours was asked", "unknown"),)
    states = {cell.state: cell for row in ours for cell in row.cells}
    serials = {cell.serial for row in ours for cell in row.cells if cell.serial is not None}
    names: Line = ((f"{named((said(row.name) for row in ours), between=' ')} (ours)  ", "plain"),)
    parts: list[Line] = []
    for cell in sorted(states.values(), key=lambda one: rank(grid, one)):
        words, tone = cell_words(scene, grid, cell)
        parts.append(((words, tone),))
    if len(serials) > 1:
        parts.append(((f"serials differ: {_told_apart(serials)}", "needs"),))
    elif serials and not grid.unlisted:
        parts.append(((f"serial {serials.pop()}, equal", "dim"),))
    if grid.unlisted:
        parts.append(((f"{len(grid.unlisted)} more not asked", "needs"),))
    return fit((*names, *joined(parts, "  ")), width)


def _own_trouble(scene: Scene, grid: Grid) -> list[Line]:
    """Those of our own name servers that fail, or stand apart from the first one."""
    ours = [row for row in grid.rows if row.role == "authority"]
    first = [(cell.state, cell.serial) for cell in ours[0].cells] if ours else []
    parts: list[Line] = []
    for row in ours:
        apart = [(cell.state, cell.serial) for cell in row.cells] != first
        _, worst = worst_of(grid, row)
        if worst is not None and (apart or worst.state in FAILS):
            words, tone = cell_words(scene, grid, worst)
            parts.append(((f"{said(row.name)} (ours) ", "strong"), (words, tone)))
            if apart and worst.serial is not None:
                parts[-1] = (*parts[-1], (f" serial {worst.serial}", "needs"))
    return parts


def _told_apart(serials: set[int]) -> str:
    """Serials by the figures in which they differ."""
    shown = [str(serial) for serial in sorted(serials)]
    last = {one[-3:] for one in shown}
    apart = len(last) == len(shown) and all(len(one) > 6 for one in shown)
    return ", ".join(f"…{one[-3:]}" if apart else one for one in shown)


def _bar(grid: Grid, width: int) -> Line:
    if grid.paused:
        return ((clip(said(grid.paused), width), "unknown"),)
    if grid.switched_at is None and grid.unknown:
        return ((clip(grid.unknown, width), "unknown"),)
    if grid.switched_at is None:
        return ((f"{to_come(grid)}: the {grid.left} answer is the right one", "dim"),)
    if grid.share is None:
        return (("share unknown: too few answered", "unknown"),)
    words = f"  {share_words(grid.share)} {grid.wanted}"
    if grid.expected is not None:
        words += f", {share_words(grid.expected)} expected"
    if grid.cache_share is not None and width >= 56:
        words += f", caches {share_words(grid.cache_share)}"
    room = max(8, width - len(words))
    full = int(grid.share * room)
    half = "▌" if grid.share * room - full >= 0.5 else ""
    rest = "·" * (room - full - len(half))
    return (("█" * full + half, "fine"), (rest, "dim"), (words, "plain"))


# -- the short form -----------------------------------------------------------------------------


def _listed(scene: Scene, grid: Grid, asked: list[Row], width: int, height: int) -> list[Line]:
    """Two lines: our own servers where they disagree, the worst by name, then the counts."""
    own = _own_trouble(scene, grid)
    parts = list(own)
    for row in asked:
        worst, cell = worst_of(grid, row)
        if cell is None or worst >= WORST.index("wanted") or row.left_out:
            break
        words, tone = cell_words(scene, grid, cell)
        sign, _, word = words.partition(" ")
        left = time_left(scene, grid, row)
        tail = f" {left}" if left != "-" else ""
        part: Line = ((f"{sign} ", tone), (f"{said(row.name)} ", "strong"), (word + tail, tone))
        if width_of(joined([*parts, part], "   ")) > width:
            break
        parts.append(part)
    counts = _counts(scene, grid, [row for row in asked if not row.left_out])
    counts = leading(counts, "3 Enter", width) if len(parts) - len(own) < len(asked) else counts
    first = joined(parts, "   ") if parts else _bar(grid, width)
    return [fit(first, width), fit(counts, width)][-height:]
