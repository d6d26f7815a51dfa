"""What the rollback decision reads and says: readings with their intervals, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VerdictWord = Literal[
    "stay",
    "watch",
    "fix_forward",
    "scale_up",
    "roll_back",
    "not_enough_data",
    "not_yet",
    "not_weighed",
    "decided",
]
Leaning = Literal["good", "warn", "bad", "unknown"]
"""`bad` asks for a rollback, `warn` for a watchful eye, `unknown` for more data."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One signal as measured: the number, how sure it is, and what it says."""

    signal: str
    question: str
    """The question at its node of the tree: "Readings lost?"."""
    leaning: Leaning
    value: float | None
    low: float | None
    high: float | None
    """The 95% interval."""
    limit: float
    sample: int
    """How many observations it rests on."""
    needed: int
    """How many more would settle it; 0 where it is settled."""
    words: str
    """The figure as a person reads it: "2.1% (0.6-7.4) of 812, limit 10%"."""
    at: float
    """The run clock of the newest observation."""

    @property
    def told(self) -> str:
        """The question with its answer, as the record keeps it."""
        return f"{self.question} {self.words}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says, and what going back would mean now."""

    word: VerdictWord
    reason: str
    readings: tuple[Reading, ...] = ()
    looks: int = 0
    """How many looks in a row said so; a rollback is advised from the second on."""
    to_carry: int | None = None
    """Rows that a rollback would have to carry; None where nobody could count them."""
    cannot_bring_back: tuple[str, ...] = ()
    rollback_s: float | None = None
    """How long a rollback takes, in real seconds; None where nothing says so."""
    back_by: float | None = None
    """The run clock by which it would have to begin; None where nothing says so."""
    at: float = 0.0
    carried_at: float = 0.0
    """The run clock when those rows were last counted; 0 where nobody tried yet."""
