"""The app: themes, the follower, leaving. Screens lay out, panels draw, the engine acts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePath
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.driver import Driver
from textual.events import Event, Key, Paste, Resize, ScreenResume
from textual.screen import Screen

from cockpit.engine.intents import Kind
from cockpit.resources import shipped
from cockpit.tui import calm
from cockpit.tui.dialogs.notice import Notice
from cockpit.tui.display import Painted
from cockpit.tui.driver import PacedDriver
from cockpit.tui.follow import Follower, Troubled, ViewChanged
from cockpit.tui.keys import KEYS
from cockpit.tui.lines import questions
from cockpit.tui.lines.scene import Scene, scene_of
from cockpit.tui.port import Client
from cockpit.tui.presses import PASTE, Presses
from cockpit.tui.screens.base import Showing, Telling
from cockpit.tui.screens.too_small import TooSmall
from cockpit.tui.screens.watch import TALL, Watch
from cockpit.tui.taste import Taste
from cockpit.tui.tokens import DEFAULTS, THEMES

STYLES = ("base", "watch", "pages", "dialogs")
LEAVING_S = 0.3
"""Real seconds that the last words to the engine may take."""


STALL_S = 3.0
"""Real seconds without an answer of the terminal that are worth a word when it answers again."""


class CockpitApp(Painted, inherit_bindings=False):
    """One viewer of one run."""

    TITLE = "cockpit"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS_PATH: ClassVar[list[str | PurePath]] = [
        shipped("styles") / f"{name}.tcss" for name in STYLES
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "draw_anew", "draw anew", show=False, priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012  # as Textual has it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]  # noqa: RUF012  # as Textual has it

    action_stop = calm.stop
    """Stop what runs, by a key that came alone."""

    def __init__(
        self,
        client: Client,
        *,
        taste: Taste | None = None,
        real: Callable[[], float] = time.monotonic,
        driver_class: type[Driver] | None = None,
    ) -> None:
        # Without colour Textual makes greys of its own theme's, before ours is chosen: the
        # terminal's default would become black on black. Said so here, it sends none at all.
        colourless = True if "NO_COLOR" in os.environ else None
        super().__init__(driver_class=driver_class, ansi_color=colourless)
        self.animation_level = "none"
        self.taste = taste or Taste()
        self.real = real
        """The real clock: reading times and expiries of dialogs."""
        self.presses = Presses(real)
        view = client.view()
        self.scene = scene_of(view, ascii_only=self.taste.ascii)
        self.follower = Follower(client, self.post_message, view)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self.taste.theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The tokens that every rule may name."""
        return DEFAULTS

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        return Watch(self.scene)

    def on_mount(self) -> None:
        """Follow the run from now on."""
        self.follower.start()
        if isinstance(self._driver, PacedDriver):
            self._driver.answered = self._say_stall
            self._driver.overwritten = self._come_back

    async def on_event(self, event: Event) -> None:
        """Every key counts, whoever takes it."""
        if isinstance(event, Key | Paste) and not event.is_forwarded:
            self.presses.of(event, event.key if isinstance(event, Key) else PASTE)
        await super().on_event(event)

    @property
    def has_unread(self) -> bool:
        """Whether keys came in that nobody has read yet."""
        return isinstance(self._driver, PacedDriver) and self._driver.has_unread

    def _come_back(self) -> None:
        """The terminal was away: what it shows is drawn anew, and read anew."""
        self.screen.post_message(ScreenResume())
        self.draw_anew()

    def _say_stall(self, seconds: float) -> None:
        if seconds > STALL_S:
            self.tell(f"the link stood still for {seconds:.0f} s: this is now", "needs")

    def on_view_changed(self, message: ViewChanged) -> None:
        """Show another moment on every screen."""
        before, self.scene = self.scene, scene_of(message.view, ascii_only=self.taste.ascii)
        self._say_seat(before)
        for screen in self.screen_stack:
            # One that is being composed shows the scene by itself when it is mounted; one that
            # is being taken down has lost some of its parts.
            if screen.is_mounted and isinstance(screen, Showing):
                with contextlib.suppress(NoMatches):
                    screen.show(self.scene)

    def _say_seat(self, before: Scene) -> None:
        """Tell both operators when the seat was taken over."""
        seat, former = self.scene.state.seat, before.state.seat
        if seat is None or not seat.over or former is None or former.number == seat.number:
            return
        if before.view.is_driver:
            told = partial(questions.taken_over, seat)
            self.push_screen(Notice("You have no seat any more", told))
        elif self.scene.view.is_driver:
            self.tell(f"you have seat {seat.number} now; {seat.over} is told", "fine")
        else:
            self.tell(f"{seat.operator} took over seat {seat.number} from {seat.over}", "needs")

    def on_troubled(self, message: Troubled) -> None:
        """Say what did not work."""
        self.tell(message.words, "bad")

    def on_resize(self, event: Resize) -> None:
        """Below 80x24 the screen says so instead of breaking."""
        small = event.size.width < TooSmall.WIDTH or event.size.height < TooSmall.HEIGHT
        shown = isinstance(self.screen, TooSmall)
        if small and not shown:
            self.push_screen(TooSmall())
        elif shown and not small:
            self.pop_screen()

    def ask(self, kind: Kind, **details: str | float) -> None:
        """Ask something of the engine; never waits."""
        self.follower.ask(kind, **details)

    def tell(self, words: str, tone: str = "needs") -> None:
        """Say something for a few seconds, on every screen that has room for it."""
        for screen in self.screen_stack:
            if screen.is_mounted and isinstance(screen, Telling):
                screen.tell(words, tone)

    def leave(self) -> None:
        """The viewer goes; the run goes on."""
        if not self._exit:
            if not self.scene.view.is_over:
                self.ask("leave")
            self.exit()

    async def on_unmount(self) -> None:
        """Let the last words reach the engine."""
        await asyncio.to_thread(self.follower.stop, LEAVING_S)

    def action_draw_anew(self) -> None:
        """Write the whole screen once more."""
        self.draw_anew()

    async def action_quit(self) -> None:
        """Leaving is the only way to quit."""
        self.leave()

    def get_system_commands(self, _screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: every key by name, and the themes; nothing that confirms."""
        for key in KEYS:
            yield SystemCommand(
                key.label, f"{key.help} ({key.shown})", partial(self._act, key.action)
            )
        for theme in THEMES:
            yield SystemCommand(
                f"theme {theme.name}", "colours", partial(setattr, self, "theme", theme.name)
            )

    async def _act(self, action: str) -> None:
        await self.run_action(f"screen.{action}")
