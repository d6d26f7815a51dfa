"""One panel over the whole screen: scrolled, searched, its rows open their pages."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input

from cockpit.tui import wishes
from cockpit.tui.lines.bar import bar
from cockpit.tui.lines.choice import Choice
from cockpit.tui.lines.now import now
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet, sheet
from cockpit.tui.lines.text import Line, Span, as_ascii, fit
from cockpit.tui.panels.entry import Entry
from cockpit.tui.panels.lines import Shown
from cockpit.tui.panels.reader import Reader
from cockpit.tui.screens.base import app_of
from cockpit.tui.screens.page import Page, detail_screen, help_screen

SEARCHED = ("log", "output", "resolvers", "service_log")
"""The panels whose lines can be searched."""
GROWING = ("log", "output", "service_log")
"""Those whose newest line is the last one."""
SORTED = ("resolvers",)
"""Those whose rows have an order and kinds to choose from."""


class Full(Screen[None], inherit_bindings=False):
    """A panel's sheet."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back"),
        Binding("q,z", "back", "back", show=False),
        Binding("enter", "open", "open the row"),
        Binding("slash", "search", "search"),
        Binding("s", "turn('order')", "order"),
        Binding("f", "turn('show')", "show"),
        Binding("r", "turn('page')", "records"),
        Binding("question_mark", "help", "keys"),
        Binding("h", "wish('hold')", "hold"),
        Binding("k", "wish('stop')", "stop"),
        Binding("n", "wish('note')", "note"),
        Binding("b", "wish('roll_back')", "way back"),
    ]

    def __init__(self, name: str, *, searching: bool = False) -> None:
        super().__init__()
        self._panel = name
        self._searching = searching
        self._choice = Choice()

    def compose(self) -> ComposeResult:
        """The bar and NOW stay; the rest is the sheet."""
        yield Shown(lambda scene, width: (bar(scene, width), now(scene, width)), id="head")
        yield Reader(self._sheet, tail=self._panel in GROWING, id="sheet")
        yield Entry(placeholder="words to search for, Enter keeps them, Esc clears", id="search")
        yield Shown(self._hints, id="hints")

    def on_mount(self) -> None:
        """The sheet has the keys, or the search."""
        self.query_one(Input).display = self._searching
        (self.query_one(Input) if self._searching else self.query_one(Reader)).focus()
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        for shown in self.query(Shown):
            shown.show(scene)
        self.query_one(Reader).show(scene)

    def action_back(self) -> None:
        """Close the search, or the screen."""
        if self.query_one(Input).display:
            self.query_one(Input).value = ""
            self.query_one(Input).display = False
            self.query_one(Reader).focus()
        else:
            self.dismiss()

    def action_open(self) -> None:
        """Open the page of the row."""
        if opens := self.query_one(Reader).opens:
            self.app.push_screen(_page(*opens))

    def action_search(self) -> None:
        """Search the lines, where there are lines to search."""
        if self._panel in SEARCHED:
            self.query_one(Input).display = True
            self.query_one(Input).focus()

    def action_turn(self, what: str) -> None:
        """The next order, kind of rows or columns, where there are some."""
        if self._panel in SORTED:
            self._choice = self._choice.turned(what)
            self.query_one(Reader).redraw()
            self.query_one("#hints", Shown).redraw()

    def action_help(self) -> None:
        """Every key."""
        self.app.push_screen(help_screen(sorting=self._panel in SORTED))

    def action_wish(self, name: str) -> None:
        """Hold, stop, note and the way back work here too; a refusal is said on the main screen."""
        if refusal := wishes.wish(app_of(self), name, None):
            app_of(self).tell(refusal)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._choice = replace(self._choice, words=event.value)
        self.query_one(Reader).redraw()

    @on(Input.Submitted)
    def _kept(self) -> None:
        self.query_one(Reader).focus()

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        return sheet(scene, self._panel, width, self._choice)

    def _hints(self, scene: Scene, width: int) -> tuple[Line, ...]:
        keys = [("Esc", "back"), ("Up Down Page Home End", "move")]
        keys += [("/", "search")] if self._panel in SEARCHED else [("Enter", "open the row")]
        if self._panel in SORTED:
            keys = [("Esc", "back"), ("Enter", "open"), ("s", self._choice.order)]
            keys += [("f", self._choice.show), ("r", "records"), ("/", "words"), ("?", "keys")]
        spans: list[Span] = [(" ", "plain")]
        for key, words in keys:
            spans += [(key, "key"), (f" {words}   ", "plain")]
        line = fit(tuple(spans), width)
        return (as_ascii(line) if scene.ascii else line,)


def _page(kind: str, key: str) -> Page:
    if kind == "service":
        from cockpit.tui.screens.service import Service

        return Service(key)
    return detail_screen(kind, key)
