"""What every screen of the run has: it shows scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line

if TYPE_CHECKING:
    from textual.screen import Screen

    from cockpit.tui.app import CockpitApp

MESSAGE_S = 8.0
"""Real seconds for which a message stays."""


@runtime_checkable
class Showing(Protocol):
    """A screen that draws another moment when it is handed one."""

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A screen that has room for a few words to the operator."""

    def tell(self, words: str, tone: str = "needs") -> None:
        """Say something for a few seconds."""
        ...


class Told:
    """What was said last, for as long as it stays."""

    def __init__(self) -> None:
        self._line: Line = ()
        self._until = 0.0

    def say(self, words: str, tone: str, real: float) -> None:
        """Keep these words from this real moment on."""
        self._line, self._until = ((f" {words}", tone),), real + MESSAGE_S

    def at(self, real: float) -> Line:
        """The words that are still to be read at this real moment, if any."""
        return self._line if real < self._until else ()


def app_of(screen: Screen[Any]) -> CockpitApp:
    """The app of a screen, by its own type."""
    from cockpit.tui.app import CockpitApp

    app = screen.app
    if not isinstance(app, CockpitApp):
        raise TypeError(type(app).__name__)
    return app
