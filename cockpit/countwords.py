"""Counts as people read them; pure."""

from __future__ import annotations

from collections.abc import Iterable

MOST_NAMED = 3
"""Things of one kind that are named one by one."""


def many(count: int, noun: str) -> str:
    """A count with its noun: `1 name server`, `2 name servers`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def named(things: Iterable[str], most: int | None = MOST_NAMED, between: str = ", ") -> str:
    """The first of many by name, the others by their count: `a, b, c and 69 more`.

    With None for `most` all of them.
    """
    told = list(things)
    more = 0 if most is None else len(told) - most
    # That there is one more says no less room than its name.
    return between.join(told) if more <= 1 else f"{between.join(told[:most])} and {more} more"
