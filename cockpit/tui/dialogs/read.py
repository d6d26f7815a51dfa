"""A dialog that is confirmed only once all of it was read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import on
from textual.binding import Binding
from textual.screen import ModalScreen

from cockpit.telemetry.live import Proposal
from cockpit.tui.dialogs.arming import Arming
from cockpit.tui.dialogs.base import Body
from cockpit.tui.dialogs.reading import Reading
from cockpit.tui.keys import KEYS
from cockpit.tui.lines.scene import Scene
from cockpit.tui.screens.base import app_of

LATER_S = 0.02
"""Real seconds until something that is not ready yet is looked at again."""
ELSEWHERE = {
    key.key: f"{key.shown} does nothing here: Esc leaves, then it works"
    for key in KEYS
    if key.key not in ("enter", "h", "n", "question_mark")
}
"""Keys of the main screen that wait until this is left."""
BESIDE = (
    Binding("h", "wish('hold')", "hold"),
    Binding("n", "wish('note')", "note"),
    Binding("question_mark", "help", "keys"),
    Binding("pageup", "page(-1)", "page up", show=False),
    Binding("pagedown", "page(1)", "page down", show=False),
    Binding("up", "scroll(-1)", "up", show=False),
    Binding("down", "scroll(1)", "down", show=False),
)
"""The keys beside the one that confirms; the page's own come first where it has the focus."""


class Read(ModalScreen[None], inherit_bindings=False):
    """What is shown of a step, and how much of that was in view, for how long."""

    def __init__(self, step: str, real: Callable[[], float]) -> None:
        super().__init__()
        self.step = step
        self.arming = Arming(real)
        self.reading = Reading()
        self.told = ""
        """Why the last key did nothing, where it was not the one that confirms."""

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        raise NotImplementedError

    def on_screen_resume(self) -> None:
        """It is in sight, or in sight again: reading begins."""
        self.arming.drawn(None)
        if self.is_mounted:
            self.show(app_of(self).scene)

    @on(Body.Moved)
    def _follow(self) -> None:
        """Every row must have been in view; from then on, a second is for reading."""
        body, page = self.query_one(Body), self._page()
        if page is None:
            self.arming.drawn(None)
            return
        self.reading.of(page)
        unread = self.reading.unread(body.rows, body.in_view)
        self.arming.drawn(None if unread else page[:2])
        if unread or self.arming.readable_in is None:
            self.call_after_refresh(self._await_seen, page)

    def _page(self) -> tuple[str, int, int] | None:
        """What is on the page: its digest, its attempt, and how wide it is drawn."""
        found = app_of(self).scene.proposal(self.step)
        if found is None or found.asking:
            return None
        return found.digest, found.attempt, self.query_one(Body).size.width

    def _await_seen(self, page: tuple[str, int, int]) -> None:
        """A row was in view, and reading begins, when the terminal shows the frame with it."""
        app = app_of(self)
        for body in self.query(Body):
            if app.is_drawing or not body.size:
                self.set_timer(LATER_S, partial(self._await_seen, page))
            else:
                app.when_seen(partial(self._seen, page, body.in_view))

    def _seen(self, page: tuple[str, int, int], rows: range, at: float) -> None:
        """The terminal shows these rows; those that were scrolled away meanwhile do not count."""
        for body in self.query(Body):
            if rows == body.in_view:
                self.reading.seen(page, rows)
            if self.reading.is_whole(body.rows):
                self.arming.seen(page[:2], at)

    def _unread(self, found: Proposal) -> str:
        """What of it could not be read yet; empty where all of it could."""
        body = self.query_one(Body)
        if self._page() and (unread := self.reading.unread(body.rows, body.in_view)):
            return unread
        if not self.arming.is_of((found.digest, found.attempt)):
            return "it has just changed: readable in 1 s"
        return self.arming.unread()

    def action_wish(self, name: str) -> None:
        """Hold and note work here too; or the foot says why not."""
        from cockpit.tui.wishes import wish

        self.told = wish(app_of(self), name, None)
        self.query_one(Body).redraw()

    def action_help(self) -> None:
        """Every key."""
        from cockpit.tui.screens.page import help_screen

        self.app.push_screen(help_screen())

    def action_page(self, direction: int) -> None:
        """A page up or down, while the line of the word has the keys too."""
        self.query_one(Body).action_page(direction)

    def action_scroll(self, by: int) -> None:
        """A row up or down."""
        self.query_one(Body).action_scroll_by(by)
