"""A page that is only read: the detail of one thing, or every key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.help import help_page
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line
from cockpit.tui.panels.reader import Reader
from cockpit.tui.screens.over import Over, keys


class Page(Over):
    """A picture that is scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter,question_mark", "back", "back", show=False),
    ]

    def __init__(self, draw: Callable[[Scene, int], Picture]) -> None:
        super().__init__()
        self._draw = draw

    def page(self) -> ComposeResult:
        """The picture."""
        yield Reader(lambda scene, width: Sheet(self._draw(scene, width)), id="page")

    def hints(self, _scene: Scene) -> Line:
        """The keys of the page."""
        return keys(("Esc", "back"), ("Up Down Page", "move"))


def detail_screen(kind: str, key: str) -> Page:
    """The page of a step, a service, a resolver or a signal."""
    return Page(lambda scene, width: detail(scene, kind, key, width))


def help_screen(*, sorting: bool = False) -> Page:
    """The page of all keys; those that sort rows first where it is opened from such a page."""
    return Page(partial(help_page, sorting=sorting))
