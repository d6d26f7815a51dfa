"""Settling a step in doubt, failed or unverified, with its evidence on screen."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from cockpit.engine.intents import Kind
from cockpit.outlook import StepLine
from cockpit.tui.allowed import why_not
from cockpit.tui.dialogs.base import Body
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.questions import settling
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.settle import looked_at, not_again, settle, unseen
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import folded
from cockpit.tui.screens.base import Told, app_of

UNSETTLED = ("in_doubt", "failed", "unverified")


class Settle(ModalScreen[None], inherit_bindings=False):
    """What is known of an attempt, and what to do about it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "look", "look again"),
        Binding("d", "done", "it is done"),
        Binding("f", "failed", "it failed"),
        Binding("r", "again", "run it again"),
        Binding("k", "app.stop", "end what lives on"),
        Binding("b", "wish('roll_back')", "way back"),
        Binding("h", "wish('hold')", "hold"),
        Binding("n", "wish('note')", "note"),
        Binding("question_mark", "help", "keys"),
        Binding("o", "output", "output"),
        Binding("escape", "leave", "leave"),
    ]

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step
        self._told = Told()

    def compose(self) -> ComposeResult:
        """The page alone."""
        with Vertical(id="dialog"):
            yield Body(self._sheet, id="settle")

    def on_mount(self) -> None:
        """Look at once: looking only reads."""
        self.query_one(Body).focus()
        self.show(app_of(self).scene)
        if looked_at(app_of(self).scene, self._must(app_of(self).scene)) is None:
            self.action_look()

    def show(self, scene: Scene) -> None:
        """Draw another moment; close when it is settled."""
        line = scene.outlook.line(self.step)
        if line is None or line.status not in UNSETTLED:
            self.dismiss()
        else:
            self.query_one(Body).sized(scene)

    def tell(self, words: str, tone: str = "needs") -> None:
        """Say something for a few seconds, beneath the keys."""
        app = app_of(self)
        self._told.say(words, tone, app.real())
        self.show(app.scene)

    def action_look(self) -> None:
        """Ask its verifications now."""
        app_of(self).ask("look", step=self.step)

    def action_done(self) -> None:
        """The operator says that it is done, having seen what its verifications say."""
        app = app_of(self)
        if refusal := unseen(app.scene, self._must(app.scene)):
            app.tell(refusal)
        else:
            self._settle("settle_done")

    def action_failed(self) -> None:
        """The operator says that it failed."""
        if self._must(app_of(self).scene).status != "failed":
            self._settle("settle_failed")

    def action_again(self) -> None:
        """Run it again: a failed step by its confirmation, another one once it is settled."""
        from cockpit.tui.wishes import confirm

        app = app_of(self)
        line = self._must(app.scene)
        if refusal := why_not(app.scene, "confirm") or not_again(app.scene, line):
            app.tell(refusal)
        elif line.status == "failed":
            self.dismiss()
            confirm(app, self.step)
        else:
            self._settle("settle_not_happened")

    def action_wish(self, name: str) -> None:
        """Ask something of the run, or say why not."""
        from cockpit.tui.wishes import wish

        app = app_of(self)
        if refusal := wish(app, name, None):
            app.tell(refusal)

    def action_help(self) -> None:
        """Every key."""
        from cockpit.tui.screens.page import help_screen

        self.app.push_screen(help_screen())

    def action_output(self) -> None:
        """Its output over the whole screen."""
        from cockpit.tui.screens.full import Full

        self.app.push_screen(Full("output"))

    def action_leave(self) -> None:
        """Nothing changes."""
        app_of(self).tell("left unsettled: nothing changes", "plain")
        self.dismiss()

    def _settle(self, kind: Kind) -> None:
        app = app_of(self)
        if refusal := why_not(app.scene, "confirm"):
            app.tell(refusal)
            return

        def answered(why: str | None) -> None:
            if why is not None:
                app.ask(kind, step=self.step, text=why)

        self.app.push_screen(Reason(settling(self._must(app.scene), kind), app.real), answered)

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        line = scene.outlook.line(self.step)
        if line is None:
            return Sheet(Picture("Settle"))
        picture, told = settle(scene, line, width), self._told.at(app_of(self).real())
        said_now = tuple(folded(told, width)) if told else ()
        return Sheet(replace(picture, foot=(*picture.foot, *said_now)))

    def _must(self, scene: Scene) -> StepLine:
        line = scene.outlook.line(self.step)
        if line is None:
            raise LookupError(self.step)
        return line
