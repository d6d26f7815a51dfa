"""What a watch knows, on disk: an engine that died had seen what nobody can see again.

Until when each authority gave which answer, the caches counted while the TTL was long, and the
clamps learned then, cannot be asked for later; nor can what resolvers said last, while none may be
asked. What was not written before the engine was gone is unknown; nothing is made up for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from cockpit.durable import replace_file
from cockpit.jsonread import read_json
from cockpit.propagation.answers import CellState, Point, Row, Side
from cockpit.propagation.census import Census
from cockpit.propagation.convergence import Given

FORMAT = 1


@dataclass(frozen=True, slots=True)
class CacheKept:
    """What was counted behind one resolver's address for one name."""

    resolver: str
    name: str
    best: Census
    last: CellState
    row: int
    fetched: tuple[int, ...]
    published: int
    live: tuple[tuple[float, CellState, int], ...]
    """Each cache met: when it lets go, its answer's side, and how often it was met."""
    heard: tuple[tuple[float, int, bool], ...] = ()
    """Of each, when it was heard last, with which TTL, and whether that may have been stale."""


@dataclass(frozen=True, slots=True)
class LooksKept:
    """One resolver's worst answer in each of its last looks, oldest first."""

    resolver: str
    states: tuple[CellState, ...]
    at: tuple[float, ...]
    """The run clock of each."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a name leads; or the CAA records that hold for it."""

    addresses: tuple[str, ...]
    """Or these records."""
    alias: str
    """The name to which it was led on without an address; empty where there is none.

    Or the name at which the CAA records stand."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Where resolvers said that a name of another zone leads, or which CAA records it has."""

    name: str
    """With CAA behind it for these."""
    found: Found
    at: float
    """The run clock when they said so."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """All of it."""

    names: tuple[str, ...]
    wanted: Side
    switched_at: float | None
    known: tuple[Given, ...]
    beside: tuple[Given, ...]
    caches: tuple[CacheKept, ...]
    counted: tuple[str, ...]
    """Who stood the vetting once, or is listed."""
    curve: tuple[Point, ...]
    unknown: str = ""
    """What of the bound is not known, in words."""
    about: tuple[str, ...] = ()
    """What was asked for and what either side gives: to others the rows say nothing."""
    rows: tuple[Row, ...] = ()
    """What each resolver said last, and why it does not count."""
    asked_at: float = 0.0
    paused: str = ""
    leads: tuple[Heard, ...] = ()
    looks: tuple[LooksKept, ...] = ()
    """What each resolver said over time, as far back as there is room for."""
    format: int = FORMAT

    @property
    def turns(self) -> frozenset[object]:
        """What must not be lost: which answers were given, and which are no more.

        With the pause, since whatever was heard before it is all that is heard until its end.
        """
        known = ((one.side, one.address, one.name, one.ttl, one.over) for one in self.all_given)
        leads = ((one.name, one.found) for one in self.leads)
        return frozenset((*known, *leads, self.wanted, self.switched_at, self.paused))

    @property
    def news(self) -> object:
        """What is learned bit by bit: how far a switch has spread, how many caches are met."""
        last = [(one.observed, one.expected) for one in self.curve[-1:]]
        return last, [(one.resolver, one.name, one.best.seen) for one in self.caches]

    @property
    def all_given(self) -> tuple[Given, ...]:
        """What the authorities gave, for the names that move and for what is beside them."""
        return self.known + self.beside


def write(path: Path, remembered: Remembered) -> None:
    """Put it in place of what was there; OSError where the disk does not take it."""
    replace_file(path, msgspec.json.encode(remembered))


def read(path: Path) -> Remembered | None:
    """What was written last; None where there is none, or it cannot be read."""
    try:
        found = read_json(path.read_bytes(), Remembered)
    except (OSError, msgspec.DecodeError):
        return None
    return found if found.format == FORMAT else None
