"""When the key that confirms may act: read, calm, in time. Pure but for the clock handed in."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from cockpit.tui.presses import Press

READABLE_S = 1.0
"""Real seconds for which what is confirmed must have been on screen."""
QUIET_S = 0.7
"""Real seconds of calm before it: type-ahead, a paste and a held key confirm nothing."""
AFTER_S = 0.05
"""Real seconds of calm after it: a heap of keys was not meant for this."""
HELD_S = 1.0
"""Real seconds for which keyboards wait, at most, before they repeat a key that is held."""
EXPIRES_S = 60.0
"""Real seconds until the dialog closes, unless its gates were asked again."""
CALM_S = 0.12
"""Real seconds that a key which confirms or stops is kept back: any other takes it back."""
UNSEEN_S = 2.0
"""Real seconds without the terminal's answer that are worth a word."""
TOO_FAST = "keys came too fast: press {key} once more, alone"
HELD = "{key} was down before this could be read: let go, then press it once more"


def is_calm(press: Press, before: Press | None) -> bool:
    """Whether no other key came shortly before."""
    return before is None or press.at - before.at >= QUIET_S


def is_alone(press: Press, after: Press | None) -> bool:
    """Whether no other key came in the same reading, or right after."""
    return after is None or (after.read != press.read and after.at - press.at > AFTER_S)


@dataclass
class Arming:
    """One dialog's readiness."""

    real: Callable[[], float]
    opened_at: float = field(init=False)
    _drawn: Hashable = None
    _drawn_at: float = 0.0
    _seen_at: float | None = None

    def __post_init__(self) -> None:
        self.opened_at = self.real()

    def drawn(self, shown: Hashable) -> None:
        """Say what is drawn now; reading starts anew where it is another thing than before."""
        if shown != self._drawn:
            self._drawn, self._drawn_at, self._seen_at = shown, self.real(), None

    def seen(self, shown: Hashable, at: float) -> None:
        """Say that the terminal shows it, since when."""
        if shown is not None and shown == self._drawn and self._seen_at is None:
            self._seen_at = at

    def is_of(self, shown: Hashable) -> bool:
        """Whether this is what is drawn."""
        return shown == self._drawn

    def renewed(self) -> None:
        """Its gates are asked again: a minute from now."""
        self.opened_at = self.real()

    @property
    def expires_in(self) -> float:
        """Real seconds until it closes."""
        return max(0.0, EXPIRES_S - (self.real() - self.opened_at))

    @property
    def readable_in(self) -> float | None:
        """Real seconds until it could be read; None where nothing is shown that could."""
        return None if self._seen_at is None else self._left(self.real())

    def unread(self) -> str:
        """Why it could not be read yet; empty where it could."""
        if self._seen_at is None:
            waited = self.real() - self._drawn_at
            if self._drawn is not None and waited > UNSEEN_S:
                return f"the terminal has not shown this yet, for {waited:.0f} s"
            return "readable in 1 s"
        left = self._left(self.real())
        return f"readable in {math.ceil(left)} s" if left > 0 else ""

    def was_readable(self, press: Press) -> bool:
        """Whether it could be read when a key was pressed."""
        return self._seen_at is not None and self._left(press.at) <= 0

    def hasty(self, press: Press, before: Press | None) -> str:
        """Why a key cannot be taken for a decision, by when it came; empty where it can."""
        if not is_calm(press, before):
            return TOO_FAST.format(key=press.what)
        is_again = before is not None and before.what == press.what
        if before and is_again and press.at - before.at < HELD_S and self._left(before.at) > 0:
            return HELD.format(key=press.what)
        return ""

    def crowded(self, press: Press, after: Press | None) -> str:
        """Why a key cannot be taken for a decision, by what came after it."""
        return "" if is_alone(press, after) else TOO_FAST.format(key=press.what)

    def _left(self, at: float) -> float:
        """Real seconds that were missing at a moment until it could be read."""
        return READABLE_S - (at - (self._seen_at or 0.0))
