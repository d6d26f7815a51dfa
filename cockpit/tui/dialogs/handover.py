"""Taking the seat over: a reason, and what was handed over, each in one line."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from cockpit.tui.dialogs.base import Body
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.questions import Question
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line
from cockpit.tui.panels.entry import Entry
from cockpit.tui.screens.base import app_of

NOTE = "what runs, what waits, what to watch; or that nobody could be asked"
WANTED = (
    "a reason is wanted: it goes into the record",
    "a handover note is wanted: what you were told, or that nobody could be asked",
)


class Handover(ModalScreen[tuple[str, str] | None], inherit_bindings=False):
    """Two lines to type in; Esc changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave"),
        Binding("tab", "app.focus_next", "the other line", show=False),
        Binding("shift+tab,up", "app.focus_previous", "the other line", show=False),
        Binding("down", "app.focus_next", "the other line", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question
        self.refusal = ""

    def compose(self) -> ComposeResult:
        """The page, and the lines beneath it."""
        with Vertical(id="dialog"):
            yield Body(self._sheet, id="question")
            yield Entry(placeholder=self.question.prompt, id="reason")
            yield Entry(placeholder=NOTE, id="note")

    def on_mount(self) -> None:
        """The first line has the keys."""
        self.query_one(Body).can_focus = False
        self.query_one("#reason", Input).border_title = "Reason"
        self.query_one("#note", Input).border_title = "Handover"
        self.query_one("#reason", Input).focus()
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        self.query_one(Body).sized(scene, beneath=6)

    @on(Input.Changed)
    def _typed(self) -> None:
        self.refusal = ""
        self.query_one(Body).redraw()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        """Both lines are wanted: the keys go to the one that is still empty."""
        lines = [self.query_one(name, Input) for name in ("#reason", "#note")]
        said = [line.value.strip() for line in lines]
        empty = next((at for at, words in enumerate(said) if not words), None)
        if empty is None:
            self.dismiss((said[0], said[1]))
            return
        # Enter after the reason only goes on to the note: nothing is wrong yet.
        self.refusal = WANTED[empty] if lines[empty].has_focus or not empty else ""
        lines[empty].focus()
        self.query_one(Body).redraw()

    def action_leave(self) -> None:
        """Nothing changes."""
        app_of(self).tell("left: nothing changes", "plain")
        self.dismiss(None)

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        state: Line = (
            ("Tab", "key"), (" the other line, ", "dim"), ("Enter", "key"),
            (" takes it once both are said, ", "dim"), ("Esc", "key"), (" leaves", "dim"),
        )  # fmt: skip
        foot: tuple[Line, ...] = ((), state)
        if self.refusal:
            foot = ((), *labelled("", [(self.refusal, "needs")], width)[:1])
        body = tuple(self.question.body(scene, width))
        return Sheet(Picture(self.question.title, (), body, foot=foot))
