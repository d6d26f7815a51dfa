"""The resolvers over the whole screen: each with its caches, then how the change went and goes."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit.countwords import many
from cockpit.propagation import census
from cockpit.propagation.answers import Grid, Point, Row
from cockpit.propagation.convergence import late, share_words
from cockpit.propagation.forecast import kept_words
from cockpit.status import CELL
from cockpit.tui.lines import times
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.resolvers import header as panel_header
from cockpit.tui.lines.resolvers import note_of, says_note, table_row
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.spark import spark
from cockpit.tui.lines.text import Line, fit, pad, pad_left, said

CACHES = 48
"""Columns of a resolver's caches, where there is room for them."""
AGE = 5
"""Columns of the age of an answer, there too."""
WIDE = 110
"""Columns from which there is."""
CURVE = 60
"""Columns of a curve at most."""
LABEL = 14


def table_width(width: int) -> int:
    """Columns of the table, what is known of caches not counted."""
    return width if width < WIDE else width - CACHES - AGE


def header(grid: Grid, width: int, heads: Sequence[str]) -> Line:
    """What each column says, above it."""
    table = panel_header(grid, table_width(width), heads)
    if width < WIDE:
        return table
    return (*table, (pad_left("age", AGE) + pad("   caches behind it", CACHES), "dim"))


def row(scene: Scene, grid: Grid, one: Row, width: int) -> Line:
    """One server, with what is known of the caches behind it where there is room."""
    noted = bool(one.left_out)  # what else is odd is said beneath: each name keeps its column
    if width < WIDE:
        return table_row(scene, grid, one, width, noted=noted)
    beside = fit((("   ", "plain"), (_caches(grid, one), "dim")), CACHES)
    age = (pad_left(_age(scene, one), AGE), "dim")
    table = table_row(scene, grid, one, table_width(width), noted=noted)
    return (*table, age, *beside)


def _age(scene: Scene, one: Row) -> str:
    """How old its oldest answer is."""
    oldest = min((cell.at for cell in one.cells), default=0.0)
    return times.brief(scene.now - oldest) if oldest else "-"


def _caches(grid: Grid, one: Row) -> str:
    if one.role == "authority" or not one.caches:
        return ""
    return census.words(one.following, one.caches, one.about, one.old_at_most, grid.left)


def beneath(scene: Scene, grid: Grid, width: int) -> list[Line]:
    """What the rows come to: shares, bounds, the curve, and what lies beyond the resolvers."""
    rows: list[Line] = [()]
    if grid.paused:
        rows += labelled("Paused", [(grid.paused, "unknown")], width)
    rows += _notes(scene, grid, width)
    if grid.unlisted:
        words = f"name servers that the profile leaves out: {said(', '.join(grid.unlisted))}"
        rows += labelled("Not asked", [(words, "needs")], width)
    rows += labelled("Parent zone", _parents(grid), width)
    if grid.switched_at is not None:
        rows += labelled("Follow", [(_follow(grid), "plain")], width)
        rows += labelled("By when", [(words, "plain") for words in _bounds(scene, grid)], width)
        rows += labelled("Past it", _late(grid), width)
        rows += _curve(grid, width)
        rows += labelled("Old side", _old_side(scene), width)
    rows += _beside(scene, grid, width)
    if kept := kept_words(grid, times.lasting):
        left = "new" if grid.wanted == "new" else "old"
        words = f"a switch back would be kept out by {left} answers {kept}"
        rows += labelled("Way back", [(words, "plain")], width)
    if grid.absent_s is not None:
        kept = times.lasting(grid.absent_s)
        words = f"a name that is found missing stays so in caches for up to {kept}"
        rows += labelled("Absence", [(words, "plain")], width)
    if grid.switched_at is not None:
        rows += labelled("Beyond them", [(words, "dim") for words in grid.beyond], width)
    return rows


def _notes(scene: Scene, grid: Grid, width: int) -> list[Line]:
    """What is odd about resolvers whose rows have no room to say it."""
    beside = table_width(width)
    told = [
        (f"{said(one.name)}: {note}", "unknown" if one.left_out else "plain")
        for one in grid.rows
        if one.role == "resolver"
        and (note := note_of(one))
        and not (one.left_out and says_note(scene, grid, one, beside, whole=True))
    ]
    return labelled("Known", told, width)


def _follow(grid: Grid) -> str:
    words = (
        f"{share_words(grid.share)} by weight, {grid.following} of {many(grid.counted, 'answer')}"
    )
    if grid.cache_share is not None:
        words += f"; {share_words(grid.cache_share)} of the caches met"
    if grid.expected is not None:
        words += f"; {share_words(grid.expected)} expected by now"
    return words


