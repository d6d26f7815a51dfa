from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cockpit.clock import wall_s
from cockpit.engine.core import Core
from cockpit.engine.ledger import Ledger
from cockpit.engine.loop import guarded
from cockpit.engine.start import begin, run_started
from cockpit.engine.world import World
from cockpit.probes.sampler import Sampler, Turned
from cockpit.redact import Redactor
from cockpit.runbook.plan import load_plan
from cockpit.secrets import for_profile
from tests.fakes.crash_runs import Kind, some_net, write_runbook


async def test_a_service_that_falls_silent_is_shown_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))
    book = write_runbook(tmp_path, some_net(), (Kind("quick", undone=True),))
    plan = load_plan(book, "staging", {})
    directory = begin(plan, {}, run_started(plan, wall_s() + 3600))
    redactor = Redactor()
    ledger = Ledger.opened(directory, redactor)
    world = World(directory, plan.runbook, ledger, for_profile(plan.runbook, redactor))
    tell = next(
        one for _, *works in world.beats() for one in works if one.__name__ == "_tell_turns"
    )
    try:
        await tell()
        assert not world.news.is_set(), "nothing turned"
        turned = [Turned("web", "Web", "fine", "stale", "")]
        monkeypatch.setattr(Sampler, "turned", lambda *_: turned)
        await tell()
        assert world.news.is_set()
        assert ledger.state.services["web"] == "stale"
    finally:
        await world.close(finish=False)
        ledger.close()


async def test_an_engine_that_starts_in_the_pause_asks_no_resolver_before_its_first_look_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("cockpit.engine.world.pause", lambda *_: "T-0 is near")
    book = write_runbook(tmp_path, some_net(), (Kind("quick", undone=True),))
    plan = load_plan(book, "staging", {})
    directory = begin(plan, {}, run_started(plan, wall_s() + 3600))
    redactor = Redactor()
    ledger = Ledger.opened(directory, redactor)
    world = World(directory, plan.runbook, ledger, for_profile(plan.runbook, redactor))
    try:
        assert world.grid is not None
        assert world.grid.paused == "T-0 is near"
    finally:
        await world.close(finish=False)
        ledger.close()


async def test_what_goes_wrong_in_the_engine_is_shown_at_once_and_not_again_and_again() -> None:
    news = asyncio.Event()
    core: Any = SimpleNamespace(troubles={}, damage=None, world=SimpleNamespace(news=news))

    async def fail() -> None:
        raise OSError(28, "No space left on device")

    await guarded(cast("Core", core), "show", fail)
    assert news.is_set()
    news.clear()
    await guarded(cast("Core", core), "show", fail)
    assert not news.is_set()
