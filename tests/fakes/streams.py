"""A new side's requests as the lab makes them, measured and judged once a run minute."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cockpit.decision import calm
from cockpit.decision.calm import Spoken, Standing
from cockpit.decision.evidence import Leaning, VerdictWord
from cockpit.decision.signals import Evidence, edge_column, failed_column, feared, read
from cockpit.decision.tree import find
from cockpit.decision.windows import Ledger, Window
from cockpit.runbook.model import Signal
from cockpit.runbook.words import Duration, Id, TargetId

EDGES = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "+Inf")
WINDOW = 900.0


def signal(kind: str, limit: float, warn: float = 0.0) -> Signal:
    return Signal(
        id=Id(kind),
        title=f"{kind}?",
        kind=kind,  # type: ignore[arg-type]
        target=TargetId("new"),
        limit=limit,
        warn=warn,
        window=Duration(WINDOW),
    )


FAILURES = signal("failures", 0.1)
LATENCY = signal("latency", 2.0, 1.3)
LOSSES = signal("losses", 0)
SIGNALS = (FAILURES, LATENCY, LOSSES)


def poisson(chance: random.Random, mean: float) -> int:
    left, count = math.exp(-mean), 0
    product = chance.random()
    while product > left:
        product *= chance.random()
        count += 1
    return count


class Look(NamedTuple):
    """One look: what the tree said, and what the operator was told."""

    minute: int
    found: VerdictWord
    shown: VerdictWord
    reason: str


class Seen(NamedTuple):
    """What was measured by a moment."""

    now: float
    window: Window
    ledger: Ledger
    baseline: dict[str, float]

    def since(self, moment: float) -> Evidence:
        return Evidence(
            now=self.now,
            since=max(0.0, moment),
            new=self.window.since(max(0.0, moment)),
            baseline=self.baseline,
            balances=self.ledger.balances,
            newest=self.now,
        )

    def fear(self, spoken: Spoken) -> Leaning:
        fears = []
        for one in SIGNALS:
            if one.id in spoken.about:
                since, z = calm.reach(spoken, one, self.now)
                fears.append(feared(one, self.since(since), z))
        return calm.worst(fears)


class Stream:
    """A new side whose faults begin at a minute; every minute is fed and judged."""

    def __init__(self, seed: int, rate: float = 100, usual: float = 0.005) -> None:
        self.chance = random.Random(seed)
        self.rate = rate
        self.failing: Callable[[int], float] = lambda _: usual
        self.slowness: Callable[[int], float] = lambda _: 1.0
        self.losing: Callable[[int], float] = lambda _: 0.0
        self.totals: dict[str, float] = dict.fromkeys(columns(), 0.0)
        self.stored = 500.0
        self.accepted = 0.0
        self.baseline = self.measured(1500, usual, 1.0)

    def measured(self, count: int, failing: float, slowness: float) -> dict[str, float]:
        found = dict.fromkeys(columns(), 0.0)
        for _ in range(count):
            found[FAILURES.total] += 1
            found[failed_column(FAILURES)] += self.chance.random() < failing
            took = self.chance.lognormvariate(math.log(0.02), 0.5) * slowness
            for edge in EDGES:
                found[edge_column(LATENCY, edge)] += took <= float(edge)
        return found

    def verdicts(self, minutes: int) -> Iterator[tuple[int, VerdictWord]]:
        for look in self.looks(minutes):
            yield look.minute, look.shown

    def looks(self, minutes: int) -> Iterator[Look]:
        window = Window(calm.PATIENCE * WINDOW, 120)
        ledger, standing = Ledger(WINDOW + 480, 120), Standing()
        for minute in range(minutes):
            now = minute * 60.0
            if minute:
                self.advance(minute)
            window.feed(now, self.totals)
            ledger.feed(now, self.accepted, (self.stored, self.stored))
            seen = Seen(now, window, ledger, self.baseline)
            finding = find([(one.kind, read(one, seen.since(now - WINDOW))) for one in SIGNALS])
            standing = calm.judge(standing, finding, now, now)
            standing = calm.let_go(standing, now, WINDOW, seen.fear)
            said = calm.shown(standing)
            yield Look(minute, finding.word, said.word, said.reason)

    def advance(self, minute: int) -> None:
        count = poisson(self.chance, self.rate)
        more = self.measured(count, self.failing(minute), self.slowness(minute))
        for column, number in more.items():
            self.totals[column] += number
        readings = poisson(self.chance, self.rate / 2)
        self.accepted += readings
        self.stored += sum(self.chance.random() >= self.losing(minute) for _ in range(readings))


def columns() -> tuple[str, ...]:
    edges = tuple(edge_column(LATENCY, edge) for edge in EDGES)
    return (FAILURES.total, failed_column(FAILURES), *edges)
