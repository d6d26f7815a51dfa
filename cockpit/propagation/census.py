"""How many caches stand behind an address, and how sure it is that all of them have changed.

A cache keeps one answer for a question, and every time it gives it, the time of receipt plus the
TTL that is left points at the same instant. So distinct expiry instants are distinct caches. They
are counted while they live, and best while the TTL is long: with 60 s, ten caches share 9 seconds.
A cache that fetches anew before the instant (prefetch) is counted twice. One that serves stale
gives the same TTL every time (RFC 8767 s5: 30 s): its instants drift, and are one cache.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from cockpit.countwords import many
from cockpit.propagation.answers import CellState, Mark, Side
from cockpit.propagation.convergence import STALE_TTL
from cockpit.propagation.refreshed import TOGETHER_S, is_refreshed, may_be_stale

DOUBT = 0.05
"""What is claimed fails in one case of twenty."""
CONSTANT_FROM = 10
"""Equal TTLs, each within the life of the one before, from which a TTL counts as constant."""
RISING_FROM = 10
"""TTLs, each above the one before, from which it counts as rising."""
TURNS = 2
"""Fetches with one TTL that is not the zone's, from which it counts as the resolver's own."""
SAMPLES = 8
"""Answers that are looked back on for one that comes and goes."""
FEW = 6
"""Answers below which one cache may as well be two."""
_WHOLE_S = 1
Met = tuple[float, CellState, int]
"""A cache that was met: when it lets go, its answer's side, and how often."""
Last = tuple[float, int, bool]
"""Its last answer: when it was heard, the TTL, and whether it may have been served stale."""


@dataclass(frozen=True, slots=True)
class Census:
    """One count of the caches behind an address."""

    seen: int = 0
    once: int = 0
    """Of these, how many were met only once."""
    twice: int = 0
    samples: int = 0

    @property
    def about(self) -> int:
        """How many there are, unseen ones included (Chao1, bias-corrected)."""
        return round(self.seen + self.once * (self.once - 1) / (2 * (self.twice + 1)))

    @property
    def unseen(self) -> float | None:
        """The share of answers that come from caches not met yet (Good-Turing)."""
        return self.once / self.samples if self.samples else None


@dataclass(slots=True)
class _Cache:
    expires_at: float
    state: CellState
    met: int = 1
    ttl: int = STALE_TTL
    """Seconds that its last answer had left; of one known from before, what hides most."""
    doubtful: bool = False
    """Whether its TTL was never seen to fall, and is one that a stale answer has."""
    heard_at: float = 0.0
    """When its last answer was heard."""
    short: bool = True
    """Whether its TTL was never seen to fall, and is none that only a kept answer can have."""

    def meet(self, at: float, expires_at: float, ttl: int) -> None:
        """Take in one more of its answers."""
        self.met += 1
        self.doubtful = self.doubtful and ttl == self.ttl
        self.short = self.short and ttl >= self.ttl
        self.heard_at, self.expires_at, self.ttl = at, expires_at, ttl

    def is_kept(self, now: float) -> bool:
        """Whether it is sure to keep its answer, and not to have served it stale once."""
        return not self.short or self.expires_at - now > STALE_TTL


