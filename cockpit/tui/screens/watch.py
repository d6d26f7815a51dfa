"""The main screen: three lines that answer everything, then what we do and what the world says."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.screen import Screen
from textual.widget import Widget

from cockpit.tui import wishes
from cockpit.tui.keys import KEYS
from cockpit.tui.lines.bar import bar
from cockpit.tui.lines.decision import decision
from cockpit.tui.lines.health import health
from cockpit.tui.lines.hints import covered, hints
from cockpit.tui.lines.log import last_line, log
from cockpit.tui.lines.now import next_line, now
from cockpit.tui.lines.resolvers import resolvers
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, as_ascii, fit, said
from cockpit.tui.panels.lines import Lines, Panel, Shown
from cockpit.tui.panels.timeline import Timeline
from cockpit.tui.screens.base import Told, app_of

TALL = 34
"""Rows from which what happened has a panel of its own."""


class Watch(Screen[None], inherit_bindings=False):
    """The screen of the night."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "next panel", show=False),
        Binding("shift+tab", "app.focus_previous", "panel before", show=False),
        *(
            Binding(
                key.key, key.pressed, key.label, tooltip=key.help, id=f"watch.{key.label}.{key.key}"
            )
            for key in KEYS
        ),
    ]

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene
        self._told = Told()
        self._heard = scene.state.seq

    def compose(self) -> ComposeResult:
        """Left is what we do, right what the world says, below what happened."""
        yield Shown(self._header, id="header")
        with Container(id="columns"):
            yield Timeline(id="timeline")
            with Vertical(id="world"):
                yield Panel(health, id="health")
                yield Panel(resolvers, id="resolvers")
                yield Panel(decision, id="decision")
        yield Panel(log, id="log")
        yield Shown(self._message, id="message")
        yield Shown(self._hints, id="hints")

    def on_mount(self) -> None:
        """The timeline has the keys first."""
        self.query_one(Timeline).focus()
        self.show(self.scene)

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        self._hear(scene)
        self.scene = scene
        for widget in self.query(Lines):
            if isinstance(widget, Shown | Panel):
                widget.show(scene)

    def tell(self, words: str, tone: str = "needs") -> None:
        """Say something for a few seconds."""
        self._told.say(words, tone, app_of(self).real())
        self.query_one("#message", Shown).show(self.scene)

    @on(events.ScreenSuspend)
    @on(events.ScreenResume)
    @on(events.DescendantFocus)
    @on(Timeline.Moved)
    def _keys_turned(self) -> None:
        """A dialog has the keys now, or another panel, or another step."""
        for line in self.query(Shown):
            if line.id in ("header", "hints"):
                line.redraw()

    def follow_next(self) -> None:
        """The keys go to what comes next: the operator has just decided."""
        self.query_one(Timeline).focus()
        self.query_one(Timeline).action_follow()

    # -- what keys do ---------------------------------------------------------------------------

    def action_open(self) -> None:
        """Open what has the focus."""
        focused = self.focused
        if isinstance(focused, Panel) and not isinstance(focused, Timeline):
            self.action_sheet(focused.id or "log")
        else:
            chosen = self.query_one(Timeline).chosen
            if chosen is None:
                self.tell("nothing is left to open")
            else:
                wishes.open_step(app_of(self), chosen)

    def action_wish(self, name: str) -> None:
        """Ask something of the run, or say why not."""
        if refusal := wishes.wish(app_of(self), name, self.query_one(Timeline).chosen):
            self.tell(refusal)

    def action_sheet(self, name: str) -> None:
        """A panel over the whole screen."""
        from cockpit.tui.screens.full import Full

        self.app.push_screen(Full(name))

    def action_panel(self, name: str) -> None:
        """Go to a panel."""
        panel = self.query_one(f"#{name}", Panel)
        if panel.display:
            panel.focus()
        else:
            self.action_sheet(name)

    def action_full(self) -> None:
        """The panel with the focus, over the whole screen."""
        self.action_sheet((self.focused.id if self.focused else None) or "timeline")

    def action_search(self) -> None:
        """Search what happened."""
        from cockpit.tui.screens.full import Full

        self.app.push_screen(Full("log", searching=True))

    def action_help(self) -> None:
        """Every key."""
        from cockpit.tui.screens.page import help_screen

        self.app.push_screen(help_screen())

    def action_palette(self) -> None:
        """Every command by name."""
        self.app.action_command_palette()

    def action_leave(self) -> None:
        """Ask whether to leave."""
        wishes.ask_to_leave(app_of(self))

    # -- the message line -----------------------------------------------------------------------

    def _hear(self, scene: Scene) -> None:
        """A refusal of the engine that is new is said on the message line."""
        refused = [
            entry
            for entry in scene.state.log
            if entry.seq > self._heard and " was not followed: " in entry.text
        ]
        self._heard = max(self._heard, scene.state.seq)
        if refused:
            self.tell(said(refused[-1].text))

    def _hints(self, scene: Scene, width: int) -> tuple[Line, ...]:
        return ((hints if self.is_active else covered)(scene, width),)

    def _header(self, scene: Scene, width: int) -> tuple[Line, ...]:
        before = _leading(self.query_one(Timeline), self.focused)
        return bar(scene, width), now(scene, width), next_line(scene, width, before)

    def _message(self, scene: Scene, width: int) -> tuple[Line, ...]:
        if said_now := self._told.at(app_of(self).real()):
            line = fit(said_now, width)
        elif self.app.size.height < TALL:
            line = last_line(scene, width)
        else:
            line = fit((), width)
        return (as_ascii(line) if scene.ascii else line,)


def _leading(timeline: Timeline, focused: Widget | None) -> str:
    """The keys that lead to what comes next, where Enter alone would open something else."""
    away = focused is not None and focused is not timeline
    return " ".join(("1",) * away + ("Esc",) * (timeline.cursor is not None))
