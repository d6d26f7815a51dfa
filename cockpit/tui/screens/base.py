"""What every screen of the run has: it shows scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cockpit.tui.lines.scene import Scene

if TYPE_CHECKING:
    from textual.screen import Screen

    from cockpit.tui.app import CockpitApp


@runtime_checkable
class Showing(Protocol):
    """A screen that draws another moment when it is handed one."""

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        ...


def app_of(screen: Screen[Any]) -> CockpitApp:
    """The app of a screen, by its own type."""
    from cockpit.tui.app import CockpitApp

    app = screen.app
    if not isinstance(app, CockpitApp):
        raise TypeError(type(app).__name__)
    return app
