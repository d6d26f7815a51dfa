"""What to expect of a switch: the curve of the share that follows, and who keeps names beyond it.

Caches that were filled at times of their own let go evenly: of those that held the old answer when
the last authority turned, `1 - s/T` still do `s` seconds later. A chain of aliases is cached link
by link, so what counts is the longest of the links that changed, never their sum; that is the
bound of `convergence`, which takes the latest over everything that was seen to change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from cockpit.propagation.answers import Grid, Point, Row, Side
from cockpit.propagation.convergence import Given


class Layer(NamedTuple):
    """Something above the resolver that keeps an address by itself."""

    what: str
    seconds: float | None
    """How long at most; None where nothing but a reconnect ends it."""


LAYERS = (
    Layer("Chrome", 60.0),
    Layer("Firefox", 120.0),
    Layer("Java", 30.0),
)
"""What each adds after the resolver has let go, in clients of their default settings."""
POINTS = 240
"""Points of a curve that are kept; a longer one is thinned."""
NEVER = "a pool or an open connection that stays busy asks no resolver: only a reconnect moves it"


def layers(bound_s: float | None) -> tuple[str, ...]:
    """The layers above resolvers in words; seconds from the switch where the bound is known."""
    start = bound_s or 0.0
    since = "after the switch" if bound_s is not None else "after its resolver"
    told = [
        f"{one.what} up to {start + one.seconds:.0f} s {since}"
        for one in LAYERS
        if one.seconds is not None
    ]
    return (*told, NEVER)


def expected_old(
    known: Iterable[Given], name: str, wanted: Side, now: float, floor: float = 0.0
) -> float:
    """The share of caches that still hold the left answer for a name, evenly filled before."""
    ends = [
        (one.until(floor), max(one.ttl, floor), one.over)
        for one in known
        if one.side != wanted and one.name == name
    ]
    if not ends:
        return 0.0
    if not all(over for *_, over in ends):
        return 1.0
    end, ttl, _ = max(ends)
    return min(1.0, max(0.0, (end - now) / ttl)) if ttl else 0.0


def expected_share(
    rows: Iterable[Row],
    names: Sequence[str],
    known: Sequence[Given],
    wanted: Side,
    clamps: Mapping[str, float],
    now: float,
) -> float | None:
    """The weighted share that follows at a moment if every resolver is as it is known to be.

    Whoever fails or keeps silent follows never; a clamp lets go later; a violator is taken for
    honest, since what it does is what the observed curve is there to show.
    """
    follows = total = 0.0
    floors = {name: {0.0: expected_old(known, name, wanted, now)} for name in names}
    for row in rows:
        if row.role != "resolver" or row.left_out:
            continue
        floor = clamps.get(row.address, 0.0)
        for name, cell in zip(names, row.cells, strict=True):
            if cell.state == "unasked":
                continue
            total += row.weight
            if cell.state in ("old", "new", "holds", "mixed"):
                held = floors[name]
                if floor not in held:
                    held[floor] = expected_old(known, name, wanted, now, floor)
                follows += row.weight * (1.0 - held[floor])
    return follows / total if total else None


def thinned(curve: tuple[Point, ...]) -> tuple[Point, ...]:
    """A curve of bearable length: every second one of its points but the last."""
    return curve if len(curve) <= POINTS else (*curve[:-1:2], curve[-1])


def kept_words(grid: Grid, lasting: Callable[[float], str]) -> str:
    """How long caches keep out a switch back, in words; empty where nobody knows.

    `lasting` says how seconds are written there.
    """
    if grid.back_s is None:
        return ""
    words = f"for up to {lasting(grid.back_s)}"
    if grid.raised_s is not None and grid.raised_s > grid.back_s:
        words += f", by those that raise TTLs for up to {lasting(grid.raised_s)}"
    return words


def cached_share(asked_per_s: float, ttl: float) -> float:
    """The share of time for which a name that is asked for at such a rate lies in a cache."""
    return asked_per_s * ttl / (1 + asked_per_s * ttl)


def held_for(ttl: float, floor: float = 0.0, cap: float = float("inf")) -> float:
    """How long a resolver with a floor and a cap keeps an answer of that TTL."""
    return min(max(ttl, floor), cap)
