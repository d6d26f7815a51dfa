"""The steps, with a cursor that follows the next one until the operator moves it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from cockpit.outlook import StepLine
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.timeline import timeline
from cockpit.tui.panels.lines import Panel


class Timeline(Panel):
    """The timeline panel."""

    class Moved(Message):
        """The cursor stands on another step."""

    BINDING_GROUP_TITLE = "Timeline"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "step above", show=False),
        Binding("down", "move(1)", "step below", show=False),
        Binding("pageup", "move(-10)", "ten above", show=False),
        Binding("pagedown", "move(10)", "ten below", show=False),
        Binding("home", "move(-1000)", "first", show=False),
        Binding("end", "move(1000)", "last", show=False),
        Binding("escape", "follow", "follow the next step", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's own name
        super().__init__(self._picture, id=id)
        self.cursor: str | None = None

    @property
    def chosen(self) -> StepLine | None:
        """The step under the cursor."""
        if self.scene is None:
            return None
        outlook = self.scene.outlook
        return (outlook.line(self.cursor) if self.cursor else None) or outlook.next

    def action_move(self, by: int) -> None:
        """Move the cursor over the steps."""
        if self.scene is None:
            return
        order = [line.step.id for line in self.scene.outlook.lines()]
        chosen = self.chosen
        if not order:
            return
        at = order.index(chosen.step.id) if chosen else len(order) - 1
        wanted = order[max(0, min(len(order) - 1, at + by))]
        following = self.scene.outlook.next
        # On the next step it follows again: it goes on by itself when that step ends.
        self.cursor = None if following and wanted == following.step.id else wanted
        self.redraw()
        self.post_message(self.Moved())

    def action_follow(self) -> None:
        """Let the cursor follow the next step."""
        self.cursor = None
        self.redraw()
        self.post_message(self.Moved())

    def _picture(self, scene: Scene, width: int, height: int) -> Picture:
        if self.cursor and scene.outlook.line(self.cursor) is None:
            self.cursor = None
        return timeline(scene, width, height, self.cursor)
