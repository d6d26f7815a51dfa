"""One panel over the whole screen: scrolled, searched, its rows open their pages."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from cockpit.tui.lines.choice import Choice
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet, sheet
from cockpit.tui.lines.text import Line
from cockpit.tui.panels.entry import Entry
from cockpit.tui.panels.lines import Shown
from cockpit.tui.panels.reader import Reader
from cockpit.tui.screens.over import Over, keys
from cockpit.tui.screens.page import Page, detail_screen, help_screen

SEARCHED = ("log", "output", "resolvers", "service_log")
"""The panels whose lines can be searched."""
GROWING = ("log", "output", "service_log")
"""Those whose newest line is the last one."""
SORTED = ("resolvers",)
"""Those whose rows have an order and kinds to choose from."""


class Full(Over):
    """A panel's sheet."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,z", "back", "back", show=False),
        Binding("enter", "open", "open the row"),
        Binding("slash", "search", "search"),
        Binding("s", "turn('order')", "order"),
        Binding("f", "turn('show')", "show"),
        Binding("r", "turn('page')", "records"),
        Binding("question_mark", "help", "keys"),
    ]

    def __init__(self, name: str, *, searching: bool = False) -> None:
        super().__init__()
        self._panel = name
        self._searching = searching
        self._choice = Choice()

    def page(self) -> ComposeResult:
        """The sheet, and the line to search it."""
        yield Reader(self._sheet, tail=self._panel in GROWING, id="sheet")
        search = Entry(placeholder="words to search for, Enter keeps them, Esc clears", id="search")
        search.display = self._searching
        yield search

    @property
    def first(self) -> Widget:
        """The sheet, or the line to search it."""
        return self.query_one(Input) if self._searching else super().first

    def action_back(self) -> None:
        """Close the search, or the screen."""
        if self.query_one(Input).display:
            self.query_one(Input).value = ""
            self.query_one(Input).display = False
            self.query_one(Reader).focus()
        else:
            super().action_back()

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

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._choice = replace(self._choice, words=event.value)
        self.query_one(Reader).redraw()

    @on(Input.Submitted)
    def _kept(self) -> None:
        self.query_one(Reader).focus()

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        return sheet(scene, self._panel, width, self._choice)

    def hints(self, _scene: Scene) -> Line:
        """The keys of the sheet; where its rows are sorted, in which order they are."""
        if self._panel in SORTED:
            order, kind = ("s", self._choice.order), ("f", self._choice.show)
            rest = (("r", "records"), ("/", "words"), ("?", "keys"))
            return keys(("Esc", "back"), ("Enter", "open"), order, kind, *rest)
        last = ("/", "search") if self._panel in SEARCHED else ("Enter", "open the row")
        return keys(("Esc", "back"), ("Up Down Page Home End", "move"), last)


def _page(kind: str, key: str) -> Page:
    if kind == "service":
        from cockpit.tui.screens.service import Service

        return Service(key)
    return detail_screen(kind, key)
