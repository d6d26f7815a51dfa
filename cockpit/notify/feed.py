"""Something that goes out again and again: when it last arrived, and why it does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cockpit.clock import Clock
from cockpit.errors import CockpitError
from cockpit.telemetry.live import Tile, TileState
from cockpit.timewords import lasting, moment

MISSED = 3
"""Turns that may be missed before it is down."""
FRESH_S = 30.0
"""Real seconds for which what the engine says of it counts."""


class Feed:
    """What is known of it."""

    def __init__(self, name: str, clock: Clock, every_s: float, patience_s: float) -> None:
        self.name = name
        self._clock = clock
        self._late_s = MISSED * every_s + patience_s
        self._began = clock.real()
        self._arrived: float | None = None
        """Real seconds."""
        self._arrived_at = 0.0
        """The run clock."""
        self._trouble = ""
        self._state: TileState = "silent"
        self._since = clock.now()

    async def follow(self, send: Callable[[], Awaitable[None]]) -> None:
        """Send once, and remember how it went."""
        began = self._clock.real(), self._clock.now()
        try:
            await send()
        except CockpitError as error:
            self._trouble = str(error)
        else:
            self._trouble = ""
            # What arrived is as old as the moment at which it was sent.
            self._arrived, self._arrived_at = began

    @property
    def state(self) -> TileState:
        """Fine; late, where the newest try failed; down, where nothing arrived for long."""
        now = self._clock.real()
        if now - (self._began if self._arrived is None else self._arrived) > self._late_s:
            return "down"
        if self._trouble:
            return "slow"
        return "silent" if self._arrived is None else "fine"

    @property
    def figure(self) -> str:
        """Its age, in words."""
        if self._arrived is None:
            return "never"
        age = f"{lasting(self._clock.real() - self._arrived)} old"
        return f"failing, {age}" if self._trouble else age

    def tile(self, *where: str) -> Tile:
        """How it stands now, as a service of its own."""
        now, state = self._clock.now(), self.state
        if state != self._state:
            self._state, self._since = state, now
        last = f"last arrived {moment(self._arrived_at)}" if self._arrived_at else "never arrived"
        return Tile(
            probe=self.name,
            title=self.name,
            state=state,
            figure=self.figure,
            at=now,
            since=self._since,
            detail=(*where, last, *((self._trouble,) if self._trouble else ())),
            fresh_for=FRESH_S * self._clock.speed,
        )
