from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from cockpit.engine.advisory import AdvisoryLocks
from cockpit.engine.claims import Claims, claim
from cockpit.errors import Refused, TargetError
from cockpit.journal.events import Confirmed, RunEnded, TargetPinned
from cockpit.runbook.plan import Plan, load_plan
from tests.fakes.crash_machine import Machine
from tests.fakes.crash_runs import KINDS, some_net, write_runbook


class Databases:
    """Advisory locks of which one answers as the test says."""

    def __init__(self, answer: Exception | bool) -> None:
        self.answer = answer
        self.asked = 0
        self.held: tuple[str, ...] = ()

    async def hold(self, *_: object) -> bool:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def close(self) -> None:
        self.held = ()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return load_plan(write_runbook(tmp_path, some_net(), KINDS[:1]), "staging", {})


@pytest.fixture
def two(plan: Plan, loop: asyncio.AbstractEventLoop) -> Iterator[tuple[Machine, Machine]]:
    made = Machine(plan, loop), Machine(plan, loop)
    yield made
    for one in made:
        one.close()


def acted(machine: Machine) -> None:
    """A run that has acted on one target, and whose engine has just been started again."""
    machine.core.ledger.tell(TargetPinned("web", f"service {machine.directory.path}"))
    machine.core.ledger.tell(Confirmed("quick", 1, "d", 1, [], [], {}))


def keep(machine: Machine, claims: Claims) -> str:
    machine.loop.run_until_complete(claims.keep())
    return machine.core.trouble


def with_databases(machine: Machine, answer: Exception | bool) -> Databases:
    found = Databases(answer)
    machine.core.advisory = cast("AdvisoryLocks", found)
    return found


def test_a_run_that_has_not_acted_locks_nothing(two: tuple[Machine, Machine]) -> None:
    one, _ = two
    claims = Claims(one.core)
    claims.resume()
    assert keep(one, claims) == ""
    assert one.core.world.held_locks == {}


def test_a_run_that_has_acted_has_everything_again_before_its_engine_does_anything(
    two: tuple[Machine, Machine],
) -> None:
    one, other = two
    acted(one)
    claims = Claims(one.core)
    claims.resume()
    assert len(one.core.world.held_locks) == 2
    # Until its databases were looked at, nothing is confirmed.
    assert "its databases are being locked again" in one.core.trouble
    assert keep(one, claims) == ""
    with pytest.raises(Refused, match="another run of this runbook acts on its targets"):
        other.loop.run_until_complete(claim(other.core, []))


def test_a_run_that_has_ended_lets_go_of_everything(two: tuple[Machine, Machine]) -> None:
    one, other = two
    acted(one)
    claims = Claims(one.core)
    claims.resume()
    one.core.ledger.tell(RunEnded("called_off"))
    assert keep(one, claims) == ""
    assert one.core.world.held_locks == {}
    other.loop.run_until_complete(claim(other.core, []))


def test_what_another_run_has_is_named_until_it_is_had(two: tuple[Machine, Machine]) -> None:
    one, _ = two
    acted(one)
    found = with_databases(one, Refused("another run acts on this database: cockpit production/b"))
    claims = Claims(one.core)
    claims.resume()
    assert "another run acts on this database: cockpit production/b" in keep(one, claims)
    found.answer = True
    assert keep(one, claims) == ""


def test_a_database_that_is_gone_does_not_close_the_way_back(two: tuple[Machine, Machine]) -> None:
    one, _ = two
    acted(one)
    found = with_databases(one, TargetError("no answer"))
    claims = Claims(one.core)
    claims.resume()
    for _ in range(3):
        assert keep(one, claims) == ""
    assert found.asked == 1, "it was asked again at once"


def test_a_step_that_is_refused_lets_go_of_what_was_locked_for_it(
    two: tuple[Machine, Machine],
) -> None:
    one, other = two
    with_databases(one, Refused("another run acts on this database: cockpit production/b"))
    with pytest.raises(Refused, match="production/b"):
        one.loop.run_until_complete(claim(one.core, [("web", "a service")]))
    assert one.core.world.held_locks == {}
    other.loop.run_until_complete(claim(other.core, [("web", "a service")]))
