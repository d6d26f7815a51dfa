"""A few words that must be read: they stay until they are closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from cockpit.tui.dialogs.base import Body
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line
from cockpit.tui.screens.base import app_of


class Notice(ModalScreen[None], inherit_bindings=False):
    """Something that changed for this operator; Esc closes it, and does nothing else."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "close")]

    def __init__(self, title: str, body: Callable[[int], tuple[Line, ...]]) -> None:
        super().__init__()
        self.titled = title
        self.body = body

    def compose(self) -> ComposeResult:
        """The page alone."""
        with Vertical(id="dialog"):
            yield Body(self._sheet, id="notice")

    def on_mount(self) -> None:
        """The page has the keys."""
        self.query_one(Body).focus()
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        self.query_one(Body).sized(scene)

    def _sheet(self, _scene: Scene, width: int) -> Sheet:
        foot: tuple[Line, ...] = ((), (("Esc", "key"), (" closes", "dim")))
        return Sheet(Picture(self.titled, (), self.body(width), foot=foot))
