"""What every screen over the main one has: the bar, NOW, a page, and the keys for a hurry."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from cockpit.tui.keys import IN_A_HURRY
from cockpit.tui.lines.bar import bar
from cockpit.tui.lines.now import now
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, as_ascii, fit
from cockpit.tui.panels.lines import Shown
from cockpit.tui.panels.reader import Reader
from cockpit.tui.screens.base import Told, app_of

if TYPE_CHECKING:
    from cockpit.tui.app import CockpitApp

HURRY = tuple(Binding(key.key, key.pressed, key.label, show=False) for key in IN_A_HURRY)
"""What works here as on the main screen."""


class Over(Screen[None], inherit_bindings=False):
    """The bar and NOW stay; the last line has the keys, or for a few seconds what was said."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back"),
        *HURRY,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._told = Told()

    def compose(self) -> ComposeResult:
        """The bar and NOW, the page, the keys."""
        yield Shown(lambda scene, width: (bar(scene, width), now(scene, width)), id="head")
        yield from self.page()
        yield Shown(self._last_line, id="hints")

    def page(self) -> ComposeResult:
        """What stands between them."""
        raise NotImplementedError

    def hints(self, scene: Scene) -> Line:
        """The keys of the page."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Draw it."""
        self.first.focus()
        self.show(app_of(self).scene)

    @property
    def first(self) -> Widget:
        """What has the keys first."""
        return self.query_one(Reader)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        for shown in self.query(Shown):
            shown.show(scene)
        self.query_one(Reader).show(scene)

    def tell(self, words: str, tone: str = "needs") -> None:
        """Say something for a few seconds."""
        self._told.say(words, tone, app_of(self).real())
        for shown in self.query("#hints").results(Shown):
            shown.redraw()

    def action_back(self) -> None:
        """Close it."""
        self.dismiss()

    def action_wish(self, name: str) -> None:
        """Ask something of the run, or say why not."""
        ask(app_of(self), name)

    def _last_line(self, scene: Scene, width: int) -> tuple[Line, ...]:
        line = fit(self._told.at(app_of(self).real()) or self.hints(scene), width)
        return (as_ascii(line) if scene.ascii else line,)


def ask(app: CockpitApp, name: str) -> None:
    """Ask something of the run, or say why not."""
    from cockpit.tui import wishes

    if refusal := wishes.wish(app, name, None):
        app.tell(refusal)


def keys(*pairs: tuple[str, str]) -> Line:
    """Keys, each with what it does."""
    return tuple(
        span for key, words in pairs for span in ((f" {key}", "key"), (f" {words}  ", "plain"))
    )
