from __future__ import annotations

import pytest

from cockpit.clock import live_clock
from cockpit.commands.journal import run as journal
from cockpit.database.reconcile import Comparison, reconcile
from cockpit.decision.evidence import Reading
from cockpit.engine.client import Client
from cockpit.engine.layout import RunDirectory
from cockpit.propagation.sweep import authority_rows
from cockpit.record import read
from cockpit.redact import Redactor
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import DnsTarget, PostgresTarget
from cockpit.secrets import for_profile
from tests.fakes.walkers import Staged, Walker, at_the_screen, rehearsal

pytestmark = pytest.mark.timeout(420)
TABLES = ("users", "sensors", "sensor_readings", "alerts")


async def compared(runbook: Runbook, source: str, target: str) -> Comparison:
    left, right = runbook.target(source), runbook.target(target)
    assert isinstance(left, PostgresTarget)
    assert isinstance(right, PostgresTarget)
    secrets = for_profile(runbook, Redactor())
    return await reconcile(left, right, secrets, TABLES)


async def authorities(runbook: Runbook) -> set[str]:
    zone = runbook.target("zone")
    assert isinstance(zone, DnsTarget)
    rows = await authority_rows(zone, live_clock())
    return {cell.state for row in rows for cell in row.cells}


def confirmed_once_each(directory: RunDirectory) -> None:
    """Every effect in the record stands on one confirmation of the seat's holder."""
    state = Client(directory).view().state
    for step in state.steps.values():
        for attempt in step.attempts:
            assert attempt.by, step.id
            assert attempt.digest, step.id
    assert journal(run=str(directory.path), as_json=False, verify=True, head=None) == 0


def shown(walker: Walker) -> str:
    live = walker.scene.live
    return live.verdict.word if live and live.verdict else ""


def readings(walker: Walker) -> dict[str, Reading]:
    live = walker.scene.live
    verdict = live.verdict if live else None
    return {one.signal: one for one in verdict.readings} if verdict else {}


def verdicts(directory: RunDirectory) -> list[object]:
    """Every verdict that the journal has."""
    given = (event for event, _ in read(directory).events if event.type == "verdict_given")
    return [event.plain["verdict"] for event in given]


async def kill_the_engine(night: Staged, walker: Walker) -> None:
    """Another engine says the same within seconds, by what both of them measured."""
    before, told = readings(walker)["failures"], len(verdicts(night.directory))
    night.kill_the_engine()

    def works() -> bool:
        live = walker.scene.live
        return live is not None and live.engine_pid == night.engine.pid and bool(shown(walker))

    await walker.until("the other engine's verdict", works, 10.0)
    assert shown(walker) == "roll_back"
    # A killed engine loses what it had not yet written: the last second or two, here two minutes
    # of the night, and more on a busy machine. Where the rest alone would not yet decide, the
    # word still stands.
    # Its first look may also find no answer in time.
    leans = ("bad", "warn")
    await walker.until("a reading", lambda: readings(walker)["failures"].leaning in leans, 10.0)
    after = readings(walker)["failures"]
    assert after.sample > 0.3 * before.sample
    assert after.value == pytest.approx(before.value, abs=0.05)
    hole = "the hole in what was measured"
    await walker.until(hole, lambda: "not measured" in readings(walker)["failures"].words, 10.0)
    assert shown(walker) == "roll_back"
    assert verdicts(night.directory)[told:] == []


async def roll_back(walker: Walker) -> None:
    await walker.pilot.press("b")
    await walker.write_reason("the panel says so")
    await walker.until("the rollback", lambda: walker.scene.state.mode == "roll_back")
    done = await walker.walk()
    assert done[0] == "back_freeze_new"
    await walker.until("the end", lambda: walker.scene.state.ended == "rolled_back")


async def test_a_calm_cutover_is_walked_to_its_end_by_keypresses() -> None:
    with rehearsal("calm") as night:
        async with at_the_screen(night.directory) as walker:
            await walker.walk(until="caches_move")
            await walker.hurry()
            await walker.walk(until="decommission_old")
            view = walker.scene.view
            await walker.until("the verdict", lambda: walker.scene.state.verdict == "stay")
            found = await compared(view.runbook, "old_db", "new_db")
            assert all(not table.missing for table in found.tables)
            assert await authorities(view.runbook) == {"new"}
            await walker.walk()
            await walker.until("the end", lambda: walker.scene.state.ended == "completed")
        confirmed_once_each(night.directory)


@pytest.mark.parametrize("scenario", ["errors", "slow", "data-loss"])
async def test_a_faulty_cutover_is_rolled_back_by_keypresses(scenario: str) -> None:
    with rehearsal(scenario) as night:
        async with at_the_screen(night.directory) as walker:
            await walker.walk(until="caches_move")
            await walker.hurry()
            state = walker.scene.state
            await walker.until("the verdict", lambda: walker.scene.state.verdict == "roll_back")
            assert state.t0_actual is not None
            assert walker.scene.now < state.t0_actual + 25 * 60
            if scenario == "errors":
                await kill_the_engine(night, walker)
            await roll_back(walker)
            runbook = walker.scene.runbook
            found = await compared(runbook, "new_db", "old_db")
            assert all(not table.missing for table in found.tables)
            assert await authorities(runbook) == {"old"}
            await walker.until("its word", lambda: shown(walker) == "decided")
        confirmed_once_each(night.directory)
