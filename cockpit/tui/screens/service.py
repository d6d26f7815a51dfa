"""A service's page, and its log over the whole screen; the engine follows it while one is open."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.service import has_log, service_log
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.lines.text import Line
from cockpit.tui.screens.base import app_of
from cockpit.tui.screens.full import Full
from cockpit.tui.screens.over import keys
from cockpit.tui.screens.page import Page


class Service(Page):
    """A page that asks the engine for a log as long as it is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log", "log"),
        Binding("slash", "log(True)", "search the log"),
    ]

    def __init__(self, probe: str) -> None:
        super().__init__(lambda scene, width: detail(scene, "service", probe, width))
        self._probe = probe

    def on_mount(self) -> None:
        """Ask for its log, where there is one."""
        if has_log(app_of(self).scene, self._probe):
            app_of(self).follower.look_at(self._probe)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        app_of(self).follower.look_at("")

    def action_log(self, searching: bool = False) -> None:  # noqa: FBT001, FBT002  # as a binding writes it
        """Its log over the whole screen."""
        self.app.push_screen(ServiceLog(self._probe, searching=searching))

    def hints(self, _scene: Scene) -> Line:
        """The keys of the page."""
        return keys(("Esc", "back"), ("Up Down Page", "move"), ("l", "its log"), ("/", "search it"))


class ServiceLog(Full):
    """The log of a service, as it comes."""

    def __init__(self, probe: str, *, searching: bool = False) -> None:
        super().__init__("service_log", searching=searching)
        self._probe = probe

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        return Sheet(service_log(scene, self._probe, width, self._choice.words))
