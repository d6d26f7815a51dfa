"""Every key, in groups, built from the table that makes the bindings."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit.tui.allowed import why_not
from cockpit.tui.keys import CONFIRMING, KEYS, MOVES, ON_A_SERVICE, SORTING
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, fit, folded, pad, width_of


def help_page(scene: Scene, width: int, *, sorting: bool = False) -> Picture:
    """The page; a key that cannot act now says why. What sorts rows stands first where it can."""
    body: list[Line] = _table(*_SORTING, width) if sorting else []
    for group in dict.fromkeys(key.group for key in KEYS):
        body += [((group, "title"),)]
        for key in KEYS:
            if key.group != group:
                continue
            refusal = why_not(scene, key.wish, scene.outlook.next) if key.wish else ""
            body += _row(key.shown, key.help, refusal, width)
        body.append(())
    for title, rows in (("In the confirmation", CONFIRMING), _SORTING, _SERVICE, ("Moving", MOVES)):
        body += _table(title, rows, width)
    return Picture("Keys", (("Esc", "key"), (" closes", "dim")), tuple(body))


_SORTING = ("Resolvers over the whole screen", SORTING)
_SERVICE = ("On a service's page", ON_A_SERVICE)


def _table(title: str, rows: Sequence[tuple[str, str]], width: int) -> list[Line]:
    body: list[Line] = [((title, "title"),)]
    for keys, words in rows:
        body += _row(keys, words, "", width)
    return [*body, ()]


def _row(key: str, words: str, refusal: str, width: int) -> list[Line]:
    """A key with what it does; why it does nothing now stands beside, or beneath it."""
    column = 10 if len(key) < 10 else len(key) + 2
    tone = "dim" if refusal else "plain"
    head: Line = ((f"  {pad(key, column)}", "dim" if refusal else "key"), (words, tone))
    if not refusal:
        return [fit(head, width)]
    why: Line = ((f"  (not now: {refusal})", "needs"),)
    if width_of((*head, *why)) <= width:
        return [fit((*head, *why), width)]
    return [fit(head, width), *folded(((" " * (column + 2), "plain"), *why), width)]
