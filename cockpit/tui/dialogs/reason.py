"""A question that is answered in one line, before something is asked of the engine.

Where it changes the run, Enter only ends the typing: another key, once what it does could be
read, does it.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from cockpit.tui.dialogs.arming import TOO_FAST, Arming, is_calm
from cockpit.tui.dialogs.base import Body
from cockpit.tui.dialogs.confirm import CALM_S
from cockpit.tui.dialogs.read import LATER_S
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.questions import Question
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line, flowed, said
from cockpit.tui.panels.entry import Entry
from cockpit.tui.presses import PASTE, Press
from cockpit.tui.screens.base import app_of


class Reason(ModalScreen[str | None], inherit_bindings=False):
    """What it would do, and the line to type in; Esc changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave"),
        Binding("e", "edit", "type it anew"),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question
        self.refusal = ""
        self.arming: Arming | None = None
        """Where the typing is over and the key is awaited; None before."""
        self._waiting: Press | None = None
        """The key that would do it, until it is seen that no other follows."""

    def compose(self) -> ComposeResult:
        """The page, and the line beneath it."""
        with Vertical(id="dialog"):
            yield Body(self._sheet, id="question")
            yield Entry(placeholder=self.question.prompt, id="answer")

    def on_mount(self) -> None:
        """The line has the keys."""
        self.query_one(Input).focus()
        self.set_interval(0.25, self._tick)
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        line = self.query_one(Input)
        self.query_one(Body).sized(scene, beneath=3 if line.display else 0)
        if self.arming is not None:
            self.arming.drawn(line.value)
            if self.arming.readable_in is None:
                self.call_after_refresh(self._await_seen, self.arming, line.value)

    def _await_seen(self, arming: Arming, shown: str) -> None:
        """Reading begins when the terminal shows the frame that holds it."""
        app = app_of(self)
        if app.is_drawing:
            self.set_timer(LATER_S, partial(self._await_seen, arming, shown))
        else:
            app.when_seen(partial(arming.seen, shown))

    # -- the typing -----------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self) -> None:
        self.refusal = ""
        self.show(app_of(self).scene)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.refusal = self.question.refusal(event.value, app_of(self).scene)
        if self.refusal:
            self.show(app_of(self).scene)
        elif self.question.does:
            self._await(event.input)
        else:
            self.dismiss(event.value.strip())

    def _await(self, line: Input) -> None:
        self.arming = Arming(app_of(self).real)
        line.display = False
        self.query_one(Body).focus()
        self.show(app_of(self).scene)

    # -- the key --------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Every key counts: the one that does it wants calm around it."""
        if self.arming is None:
            return
        presses = app_of(self).presses
        press = presses.of(event, event.key)
        if self._waiting is not None:
            self.refusal = TOO_FAST.format(key=self._waiting.what)
        elif is_calm(press, presses.before(press)):
            self.refusal = ""
        self._waiting = None
        if event.key == "c":
            event.stop()
            event.prevent_default()
            self._consider(self.arming, press)
        self._tick()

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted does nothing."""
        if self.arming is not None:
            event.stop()
            app_of(self).presses.of(event, PASTE)
            self._waiting = None

    def _consider(self, arming: Arming, press: Press) -> None:
        """Take a key for a decision, once it is seen that no other follows at once."""
        self.refusal = arming.hasty(press, app_of(self).presses.before(press))
        if arming.was_readable(press) and not self.refusal:
            self._waiting = press
            self.set_timer(CALM_S, self._commit)

    def _commit(self) -> None:
        app, press = app_of(self), self._waiting
        if press is None or self.arming is None:
            return
        if app.has_unread:
            self.set_timer(LATER_S, self._commit)
            return
        self._waiting = None
        self.refusal = self.arming.crowded(press, app.presses.after(press))
        if self.refusal:
            self._tick()
        else:
            self.dismiss(self.query_one(Input).value.strip())

    def action_edit(self) -> None:
        """Back to the typing."""
        if self.arming is not None:
            self.arming, self.refusal = None, ""
            line = self.query_one(Input)
            line.display = True
            line.focus()
            self.show(app_of(self).scene)

    def action_page(self, direction: int) -> None:
        """A page up or down, while the line has the keys too."""
        self.query_one(Body).action_page(direction)

    def action_leave(self) -> None:
        """Nothing changes."""
        app_of(self).tell("left: nothing changes", "plain")
        self.dismiss(None)

    def _not_yet(self) -> str:
        unread = self.arming.unread() if self.arming is not None else ""
        return self.refusal or unread

    def _tick(self) -> None:
        for body in self.query(Body):
            body.redraw()

    # -- drawing --------------------------------------------------------------------------------

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        body = self.question.body(scene, width)
        typed = self.query_one(Input).value.strip()
        meaning = self.question.meaning(typed, scene)
        if meaning or self.arming is not None:
            body.append(())
        if self.arming is not None:
            body += labelled("You say", [(typed, "strong")], width)
        if meaning:
            body += labelled("That is", [(meaning, "needs strong")], width)
        return Sheet(Picture(self.question.title, (), tuple(body), foot=self._foot(width)))

    def _foot(self, width: int) -> tuple[Line, ...]:
        keys: list[Line] = [(("Esc", "key"), (" leaves: nothing changes", "dim"))]
        if self.arming is not None:
            keys.insert(0, (("e", "key"), (" types it anew", "dim")))
        if refusal := self._not_yet():
            state: Line = (("not yet: ", "needs strong"), (said(refusal), "needs"))
        elif self.arming is not None:
            state = (("c", "key"), (f" {self.question.does}", "strong"))
        else:
            enter = " ends the typing, then c does it" if self.question.does else " does it"
            state = (("Enter", "key"), (enter, "dim"))
        return (), *flowed([state, *keys], "   ", width)
