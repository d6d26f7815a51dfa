"""When the next frame may go: once the terminal has said that it shows the last one.

Behind each frame goes a question to the terminal. Its answer comes when the frame is drawn, so no
frame ever queues behind another, whatever the link buffers. A terminal that never answers is paced
by what it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

MARKS = 16
"""How many frames can be told apart by their answers."""
SILENT_S = 3.0
"""Real seconds without the first answer after which a terminal is held to give none."""
BOUND_S = 2.0
"""Real seconds after an unanswered frame at which another may go; each doubles it …"""
BOUND_MOST_S = 30.0
"""… up to here: a link that stands still for long is not filled."""
ECHO_S = 0.3
"""Real seconds after a key in which a frame answers it, and need not wait …"""
ECHOES = 3
"""… unless so many are unanswered."""


@dataclass
class Pace:
    """The frames of one terminal and its answers."""

    real: Callable[[], float]
    sent: int = 0
    """The newest frame's number."""
    answered: int = 0
    """The newest frame that the terminal is known to show."""
    answers: bool = False
    """Whether it ever answered."""
    round_trip_s: float = 0.0
    """The newest one that was measured."""
    key_at: float = float("-inf")
    _sent_at: dict[int, float] = field(default_factory=dict)
    """When each unanswered frame went."""
    _bound: float = BOUND_S
    _began: float | None = None

    def frame(self) -> int:
        """One more frame goes; gives the mark by which its answer is known."""
        now = self.real()
        if self._sent_at and not self._is_echo(now):
            self._bound = min(self._bound * 2, BOUND_MOST_S)
        self.sent += 1
        self._sent_at[self.sent] = now
        self._began = now if self._began is None else self._began
        if len(self._sent_at) >= MARKS:
            del self._sent_at[min(self._sent_at)]
        return self.sent % MARKS

    def answer(self, mark: int, at: float) -> float | None:
        """An answer; gives the real seconds that its frame took, None where it is none of ours."""
        number = next((one for one in self._sent_at if one % MARKS == mark), None)
        if number is None:
            return None
        took = at - self._sent_at[number]
        self._sent_at = {one: when for one, when in self._sent_at.items() if one > number}
        self.answered, self.answers = number, True
        self.round_trip_s, self._bound = took, BOUND_S
        return took

    @property
    def wait_s(self) -> float:
        """Real seconds until another frame may go, unless an answer comes first."""
        now = self.real()
        if not self._sent_at or not self.answers or self._is_echo(now):
            return 0.0
        return max(0.0, max(self._sent_at.values()) + self._bound - now)

    @property
    def is_silent(self) -> bool:
        """Whether the terminal is held to answer nothing."""
        began = self._began
        return not self.answers and began is not None and self.real() - began > SILENT_S

    def is_shown(self, number: int) -> bool:
        """Whether a frame that was written is on the screen, as far as can be known."""
        return self.answered >= number or self.is_silent

    @property
    def unanswered(self) -> int:
        """How many frames nobody has answered yet."""
        return len(self._sent_at)

    def _is_echo(self, now: float) -> bool:
        return now - self.key_at < ECHO_S and len(self._sent_at) < ECHOES
