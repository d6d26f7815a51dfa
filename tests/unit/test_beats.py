from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.beat import LEAST, came, rest

PACES = st.sampled_from((0.25, 0.5, 1.0, 2.0, 5.0, 60.0))
MOMENTS = st.floats(0, 1e7)


@given(PACES, MOMENTS)
def test_a_beat_rests_for_about_its_pace(every: float, now: float) -> None:
    assert every * LEAST <= rest(every, now) <= every * (1 + LEAST)


@given(PACES, MOMENTS, st.floats(0, 0.99))
def test_beats_of_one_pace_that_end_apart_begin_together(
    every: float, now: float, apart: float
) -> None:
    first, second = now, now + apart * every
    between = (second + rest(every, second)) - (first + rest(every, first))
    assert abs(between / every - round(between / every)) < 1e-6


def test_a_slow_beat_is_not_begun_again_at_once() -> None:
    assert 1.09 < rest(1.0, 10.9) < 1.11
    assert 0.39 < rest(1.0, 10.6) < 0.41


async def test_what_is_waited_for_ends_the_wait_at_once() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    assert await came(event, 3600.0)
    assert await came(event, 3600.0), "it had come before"


async def test_what_does_not_come_ends_the_wait_in_time() -> None:
    event = asyncio.Event()
    assert not await came(event, 0.01)
    event.clear()
    assert not await came(event, 0.0)


async def test_who_waits_can_be_cancelled_also_when_it_comes_at_that_moment() -> None:
    event = asyncio.Event()
    waiting = asyncio.create_task(came(event, 3600.0))
    await asyncio.sleep(0)
    event.set()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
