"""Opening the app on a made-up view, and waiting for what it shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import StringIO

from rich.console import Console
from rich.segment import Segment, Segments
from textual.pilot import Pilot
from textual.widget import Widget

from cockpit.engine.client import View
from cockpit.tui.app import CockpitApp
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.text import plain
from cockpit.tui.panels.lines import Lines, Panel
from cockpit.tui.screens.base import Showing
from cockpit.tui.screens.full import Full
from cockpit.tui.taste import Taste
from tests.fakes.screen_views import FakeClient

DEADLINE_S = 8.0


@dataclass
class FakeReal:
    """The real clock, moved by the test."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Opened:
    """An app under test."""

    app: CockpitApp
    pilot: Pilot[None]
    client: FakeClient
    real: FakeReal = field(default_factory=FakeReal)

    @property
    def text(self) -> str:
        """What the top screen's lines say."""
        return "\n".join(
            widget.text
            for widget in self.app.screen.query(Lines)
            if widget.display and isinstance(widget, Widget)
        )

    async def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, what or f"it never held; the screen:\n{self.text}"
            await self.pilot.pause()
            await asyncio.sleep(0.01)

    async def says(self, words: str) -> None:
        """Wait until these words are on the screen."""
        await self.until(lambda: words in self.text, f"never said: {words}\n{self.text}")

    async def show(self, view: View) -> None:
        """Let the run be at another moment."""
        self.client.shown = view
        await self.until(lambda: self.app.scene.view is view)
        await self.pilot.pause()

    def panel(self, name: str, view: View) -> str:
        """The picture of one panel alone, in the room that the screen gives it."""
        scene = scene_of(view, ascii_only=self.app.taste.ascii)
        with self.app._context():
            screen = self.app.screen
            assert isinstance(screen, Showing)
            for panel in screen.query(Panel):
                panel.top = 0
            screen.show(scene)
            wanted = screen.query_one(f"#{name}", Lines)
            if not wanted.display:
                # What happened has no panel of its own there, but the line above the keys.
                wanted = screen.query_one("#message", Lines)
            return picture_of(wanted)

    async def sheet(self, name: str) -> None:
        """One panel over the whole screen."""
        self.app.push_screen(Full(name))
        await self.until(lambda: isinstance(self.app.screen, Full))
        await self.pilot.pause()

    async def settled(self) -> str:
        """The picture, once nothing is left to draw."""
        await self.pilot.pause()
        await asyncio.sleep(0.05)
        await self.pilot.pause()
        return self.app.export_screenshot(title="cockpit", simplify=True)


@asynccontextmanager
async def opened(
    view: View, size: tuple[int, int] = (120, 40), taste: Taste | None = None
) -> AsyncIterator[Opened]:
    """The app on a view."""
    client, real = FakeClient(view), FakeReal()
    app = CockpitApp(client, taste=taste or Taste(), real=real)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Opened(app, pilot, client, real)


def picture_of(widget: Lines) -> str:
    """An SVG of one widget, as it would stand on the screen."""
    width, height = widget.size
    console = Console(
        width=width,
        height=height,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        record=True,
        legacy_windows=False,
        safe_box=False,
    )
    for row in range(height):
        console.print(Segments([*widget.render_line(row).simplify(), Segment.line()]), end="")
    return console.export_svg(title=f"cockpit: {widget.id}")


def words(lines: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Lines without their tones."""
    return "\n".join(plain(line) for line in lines)
