from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from cockpit.engine.doorbell import PAUSE_S, Doorbell, ring

SOON_S = 20.0


@pytest.fixture
def bell(tmp_path: Path) -> Path:
    (tmp_path / "intents").mkdir(mode=0o700)
    return tmp_path / "doorbell"


def listening(bell: Path, act: Callable[[list[float], asyncio.Event], Awaitable[None]]) -> None:
    """Do something while an engine listens that notes each ring."""

    async def session() -> None:
        heard: list[float] = []
        event = asyncio.Event()

        def rung() -> None:
            heard.append(asyncio.get_running_loop().time())
            event.set()

        doorbell = Doorbell(bell, rung)
        doorbell.hang()
        try:
            async with asyncio.timeout(SOON_S):
                await act(heard, event)
        finally:
            doorbell.close()

    asyncio.run(session())


def test_a_ring_wakes_an_engine_that_waits_without_end(bell: Path) -> None:
    async def act(_heard: list[float], event: asyncio.Event) -> None:
        ring(bell)
        await event.wait()

    listening(bell, act)


def test_a_second_ring_is_heard_as_well(bell: Path) -> None:
    async def act(heard: list[float], event: asyncio.Event) -> None:
        for count in (1, 2, 3):
            event.clear()
            ring(bell)
            await event.wait()
            assert len(heard) == count

    listening(bell, act)


def test_whoever_rings_without_end_does_not_keep_the_engine_busy(bell: Path) -> None:
    async def act(heard: list[float], _event: asyncio.Event) -> None:
        while len(heard) < 4:
            ring(bell)
            await asyncio.sleep(0)
        pauses = [later - former for former, later in pairwise(heard)]
        assert min(pauses) >= PAUSE_S * 0.9

    listening(bell, act)


def test_more_rings_than_a_pipe_holds_block_nobody(bell: Path) -> None:
    async def act(_heard: list[float], event: asyncio.Event) -> None:
        for _ in range(70_000):
            ring(bell)
        await event.wait()

    listening(bell, act)


def test_ringing_where_no_engine_listens_is_no_error(bell: Path) -> None:
    ring(bell)
    os.mkfifo(bell)
    ring(bell)


def test_nothing_is_written_into_what_is_no_pipe(bell: Path) -> None:
    elsewhere = bell.with_name("elsewhere")
    elsewhere.write_bytes(b"kept")
    bell.symlink_to(elsewhere)
    ring(bell)
    bell.unlink()
    bell.write_bytes(b"kept")
    ring(bell)
    assert (elsewhere.read_bytes(), bell.read_bytes()) == (b"kept", b"kept")


def test_an_engine_listens_again_whatever_lies_at_its_place(bell: Path) -> None:
    async def act(_heard: list[float], event: asyncio.Event) -> None:
        ring(bell)
        await event.wait()

    bell.write_bytes(b"in the way")
    for _ in range(2):
        listening(bell, act)
    assert stat.S_ISFIFO(bell.lstat().st_mode)


@pytest.mark.parametrize(("intents", "pipe"), [(0o700, 0o600), (0o770, 0o620)])
def test_those_may_ring_who_may_ask(bell: Path, intents: int, pipe: int) -> None:
    async def act(_heard: list[float], _event: asyncio.Event) -> None:
        assert stat.S_IMODE(bell.stat().st_mode) == pipe

    bell.with_name("intents").chmod(intents)
    listening(bell, act)


def test_a_doorbell_that_was_taken_down_hears_nothing(bell: Path) -> None:
    async def act(heard: list[float], event: asyncio.Event) -> None:
        ring(bell)
        await event.wait()

    listening(bell, act)
    ring(bell)
