"""Measures every signal, and says what the evidence means: the engine's side of `decision`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from cockpit import beat
from cockpit.clock import Clock
from cockpit.decision import calm, rollback, signals, tree
from cockpit.decision.calm import Spoken, Standing
from cockpit.decision.evidence import Leaning, Reading, Verdict, VerdictWord
from cockpit.decision.signals import Evidence
from cockpit.decision.tree import Finding
from cockpit.errors import CockpitError
from cockpit.journal.state import RunState
from cockpit.runbook.model import Decision, Runbook, Signal
from cockpit.runbook.targets import DnsTarget, PostgresTarget
from cockpit.secrets import Secrets
from cockpit.telemetry.baseline import Baseline, is_frozen
from cockpit.telemetry.books import Books
from cockpit.telemetry.sources import EVERY_S, Source, elsewhere_column
from cockpit.telemetry.store import Samples

CARRY_EVERY_S = 20.0
"""Run seconds between two counts of the rows that a rollback would carry …"""
CARRY_REST_S = 5.0
"""… and real ones that it rests in any case: a compressed night has many rows in a second."""


class SignalMeter:
    """All signals of a runbook, and the verdict that follows from them."""

    def __init__(
        self, runbook: Runbook, clock: Clock, secrets: Secrets, store: Samples | None = None
    ) -> None:
        self._runbook = runbook
        self._clock = clock
        self._secrets = secrets
        self._signals = runbook.procedure.signals
        self._store = store
        self._sources = dict(self._make_sources())
        self._books = dict(self._make_books())
        self._baselines = dict(self._make_baselines())
        self._standing = Standing()
        self._compared: Mapping[str, Mapping[str, float]] = {}
        """The old side's counts that each signal is compared with."""
        self._carries = False
        """Whether the new side may hold rows of its own by now."""
        self._to_carry: int | None = None
        self._carried_at = 0.0
        """The run clock of that count."""

    async def run(self) -> None:
        """Measure until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._scrape())
            group.create_task(self._count())
            for books in self._books.values():
                group.create_task(books.run())

    async def look(self) -> None:
        """Measure once; `run` does so again and again, each part at its own pace."""
        sources, books = self._sources.values(), self._books.values()
        await asyncio.gather(*(one.look() for one in sources), *(one.look() for one in books))

    def recall(self, state: RunState, now: float) -> None:
        """Know what an engine before this one measured and said, since the run clock's last jump.

        What was measured comes from telemetry, the word that stands from the journal: a lost
        telemetry takes no ROLL BACK away.
        """
        for source in self._sources.values():
            source.recall(state.jumped_at)
        for books in self._books.values():
            books.recall(state.jumped_at)
        if state.verdict_at is not None and state.verdict_at >= state.jumped_at:
            measured = [source.window.newest or 0.0 for source in self._sources.values()]
            at = min(max(state.verdict_at, *measured), now)
            self._standing = calm.recalled(state.verdict, state.verdict_reason, at)

    def forget(self) -> None:
        """Start every window anew: the run clock jumped."""
        self._standing = Standing()
        for source in self._sources.values():
            source.window.forget()
        for books in self._books.values():
            books.forget()

    def readings(self, state: RunState, now: float) -> tuple[Reading, ...]:
        """Every signal as measured since the switch, within its window."""
        frozen = is_frozen(self._runbook, state)
        self._compared = {
            name: baseline.follow(now, frozen=frozen) for name, baseline in self._baselines.items()
        }
        switched = self._switched(state)
        if switched is None:
            waits = self._waits(self._runbook.procedure.decision, state)
            trouble = "not switched yet" if waits.word == "not_yet" else waits.reason
            before = Evidence(now, now, trouble=trouble)
            return tuple(signals.read(signal, before) for signal in self._signals)
        return tuple(
            signals.read(signal, self._evidence(signal, max(switched, now - signal.window), now))
            for signal in self._signals
        )

    def verdict(
        self,
        state: RunState,
        now: float,
        short: Sequence[str] = (),
        rollback_s: float | None = None,
    ) -> Verdict:
        """What the evidence says at this look.

        `short` names resources that are short; `rollback_s` is how long a rollback took when it
        was rehearsed, where that is known.
        """
        decision = self._runbook.procedure.decision
        readings = self.readings(state, now)
        finding = self._finding(decision, state, readings, short)
        newest = max((reading.at for reading in readings), default=0.0)
        said = self._said(finding, state, now, newest)
        to_carry = self._carry(state)
        lost = rollback.cannot_bring_back(self._runbook, state, readings)
        if said.word == "decided":
            lost = () if state.ended or state.mode == "forward" else lost
            return Verdict(said.word, said.reason, readings, 0, to_carry, lost, at=now)
        takes = self._rollback_takes(decision, state) if rollback_s is None else rollback_s
        return Verdict(
            said.word,
            said.reason,
            readings,
            self._standing.looks.count,
            to_carry,
            lost,
            takes,
            None if takes is None else rollback.back_by(self._runbook, state, takes),
            now,
            self._carried_at if self._carries else 0.0,
        )

    def _rollback_takes(self, decision: Decision | None, state: RunState) -> float | None:
        """What the runbook expects: no less than what the steps that are wanted now add up to.

        None where it expects nothing: a way back that nobody estimated is not one without delay.
        """
        steps = sum(step.estimate for step in rollback.steps_back(self._runbook, state))
        return max(0.0 if decision is None else decision.rollback_estimate, steps) or None

    def old_requests(self, now: float) -> float | None:
        """Requests a run minute that still reach the old side; None where nobody can tell."""
        for signal in self._signals:
            if signal.baseline is not None and signal.kind != "losses":
                return self._sources[signal.baseline].per_minute(now, signal.total)
        return None

    def old_by_name(self, now: float) -> float | None:
        """Those of them that call the old host by a name of its own; None where nobody can tell."""
        for signal in self._signals:
            if signal.baseline is not None and signal.kind != "losses":
                source = self._sources[signal.baseline]
                return source.per_minute(now, elsewhere_column(signal), must_be=True)
        return None

    def _finding(
        self,
        decision: Decision | None,
        state: RunState,
        readings: Sequence[Reading],
        short: Sequence[str],
    ) -> Finding:
        if settled := rollback.settled(self._runbook, state):
            return Finding("decided", settled)
        if decision is None or self._switched(state) is None:
            return self._waits(decision, state)
        kinds: dict[str, str] = {signal.id: signal.kind for signal in self._signals}
        counted = [one for one in readings if one.signal in decision.signals]
        return tree.find([(kinds[one.signal], one) for one in counted], short)

    def _waits(self, decision: Decision | None, state: RunState) -> Finding:
        """Why nothing is weighed: the switch is still to come, or what follows it is."""
        if decision is None:
            return Finding("not_weighed", "the runbook decides by no signal")
        has_switch = any(step.t0 for step in self._runbook.forward)
        made = has_switch and rollback.t0_may_have_acted(self._runbook, state)
        title = self._runbook.step(decision.after).title
        word: VerdictWord = "not_weighed" if made else "not_yet"
        return Finding(word, f"it is decided once this is done: {title}")

    def _said(self, finding: Finding, state: RunState, now: float, newest: float) -> Finding:
        """What may be said after this look: nothing milder before that is sure."""
        window = max((signal.window for signal in self._signals), default=0.0)
        standing = calm.judge(self._standing, finding, now, newest)
        self._standing = calm.let_go(standing, now, window, lambda one: self._fear(one, state, now))
        return calm.shown(self._standing)

    def _fear(self, spoken: Spoken, state: RunState, now: float) -> Leaning:
        """The worst that the evidence since a word was said does not leave out."""
        decision, switched = self._runbook.procedure.decision, self._switched(state)
        if decision is None or switched is None:
            return "unknown"
        fears: list[Leaning] = []
        for signal in self._signals:
            if signal.id in (spoken.about or decision.signals):
                since, z = calm.reach(spoken, signal, now)
                found = self._evidence(signal, max(switched, since), now)
                fears.append(signals.feared(signal, found, z))
        return calm.worst(fears)

    def _switched(self, state: RunState) -> float | None:
        decision = self._runbook.procedure.decision
        return None if decision is None else state.step(decision.after).done_at

    def _evidence(self, signal: Signal, since: float, now: float) -> Evidence:
        if signal.kind == "losses":
            return self._balanced(signal, since, now)
        source = self._sources[signal.target]
        old = self._sources[signal.baseline] if signal.baseline else None
        return Evidence(
            now=now,
            since=since,
            new=source.window.since(since),
            baseline=self._compared.get(signal.id, {}),
            old=old.counts(now, now - since) if old else {},
            newest=source.window.newest or 0.0,
            trouble=source.trouble(now),
            unmeasured=source.window.unmeasured(since),
        )

    def _balanced(self, signal: Signal, since: float, now: float) -> Evidence:
        books = self._books[signal.id]
        balances = books.balances
        newest = balances[-1].at if balances else 0.0
        return Evidence(
            now=now,
            since=since,
            balances=balances,
            newest=newest,
            trouble=books.trouble(now),
            unmeasured=books.ledger.unmeasured(since),
        )

    def _carry(self, state: RunState) -> int | None:
        self._carries = rollback.new_side_wrote(self._runbook, state) and not state.ended
        if state.ended:
            return None
        return self._to_carry if self._carries else 0

    async def _scrape(self) -> None:
        while self._sources:
            await asyncio.gather(*(source.look() for source in self._sources.values()))
            await asyncio.sleep(beat.rest(EVERY_S, asyncio.get_running_loop().time()))

    async def _count(self) -> None:
        while True:
            if self._carries:
                counted_at = self._clock.now()
                self._to_carry, self._carried_at = await self._rows_to_carry(), counted_at
            pace = max(CARRY_REST_S, CARRY_EVERY_S / self._clock.speed)
            every = pace if self._carries else EVERY_S
            await asyncio.sleep(beat.rest(every, asyncio.get_running_loop().time()))

    async def _rows_to_carry(self) -> int | None:
        from cockpit.database.carry import rows_to_carry

        decision = self._runbook.procedure.decision
        if decision is None or decision.carry is None:
            return None
        new, old = (self._runbook.target(one) for one in decision.carry)
        if not isinstance(new, PostgresTarget) or not isinstance(old, PostgresTarget):
            return None
        try:
            return await rows_to_carry(new, old, self._secrets, decision.tables)
        except (CockpitError, OSError):
            return None  # shown as a number that nobody could count

    def _make_sources(self) -> Iterator[tuple[str, Source]]:
        counted = [signal for signal in self._signals if signal.kind != "losses"]
        names = {signal.target for signal in counted}
        names |= {signal.baseline for signal in counted if signal.baseline is not None}
        for name in sorted(names):
            readers = [one for one in counted if name in (one.target, one.baseline)]
            target = self._runbook.target(name)
            made = Source(name, target, readers, self._clock, self._secrets, self._store)
            made.moving = self._moving()
            yield name, made

    def _moving(self) -> frozenset[str]:
        """The names that move, as a request's Host says them."""
        zones = self._runbook.profile.targets.values()
        return frozenset(
            name.rstrip(".").lower()
            for zone in zones
            if isinstance(zone, DnsTarget)
            for name in zone.names
        )

    def _make_books(self) -> Iterator[tuple[str, Books]]:
        for signal in self._signals:
            if signal.kind == "losses":
                database = self._runbook.target(signal.database) if signal.database else None
                targets = (self._runbook.target(signal.target), database)
                books = Books(signal, targets, self._clock, self._secrets, self._store)
                yield signal.id, books

    def _make_baselines(self) -> Iterator[tuple[str, Baseline]]:
        for signal in self._signals:
            if signal.baseline is not None and signal.kind in ("failures", "latency"):
                source = self._sources[signal.baseline]
                yield signal.id, Baseline(source, signal.total, self._store)
