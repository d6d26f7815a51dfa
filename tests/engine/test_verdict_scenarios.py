from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cockpit.clock import ClockMap, RunClock, boot_ns
from cockpit.database.copy import copy_all
from cockpit.database.sequences import set_ahead
from cockpit.decision.evidence import Verdict
from cockpit.journal.state import RunState, StepState
from cockpit.propagation.providers.base import RecordSet
from cockpit.propagation.providers.rfc2136 import DynamicUpdates
from cockpit.redact import Redactor
from cockpit.rehearsal.data import TABLES
from cockpit.rehearsal.spec import LabSpec, free_net, prepare
from cockpit.resources import shipped
from cockpit.runbook.model import Runbook
from cockpit.runbook.plan import load_plan
from cockpit.runbook.targets import DnsTarget, PostgresTarget
from cockpit.secrets import Secrets, for_profile
from cockpit.telemetry.measure import SignalMeter
from tests.fakes.rehearsals import NIGHT, HandJournal, eventually, operate, running, status

SPEED = 60.0
SEEDS = (1, 2, 3)
ONSET_S = 5 * 60.0
WITHIN_S = 20 * 60.0
"""Run seconds from the fault in which the verdict must be there."""
# One test after another, each three labs: beside them walks need their share of the machine.
pytestmark = [pytest.mark.timeout(150), pytest.mark.xdist_group("verdicts")]


class Night:
    """A lab at T-0, and the cockpit's own meter beside it."""

    def __init__(self, folder: Path, scenario: str, seed: int) -> None:
        self.journal = HandJournal(folder / "journal.jsonl")
        self.spec: LabSpec = prepare(folder / "lab", free_net(), seed, scenario, self.journal.path)
        given = {"lab": self.spec.net, "lab_folder": self.spec.folder}
        book = shipped("runbooks") / "freshtrack"
        self.runbook: Runbook = load_plan(book, "rehearsal", given).runbook
        self.secrets: Secrets = for_profile(self.runbook, Redactor())
        self.clock = RunClock(ClockMap(boot_ns(), NIGHT, SPEED))
        self.journal.go(SPEED, NIGHT)
        self.meter = SignalMeter(self.runbook, self.clock, self.secrets)
        self.state = RunState(t0_planned=NIGHT)

    def database(self, name: str) -> PostgresTarget:
        target = self.runbook.target(name)
        assert isinstance(target, PostgresTarget)
        return target

    async def open_the_new_side(self) -> None:
        for name in ("new_migrate", "new_start"):
            assert (await operate(self.spec, name)).status_code == 200
        old, new = self.database("old_db"), self.database("new_db")
        await copy_all(old, new, self.secrets, TABLES)
        await set_ahead(old, new, self.secrets, 1000)

    async def lower_the_ttl(self) -> None:
        await self._change(self.spec.old)
        later = self.clock.now() + 2 * 3600.0
        self.clock.map = ClockMap(boot_ns(), later, SPEED)
        self.journal.go(SPEED, later)

    async def _change(self, address: str) -> None:
        zone = self.runbook.target("zone")
        assert isinstance(zone, DnsTarget)
        changer = DynamicUpdates(zone, self.secrets)
        before = await changer.read(zone.names)
        after = tuple(RecordSet(one.name, one.type, (address,), 60) for one in before)
        await changer.change(before, after)

    async def switch(self) -> None:
        await self._change(self.spec.new)
        self.journal.t0()
        now = self.clock.now()
        done = {"switch_dns": StepState("switch_dns", "done", done_at=now)}
        self.state = RunState(t0_planned=now, t0_actual=now, steps=done)

    async def verdicts(self, seconds: float) -> list[Verdict]:
        """The verdict at each real second until so many run seconds after the switch."""
        found = []
        while self.clock.now() < self.state.t0 + seconds:
            await asyncio.sleep(1.0)
            found.append(self.meter.verdict(self.state, self.clock.now()))
            if found[-1].word == "roll_back":
                break
        return found


async def watched(folder: Path, scenario: str, seed: int) -> tuple[Night, list[Verdict]]:
    night = Night(folder, scenario, seed)
    async with running(night.spec):
        measuring = asyncio.create_task(night.meter.run())
        await night.lower_the_ttl()
        await night.open_the_new_side()
        asked = status(night.spec).requests + 200
        await eventually(lambda: status(night.spec).requests > asked)
        await night.switch()
        found = await night.verdicts(ONSET_S + WITHIN_S)
        measuring.cancel()
        await asyncio.gather(measuring, return_exceptions=True)
    return night, found


async def on_three_seeds(folder: Path, scenario: str) -> list[tuple[Night, list[Verdict]]]:
    """Three nights at once: a lab takes a seventh of a core."""
    folders = [folder / str(seed) for seed in SEEDS]
    for one in folders:
        one.mkdir()
    nights = [watched(one, scenario, seed) for one, seed in zip(folders, SEEDS, strict=True)]
    return await asyncio.gather(*nights)


@pytest.mark.parametrize("scenario", ["errors", "slow", "data-loss"])
async def test_a_planted_fault_leads_to_rollback_within_twenty_minutes(
    tmp_path: Path, scenario: str
) -> None:
    for night, found in await on_three_seeds(tmp_path, scenario):
        assert found[-1].word == "roll_back", found[-1]
        assert found[-1].looks >= 2
        assert found[-1].at <= night.state.t0 + ONSET_S + WITHIN_S


async def test_a_calm_night_says_stay_and_never_roll_back(tmp_path: Path) -> None:
    for _, found in await on_three_seeds(tmp_path, "calm"):
        assert [one.reason for one in found if one.word == "roll_back"] == []
        assert found[-1].word == "stay", found[-1]
