"""The last line: keys that matter now; those that cannot act are dim."""

from __future__ import annotations

from cockpit.tui.allowed import why_not
from cockpit.tui.keys import KEYS, Key
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, Span, as_ascii, fit, width_of


def hints(scene: Scene, width: int) -> Line:
    """As many keys as fit, the needful ones first kept."""
    shown = sorted((key for key in KEYS if key.hint), key=lambda key: key.hint)
    rehearsal = scene.environment == "rehearsal"
    shown = [key for key in shown if rehearsal or key.group != "Rehearsal"]
    while width_of(_drawn(scene, shown)) > width:
        shown.pop()
    line = fit(_drawn(scene, shown), width)
    return as_ascii(line) if scene.ascii else line


def covered(scene: Scene, width: int) -> Line:
    """The same beneath a dialog, which has all keys."""
    line = fit(((" Esc", "key"), (" closes the dialog: its keys stand in it", "plain")), width)
    return as_ascii(line) if scene.ascii else line


def _drawn(scene: Scene, shown: list[Key]) -> Line:
    spans: list[Span] = [(" ", "plain"), ("Tab", "key"), (" panel   ", "plain")]
    for key in (key for key in KEYS if key in shown):
        able = not key.wish or not why_not(scene, key.wish, scene.outlook.next)
        label = key.label
        if key.wish == "hold" and scene.state.held is not None:
            label = "release"
        tone = "plain" if able else "dim"
        spans += [(key.shown, "key" if able else "dim"), (f" {label}   ", tone)]
    return (*spans[:-1], (spans[-1][0].rstrip(), spans[-1][1]))
