"""What a check answered: pass, fail or unknown, with its evidence and its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cockpit.measures import Lasting, Moment

Said = Literal["pass", "fail", "unknown", "not_rehearsed"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of one check."""

    check: str
    """The check's id."""
    title: str
    """The question, in the operator's words."""
    said: Said
    evidence: str
    """What was seen, in one line that an operator may read; no secret, no control character."""
    at: Moment
    """The run clock when it was answered."""
    fresh_for: Lasting = 60.0
    """Run seconds for which it counts."""

    @property
    def holds(self) -> bool:
        """Whether a gate with this answer is open; `not_rehearsed` occurs in rehearsal alone."""
        return self.said in ("pass", "not_rehearsed")

    def is_stale(self, now: float) -> bool:
        """Whether it is older than it may be."""
        return now - self.at > self.fresh_for
