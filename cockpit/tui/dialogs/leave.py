"""Leaving the screen: the run goes on without it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from cockpit.called import called
from cockpit.tui.allowed import ended_words, why_not
from cockpit.tui.dialogs.base import Body
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line, folded
from cockpit.tui.screens.base import app_of


class Leave(ModalScreen[str | None], inherit_bindings=False):
    """Leave, end the rehearsal, or stay."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "choose('leave')", "leave"),
        Binding("e", "choose('finish')", "end the rehearsal"),
        Binding("escape", "stay", "stay"),
    ]

    def compose(self) -> ComposeResult:
        """The page alone."""
        with Vertical(id="dialog"):
            yield Body(self._sheet, id="leave")

    def on_mount(self) -> None:
        """The page has the keys."""
        self.query_one(Body).focus()
        self.show(app_of(self).scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        self.query_one(Body).sized(scene)

    def action_choose(self, choice: str) -> None:
        """Leave, or end the rehearsal and leave."""
        if choice == "finish" and why_not(app_of(self).scene, "finish"):
            return
        self.dismiss(choice)

    def action_stay(self) -> None:
        """Nothing changes."""
        self.dismiss(None)

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        run = scene.state.run
        body: list[Line] = [
            ((goes_on(scene), "plain"),),
            ((f"{called()} attach {run}", "strong"), (" opens this screen again.", "plain")),
        ]
        if scene.view.is_driver and not scene.view.is_over:
            body.append((("Your seat becomes vacant.", "needs"),))
        body += [(), (("q", "key"), (" leave   ", "plain"), ("Esc", "key"), (" stay", "plain"))]
        if not why_not(scene, "finish"):
            body.append(
                (("e", "key"), (" end the rehearsal: the lab and the engine stop", "plain"))
            )
        rows = [row for line in body for row in folded(line, width)]
        return Sheet(Picture("Leave the screen", (), tuple(rows)))


def goes_on(scene: Scene) -> str:
    """What happens without this screen."""
    if not scene.state.ended and scene.view.engine_gone:
        return "The engine is gone: nothing watches, here or elsewhere, until it is started again."
    if not scene.state.ended:
        return "The run goes on: the engine keeps watching, and no step begins."
    rest = "nothing goes on" if scene.view.is_over else "the engine still watches"
    return f"The run has ended: {ended_words(scene)}; {rest}."
