"""Beats of one pace come together: what wakes ten times for ten beats costs as much as they do."""

from __future__ import annotations

LEAST = 0.25
"""The share of its pace for which a beat rests at least."""


def rest(every_s: float, now: float) -> float:
    """Seconds until the next beat of a pace, by a clock that all beats read."""
    left = every_s - now % every_s
    return left if left >= every_s * LEAST else left + every_s
