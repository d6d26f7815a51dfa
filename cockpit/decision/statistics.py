"""How sure a measured share or ratio is: intervals, and how many observations would settle it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Z = 1.959964
"""The normal quantile of a two-sided 95% interval."""
ENDLESS = 100_000
"""A number of observations that stands for "more than anybody will wait for"."""


class Interval(NamedTuple):
    """An estimate and the 95% interval around it."""

    value: float
    low: float
    high: float


def wilson(hits: float, total: float, z: float = Z) -> Interval:
    """A share by Wilson's score interval, which stays honest near 0, near 1 and for few hits."""
    if total <= 0:
        return Interval(math.nan, 0.0, 1.0)
    share = hits / total
    weight = z * z / total
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def more_for_share(hits: float, total: float, limit: float, z: float = Z) -> int:
    """How many more observations at the same share put its interval beside the limit.

    Wilson's interval leaves out exactly those limits that the score test refuses, so the number
    follows in closed form. 0 where the interval lies beside the limit already.
    """
    share = hits / total if total else 0.0
    distance = (share - limit) ** 2
    spread = z * z * limit * (1 - limit)
    if spread >= ENDLESS * distance:
        return ENDLESS
    return max(0, math.ceil(spread / distance - total))


def divergence(share: float, base: float) -> float:
    """Nats by which one observation at `share` speaks against `base` (Kullback-Leibler)."""
    told = share * math.log(share / base) if share > 0 else 0.0
    return told + ((1 - share) * math.log((1 - share) / (1 - base)) if share < 1 else 0.0)


def median(buckets: Sequence[tuple[float, float]], z: float = Z) -> Interval | None:
    """The median of a histogram; None below six observations, where no interval exists.

    `buckets` are cumulative counts by upper edge, in order, the last edge infinite. The interval
    lies between two order statistics: ranks n/2 -+ z sqrt(n)/2 by the binomial distribution.
    A rank becomes a value by a straight line through its bucket, so that a median is known no
    better than its bucket allows; both sides of a ratio should use the same edges.
    """
    total = buckets[-1][1] if buckets else 0.0
    half = z * math.sqrt(total) / 2
    if total < 6:
        return None
    ranks = (total / 2, max(total / 2 - half, 0.0), min(total / 2 + half, total))
    return Interval(*(_at_rank(buckets, rank) for rank in ranks))


def _at_rank(buckets: Sequence[tuple[float, float]], rank: float) -> float:
    below_edge, below_count = 0.0, 0.0
    for edge, count in buckets:
        if count >= rank and count > below_count:
            if math.isinf(edge):
                return below_edge
            return below_edge + (edge - below_edge) * (rank - below_count) / (count - below_count)
        below_edge, below_count = edge if math.isfinite(edge) else below_edge, count
    return below_edge


def ratio(new: Interval, old: Interval) -> Interval:
    """New over old; wide on purpose: from the lowest new over the highest old, and round."""
    return Interval(_over(new.value, old.value), _over(new.low, old.high), _over(new.high, old.low))


def _over(one: float, other: float) -> float:
    return one / other if other > 0 else math.inf


def more_for_ratio(interval: Interval, total: float, limit: float) -> int:
    """How many more observations would narrow a ratio's interval until it leaves out the limit.

    An interval narrows with the square root of its observations; 0 where it leaves it out already.
    """
    if not interval.low <= limit <= interval.high:
        return 0
    side = (
        interval.high - interval.value if interval.value < limit else interval.value - interval.low
    )
    distance = abs(interval.value - limit)
    if not math.isfinite(side) or side * side * total >= ENDLESS * distance * distance:
        return ENDLESS
    return max(1, math.ceil(total * (side / distance) ** 2 - total))
