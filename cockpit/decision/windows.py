"""Counters sampled at times of the run clock become increments within a window.

A counter that falls was restarted: everything it shows has happened since. What was counted in a
silence longer than a window bears is left out, and how long that was is known; a clock that goes
back starts the window anew. Its memory is bounded.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

MOST = 1200
"""Parts into which a window is divided at most: its memory, and how finely it ends."""


class Hole(NamedTuple):
    """A stretch of time in which nobody measured."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Slot:
    """What was counted between two samples."""

    start: float
    end: float
    counts: Mapping[str, float] = field(default_factory=dict)
    """Increments, by column."""


class Window:
    """The increments of one process's counters within the last `keep` run seconds."""

    def __init__(self, keep: float, gap: float) -> None:
        self.keep = keep
        self.gap = gap
        """The longest run time between two samples that belong together."""
        self._slots: deque[Slot] = deque()
        self._holes: deque[Hole] = deque()
        self._last: tuple[float, Mapping[str, float]] | None = None
        self._torn = False

    def feed(self, at: float, totals: Mapping[str, float]) -> None:
        """Take one sample: every column's total at a moment."""
        if self._last is not None and at < self._last[0]:
            self.forget()
        if self._last is not None:
            before, was = self._last
            if self._torn or at - before > self.gap:
                self._holes.append(Hole(before, at))
            else:
                self._take(Slot(before, at, increments(was, totals)))
            self._drop(at - self.keep)
        self._last, self._torn = (at, dict(totals)), False

    def tear(self) -> None:
        """Nobody measured from the last sample to the next, however short that is."""
        self._torn = True

    def forget(self) -> None:
        """Start anew with the next sample."""
        self._slots.clear()
        self._holes.clear()
        self._last = None

    @property
    def newest(self) -> float | None:
        """When the last sample was taken."""
        return None if self._last is None else self._last[0]

    def since(self, start: float) -> tuple[Slot, ...]:
        """The slots that lie wholly after a moment, oldest first."""
        return tuple(slot for slot in self._slots if slot.start >= start)

    def unmeasured(self, start: float) -> float:
        """Run seconds since a moment in which nobody measured."""
        return missed(self._holes, start)

    def _take(self, slot: Slot) -> None:
        last = self._slots[-1] if self._slots else None
        joins = last is not None and last.end == slot.start
        if last is not None and joins and last.end - last.start < self.keep / MOST:
            self._slots[-1] = Slot(last.start, slot.end, summed((last, slot)))
        else:
            self._slots.append(slot)

    def _drop(self, start: float) -> None:
        for kept in (self._slots, self._holes):
            while kept and kept[0].end < start:
                kept.popleft()


def missed(holes: Iterable[Hole], start: float) -> float:
    """Run seconds since a moment that lie in holes."""
    return sum(hole.end - max(hole.start, start) for hole in holes if hole.end > start)


def spanned(slots: Iterable[Slot]) -> float:
    """Run seconds that these slots cover."""
    return sum(slot.end - slot.start for slot in slots)


def increments(was: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """What was counted between two samples of one process."""
    restarted = any(now.get(name, 0.0) < total for name, total in was.items())
    base: Mapping[str, float] = {} if restarted else was
    return {name: total - base.get(name, 0.0) for name, total in now.items()}


def summed(slots: Iterable[Slot]) -> dict[str, float]:
    """All increments of these slots."""
    total: defaultdict[str, float] = defaultdict(float)
    for slot in slots:
        for column, count in slot.counts.items():
            total[column] += count
    return dict(total)


@dataclass(frozen=True, slots=True)
class Balance:
    """Rows accepted, and rows stored just before and just after that was read.

    All counted from one beginning. Rows move on while one reads, so both bounds are kept.
    """

    at: float
    accepted: float
    before: float
    after: float
    stretch: int = 0
    """Counted up by every hole: balances of two stretches have two beginnings."""

    @property
    def least_open(self) -> float:
        """At least so many rows were accepted and not stored: under way, or lost."""
        return self.accepted - self.after

    @property
    def most_open(self) -> float:
        """At most so many."""
        return self.accepted - self.before


class Ledger:
    """Accepted against stored rows over the last `keep` run seconds."""

    def __init__(self, keep: float, gap: float) -> None:
        self.keep = keep
        self.gap = gap
        """The longest run time between two samples that belong together."""
        self._balances: deque[Balance] = deque()
        self._holes: deque[Hole] = deque()
        self._accepted = 0.0
        self._stored = 0.0
        self._torn = False

    def feed(self, at: float, accepted: float, stored: tuple[float, float]) -> None:
        """Take the totals as they stand; `stored` was read before and after `accepted`."""
        if self._balances and at < self._balances[-1].at:
            self.forget()
        last = self._balances[-1] if self._balances else None
        torn = last is not None and (self._torn or at - last.at > self.gap)
        if last is not None and torn:
            self._holes.append(Hole(last.at, at))
        if last is None or torn:
            self._stored, counted = stored[0], 0.0
        else:
            grown = accepted - self._accepted
            counted = last.accepted + (grown if grown >= 0 else accepted)
        self._accepted, self._torn = accepted, False
        before, after = (count - self._stored for count in stored)
        stretch = 0 if last is None else last.stretch + torn
        self._take(Balance(at, counted, before, after, stretch))

    def tear(self) -> None:
        """Nobody counted from the last totals to the next, however short that is."""
        self._torn = True

    def forget(self) -> None:
        """Start anew with the next totals."""
        self._balances.clear()
        self._holes.clear()

    @property
    def balances(self) -> tuple[Balance, ...]:
        """What is remembered, oldest first."""
        return tuple(self._balances)

    def unmeasured(self, start: float) -> float:
        """Run seconds since a moment in which nobody counted."""
        return missed(self._holes, start)

    def _take(self, balance: Balance) -> None:
        kept = self._balances
        crowded = len(kept) > 1 and kept[-1].at - kept[-2].at < self.keep / MOST
        if crowded and kept[-2].stretch == balance.stretch:
            kept.pop()
        kept.append(balance)
        while kept[0].at < balance.at - self.keep:
            kept.popleft()
        while self._holes and self._holes[0].end < balance.at - self.keep:
            self._holes.popleft()
