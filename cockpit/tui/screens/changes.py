"""The page of what waits to be accepted, and the key that accepts it, with words, once read."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cockpit.tui.accepting import TITLES, Acceptance, acceptance
from cockpit.tui.dialogs.read import Followed
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.lines.bar import bar
from cockpit.tui.lines.changes import changes, waiting
from cockpit.tui.lines.now import now
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line, as_ascii, fit, said
from cockpit.tui.panels.lines import Shown
from cockpit.tui.panels.reader import Reader
from cockpit.tui.screens.base import Told, app_of
from cockpit.tui.screens.over import HURRY, ask


class Changes(Followed[None], inherit_bindings=False):
    """What changed, and what accepting it does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back"),
        Binding("q", "back", "back", show=False),
        Binding("a", "accept", "accept"),
        *HURRY,
    ]

    def __init__(self, real: Callable[[], float]) -> None:
        super().__init__(real)
        self._words = Told()

    def compose(self) -> ComposeResult:
        """The bar and NOW stay; the rest is the page."""
        yield Shown(lambda scene, width: (bar(scene, width), now(scene, width)), id="head")
        yield Reader(lambda scene, width: Sheet(changes(scene, width)), id="page")
        yield Shown(self._hints, id="hints")

    def on_mount(self) -> None:
        """The page has the keys."""
        self.query_one(Reader).focus()
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        for shown in self.query(Shown):
            shown.show(scene)
        self.query_one(Reader).show(scene)
        self._follow()

    def page(self) -> Hashable | None:
        """What would be accepted."""
        asked = acceptance(app_of(self).scene)
        return (asked.kind, asked.digest) if isinstance(asked, Acceptance) else None

    @on(Reader.Moved)
    def _moved(self) -> None:
        self._words = Told()  # what was said of unread rows may hold no longer
        self.query_one("#hints", Shown).redraw()

    def action_back(self) -> None:
        """Close it: nothing changes."""
        self.dismiss()

    def action_accept(self) -> None:
        """Ask for the words first; what is sent names what was on the page."""
        app = app_of(self)
        asked = self._asked(app.scene)
        if isinstance(asked, str):
            app.tell(asked)
            return

        def answered(words: str | None) -> None:
            if words is not None:
                app.ask(asked.kind, digest=asked.digest, text=words)
                self.dismiss()

        self.app.push_screen(Reason(asked.question, app.real), answered)

    def tell(self, words: str, tone: str = "needs") -> None:
        """Say something for a few seconds."""
        self._words.say(words, tone, app_of(self).real())
        self.query_one("#hints", Shown).redraw()

    def action_wish(self, name: str) -> None:
        """Ask something of the run, or say why not."""
        ask(app_of(self), name)

    def _asked(self, scene: Scene) -> Acceptance | str:
        """What would be asked, once all of the page was in view; or why it cannot be."""
        asked, page = acceptance(scene), self.query_one(Reader)
        unread = self.reading.unread(page.rows, page.in_view)
        return unread if unread and isinstance(asked, Acceptance) else asked

    def _hints(self, scene: Scene, width: int) -> tuple[Line, ...]:
        asked = self._asked(scene)
        able = isinstance(asked, Acceptance)
        words = (
            TITLES[waiting(scene)] if isinstance(asked, Acceptance) else f"not now: {said(asked)}"
        )
        keys: Line = (
            (" Esc", "key"),
            (" back   ", "plain"),
            ("Up Down Page", "key"),
            (" move   ", "plain"),
            ("a", "key" if able else "dim"),
            (f" {words}", "plain" if able else "needs"),
        )
        line = fit(self._words.at(app_of(self).real()) or keys, width)
        return (as_ascii(line) if scene.ascii else line,)
