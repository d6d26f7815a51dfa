"""A terminal too small for the screen: it says so, and what it has."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen

from cockpit.tui.lines.bar import bar
from cockpit.tui.lines.now import now
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, fit
from cockpit.tui.panels.lines import Shown
from cockpit.tui.screens.base import app_of


class TooSmall(ModalScreen[None]):
    """Where the run is, in three lines."""

    WIDTH, HEIGHT = 80, 24

    def compose(self) -> ComposeResult:
        """One widget over the whole terminal."""
        yield Shown(self._draw, id="too-small")

    def on_mount(self) -> None:
        """Draw at once."""
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        self.query_one(Shown).show(scene)

    def _draw(self, scene: Scene, width: int) -> tuple[Line, ...]:
        size = self.app.size
        words = f" {size.width}x{size.height} is too small: 80x24 are needed"
        return bar(scene, width), now(scene, width), fit(((words, "needs"),), width)
