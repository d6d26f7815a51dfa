from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.actions import registry, wait
from cockpit.actions.base import ActionContext
from cockpit.decision.evidence import Reading, Verdict
from cockpit.journal import events as e
from cockpit.runbook.actions import WaitAction
from cockpit.runbook.checks import Expect, ServicesCheck, SignalCheck, SoakCheck
from cockpit.runbook.words import CheckId, Duration, Id, ProbeId, SignalId, StepId
from cockpit.telemetry.codec import write
from cockpit.telemetry.live import Live
from tests.fakes.small_runbooks import World, acting, runbook
from tests.fakes.written_runs import WrittenRun

SOAKED = SoakCheck(
    kind="soak",
    id=Id("soaked"),
    title="The TTL has soaked",
    after=StepId("lower_ttl"),
    duration=Duration(0),
)
FEW_FAIL = SignalCheck(
    kind="signal",
    id=Id("few_fail"),
    title="Few requests fail",
    signal=SignalId("failing"),
    expect=Expect(op="<=", value=0.1),
)
TILES = ServicesCheck(
    kind="services", id=Id("tiles"), title="The tile is fine", probes=(ProbeId("web"),)
)


@pytest.fixture
def written() -> Iterator[WrittenRun]:
    run = WrittenRun()
    yield run
    run.close()


def waiting(written: WrittenRun, said: list[str], folder: Path, *checks: str) -> ActionContext:
    action = WaitAction(
        kind="wait", until=tuple(CheckId(one) for one in checks), every=Duration(0.05)
    )
    context = acting(World(folder), action, said)
    book = runbook(World(folder), action, (SOAKED, TILES, FEW_FAIL))
    return replace(context, runbook=book, run_directory=written.directory.path)


def untimed(said: list[str]) -> list[str]:
    """What was said, without the times before it."""
    return [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in said]


async def test_a_wait_ends_when_the_journal_says_that_it_may(
    written: WrittenRun, tmp_path: Path
) -> None:
    said: list[str] = []
    context = waiting(written, said, tmp_path, "soaked")
    written.now -= 3600
    spoke = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        spoke.set()

    context = replace(context, say=say)
    waits = asyncio.create_task(registry.run(context.runbook.forward[0].action, context))
    async with asyncio.timeout(20):
        await spoke.wait()
        assert not waits.done()
        written.attempt("lower_ttl")
        written.write(e.StepFinished("lower_ttl", 1, "done"), by="engine")
        recorded = await waits
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d  ✗ FAIL  The TTL has soaked: lower_ttl is not done", said[0]
    )
    assert re.match(r"\d\d:\d\d:\d\d  ✓ pass  The TTL has soaked: reached", said[1])
    assert len(said) == 2
    assert isinstance(recorded["asked"], int)


async def test_a_wait_without_a_live_view_is_not_green(written: WrittenRun, tmp_path: Path) -> None:
    said: list[str] = []
    context = waiting(written, said, tmp_path, "tiles")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await registry.run(context.runbook.forward[0].action, context)
    assert len(said) == 1
    assert "pass" not in said[0]


def reading(at: float, words: str, low: float, high: float) -> Reading:
    return Reading("failing", "Failing?", "good", low, low, high, 0.1, 812, 0, words, at)


async def test_a_wait_reads_the_signals_as_the_engine_measured_them(
    written: WrittenRun, tmp_path: Path
) -> None:
    said: list[str] = []
    context = waiting(written, said, tmp_path, "few_fail")
    now = context.clock.now()
    first = Live(1, 0, verdict=Verdict("roll_back", "x", (reading(now, "14% of 812", 0.12, 0.16),)))
    write(written.directory.live, first)
    spoke = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        spoke.set()

    context = replace(context, say=say)
    waits = asyncio.create_task(registry.run(context.runbook.forward[0].action, context))
    async with asyncio.timeout(20):
        await spoke.wait()
        assert untimed(said) == ["✗ FAIL  Few requests fail: 14% of 812"]
        then = Live(2, 0, verdict=Verdict("stay", "x", (reading(now, "1% of 812", 0.005, 0.02),)))
        write(written.directory.live, then)
        await waits
    assert untimed(said[1:]) == ["✓ pass  Few requests fail: 1% of 812"]


async def test_what_a_gone_engine_measured_long_ago_lets_no_wait_end(
    written: WrittenRun, tmp_path: Path
) -> None:
    said: list[str] = []
    context = waiting(written, said, tmp_path, "few_fail")
    old = reading(context.clock.now() - 600, "1% of 812", 0.005, 0.02)
    write(written.directory.live, Live(1, 0, verdict=Verdict("stay", "x", (old,))))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await registry.run(context.runbook.forward[0].action, context)
    assert untimed(said) == ["? unknown  Few requests fail: measured too long ago: 1% of 812"]


async def test_what_is_still_waited_for_is_said_again_with_its_time(
    written: WrittenRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "STILL_S", 0.1)
    said: list[str] = []
    again = asyncio.Event()

    def say(line: str) -> None:
        said.append(line)
        if len(said) > 1:
            again.set()

    context = replace(waiting(written, said, tmp_path, "soaked"), say=say)
    waits = asyncio.create_task(registry.run(context.runbook.forward[0].action, context))
    async with asyncio.timeout(20):
        await again.wait()
    waits.cancel()
    assert said[1].endswith("✗ FAIL  The TTL has soaked: lower_ttl is not done")
