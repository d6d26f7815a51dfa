"""A question that is answered in one line, before something is asked of the engine.

Where it changes the run, Enter only ends the typing: another key, once all that it does was in
view and could be read, does it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from cockpit.tui.dialogs.arming import CALM_S, TOO_FAST, is_calm
from cockpit.tui.dialogs.base import Body
from cockpit.tui.dialogs.read import LATER_S, SCROLLS, Read
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.questions import Question
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line, fit, flowed, joined, said
from cockpit.tui.panels.entry import Entry
from cockpit.tui.presses import PASTE, Press
from cockpit.tui.screens.base import app_of


class Reason(Read[str | None], inherit_bindings=False):
    """What it would do, and the line to type in; Esc changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave"),
        Binding("e", "edit", "type it anew"),
        *SCROLLS,
    ]

    def __init__(self, question: Question, real: Callable[[], float]) -> None:
        super().__init__(real)
        self.question = question
        self.refusal = ""
        self.said: str | None = None
        """What was typed, once the typing is over and the key is awaited; None before."""
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
        self._follow()

    def page(self) -> Hashable:
        """What it would do, and the words for it; figures and ages may change."""
        return self.question.about(app_of(self).scene), self.said

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
        line.display = False
        self.query_one(Body).focus()
        self._turn(line.value.strip())

    def _turn(self, said: str | None) -> None:
        """From the typing to the key, or back: what the question says was read meanwhile."""
        self.said = said
        scene, body = app_of(self).scene, self.query_one(Body)
        same = len(self.question.body(scene, body.size.width - 4))
        self.reading.of(self._drawn(self.page()), same)
        self.show(scene)

    # -- the key --------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Every key counts: the one that does it wants calm around it."""
        if self.said is None:
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
            self._consider(press)
        self._tick()

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted does nothing."""
        if self.said is not None:
            event.stop()
            app_of(self).presses.of(event, PASTE)
            self._waiting = None

    def _consider(self, press: Press) -> None:
        """Take a key for a decision, once it is seen that no other follows at once."""
        self.refusal = self.arming.hasty(press, app_of(self).presses.before(press))
        if self.arming.was_readable(press) and not self._not_yet():
            self._waiting = press
            self.set_timer(CALM_S, self._commit)

    def _commit(self) -> None:
        app, press = app_of(self), self._waiting
        if press is None or self.said is None:
            return
        if app.has_unread:
            self.set_timer(LATER_S, self._commit)
            return
        self._waiting = None
        self.refusal = self.arming.crowded(press, app.presses.after(press))
        if self._not_yet():
            self._tick()
        else:
            self.dismiss(self.said)

    def action_edit(self) -> None:
        """Back to the typing."""
        if self.said is not None:
            self.refusal = ""
            line = self.query_one(Input)
            line.display = True
            line.focus()
            self._turn(None)

    def action_leave(self) -> None:
        """Nothing changes."""
        app_of(self).tell("left: nothing changes", "plain")
        self.dismiss(None)

    def _not_yet(self) -> str:
        unread = "" if self.said is None else self.unread()
        return self.refusal or unread

    def _tick(self) -> None:
        for body in self.query(Body):
            body.redraw()

    # -- drawing --------------------------------------------------------------------------------

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        body = self.question.body(scene, width)
        meaning = self.question.meaning(self.said or self.query_one(Input).value.strip(), scene)
        if meaning or self.said is not None:
            body.append(())
        if self.said is not None:
            body += labelled("You say", [(self.said, "strong")], width)
        if meaning:
            body += labelled("That is", [(meaning, "needs strong")], width)
        return Sheet(Picture(self.question.title, (), tuple(body), foot=self._foot(width)))

    def _foot(self, width: int) -> tuple[Line, ...]:
        leaves: Line = (("Esc", "key"), (" leaves: nothing changes", "dim"))
        refusal = self._not_yet()
        not_yet: Line = (("not yet: ", "needs strong"), (said(refusal), "needs"))
        if self.said is not None:
            # As high with a refusal as without: what is in view of the page stays in view.
            does: Line = (("c", "key"), (f" {self.question.does}", "strong"))
            anew: Line = (("e", "key"), (" types it anew", "dim"))
            keys = joined([anew, leaves], "   ")
            return (), fit(not_yet if refusal else does, width), fit(keys, width)
        enter = " ends the typing, then c does it" if self.question.does else " does it"
        state: Line = not_yet if refusal else (("Enter", "key"), (enter, "dim"))
        return (), *flowed([state, leaves], "   ", width)
