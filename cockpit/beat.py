"""Beats of one pace come together: what wakes ten times for ten beats costs as much as they do."""

from __future__ import annotations

import asyncio

LEAST = 0.25
"""The share of its pace for which a beat rests at least."""


def rest(every_s: float, now: float) -> float:
    """Seconds until the next beat of a pace, by a clock that all beats read."""
    left = every_s - now % every_s
    return left if left >= every_s * LEAST else left + every_s


async def came(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event for so many real seconds at most; says whether it came.

    It is set in either case: whoever waits clears it.
    """
    is_late = False

    def end() -> None:
        nonlocal is_late
        is_late = True
        event.set()

    # Not `wait_for`: up to Python 3.11 it swallows a cancellation that meets the event. Nor
    # `timeout`: it cancels the waiting task, which costs several times as much at each beat.
    timer = asyncio.get_running_loop().call_later(seconds, end)
    try:
        await event.wait()
    finally:
        timer.cancel()
    return not is_late
