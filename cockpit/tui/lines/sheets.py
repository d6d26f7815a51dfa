"""The whole screen of one panel: every row, each with what Enter opens there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cockpit.tui.lines import choice as chosen_rows
from cockpit.tui.lines import decision, health, log, output, resolvers, spread, timeline
from cockpit.tui.lines.choice import Choice
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.grouped import every
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, joined, said, toned

ALL = Choice()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A panel at full size."""

    picture: Picture
    opens: tuple[tuple[str, str] | None, ...] = ()
    """For each row: the kind and key of the page that Enter opens, if any."""


def sheet(scene: Scene, name: str, width: int, choice: Choice = ALL) -> Sheet:
    """The sheet of a panel."""
    return _SHEETS[name](scene, width, choice)


def chosen(one: Sheet, row: int | None) -> Picture:
    """The sheet's picture with the cursor on a row."""
    if row is None or row >= len(one.picture.body):
        return one.picture
    body = list(one.picture.body)
    body[row] = toned(body[row], "cursor")
    return replace(one.picture, body=tuple(body), row=row)


def _timeline(scene: Scene, width: int, _choice: Choice) -> Sheet:
    rows = timeline.every_row(scene, width, None)
    picture = Picture(
        "Timeline", timeline.conclusion(scene, width), tuple(row.line for row in rows)
    )
    return Sheet(picture, tuple(("step", row.step) if row.step else None for row in rows))


def _health(scene: Scene, width: int, _choice: Choice) -> Sheet:
    tiles = health.worst_first(every(scene), scene.now)
    if not tiles:
        return Sheet(health.health(scene, width, 8))
    conclusion = health.counted(scene, tiles, width)
    body = tuple(health.tile_line(scene, tile, width) for tile in tiles)
    opens = tuple(("service", tile.probe) for tile in tiles)
    return Sheet(Picture("Health", conclusion, body), opens)


def _resolvers(scene: Scene, width: int, choice: Choice) -> Sheet:
    grid = scene.live.grid if scene.live else None
    small = resolvers.resolvers(scene, width, 8)
    if grid is None or not grid.rows:
        return Sheet(small)
    seen, heads = chosen_rows.columns_of(grid, choice, spread.table_width(width))
    rows = chosen_rows.rows_of(seen, choice)
    left_away = chosen_rows.told(grid, choice, len(rows))
    body = (
        spread.header(seen, width, heads),
        *(spread.row(scene, seen, row, width) for row in rows),
        *(() if rows else ((("no row is of that kind", "dim"),),)),
        *spread.beneath(scene, grid, width),
    )
    opens = tuple(("resolver", f"{row.role}:{row.name}") for row in rows)
    conclusion = joined([left_away, small.conclusion], " · ") if left_away else small.conclusion
    return Sheet(Picture(small.title, conclusion, body), (None, *opens))


def _decision(scene: Scene, width: int, _choice: Choice) -> Sheet:
    small = decision.decision(scene, width, 99)
    verdict = scene.live.verdict if scene.live else None
    if verdict is None:
        return Sheet(small)
    body = (
        *decision.nodes(scene, verdict, width),
        (),
        *labelled("Because", [(verdict.reason, "plain")], width),
        *decision.way_back(scene, verdict, width),
    )
    opens = tuple(("signal", reading.signal) for reading in verdict.readings)
    return Sheet(Picture(decision.TITLE, small.conclusion, body), opens)


def _log(scene: Scene, width: int, choice: Choice) -> Sheet:
    search = choice.words
    rows = log.every_line(scene, width, search)
    if not rows:
        words = "no line holds these words" if search else "nothing happened yet"
        rows = [((words, "dim"),)]
    return Sheet(Picture(log.TITLE, _found(search), tuple(rows)))


def _output(scene: Scene, width: int, choice: Choice) -> Sheet:
    return Sheet(output.output(scene, width, choice.words))


def _found(search: str) -> Line:
    return ((f"lines with “{said(search)}”", "needs"),) if search else ()


_SHEETS: Mapping[str, Callable[[Scene, int, Choice], Sheet]] = {
    "timeline": _timeline,
    "health": _health,
    "resolvers": _resolvers,
    "decision": _decision,
    "log": _log,
    "output": _output,
}
