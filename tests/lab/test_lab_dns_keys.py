from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cockpit.propagation.answers import Cell, Grid
from tests.fakes.walkers import Walker, at_the_screen
from tests.lab.fix_dns import RESOLVERS, RealDns, real_dns
from tests.lab.fix_dns_run import moving
from tests.lab.fix_dns_steps import compare, dump

LONG_S, LOW_S = 20, 4
HONEST = ("one", "two", "three", "capping")
COMPARED = (*HONEST, "clamping")
SLACK_S = 8.0
"""What whole seconds, and looks that take long on a busy machine, add to a bound."""


@dataclass
class Watched:
    """The grid that a screen shows, held against the caches themselves."""

    walker: Walker
    servers: RealDns
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    seen: set[tuple[str, int]] = field(default_factory=set)
    """Who was ever seen with which TTL."""

    @property
    def grid(self) -> Grid:
        live = self.walker.scene.live
        assert live is not None
        assert live.grid is not None
        return live.grid

    def cells(self, *names: str) -> list[Cell]:
        return [cell for row in self.grid.rows if row.name in names for cell in row.cells]

    async def go_on(self) -> None:
        """Compare until it is cancelled."""
        while True:
            for name in COMPARED:
                cache = await asyncio.to_thread(dump, self.servers, name)
                said = compare(self.grid, name, cache)
                self.right += said.right
                self.wrong += said.wrong
                self.seen |= {(name, cell.ttl or 0) for cell in self.cells(name)}
            await asyncio.sleep(0.3)

    async def until(self, what: str, holds: Callable[[list[Cell]], bool], seconds: float) -> None:
        """Wait until the honest cells are so."""
        await self.walker.until(what, lambda: holds(self.cells(*HONEST)), seconds)


def are_all(side: str) -> Callable[[list[Cell]], bool]:
    return lambda cells: {cell.state for cell in cells} == {side}


def held_by_honest(watched: Watched) -> list[str]:
    """Which of the honest caches hold anything."""
    return [name for name in HONEST if any(watched.servers.held(name).values())]


async def press_on(walker: Walker, step: str) -> None:
    """Confirm the step that comes next by keys."""
    line = walker.scene.outlook.next
    assert line is not None
    assert line.step.id == step
    await walker.do(line)


async def test_a_real_zone_is_moved_and_taken_back_by_keys_and_the_grid_says_what_caches_hold(
    open_folder: Path,
) -> None:
    assert len(RESOLVERS) >= 6
    with (
        real_dns(open_folder, LONG_S) as servers,
        moving(open_folder / "moving", servers, LOW_S) as directory,
    ):
        async with at_the_screen(directory, has_lab=False) as walker:
            await walker.until("a grid", lambda: walker.scene.live and walker.scene.live.grid)
            watched = Watched(walker, servers)
            comparing = asyncio.create_task(watched.go_on())
            await _there(watched)
            await _and_back(watched)
            assert not comparing.done(), "it compared to the end"
            comparing.cancel()
            await walker.until("the end", lambda: walker.scene.state.ended == "rolled_back")
        assert watched.wrong == []
        assert watched.right >= 100
        assert max(ttl for name, ttl in watched.seen if name in HONEST) > LOW_S, "the TTL before"


async def _there(watched: Watched) -> None:
    walker = watched.walker
    await watched.until("old everywhere", are_all("old"), 20.0)
    await press_on(walker, "lower")
    low = "the low TTL everywhere"
    await watched.until(
        low, lambda cells: all((cell.ttl or 0) <= LOW_S for cell in cells), LONG_S + 15.0
    )
    await press_on(walker, "ready")
    await walker.until("the pause", lambda: watched.grid.paused)
    await walker.until("empty caches", lambda: not held_by_honest(watched), LOW_S + 15.0)
    # A watch that went on would ask again as soon as an answer has run out.
    await asyncio.sleep(3.0)
    assert not held_by_honest(watched), "somebody asked during the pause"
    await press_on(walker, "switch_dns")
    await watched.until("new everywhere", are_all("new"), LOW_S + 15.0)
    bound, switched = watched.grid.bound, walker.scene.state.t0_actual
    assert bound is not None
    assert switched is not None
    assert bound <= switched + LOW_S + SLACK_S
    assert {cell.state for cell in watched.cells("clamping")} <= {"new", "old"}


async def _and_back(watched: Watched) -> None:
    walker = watched.walker
    await walker.pilot.press("b")
    await walker.write_reason("it is time")
    await walker.until("the rollback", lambda: walker.scene.state.mode == "roll_back")
    await press_on(walker, "back_dns")
    began = time.time()
    await watched.until("old everywhere again", are_all("old"), LOW_S + 15.0)
    assert watched.grid.bound is not None
    assert watched.grid.bound <= began + LOW_S + SLACK_S
    await press_on(walker, "back_ttl")
