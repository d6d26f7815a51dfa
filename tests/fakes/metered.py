"""Both sides as metrics pages, a meter beside them, and a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cockpit.decision.evidence import Reading, Verdict
from cockpit.journal.state import AttemptState, RunState, StepState
from cockpit.redact import Redactor
from cockpit.runbook.actions import Action, ManualAction, ReadOnlyAction
from cockpit.runbook.model import Decision, Phase, Procedure, Profile, Runbook, Signal, Step
from cockpit.runbook.targets import HttpTarget, Target
from cockpit.runbook.words import Duration, Id, Offset, SignalId, StepId, TargetId
from cockpit.secrets import Secrets
from cockpit.telemetry.measure import SignalMeter
from cockpit.telemetry.store import Samples
from tests.engine.fix_postgres import Pair
from tests.engine.fix_web import HandClock, Web

OLD, NEW = TargetId("old"), TargetId("new")
FAILING = Signal(
    id=Id("failing"), title="Failing?", kind="failures", target=NEW, baseline=OLD, limit=0.1
)
SLOWER = Signal(
    id=Id("slower"),
    title="Slower?",
    kind="latency",
    target=NEW,
    baseline=OLD,
    limit=2.0,
    warn=1.3,
)
MOVED = Signal(id=Id("moved"), title="Moved?", kind="share", target=NEW, baseline=OLD, limit=0.9)
LOST = Signal(
    id=Id("lost"),
    title="Readings lost?",
    kind="losses",
    target=NEW,
    total="readings_accepted_total",
    database=TargetId("new_database"),
    stored="select count(*) from sensor_readings",
    limit=0,
)


def step(name: str, action: Action) -> Step:
    return Step(
        id=Id(name),
        title=name,
        why="",
        success_looks_like="",
        if_it_fails="",
        ask="",
        action=action,
        no_return="rows" if name == "open_new" else None,
    )


MANUAL = ManualAction(kind="manual", do=("it",))
FREEZE = ReadOnlyAction(kind="read_only", target=TargetId("old_database"), mode="freeze")
STEPS = (step("freeze_old", FREEZE), step("open_new", MANUAL), step("switch", MANUAL))


def runbook(signals: tuple[Signal, ...], **targets: Target) -> Runbook:
    procedure = Procedure(
        cockpit=1,
        name=Id("x"),
        title="X",
        targets={},
        checks=(),
        phases=(Phase(id=Id("all"), title="All", offset=Offset(0), steps=STEPS),),
        signals=signals,
        decision=Decision(
            signals=tuple(SignalId(one.id) for one in signals),
            after=StepId("switch"),
            carry=(TargetId("new_database"), TargetId("old_database")),
            tables=("users", "sensors", "sensor_readings", "alerts"),
            not_carried=("passwords set there",),
            rollback_estimate=Duration(540),
        ),
    )
    profile = Profile(cockpit=1, environment="staging", domain="x.test", targets=targets)
    return Runbook(procedure, profile, ".")


@dataclass
class Side:
    """A web service's counters."""

    web: Web
    ok: int = 0
    failed: int = 0
    fast: int = 0
    slow: int = 0
    accepted: int = 0

    def serve(self, ok: int, failed: int = 0, *, slow: bool = False) -> None:
        self.ok += ok
        self.failed += failed
        self.fast += 0 if slow else ok + failed
        self.slow += ok + failed if slow else 0
        timed = self.fast + self.slow
        lines = [
            f'http_requests_total{{status="200",route="/a"}} {self.ok}',
            f'http_requests_total{{status="503",route="/a"}} {self.failed}',
            f'http_request_duration_seconds_bucket{{route="/a",le="0.01"}} {self.fast}',
            f'http_request_duration_seconds_bucket{{route="/a",le="0.05"}} {timed}',
            f'http_request_duration_seconds_bucket{{route="/a",le="+Inf"}} {timed}',
            f"readings_accepted_total {self.accepted}",
        ]
        self.web.pages["/metrics"] = (200, "\n".join(lines) + "\n")


