"""The confirmation: the only place from which a step begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from cockpit.telemetry.live import Proposal
from cockpit.tui.allowed import why_not
from cockpit.tui.dialogs.arming import CALM_S, TOO_FAST, is_calm
from cockpit.tui.dialogs.base import Body
from cockpit.tui.dialogs.read import BESIDE, ELSEWHERE, LATER_S, Read
from cockpit.tui.dialogs.typed import Typed
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import Ask, proposal
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.presses import PASTE, Press
from cockpit.tui.screens.base import app_of

REFUSED = re.compile("confirm by .* was not followed: ")


class Confirm(Read[None], inherit_bindings=False):
    """One step as it would run now, and the key that begins it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "ask_again", "ask again"),
        *BESIDE,
        Binding("escape", "leave", "leave"),
    ]

    def __init__(self, step: str, real: Callable[[], float]) -> None:
        super().__init__(real)
        self.step = step
        self.sent_at: int | None = None
        """The journal's number when it was confirmed."""
        self.refused = ""
        self._press: Press | None = None
        self._waiting: tuple[Press, str, str] | None = None
        """The key that would confirm, the digest that was shown, and the word that was typed."""

    def compose(self) -> ComposeResult:
        """The page, and beneath it the word where one is wanted."""
        with Vertical(id="dialog"):
            yield Body(self._sheet, id="proposal")
            yield Typed(id="typed")

    def on_mount(self) -> None:
        """The page has the keys; the word's line appears when the engine wants one."""
        self.query_one(Typed).display = False
        self.query_one(Body).focus()
        self.set_interval(0.25, self._tick)
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        if self.is_active and self._is_over(scene):
            return
        found = scene.proposal(self.step)
        self._want_word(found)
        word = self.query_one(Typed)
        self.query_one(Body).sized(scene, beneath=3 if word.display else 0)
        self._follow()

    def page(self) -> tuple[str, int] | None:
        """The digest and the attempt: evidence and ages may change without another reading."""
        found = app_of(self).scene.proposal(self.step)
        return None if found is None or found.asking else (found.digest, found.attempt)

    def refusal(self) -> str:
        """Why it may not be confirmed yet; empty where it may."""
        scene = app_of(self).scene
        found = scene.proposal(self.step)
        if refused := why_not(scene, "confirm"):
            return refused
        if found is None or found.asking:
            return "the gates are being asked"
        if found.closed:
            return found.closed[0]
        return self.unread() or self.refused

    # -- keys -----------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Every key counts: the one that confirms wants calm around it."""
        presses = app_of(self).presses
        self._press = presses.of(event, event.key)
        if self._waiting is not None:
            self.refused = TOO_FAST.format(key=self._waiting[0].what)
        elif is_calm(self._press, presses.before(self._press)):
            self.refused = ""
        self._waiting, self.told = None, ""
        if event.key == "c":
            event.stop()
            event.prevent_default()
            found = app_of(self).scene.proposal(self.step)
            if found is not None and not found.typed_word:
                self._consider(found, self._press, "")
        elif event.key == "C":
            self.refused = "that was a capital C: press c"
        elif event.key in ELSEWHERE and not self.query_one(Typed).has_focus:
            self.told = ELSEWHERE[event.key]
        self.query_one(Body).redraw()

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted confirms nothing."""
        event.stop()
        app_of(self).presses.of(event, PASTE)
        self.refused, self._waiting = TOO_FAST.format(key="c") if self._waiting else "", None
        self.query_one(Body).redraw()

    def action_ask_again(self) -> None:
        """All gates once more, and another minute."""
        self.arming.renewed()
        self.refused = ""
        app_of(self).ask("propose", step=self.step)

    def action_leave(self) -> None:
        """Nothing changes."""
        self._close("left without confirming: nothing changes")

    @on(Typed.Entered)
    def _entered(self, event: Typed.Entered) -> None:
        found = app_of(self).scene.proposal(self.step)
        if found is None or self._press is None:
            return
        if event.word != found.typed_word:
            self.refused = f"the word is {found.typed_word}"
        else:
            self._consider(found, self._press, event.word)
        self._tick()

    # -- what follows ---------------------------------------------------------------------------

    def _consider(self, found: Proposal, press: Press, typed: str) -> None:
        """Take a key for a decision, once it is seen that no other follows at once."""
        self.refused = self.arming.hasty(press, app_of(self).presses.before(press))
        if not self.arming.was_readable(press):
            return
        if self.sent_at is None and not self.refusal():
            self._waiting = (press, found.digest, typed)
            self.set_timer(CALM_S, self._commit)

    def _commit(self) -> None:
        app, waiting = app_of(self), self._waiting
        if waiting is None:
            return
        if app.has_unread:
            self.set_timer(LATER_S, self._commit)
            return
        press, digest, typed = waiting
        self._waiting = None
        self.refused = self.arming.crowded(press, app.presses.after(press))
        found = app.scene.proposal(self.step)
        if found and found.digest == digest and not self.refusal():
            self._send(found, typed)
        self._tick()

    def _send(self, found: Proposal, typed: str) -> None:
        app = app_of(self)
        self.sent_at = app.scene.state.seq
        app.ask(
            "confirm",
            step=found.step,
            attempt=found.attempt,
            digest=found.digest,
            typed=typed,
        )
        self._tick()

    def _is_over(self, scene: Scene) -> bool:
        """Whether the engine took the confirmation; its refusal is shown here and asked anew."""
        from cockpit.tui.wishes import follow_next

        if self.sent_at is None:
            return False
        attempt = scene.state.step(self.step).last
        if attempt is not None and scene.state.step(self.step).status != "open":
            begun = any(e.seq > self.sent_at and "confirmed by" in e.text for e in scene.state.log)
            if begun:
                self.dismiss()
                follow_next(app_of(self))
                return True
        for entry in scene.state.log:
            if entry.seq > self.sent_at and REFUSED.match(entry.text):
                self.refused = entry.text.partition("was not followed: ")[2]
                self.sent_at = None
                break
        return False

    def _tick(self) -> None:
        if not self.is_active:
            return  # a note is being written over it: it is closed when it is in sight again
        if self.arming.expires_in <= 0 and self.sent_at is None:
            self._close("the confirmation closed after a minute: nothing changes")
        else:
            for body in self.query(Body):
                body.redraw()

    def _close(self, words: str) -> None:
        app = app_of(self)
        if self.sent_at is None:
            app.ask("withdraw", step=self.step)
            app.tell(words, "plain")
        self.dismiss()

    def _want_word(self, found: Proposal | None) -> None:
        word = self.query_one(Typed)
        wanted = bool(found and found.typed_word)
        if wanted and not word.display:
            word.display = True
            word.placeholder = f"type {found.typed_word if found else ''}, then Enter"
            word.focus()

    # -- drawing --------------------------------------------------------------------------------

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        line = scene.outlook.line(self.step)
        if line is None:
            return Sheet(Picture("Confirm", (), ((("this step is not in the list", "dim"),),)))
        return Sheet(proposal(scene, line, self._asked(), width))

    def _asked(self) -> Ask:
        """Where the dialog itself stands."""
        return Ask(
            self.refusal(), self.arming.expires_in, sent=self.sent_at is not None, told=self.told
        )
