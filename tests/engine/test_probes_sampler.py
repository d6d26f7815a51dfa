import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from cockpit.clock import live_clock
from cockpit.probes import registry
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.probes.sampler import HISTORY, Sampler, Turned, Watched, rest
from cockpit.redact import Redactor
from cockpit.runbook.model import Probe, Procedure, Profile, Runbook
from cockpit.runbook.targets import NotPlayed, Target
from cockpit.runbook.words import Duration, Id, TargetId
from cockpit.secrets import Secrets
from cockpit.telemetry.live import TileState
from cockpit.telemetry.store import Samples
from tests.engine.fix_web import HandClock, Web, free_target, served


def runbook(**targets: Target) -> Runbook:
    probes = tuple(
        Probe(
            id=Id(name),
            title=name.capitalize(),
            kind="http",
            target=TargetId(name),
            every=Duration(0.1),
            side="new",
        )
        for name in targets
    )
    procedure = Procedure(
        cockpit=1, name=Id("x"), title="X", targets={}, checks=(), phases=(), probes=probes
    )
    profile = Profile(cockpit=1, environment="staging", domain="x.test", targets=targets)
    return Runbook(procedure, profile, ".")


@asynccontextmanager
async def sampling(folder: Path, book: Runbook) -> AsyncIterator[Sampler]:
    store = Samples(folder / "telemetry.sqlite")
    sampler = Sampler(book, live_clock(), Secrets({}, Redactor()), store)
    task = asyncio.create_task(sampler.run())
    try:
        yield sampler
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        store.close()


async def states(sampler: Sampler, wanted: list[TileState]) -> None:
    for _ in range(600):
        if [tile.state for tile in sampler.tiles(0)][: len(wanted)] == wanted:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{[tile.state for tile in sampler.tiles(0)]} instead of {wanted}")


async def test_every_service_is_sampled_beside_the_others(tmp_path: Path) -> None:
    async with served(health=(200, "")) as good, served(health=(200, "")) as hanging:
        hanging.delay = 60
        book = runbook(
            good=good.target,
            gone=free_target(),
            absent=NotPlayed(kind="not_rehearsed"),
            hanging=hanging.target,
        )
        async with sampling(tmp_path, book) as sampler:
            assert [tile.state for tile in sampler.tiles(0)] == ["silent"] * 4
            await states(sampler, ["fine", "down", "not_rehearsed"])
            tile = sampler.tiles(0)[0]
            assert tile.figure.endswith("ms")
            assert tile.side == "new"
            assert tile.history
    store = Samples(tmp_path / "telemetry.sqlite")
    assert store.series("good", "value")
    store.close()


async def test_a_service_that_falls_and_rises_turns_twice(tmp_path: Path) -> None:
    async with served(health=(200, "")) as web:
        book = runbook(web=web.target)
        async with sampling(tmp_path, book) as sampler:
            await states(sampler, ["fine"])
            assert sampler.turned() == []
            web.pages["/health"] = (503, '{"checks": {"redis": false}}')
            await states(sampler, ["down"])
            assert sampler.turned() == [Turned("web", "Web", "fine", "down", "503 redis")]
            assert sampler.turned() == []
            web.pages["/health"] = (200, "")
            await states(sampler, ["fine"])
            assert [(turn.was, turn.now) for turn in sampler.turned()] == [("down", "fine")]