@dataclass(slots=True)
class Caches:
    """The caches behind one address, as its answers for one name show them."""

    best: Census = Census()
    """The fullest count so far."""
    last: CellState = "unasked"
    row: int = 0
    """How many answers in a row were of the last one's side."""
    _live: list[_Cache] = field(default_factory=list)
    _latest: _Cache | None = None
    """The one that was met last."""
    _ttls: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=CONSTANT_FROM + 1))
    _fetched: deque[int] = field(default_factory=lambda: deque(maxlen=TURNS))
    _published: int = 0
    _said: deque[tuple[CellState, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    _refreshed: list[_Cache] = field(default_factory=list)
    """Those that served their former answer stale once, and hold another one since."""
    _given_at: dict[CellState, float] = field(default_factory=dict)
    """When an answer of each side was heard last."""

    def hear(
        self, at: float, ttl: int, state: CellState, published: int = 0, *, is_stale: bool = False
    ) -> None:
        """Take in one answer: its time, the TTL left, its side, and the zone's own TTL.

        `is_stale` says that the resolver itself calls it stale (EDE 3).
        """
        if published != self._published:
            self._fetched.clear()
            self._published = published
        if self._ttls and ttl > self._ttls[-1][1] + _WHOLE_S:
            self._fetched.append(ttl)
        self._ttls.append((at, ttl))
        self._said.append((state, ttl))
        self._given_at[state] = at
        self.row = self.row + 1 if state == self.last else 1
        self.last = state
        self._live = [one for one in self._live if one.expires_at > at]
        self._refreshed = [one for one in self._refreshed if one.expires_at > at]
        self._weigh(at, ttl, state)
        self._meet(at, state, ttl, is_stale=is_stale)
        if self.mark in ("constant", "rising"):
            # What was counted by TTLs that turn out to tell no time was no count of caches either.
            longest = sorted(self._live, key=lambda one: one.expires_at)
            self._live = list({one.state: one for one in longest}.values())
            self.best = Census()
        else:
            # Of one side alone: a cache that has turned was met under the other one before.
            self.best = fullest((self.best, self.count(state)))

    def kept(
        self,
    ) -> tuple[Census, CellState, int, tuple[int, ...], int, tuple[Met, ...], tuple[Last, ...]]:
        """What must outlast the process that counted."""
        sure = _sure(self._live)
        live = tuple((one.expires_at, one.state, one.met) for one in sure)
        heard = tuple((one.heard_at, one.ttl, one.short) for one in sure)
        return self.best, self.last, self.row, tuple(self._fetched), self._published, live, heard

    def again(
        self,
        fetched: Iterable[int],
        published: int,
        live: Iterable[Met],
        heard: Iterable[Last] = (),
    ) -> None:
        """Go on from what another process counted, and what it heard last where it wrote that."""
        self._fetched.extend(fetched)
        self._published = published
        self._live = [_Cache(*one) for one in live]
        for one, (at, ttl, short) in zip(self._live, heard, strict=False):
            one.heard_at, one.ttl, one.short = at, ttl, short

    def _weigh(self, at: float, ttl: int, state: CellState) -> None:
        """Know of those that gave another side whether they fetched this one then."""
        for one in list(self._live):
            if one.state == state or not one.short:
                continue
            told = is_refreshed(one.heard_at, at, ttl, self._published, stale=one.doubtful)
            if told:
                self._live.remove(one)
                self._refreshed.append(one)
            elif told is False:
                one.short = False

    def _meet(self, at: float, state: CellState, ttl: int, *, is_stale: bool) -> None:
        expires_at = at + ttl
        own = [one for one in self._live if one.state == state]
        for one in own:
            if abs(one.expires_at - expires_at) <= TOGETHER_S:
                one.meet(at, one.expires_at, ttl)
                self._latest = one
                return
        is_off = abs(ttl - self._published) > _WHOLE_S
        if not is_off:
            # Who counts whole seconds lets go up to one before the instant, and fetched anew.
            ending = [one for one in own if one.expires_at - at <= TOGETHER_S]
            if ending and ttl > TOGETHER_S:
                self._latest = ending[0]
                self._latest.meet(at, expires_at, ttl)
                return
        doubtful = may_be_stale(ttl, self._published, says_so=is_stale)
        for one in own:
            # The same answer again, its TTL not fallen.
            if one.ttl == ttl and (doubtful or (is_off and one is self._latest)):
                one.meet(at, expires_at, ttl)
                self._latest = one
                return
        short = is_stale or ttl <= STALE_TTL
        self._latest = _Cache(
            expires_at, state, ttl=ttl, doubtful=doubtful, heard_at=at, short=short
        )
        self._live.append(self._latest)

    def count(self, state: CellState | None = None) -> Census:
        """The caches whose answers live just now; those of one side where it is named."""
        met = [one.met for one in _sure(self._of(state))]
        return Census(len(met), met.count(1), met.count(2), sum(met))

    def still(self, state: CellState, now: float) -> float | None:
        """The latest instant at which a cache met before lets go of an answer of that side.

        None where so many other answers in a row have met every cache: it was let go before.
        """
        ends = [one.expires_at for one in self._live if one.state == state and one.expires_at > now]
        if not ends or (self.last != state and self._met_all):
            return None
        return max(ends)

    def is_kept(self, state: CellState, now: float) -> bool:
        """Whether one of those is sure to keep it, and did not only serve it stale."""
        return any(one.is_kept(now) for one in self._of(state) if one.expires_at > now)

    def heard_at(self, state: CellState, now: float) -> float:
        """When the last of those of that side was heard; 0 where nobody knows."""
        heard = [one.heard_at for one in self._of(state) if one.expires_at > now]
        return max(heard, default=self._given_at.get(state, 0.0))

    def was_stale(self, state: CellState, now: float) -> bool:
        """Whether that side was served stale once, lately, by a cache that was refreshed then."""
        return any(one.state == state and one.expires_at > now for one in self._refreshed)

    @property
    def _met_all(self) -> bool:
        """Whether so many answers of one side in a row have met every cache."""
        caches = max(self.best.about, 1 if self.best.samples >= FEW else 2)
        return self.row >= answers_for_all(caches)

    def in_turn(self, state: CellState) -> bool:
        """Whether that side's answers come and go in the last few looks, and none may be kept.

        One that may be kept is a cache's, and `still` knows until when; once is its last second.
        """
        came = [
            earlier[0] != state
            for earlier, (one, ttl) in itertools.pairwise(self._said)
            if one == state and ttl <= TOGETHER_S
        ]
        return sum(came) > 1 and self.last != state

    @property
    def floor(self) -> int:
        """Seconds to which it raises TTLs by itself; 0 where it was not seen to."""
        return min(self._fetched) if self.mark == "raised" else 0

    def with_state(self, state: CellState, now: float) -> int:
        """How many of the caches met hold an answer of that side."""
        return len(_sure([one for one in self._of(state) if one.expires_at > now]))

    def _of(self, state: CellState | None) -> list[_Cache]:
        return [one for one in self._live if state in (None, one.state)]

    def gave(self, state: CellState, at: float) -> int:
        """How many of the caches met lead to that side, as its last answer showed, given then.

        What runs out after it is no sign of the other side: the next answer tells.
        """
        live = len(_sure([one for one in self._of(state) if one.expires_at >= at]))
        return max(live, self.best.seen) if self.last == state and self._met_all else live

    @property
    def mark(self) -> Mark:
        """What is odd about its TTLs; empty where nothing is."""
        if _is_constant(self._ttls):
            return "constant"
        if _is_rising(self._ttls):
            return "rising"
        if len(self._fetched) == TURNS and self._published:
            low, high = min(self._fetched), max(self._fetched)
            if high - low <= _WHOLE_S and low > self._published + _WHOLE_S:
                return "raised"
            if high - low <= _WHOLE_S and high < self._published - _WHOLE_S:
                return "capped"
        return ""


def _sure(caches: list[_Cache]) -> list[_Cache]:
    """Those whose TTLs tell the time; one whatever it does where there is no other."""
    return [one for one in caches if not one.doubtful] or caches[:1]


def _is_constant(ttls: deque[tuple[float, int]]) -> bool:
    """Whether a TTL never falls though its answer cannot have been fetched anew."""
    pairs = list(itertools.pairwise(ttls))
    within = [TOGETHER_S < later[0] - first[0] < first[1] for first, later in pairs]
    return (
        len(pairs) >= CONSTANT_FROM and all(within) and all(a[1] == b[1] and a[1] for a, b in pairs)
    )


def _is_rising(ttls: deque[tuple[float, int]]) -> bool:
    last = [ttl for _, ttl in ttls][-RISING_FROM:]
    return len(last) == RISING_FROM and all(a < b for a, b in itertools.pairwise(last))


def expected_instants(caches: int, ttl: int) -> float:
    """How many distinct whole seconds that many caches are expected to expire at."""
    return ttl * (1 - (1 - 1 / ttl) ** caches)


def old_at_most(following: int) -> float | None:
    """The share of old answers that so many new ones in a row still allow, with 95% confidence."""
    return 1 - DOUBT ** (1 / following) if following else None


def answers_for(share: float) -> int:
    """How many new answers in a row show, with 95% confidence, that less than a share is old."""
    return math.ceil(math.log(DOUBT) / math.log(1 - share))


def answers_for_all(caches: int, least_load: float | None = None) -> int:
    """How many answers meet every one of so many caches, with 95% confidence (union bound).

    `least_load` is the share of answers that the least used one gives; equal where left out.
    """
    share = least_load or 1 / caches
    return 1 if share >= 1 else math.ceil(math.log(caches / DOUBT) / -math.log(1 - share))


def words(following: int, seen: int, about: int, allowed: float | None, left: Side) -> str:
    """What is known of the caches as a person reads it.

    `12 of about 14 caches known to give new`, or, where its last answers allow a claim, `12 of
    about 14 caches new, 95%: under 5% old`. The claim is of answers just now: where none of the
    caches met with them is known by now, it stands alone. `left` is the side that must vanish.
    """
    if not seen:
        return "caches not countable"
    count = f"about {about} caches" if about > seen else many(seen, "cache")
    wanted: Side = "old" if left == "new" else "new"
    known = f"{min(following, about)} of {count}"
    if allowed is None:
        return f"{known} known to give {wanted}"
    told = f"{known} {wanted}" if following else count
    return f"{told}, 95%: under {math.ceil(allowed * 100)}% {left}"


def fullest(counts: Iterable[Census]) -> Census:
    """The count that met most caches."""
    return max(counts, key=lambda one: (one.seen, one.samples), default=Census())