def _bounds(scene: Scene, grid: Grid) -> list[str]:
    told = []
    for bound, who in (
        (grid.bound, "every honest cache"),
        (grid.longest_bound, "those that raise TTLs too"),
    ):
        if bound is not None and (who.startswith("every") or bound != grid.bound):
            ahead = bound - scene.now
            when = f"in {times.left(ahead)}" if ahead > 0 else f"{times.lasting(-ahead)} ago"
            told.append(f"{who} by {times.hhmmss(bound)}, {when}")
    return [*told, grid.unknown] if grid.unknown else told


def _late(grid: Grid) -> list[tuple[str, str]]:
    """Who holds on past its bound: those that could not refresh, and those that keep no TTL."""
    kinds = ("violators", "keep it or serve it stale", "served stale, asked twice")
    return [
        (f"{kind}: {', '.join(map(said, who))}", "needs")
        for who, kind in zip(late(grid.rows), kinds, strict=True)
        if who
    ]


def _old_side(scene: Scene) -> list[tuple[str, str]]:
    """What still reaches the old side by its own count: past the bound, that is the truth."""
    live = scene.live
    if live is None or live.old_requests is None:
        return [("unknown how many requests reach it: nobody counts them", "unknown")]
    words = f"{live.old_requests:.1f} requests a minute reach it still"
    if live.old_by_name is not None:
        words += f", {live.old_by_name:.1f} of them by a name that does not move"
    return [(words, "plain" if live.old_requests < 1 else "needs")]


def _parents(grid: Grid) -> list[tuple[str, str]]:
    """How the parent's delegation fits, each server that does not by its address."""
    if not grid.parents:
        return []
    fitting = sum(bool(one.fits) for one in grid.parents)
    words = f"{fitting} of {len(grid.parents)} servers name ours, with their addresses"
    if len(grid.parents) == 1:
        words = f"{fitting} of 1 server names ours, with their addresses"
    told = [(words, "plain")]
    for one in grid.parents:
        if not one.fits:
            tone = "unknown" if one.fits is None else "bad"
            told.append((f"{said(one.name)} ({one.address}) {said(one.words)}", tone))
    return told


def _beside(scene: Scene, grid: Grid, width: int) -> list[Line]:
    """What each record beside the names must say, and until when a cache may say the former."""
    rows: list[tuple[str, str]] = []
    for at, one in enumerate(grid.beside):
        old, new = (" ".join(map(said, values)) or "nothing" for values in (one.old, one.new))
        words = f"{said(one.label)}: " + (
            f"stays {old}" if one.old == one.new else f"{old} to {new}"
        )
        if one.bound is not None and one.bound > scene.now:
            words += f", every honest cache by {times.hhmmss(one.bound)}"
        ours = {row.beside[at].state for row in grid.rows if row.role == "authority" and row.beside}
        wrong = ours - {"kept", "old", "new", "unasked"}
        if wrong:
            words += f"; our own servers: {', '.join(sorted(CELL[state].word for state in wrong))}"
        rows.append((words, "needs" if wrong else "plain"))
    return labelled("Beside them", rows, width)


def _curve(grid: Grid, width: int) -> list[Line]:
    """The share that follows, as observed and as expected, from the switch until now."""
    if len(grid.curve) < 2:
        return []
    room = max(8, min(CURVE, width - LABEL - 8))
    points = _even(grid.curve, room)
    rows: list[Line] = []
    for label, values in (
        ("Observed", [point.observed for point in points]),
        ("Expected", [point.expected for point in points]),
    ):
        drawn: Line = (
            (pad(label, LABEL), "dim"),
            (spark(values, room, 1.0), "spark"),
            (f" {share_words(values[-1])}", "plain"),
        )
        rows.append(fit(drawn, width))
    first, last = (times.hhmmss(grid.curve[at].at) for at in (0, -1))
    axis = first + last.rjust(room - len(first))
    return [*rows, fit(((pad("", LABEL), "dim"), (axis, "dim")), width)]


def _even(curve: tuple[Point, ...], room: int) -> list[Point]:
    """One point for each column, evenly in time: the newest that was known by then."""
    first, last = curve[0].at, curve[-1].at
    chosen: list[Point] = []
    at = 0
    for column in range(room):
        moment = first + (last - first) * column / (room - 1)
        while at + 1 < len(curve) and curve[at + 1].at <= moment:
            at += 1
        chosen.append(curve[at])
    return [*chosen[:-1], curve[-1]]
