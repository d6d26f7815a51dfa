"""What a name server answered, and which side that answer leads to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CellState = Literal[
    "new",
    "old",
    "holds",
    "mixed",
    "kept",
    "other",
    "no_name",
    "no_data",
    "servfail",
    "error",
    "refused",
    "timeout",
    "unasked",
]
"""`holds` is the left side's answer past the bound by which an honest cache lets go; `kept` is that
of a record that must say the same on both sides; `error` is any error but SERVFAIL and REFUSED, or
an answer that makes no sense: its note says which."""
Side = Literal["old", "new"]
Mark = Literal["", "constant", "rising", "raised", "capped"]
"""What is odd about a resolver's TTLs: `raised` and `capped` are TTLs of its own choosing."""


@dataclass(frozen=True, slots=True)
class Link:
    """An alias by which an answer was reached; it is cached by itself."""

    name: str
    target: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One server's last answer for one name."""

    state: CellState
    answers: tuple[str, ...] = ()
    """The record values, sorted."""
    ttl: int | None = None
    """Seconds that the answer said it may be kept."""
    expires_at: float | None = None
    """The run clock when it must be gone: receipt plus TTL."""
    at: float = 0.0
    """The run clock when it was received."""
    rtt_ms: float | None = None
    serial: int | None = None
    """The zone's serial, from an authority."""
    note: str = ""
    """What else the answer said: an extended error, why it does not count."""
    site: str = ""
    """Which of the operator's sites gave it, by its own name (NSID)."""
    links: tuple[Link, ...] = ()
    """The aliases on the way to it, the first one first."""
    proved: bool = False
    """Whether the resolver says that it proved it by its signatures."""
    left_at: float | None = None
    """The run clock when the other answer of one that is `mixed` was heard, if not with this."""

    @property
    def left_seen(self) -> float:
        """When the answer of the side that was left was heard, where it gives that one too."""
        return self.at if self.left_at is None else self.left_at


@dataclass(frozen=True, slots=True)
class Row:
    """One server."""

    name: str
    address: str
    country: str
    role: Literal["resolver", "authority"]
    behaviour: Literal["honest", "clamps", "violates", "fails"]
    weight: float
    cells: tuple[Cell, ...]
    """One a name, in the grid's order."""
    caches: int = 0
    """Distinct caches met behind the address, at the fullest count; 0 where not countable."""
    about: int = 0
    """How many there are, those not met included (Chao1)."""
    unseen: float | None = None
    """The share of answers that come from caches not met yet."""
    following: int = 0
    """Caches met lately whose answer leads to the wanted side, for the name that does least."""
    old_at_most: float | None = None
    """The share of answers of the left side that is still possible, with 95% confidence."""
    mark: Mark = ""
    site: str = ""
    """Which of the operator's sites answered, by its own name (NSID)."""
    left_out: str = ""
    """Why it does not count: it was vetted and lies, rewrites or keeps silent."""
    history: tuple[CellState, ...] = ()
    """Its worst answer in each of the last sweeps, oldest first."""
    history_at: tuple[float, ...] = ()
    """The run clock of each of these looks."""
    through: str = ""
    """The host on which it is asked; empty for this one."""
    own: bool = False
    """Whether it is one of this host's own resolvers."""
    absent_s: int | None = None
    """Seconds for which an authority lets an absence be kept (RFC 2308 s5)."""
    lag: float = 0.0
    """Run seconds for which an authority may go on giving an answer of its own cache."""
    beside: tuple[Cell, ...] = ()
    """One a record that is watched beside the names, in the grid's order."""
    own_bound: float | None = None
    """The run clock by which one that is known to raise TTLs must have let go; None for others."""


@dataclass(frozen=True, slots=True)
class Point:
    """The share that follows, as observed and as expected, at one moment."""

    at: float
    observed: float
    expected: float


@dataclass(frozen=True, slots=True)
class Beside:
    """A record that is watched beside the names that move, and what it must say."""

    name: str
    type: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    """The same as `old` where it must not change."""
    bound: float | None = None
    """The run clock by which every honest cache must have let go of the left side's values."""

    @property
    def label(self) -> str:
        """How it is called."""
        return f"{self.name} {self.type}"


@dataclass(frozen=True, slots=True)
class Parent:
    """One address of the parent zone, and how its delegation fits the zone."""

    name: str
    address: str
    fits: bool | None
    """None where it tells nothing, or nothing can be held against it."""
    words: str
    at: float
    """The run clock when it was asked."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Who still sees which side."""

    names: tuple[str, ...]
    rows: tuple[Row, ...]
    at: float = 0.0
    """The run clock of the last sweep."""
    switched_at: float | None = None
    """The run clock when an authority was first seen to give the wanted answer."""
    bound: float | None = None
    """The run clock by which every honest cache must have let go."""
    share: float | None = None
    """The weighted share of resolvers that give the wanted answer, 0 to 1.

    Whoever was asked counts: one that fails, keeps silent or holds on does not follow."""
    following: int = 0
    """How many resolver cells give it."""
    counted: int = 0
    """Of how many that answered or should have."""
    paused: str = ""
    """Why no resolver is asked just now; empty where they are."""
    wanted: Side = "new"
    """The side whose answer is waited for."""
    expected: float | None = None
    """The weighted share that would follow now if every resolver were as it is known to be."""
    cache_share: float | None = None
    """The share of the caches met that give the wanted answer."""
    curve: tuple[Point, ...] = ()
    """How the share went since the switch, beside what was expected."""
    longest_bound: float | None = None
    """The run clock by which those that raise TTLs, too, must have let go."""
    back_s: float | None = None
    """Run seconds for which a cache may keep what the authorities give now: a way back's bound."""
    raised_s: float | None = None
    """The same for those that are known to raise TTLs, where that is longer."""
    absent_s: float | None = None
    """Run seconds for which a cache in use may keep that a name or record is not there."""
    asked_at: float = 0.0
    """The run clock when a resolver was last asked for a name; during a pause, its beginning."""
    beyond: tuple[str, ...] = ()
    """What keeps an address above the resolvers, in words with its seconds."""
    beside: tuple[Beside, ...] = ()
    """The records that are watched beside the names; they are in no share."""
    parents: tuple[Parent, ...] = ()
    """The parent zone's servers, by address; none where nobody knows them."""
    unlisted: tuple[str, ...] = ()
    """The name servers of the zone that nobody asks, since the target leaves them out."""
    unknown: str = ""
    """What of the bound is not known, in words; empty where all is."""

    @property
    def left(self) -> Side:
        """The side whose answer must vanish."""
        return "new" if self.wanted == "old" else "old"
