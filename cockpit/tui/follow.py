"""The one worker: it reads what is, and hands over what the operator asks.

It is a thread of its own, a daemon, so that a slow disk holds up neither a key nor the leaving.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from textual.message import Message

from cockpit.engine.client import View
from cockpit.engine.intents import Kind
from cockpit.errors import CockpitError
from cockpit.tui.port import Client

POLL_S = 0.25
"""Real seconds between two looks: changes come together at 4 Hz."""
TICK_S = 1.0
"""Real seconds after which ages and countdowns are drawn again."""


@dataclass
class ViewChanged(Message, bubble=False):
    """There is something new to show, or a second went by."""

    view: View

    def can_replace(self, message: Message) -> bool:
        """The newest is enough."""
        return isinstance(message, ViewChanged)


@dataclass
class Troubled(Message, bubble=False):
    """Reading or sending did not work."""

    words: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to ask of the engine."""

    kind: Kind
    details: dict[str, str | float]


class Follower(threading.Thread):
    """Follows one run through its client."""

    def __init__(self, client: Client, tell: Callable[[Message], object], first: View) -> None:
        super().__init__(daemon=True, name="follower")
        self._client = client
        self._tell = tell
        self._shown = first
        self._shown_at = time.monotonic()
        self._wishes: queue.Queue[Wish | None] = queue.Queue()
        self._wanted = self._asked = ""
        self._idle = threading.Event()
        self._idle.set()

    def ask(self, kind: Kind, **details: str | float) -> None:
        """Send this as soon as possible; never waits."""
        self._idle.clear()
        self._wishes.put(Wish(kind, details))

    def look_at(self, probe: str) -> None:
        """Look at a service, or at none; never waits."""
        self._wanted = probe

    def stop(self, within_s: float) -> None:
        """End after what was asked is sent; waits at most so long."""
        self._wishes.put(None)
        self._idle.wait(within_s)

    def run(self) -> None:
        """Read and send until stopped."""
        while self._send():
            try:
                self._look()
            except (CockpitError, OSError, ValueError) as error:
                self._tell(Troubled(f"what is could not be read: {error}"))

    def _send(self) -> bool:
        """Send what was asked within the next quarter of a second; False where it ends."""
        deadline = time.monotonic() + POLL_S
        while True:
            try:
                wish = self._wishes.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return True
            if wish is None:
                self._idle.set()
                return False
            try:
                self._client.send(wish.kind, **wish.details)
            except OSError as error:
                self._tell(Troubled(f"{wish.kind} could not be written: {error.strerror}"))
            if self._wishes.empty():
                self._idle.set()

    def _look(self) -> None:
        if (wanted := self._wanted) != self._asked:
            self._asked = wanted
            self._client.look_at(wanted)
        view = self._client.view()
        shown, now = self._shown, time.monotonic()
        same = (
            view.state is shown.state
            and view.live is shown.live
            and view.engine_gone == shown.engine_gone
            and view.seat_comes == shown.seat_comes
            and view.output == shown.output
            and view.look is shown.look
        )
        if same and now - self._shown_at < TICK_S:
            return
        self._shown, self._shown_at = view, now
        self._tell(ViewChanged(view))