class Bench:
    """One service whose samples a test gives by hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock()
        self.store = Samples(folder / "telemetry.sqlite")
        self.news: list[str] = []
        self.sampler = Sampler(
            runbook(web=Web().target),
            self.clock,
            Secrets({}, Redactor()),
            self.store,
            lambda: self.news.append(self.state()),
        )
        self.watched: Watched = self.sampler._watched[0]

    def take(self, state: TileState, value: float | None = 1.0, short: str = "") -> None:
        self.watched.take(Sample(state, "figure", value, (), short))

    def state(self) -> TileState:
        return self.sampler.tiles(self.clock.now())[0].state


async def test_a_tile_turns_stale_by_itself_and_the_journal_hears_of_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take("fine")
    assert bench.state() == "fine"
    bench.sampler.turned()
    bench.clock.move(60)
    assert bench.state() == "stale"
    assert [turn.now for turn in bench.sampler.turned()] == ["stale"]


async def test_what_was_heard_a_while_ago_is_as_old_and_silence_makes_it_no_younger(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    bench.watched.take(Sample("fine", "healthy", age_s=2.0))
    heard = bench.clock.now() - 2.0
    assert bench.sampler.tiles(bench.clock.now())[0].at == heard
    bench.clock.move(5)
    bench.watched.take(Sample("silent", "no engine"))
    tile = bench.sampler.tiles(bench.clock.now())[0]
    assert (tile.state, tile.at) == ("silent", heard)
    bench.watched.take(Sample("fine", "healthy", age_s=60.0))
    assert bench.state() == "stale"


async def test_a_sample_keeps_what_is_not_for_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told(_probe: Probe, _context: ProbeContext) -> Sample:
        return Sample("fine", "healthy", memory=300, age_s=2.0)

    monkeypatch.setattr("cockpit.probes.http.sample", told)
    book = runbook(web=Web().target)
    context = ProbeContext(book, live_clock(), Secrets({}, Redactor()), tmp_path)
    found = await registry.sample(book.procedure.probes[0], context)
    assert (found.memory, found.age_s) == (300, 2.0)


async def test_a_tile_says_since_when_its_state_holds(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take("fine")
    began = bench.clock.now()
    assert bench.state() == "fine"
    bench.clock.move(5)
    bench.take("fine")
    assert bench.sampler.tiles(bench.clock.now())[0].since == began
    bench.take("down", None)
    tile = bench.sampler.tiles(bench.clock.now())[0]
    assert (tile.since, tile.at) == (began + 5, began + 5)
    assert tile.history == (1.0, 1.0, None)


async def test_a_change_is_to_be_shown_at_once_and_the_same_again_is_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for state in ("fine", "fine", "down", "down", "fine"):
        bench.take(state)
    assert bench.news == ["fine", "down", "fine"]


async def test_a_tile_that_nothing_was_heard_of_since_is_not_made_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take("fine")
    first = bench.sampler.tiles(bench.clock.now())[0]
    assert bench.sampler.tiles(bench.clock.now())[0] is first
    bench.take("fine", 2.0)
    assert bench.sampler.tiles(bench.clock.now())[0].history == (1.0, 2.0)


async def test_the_memory_that_a_service_held_is_kept_for_preflight(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for size in (100, 300, 200):
        bench.watched.take(Sample("fine", "healthy", 10.0, memory=size))
    kept = [value for _, value in bench.store.series("web", "memory")]
    assert kept == [100.0, 300.0, 200.0]


async def test_the_same_memory_again_is_not_written_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for size in (100, 100, None, 100, 300, 300):
        bench.watched.take(Sample("fine", "healthy", memory=size))
    assert [value for _, value in bench.store.series("web", "memory")] == [100.0, 100.0, 300.0]


async def test_a_tile_remembers_its_last_values_only(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for number in range(2 * HISTORY):
        bench.take("fine", float(number))
    history = bench.sampler.tiles(0)[0].history
    assert history == tuple(float(number) for number in range(HISTORY, 2 * HISTORY))


async def test_one_slow_answer_is_no_news_and_two_are(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take("fine")
    assert bench.sampler.turned() == []
    bench.take("slow")
    assert bench.state() == "slow"
    assert bench.sampler.turned() == []
    bench.take("slow")
    assert [turn.now for turn in bench.sampler.turned()] == ["slow"]


async def test_a_service_that_is_down_from_the_start_is_news(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.sampler.turned() == []
    bench.take("down")
    assert [(turn.was, turn.now) for turn in bench.sampler.turned()] == [("silent", "down")]


async def test_what_is_short_is_said_while_it_is_fresh(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take("slow", short="memory 94%")
    assert bench.sampler.short() == ("memory 94%",)
    bench.clock.move(60)
    assert bench.sampler.short() == ()


@pytest.mark.parametrize("turns", range(4))
async def test_sampling_ends_when_told_even_as_a_service_is_heard_of(
    tmp_path: Path, turns: int
) -> None:
    async with served(health=(200, "")) as good:
        book = runbook(good=good.target)
        slow = Duration(60.0)  # however busy this machine is, it is asked once
        probe = replace(book.procedure.probes[0], every=slow, slow_over=slow)
        procedure = replace(book.procedure, probes=(probe,))
        store = Samples(tmp_path / "telemetry.sqlite")
        sampler = Sampler(
            replace(book, procedure=procedure), live_clock(), Secrets({}, Redactor()), store
        )
        task = asyncio.create_task(sampler.run())
        await states(sampler, ["fine"])
        sampler.hurry()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        ended, _ = await asyncio.wait({task}, timeout=5)
        task.cancel()
        store.close()
        assert ended


async def test_after_a_restart_a_service_that_was_told_down_is_told_fine_again(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    for value in (1.0, 2.0):
        bench.take("fine", value)
        bench.clock.move(0.1)
    bench.store.close()
    again = Bench(tmp_path)
    again.clock.move(0.3)
    again.sampler.recall({"web": "down"}, 0.0)
    tile = again.sampler.tiles(again.clock.now())[0]
    assert (tile.state, tile.history) == ("silent", (1.0, 2.0, None))
    assert again.sampler.turned() == []
    again.take("fine", 3.0)
    assert [(turn.was, turn.now) for turn in again.sampler.turned()] == [("down", "fine")]
    assert again.sampler.tiles(again.clock.now())[0].history == (1.0, 2.0, None, 3.0)
    again.store.close()


async def test_what_was_sampled_before_a_jump_is_no_history_of_now(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take("fine", 1.0)
    bench.store.close()
    again = Bench(tmp_path)
    again.clock.move(10)
    again.sampler.recall({}, again.clock.now())
    assert again.sampler.tiles(again.clock.now())[0].history == ()
    again.store.close()


async def test_a_service_that_the_plan_has_off_is_neither_down_nor_news(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.take("down")
    off = frozenset({bench.watched.probe.id})
    assert bench.sampler.tiles(0, off)[0].state == "off"
    assert bench.sampler.turned(off) == []
    assert [(turn.was, turn.now) for turn in bench.sampler.turned()] == [("off", "down")]
    bench.take("fine")
    assert bench.sampler.tiles(0, off)[0].state == "fine"


def paced(kind: Literal["container", "http"]) -> Probe:
    return Probe(id=Id("it"), title="It", kind=kind, target=TargetId("it"), every=Duration(10.0))


def test_what_is_told_of_containers_is_told_at_one_moment_wherever_they_began() -> None:
    moments = [now + rest(paced("container"), 0.0, now) for now in (101.0, 103.5, 106.9)]
    assert moments == [110.0, 110.0, 110.0]


def test_other_services_are_asked_each_at_its_own_pace() -> None:
    assert [rest(paced("http"), took, 103.5) for took in (0.0, 4.0, 12.0)] == [10.0, 6.0, 0.0]
