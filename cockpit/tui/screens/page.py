"""A page that is only read: the detail of one thing, or every key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from cockpit.tui.lines.bar import bar
from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.help import help_page
from cockpit.tui.lines.now import now
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line, fit
from cockpit.tui.panels.lines import Shown
from cockpit.tui.panels.reader import Reader
from cockpit.tui.screens.base import app_of


class Page(Screen[None], inherit_bindings=False):
    """The bar, NOW, and a page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back"),
        Binding("q,enter,question_mark", "back", "back", show=False),
    ]

    def __init__(self, draw: Callable[[Scene, int], Picture]) -> None:
        super().__init__()
        self._draw = draw

    def compose(self) -> ComposeResult:
        """The bar and NOW stay; the rest is the page."""
        yield Shown(lambda scene, width: (bar(scene, width), now(scene, width)), id="head")
        yield Reader(lambda scene, width: Sheet(self._draw(scene, width)), id="page")
        yield Shown(self.hints, id="hints")

    def on_mount(self) -> None:
        """The page has the keys."""
        self.query_one(Reader).focus()
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        for shown in self.query(Shown):
            shown.show(scene)
        self.query_one(Reader).show(scene)

    def action_back(self) -> None:
        """Close it."""
        self.dismiss()

    def hints(self, _scene: Scene, width: int) -> tuple[Line, ...]:
        """The keys of the page."""
        keys: Line = (
            (" Esc", "key"),
            (" back   ", "plain"),
            ("Up Down Page", "key"),
            (" move", "plain"),
        )
        return (fit(keys, width),)


class Detail(Page):
    """A page about one thing, from which the way back is one key away, too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Page.BINDINGS,
        Binding("b", "wish('roll_back')", "way back", show=False),
    ]

    def action_wish(self, name: str) -> None:
        """Ask for it; a refusal is said on the main screen."""
        from cockpit.tui import wishes

        if refusal := wishes.wish(app_of(self), name, None):
            app_of(self).tell(refusal)


def detail_screen(kind: str, key: str) -> Page:
    """The page of a step, a service, a resolver or a signal."""
    return Detail(lambda scene, width: detail(scene, kind, key, width))


def help_screen(*, sorting: bool = False) -> Page:
    """The page of all keys; those that sort rows first where it is opened from such a page."""
    return Page(partial(help_page, sorting=sorting))
