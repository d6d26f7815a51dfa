"""A long page in a frame: scrolled by keys, with a cursor where its rows open something."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from cockpit.tui.lines.frame import Picture, body_rows
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet, chosen
from cockpit.tui.panels.lines import Panel

END = 1_000_000


class Reader(Panel):
    """A page."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_by(-1)", "up", show=False),
        Binding("down", "scroll_by(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown,space", "page(1)", "page down", show=False),
        Binding("home", f"scroll_by({-END})", "to the start", show=False),
        Binding("end", f"scroll_by({END})", "to the end", show=False),
    ]

    class Moved(Message):
        """Other rows are in view than before."""

    def __init__(
        self,
        source: Callable[[Scene, int], Sheet],
        *,
        tail: bool = False,
        id: str | None = None,  # noqa: A002  # Textual's own name
    ) -> None:
        super().__init__(self._picture, id=id)
        self._source = source
        self._sheet: Sheet | None = None
        self.row: int | None = None
        self._told = range(0)
        self.tail = tail
        """Whether the newest line stays in sight until the operator scrolls up."""

    @property
    def opens(self) -> tuple[str, str] | None:
        """What Enter opens on the row of the cursor."""
        if self._sheet is None or self.row is None or self.row >= len(self._sheet.opens):
            return None
        return self._sheet.opens[self.row]

    @property
    def rows(self) -> int:
        """How many lines the page has."""
        return len(self._sheet.picture.body) if self._sheet else 0

    @property
    def in_view(self) -> range:
        """The rows of the page that are drawn."""
        if self._sheet is None:
            return range(0)
        rows = body_rows(self._sheet.picture, self.size.height)
        return range(self.top, min(self.rows, self.top + rows))

    def redraw(self) -> None:
        """Draw the same moment again."""
        super().redraw()
        if self.in_view != self._told:
            self._told = self.in_view
            self.post_message(self.Moved())

    def action_scroll_by(self, by: int) -> None:
        """Move the cursor to the next row that opens something, or else the page."""
        if self._sheet is None:
            return
        if any(self._sheet.opens):
            self._move(by)
        else:
            last = max(0, self.rows - body_rows(self._sheet.picture, self.size.height))
            self.top = max(0, min(last, self.top + by))
            self.tail = self.tail and self.top >= last
        self.redraw()

    def action_page(self, direction: int) -> None:
        """A page up or down: no row is passed over."""
        if self._sheet is not None:
            rows = body_rows(self._sheet.picture, self.size.height)
            self.action_scroll_by(direction * max(1, rows - 2))

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        """The wheel."""
        self.action_scroll_by(-3)

    def on_mouse_scroll_down(self, _event: events.MouseScrollDown) -> None:
        """The wheel."""
        self.action_scroll_by(3)

    def _move(self, by: int) -> None:
        if self._sheet is None:
            return
        able = [index for index, opens in enumerate(self._sheet.opens) if opens]
        at = able.index(self.row) if self.row in able else 0
        self.row = able[max(0, min(len(able) - 1, at + by))]

    def _picture(self, scene: Scene, width: int, height: int) -> Picture:
        self._sheet = self._source(scene, width)
        able = [index for index, opens in enumerate(self._sheet.opens) if opens]
        if able and self.row not in able:
            self.row = able[0]
        picture = chosen(self._sheet, self.row if able else None)
        if self.tail:
            self.top = max(0, len(picture.body) - height)
        return picture
