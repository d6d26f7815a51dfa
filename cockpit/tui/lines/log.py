"""What happened, newest last; a day is named where it begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cockpit.called import as_called
from cockpit.journal.state import LogLine
from cockpit.outlook import log_words, step_names
from cockpit.tui.lines import times
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, fit, said, wrapped

TITLE = "What happened"
TIME = 10


def log(scene: Scene, width: int, height: int) -> Picture:
    """The panel's picture: as many of the newest lines as fit."""
    if not scene.state.log:
        return Picture(TITLE, (), ((("nothing happened yet", "dim"),),))
    names = step_names(scene.runbook, scene.state)
    chosen: list[LogLine] = []
    shown: list[Line] = []
    for entry in reversed(scene.state.log):
        longer = _dated(scene, names, [entry, *chosen], width)
        if len(longer) > height:
            break
        chosen.insert(0, entry)
        shown = longer
    if not shown and height > 0:
        shown = entry_lines(names, scene.state.log[-1], width)[:height]
    return Picture(TITLE, _conclusion(scene), tuple(shown))


def every_line(scene: Scene, width: int, search: str = "") -> list[Line]:
    """All lines that hold the words searched for, for the whole screen."""
    wanted, names = search.casefold(), step_names(scene.runbook, scene.state)
    found = [
        entry
        for entry in scene.state.log
        if wanted in log_words(names, entry).casefold() or wanted in entry.text.casefold()
    ]
    return _dated(scene, names, found, width)


def _dated(
    scene: Scene, names: Mapping[str, str], entries: Iterable[LogLine], width: int
) -> list[Line]:
    """Entries with the name of each day that is another one; today needs no name at the top."""
    rows: list[Line] = []
    day = times.day(scene.now)
    for entry in entries:
        if times.day(entry.at) != day:
            day = times.day(entry.at)
            rows.append(fit(((f"{day} ", "label"), ("─" * (width - len(day) - 1), "frame")), width))
        rows += entry_lines(names, entry, width)
    return rows


def entry_lines(names: Mapping[str, str], entry: LogLine, width: int) -> list[Line]:
    """One entry, wrapped; the time stands before its first line."""
    rows = wrapped(said(as_called(log_words(names, entry))), max(16, width - TIME))
    return [
        fit(
            ((times.hhmmss(entry.at) + "  " if not i else " " * TIME, "dim"), (row, entry.tone)),
            width,
        )
        for i, row in enumerate(rows)
    ]


def last_line(scene: Scene, width: int) -> Line:
    """The newest line alone, where there is no room for the panel."""
    if not scene.state.log:
        return fit(((" nothing happened yet", "dim"),), width)
    entry = scene.state.log[-1]
    words = said(as_called(log_words(step_names(scene.runbook, scene.state), entry)))
    return fit(((f" {times.moment(entry.at, scene.now)} ", "dim"), (words, entry.tone)), width)


def _conclusion(scene: Scene) -> Line:
    return ((f"event {scene.state.seq}", "dim"), ("  /", "key"), (" search", "dim"))
