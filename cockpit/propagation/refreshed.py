"""Of an answer of either side, one after the other: one cache that refreshed itself, or several.

A cache that serves stale gives its former answer once more, with a TTL of 30 (RFC 8767 s5), and
fetches the new one then. So the new answer tells when it was fetched: just as the former one was
given, or long before, by a cache that cannot have given the former one any more.
"""

from __future__ import annotations

from cockpit.propagation.answers import Cell, Side
from cockpit.propagation.convergence import SAYS_STALE, STALE_TTL

TOGETHER_S = 1.5
"""Instants no farther apart are one: TTLs are whole seconds, and packets take their time."""
UNCUT_S = 60
"""No resolver is known to cut a TTL that is no longer: what is left of it tells its age."""
REFRESHED = "one cache: it served the {side} answer stale once, and refreshed it then"
BESIDE = "another cache behind this address gave the {side} answer just before"
UNTOLD = "it gave the {side} answer before: stale, or by another cache; which is not known"


def may_be_stale(ttl: int, published: int, *, says_so: bool) -> bool:
    """Whether an answer is what one that is served stale looks like, and a kept one hardly."""
    return says_so or (ttl == STALE_TTL and abs(ttl - published) > 1)


def is_refreshed(
    given_at: float, at: float, ttl: int, published: int, *, stale: bool
) -> bool | None:
    """Whether who gave the former answer fetched the new one then; None where nothing tells.

    The new one was heard later, at `at` with `ttl` left of the zone's own; `stale` says whether
    the former one looked it.
    """
    if not published or ttl > published + 1:
        return None
    fetched = at + ttl - published
    if abs(fetched - given_at) <= TOGETHER_S:
        return True if stale else None
    return False if fetched < given_at and published <= UNCUT_S else None


def words(first: Cell, second: Cell, published: int, left: Side) -> str:
    """What two answers, of which the second one follows, tell of the first."""
    if first.ttl is None or second.ttl is None:
        return UNTOLD.format(side=left)
    stale = may_be_stale(first.ttl, published, says_so=SAYS_STALE in first.note)
    told = is_refreshed(first.at, second.at, second.ttl, published, stale=stale)
    return {True: REFRESHED, False: BESIDE, None: UNTOLD}[told].format(side=left)
