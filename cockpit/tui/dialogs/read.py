"""What is confirmed or accepted only once all of it was read."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import TypeVar

from textual import on
from textual.binding import Binding
from textual.screen import ModalScreen, Screen

from cockpit.tui.dialogs.arming import Arming
from cockpit.tui.dialogs.reading import Reading
from cockpit.tui.keys import KEYS
from cockpit.tui.lines.scene import Scene
from cockpit.tui.panels.reader import Reader
from cockpit.tui.screens.base import app_of

LATER_S = 0.02
"""Real seconds until something that is not ready yet is looked at again."""
ELSEWHERE = {
    key.key: f"{key.shown} does nothing here: Esc leaves, then it works"
    for key in KEYS
    if key.key not in ("enter", "h", "n", "question_mark")
}
"""Keys of the main screen that wait until this is left."""
SCROLLS = (
    Binding("pageup", "page(-1)", "page up", show=False),
    Binding("pagedown", "page(1)", "page down", show=False),
    Binding("up", "scroll(-1)", "up", show=False),
    Binding("down", "scroll(1)", "down", show=False),
)
"""The page's own come first where it has the focus."""
BESIDE = (
    Binding("h", "wish('hold')", "hold"),
    Binding("n", "wish('note')", "note"),
    Binding("question_mark", "help", "keys"),
    *SCROLLS,
)
"""The keys beside the one that confirms."""
Answered = TypeVar("Answered")


class Followed(Screen[Answered], inherit_bindings=False):
    """A screen with a page: how much of that was in view, for how long."""

    def __init__(self, real: Callable[[], float]) -> None:
        super().__init__()
        self.arming = Arming(real)
        self.reading = Reading()
        self.told = ""
        """Why the last key did nothing, where it was not the one that confirms."""

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        raise NotImplementedError

    def page(self) -> Hashable | None:
        """What is confirmed by what is drawn; None where nothing can be."""
        raise NotImplementedError

    def on_screen_resume(self) -> None:
        """It is in sight, or in sight again: reading begins."""
        self.arming.drawn(None)
        if self.is_mounted:
            self.show(app_of(self).scene)

    @on(Reader.Moved)
    def _follow(self) -> None:
        """Every row must have been in view; from then on, a second is for reading."""
        body, page = self.query_one(Reader), self.page()
        if page is None:
            self.arming.drawn(None)
            return
        self.reading.of(self._drawn(page))
        unread = self.reading.unread(body.rows, body.in_view)
        self.arming.drawn(None if unread else page)
        if unread or self.arming.readable_in is None:
            self.call_after_refresh(self._await_seen, page, self._drawn(page))

    def _drawn(self, page: Hashable) -> Hashable:
        """The page, and how wide it is drawn: in another width its rows are other ones."""
        return page, self.query_one(Reader).size.width

    def _await_seen(self, page: Hashable, drawn: Hashable) -> None:
        """A row was in view, and reading begins, when the terminal shows the frame with it."""
        app = app_of(self)
        for body in self.query(Reader):
            if app.is_drawing or not body.size:
                self.set_timer(LATER_S, partial(self._await_seen, page, drawn))
            else:
                app.when_seen(partial(self._seen, page, drawn, body.in_view))

    def _seen(self, page: Hashable, drawn: Hashable, rows: range, at: float) -> None:
        """The terminal shows these rows; those that were scrolled away meanwhile do not count."""
        for body in self.query(Reader):
            if rows == body.in_view:
                self.reading.seen(drawn, rows)
            if self.reading.is_whole(body.rows):
                self.arming.seen(page, at)

    def unread(self) -> str:
        """What of it could not be read yet; empty where all of it could."""
        body, page = self.query_one(Reader), self.page()
        if page and (unread := self.reading.unread(body.rows, body.in_view)):
            return unread
        if not self.arming.is_of(page):
            return "it has just changed: readable in 1 s"
        return self.arming.unread()


class Read(Followed[Answered], ModalScreen[Answered], inherit_bindings=False):
    """A dialog over the screen, whose page is read before it is confirmed."""

    def action_wish(self, name: str) -> None:
        """Hold and note work here too; or the foot says why not."""
        from cockpit.tui.wishes import wish

        self.told = wish(app_of(self), name, None)
        self.query_one(Reader).redraw()

    def action_help(self) -> None:
        """Every key."""
        from cockpit.tui.screens.page import help_screen

        self.app.push_screen(help_screen())

    def action_page(self, direction: int) -> None:
        """A page up or down, while the line of the word has the keys too."""
        self.query_one(Reader).action_page(direction)

    def action_scroll(self, by: int) -> None:
        """A row up or down."""
        self.query_one(Reader).action_scroll_by(by)