class Night:
    """Both sides, a meter, and what the journal says."""

    def __init__(self, old: Web, new: Web, folder: Path) -> None:
        self.old, self.new = Side(old), Side(new)
        self.clock = HandClock()
        self.store = Samples(folder / "telemetry.sqlite")
        self.book = runbook((FAILING, SLOWER, MOVED), old=old.target, new=new.target)
        self.state = RunState(t0_planned=self.clock.now())
        self.meter = self.make_meter()
        self.old.serve(0)
        self.new.serve(0)

    def make_meter(self) -> SignalMeter:
        return SignalMeter(self.book, self.clock, Secrets({}, Redactor()), self.store)

    def kill_the_engine(self) -> None:
        """Another engine, with what the one before it left on the disk."""
        self.store.close()
        self.store = Samples(self.store.path)
        self.meter = self.make_meter()
        self.meter.recall(self.state, self.clock.now())

    def done(self, *names: str) -> None:
        attempt = AttemptState(1, "done", "", "ops", self.clock.now())
        found = {name: StepState(name, "done", (attempt,), self.clock.now()) for name in names}
        self.state = replace(self.state, steps={**self.state.steps, **found})

    async def look(self) -> Verdict:
        """One look, whose word is journaled as the engine does it."""
        await self.meter.look()
        return self.judge()

    def judge(self) -> Verdict:
        found = self.meter.verdict(self.state, self.clock.now())
        if found.word not in (self.state.verdict, "decided"):
            self.state = replace(
                self.state,
                verdict=found.word,
                verdict_reason=found.reason,
                verdict_at=self.clock.now(),
            )
        return found

    async def minutes(self, count: int, **new: Any) -> Verdict:
        for _ in range(count * 4):
            self.clock.move(15)
            if "switch" in self.state.steps:
                self.new.serve(**{"ok": 25, **new})
            else:
                self.old.serve(25)
            verdict = await self.look()
        return verdict


async def cut_over(night: Night) -> None:
    await night.look()
    await night.minutes(3)
    night.done("freeze_old")
    night.clock.move(15)
    night.old.serve(0, 200)
    await night.look()
    night.clock.move(15)
    await night.look()
    night.done("open_new", "switch")


def reading(verdict: Verdict, signal: str) -> Reading:
    return next(one for one in verdict.readings if one.signal == signal)


class Shop:
    """A new side that says it accepted readings, and a database that holds them."""

    def __init__(self, pair: Pair, web: Web, store: Samples | None = None) -> None:
        self.pair = pair
        self.store = store
        self.side = Side(web)
        self.clock = HandClock()
        self.targets: dict[str, Target] = {
            "new": HttpTarget(kind="http", url=web.target.url),
            "new_database": pair.new,
            "old_database": pair.old,
        }
        self.meter = self.make_meter()
        steps = {"switch": StepState("switch", "done", (), self.clock.now())}
        self.state = RunState(steps=steps)

    def make_meter(self) -> SignalMeter:
        book = runbook((LOST,), **self.targets)
        return SignalMeter(book, self.clock, self.pair.secrets, self.store)

    async def kill_the_engine(self) -> Verdict:
        """Another engine; what its first look says, before it has counted anything itself."""
        await self.close()
        self.meter = self.make_meter()
        self.meter.recall(self.state, self.clock.now())
        return self.meter.verdict(self.state, self.clock.now())

    async def close(self) -> None:
        for books in self.meter._books.values():
            await books._hang_up()

    async def minute(self, accepted: int, stored: int) -> Verdict:
        self.clock.move(30)
        self.side.accepted += accepted
        self.side.serve(0)
        await self.pair.sql(
            self.pair.new,
            "insert into sensor_readings (sensor_id, ts)"
            f" select 1, now() from generate_series(1, {stored})",
        )
        await self.meter.look()
        return self.meter.verdict(self.state, self.clock.now())
