"""The services: what each answers, how old the answer is, worst first where room is short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cockpit.status import TILE
from cockpit.telemetry.live import WORST, Tile, tile_state
from cockpit.tui.lines import times
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.grouped import grouped
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.spark import spark
from cockpit.tui.lines.text import (
    Line,
    clip,
    fit,
    glyph,
    joined,
    pad,
    said,
    width_of,
)

CALM = ("fine", "off", "not_rehearsed")
"""The states that want nobody's eye."""
BESIDE_COUNTS = 11
"""Columns of the frame's top, beyond those of the body, that the title and its rules take."""
SHORT = {"off": "off, planned", "not_rehearsed": "unrehearsed"}
"""Shorter words for states, where there is no room for their own."""
NO_DATA = "no data"
WIDE = 100
"""Columns from which a tile's own line has room for its history."""
LEAST_TILE = 15
"""Columns that a tile needs."""


def health(scene: Scene, width: int, height: int) -> Picture:
    """The panel's picture."""
    tiles = grouped(scene)
    if not tiles:
        return Picture("Health", (("no data yet", "unknown"),), (_nothing(scene),))
    body = _tiled(scene, tiles, width, height) if height >= 4 else _listed(scene, tiles, width)
    return Picture("Health", counted(scene, tiles, width), tuple(body))


def _nothing(scene: Scene) -> Line:
    if scene.live is None:
        return (("nothing was measured yet: no engine has looked", "dim"),)
    return (("nothing was measured yet", "dim"),)


def counted(scene: Scene, tiles: Sequence[Tile], width: int) -> Line:
    """How many are in which state, the sickest first; where room is short, only these by word."""
    counts = Counter(tile_state(tile, scene.now) for tile in tiles)
    long = {state: TILE[state].word for state in WORST}
    found = [state for state in WORST if counts[state]]
    sick = [state for state in found if state not in CALM]
    rest = sum(counts[state] for state in found if state in CALM)
    told = [
        [_count(scene, state, counts[state], words[state]) for state in found]
        for words in (long, long | SHORT)
    ]
    most = [_count(scene, state, counts[state], long[state]) for state in sick]
    told += [[*most, ((f"{rest} more", "dim"),)], most]
    lines = [joined(parts, " · ") for parts in told]
    return next((line for line in lines if width_of(line) <= width - BESIDE_COUNTS), lines[-1])


def _count(scene: Scene, state: str, count: int, word: str) -> Line:
    shown, tone = glyph(TILE[state], ascii_only=scene.ascii)
    return ((f"{shown} {count} {word}", tone),)


def worst_first(tiles: tuple[Tile, ...], now: float) -> list[Tile]:
    """Tiles, the sickest first; equals stay in the runbook's order."""
    return sorted(tiles, key=lambda tile: WORST.index(tile_state(tile, now)))


def _tiled(scene: Scene, tiles: tuple[Tile, ...], width: int, height: int) -> list[Line]:
    columns = max(1, min(4, width // LEAST_TILE))
    rows = height // 2
    shown: list[Tile] = list(tiles)
    left = 0
    if len(shown) > columns * rows:
        shown = worst_first(tiles, scene.now)
        rows = (height - 1) // 2
        left = len(shown) - columns * rows
        shown = shown[: columns * rows]
    tile_width = (width - (columns - 1)) // columns
    lines: list[Line] = []
    for start in range(0, len(shown), columns):
        group = shown[start : start + columns]
        drawn = [_tile(scene, tile, tile_width) for tile in group]
        lines.append(joined([heads for heads, _ in drawn], " "))
        lines.append(joined([figures for _, figures in drawn], " "))
    if left:
        lines.append(((f"{left} more, not worse than these", "dim"),))
    return lines


def _tile(scene: Scene, tile: Tile, width: int) -> tuple[Line, Line]:
    state = tile_state(tile, scene.now)
    shown, tone = glyph(TILE[state], ascii_only=scene.ascii)
    head = fit(((f"{shown} ", tone), (said(tile.title), _title_tone(state))), width)
    words = tile_words(tile, scene.now)
    room = width - 2 - len(words) - 1
    bars = ""
    if state in ("fine", "slow") and room >= 4 and len(tile.history) > 1:
        bars = spark(tile.history, min(room, 8))
    tone = "plain" if state == "fine" else tone
    figure: Line = (("  " + clip(words, width - 2), tone),)
    if bars:
        figure = (*figure, (" " + bars, "spark"))
    return head, fit(figure, width)


def _title_tone(state: str) -> str:
    return "strong" if state in ("down", "slow", "silent", "stale") else "plain"


def tile_words(tile: Tile, now: float) -> str:
    """A tile's state in words, with the figure that matters and its age where it is old."""
    state = tile_state(tile, now)
    figure = said(tile.figure)
    if state == "fine":
        return figure or "fine"
    if state in SHORT:
        return SHORT[state]
    if state == "stale":
        return f"stale {times.lasting(now - tile.at)}"
    if state == "silent":
        return f"{figure or NO_DATA} {times.brief(now - tile.at)}" if tile.at else figure or NO_DATA
    return f"{TILE[state].word} {figure}".strip()


def _listed(scene: Scene, tiles: tuple[Tile, ...], width: int) -> list[Line]:
    """One line: the sick ones by name as long as any room is left, the rest as a count."""
    ordered = worst_first(tiles, scene.now)
    parts = [_named(scene, tile) for tile in ordered]
    sick = sum(tile_state(tile, scene.now) not in CALM for tile in ordered)
    # How many are named matters more than the key beside the count of those that are not.
    tries = [(count, _rest) for count in range(len(parts), sick - 1, -1)]
    tries += [(count, rest) for count in range(sick, 0, -1) for rest in (_rest, _more)]
    for count, rest in tries:
        left = len(parts) - count
        line = joined([*parts[:count], *([rest(left)] if left else [])], "   ")
        if width_of(line) <= width:
            return [line]
    more = _more(len(parts) - 1)
    return [joined([fit(parts[0], width - width_of(more) - 3), more], "   ")]


def _named(scene: Scene, tile: Tile) -> Line:
    state = tile_state(tile, scene.now)
    shown, tone = glyph(TILE[state], ascii_only=scene.ascii)
    return (
        (f"{shown} ", tone),
        (f"{said(tile.title)} ", _title_tone(state)),
        (tile_words(tile, scene.now), "plain" if state == "fine" else tone),
    )


def _more(count: int) -> Line:
    return ((f"{count} more", "dim"),)


def _rest(count: int) -> Line:
    return ((f"{count} more   ", "dim"), ("2 Enter", "key"), (" shows all", "dim"))


def tile_line(scene: Scene, tile: Tile, width: int) -> Line:
    """A tile on a line of its own, for the whole screen."""
    state = tile_state(tile, scene.now)
    mark = TILE[state]
    shown, tone = glyph(mark, ascii_only=scene.ascii)
    age = times.ago(scene.now - tile.at) if tile.at else "never"
    wide = width >= WIDE
    bars = spark(tile.history, 16) if tile.history and wide else ""
    return fit(
        (
            (pad(f"{shown} {mark.word}", 22), tone),
            (pad(said(tile.title), 20 if wide else 15), "strong"),
            (pad(said(tile.figure), 22 if wide else 20) + " ", "plain"),
            (pad(bars, 18 if wide else 0), "spark"),
            (pad(age, 11), "dim"),
            (said(tile.side), "dim"),
        ),
        width,
    )
