"""Runs every probe at its own pace, and shows each service as a tile that grows stale by itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, get_args

from cockpit import beat
from cockpit.clock import Clock
from cockpit.probes.listener import MEASURE_S
from cockpit.probes.registry import deadline, is_not_rehearsed, sample
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe, Runbook
from cockpit.runbook.targets import ComposeTarget
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Tile, TileState
from cockpit.telemetry.store import Samples

HISTORY = 24
"""Values that a tile remembers."""
MISSED = 3
"""Samples that may be missed before a tile is stale."""
CALM = frozenset(("fine", "slow"))
"""Between these a service turns only when two samples agree; else the journal would rattle."""
SICK = frozenset(("down", "silent", "stale"))
"""What one that is off looks like from outside."""
BEGINNINGS = frozenset(("fine", "silent", "off", "not_rehearsed"))
"""First states that are no news."""


class Turned(NamedTuple):
    """A service's state changed."""

    probe: str
    title: str
    was: str
    now: str
    figure: str


class Sampler:
    """All probes of a runbook."""

    def __init__(
        self,
        runbook: Runbook,
        clock: Clock,
        secrets: Secrets,
        store: Samples,
        news: Callable[[], object] = bool,
    ) -> None:
        self.context = ProbeContext(runbook, clock, secrets, store.path.parent)
        """What its probes share."""
        probes = runbook.procedure.probes
        self._watched = [Watched(probe, self.context, store, news) for probe in probes]

    def recall(self, services: Mapping[str, str], since: float) -> None:
        """Know what an engine before this one told of each service, and measured since a moment."""
        for watched in self._watched:
            watched.recall(services.get(watched.probe.id), since)

    async def run(self) -> None:
        """Sample until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for watched in self._watched:
                    group.create_task(watched.run())
        finally:
            await self.context.close()

    def hurry(self) -> None:
        """Sample everything at once: the run clock jumped, and every sample is old by it."""
        for watched in self._watched:
            watched.hurry()

    def tiles(self, now: float, off: Collection[str] = ()) -> tuple[Tile, ...]:
        """Every service as it is known now, in the runbook's order; `off` are so as planned."""
        return tuple(one.tile(now, off=one.probe.id in off) for one in self._watched)

    def turned(self, off: Collection[str] = ()) -> list[Turned]:
        """What changed since this was last asked."""
        return [
            turned
            for one in self._watched
            if (turned := one.turned(off=one.probe.id in off)) is not None
        ]

    def container(self, probe_id: str) -> tuple[Probe, ComposeTarget] | None:
        """Who watches a service's container, with its project; None where nobody does."""
        probe = self.context.runbook.procedure.container(probe_id)
        if probe is None or is_not_rehearsed(probe, self.context):
            return None
        target = self.context.runbook.target(probe.target)
        return (probe, target) if isinstance(target, ComposeTarget) else None

    def short(self) -> tuple[str, ...]:
        """The resources that are short, in words; not of the old side, which going on leaves."""
        found = (watched.short for watched in self._watched if watched.probe.side != "old")
        return tuple(filter(None, found))


class Watched:
    """One probe and what it saw."""

    def __init__(
        self,
        probe: Probe,
        context: ProbeContext,
        store: Samples,
        news: Callable[[], object] = bool,
    ) -> None:
        self.probe = probe
        self._context = context
        self._store = store
        self._news = news
        """Called when a sample says something else than the one before."""
        self._last = Sample("silent", "")
        self._at = 0.0
        self._taken: float | None = None
        self._agreed = 0
        self._since = 0.0
        self._shown: TileState = "silent"
        self._told: TileState | None = None
        self._history: deque[float | None] = deque(maxlen=HISTORY)
        self._tile: Tile | None = None
        self._hurry = context.woken[probe.id] = asyncio.Event()
        self._fresh_s = fresh_s(probe)

    async def run(self) -> None:
        """Sample at the probe's pace until cancelled; a late answer skips, and never queues."""
        clock = self._context.clock
        while True:
            began = clock.real()
            self.take(await sample(self.probe, self._context))
            self._hurry.clear()
            now = asyncio.get_running_loop().time()
            await beat.came(self._hurry, rest(self.probe, clock.real() - began, now))

    def recall(self, told: str | None, since: float) -> None:
        """Take the history from telemetry; the state is unknown until the first own sample."""
        self._told = next((one for one in get_args(TileState) if one == told), None)
        clock = self._context.clock
        recent = clock.now() - 4 * HISTORY * self.probe.every * clock.speed
        found = self._store.series(self.probe.id, "value", max(since, recent))[-HISTORY:]
        if found:
            # Nobody sampled while the engine was gone.
            self._history.extend((*(value for _, value in found), None))
            self._tile = None

    def hurry(self) -> None:
        """Take the next sample at once."""
        self._hurry.set()

    def take(self, found: Sample) -> None:
        """Remember one sample."""
        clock = self._context.clock
        is_news = (found.state, found.figure) != (self._last.state, self._last.figure)
        # The most that it held is all that is asked for: the same again says nothing.
        holds_other = found.memory != self._last.memory
        self._agreed = self._agreed + 1 if found.state == self._last.state else 1
        self._last, self._taken = found, clock.real() - found.age_s
        if found.state != "silent":
            # One that tells nothing does not make what was heard before any younger.
            self._at = clock.now() - found.age_s * clock.speed
        self._history.append(found.value)
        self._tile = None
        if found.value is not None:
            self._store.record(self._at, self.probe.id, "value", found.value)
        if found.memory is not None and holds_other:
            self._store.record(self._at, self.probe.id, "memory", found.memory)
        if is_news:
            self._news()

    def tile(self, now: float, *, off: bool = False) -> Tile:
        """The service as it is known now."""
        state = self._state(off=off)
        if state != self._shown or not self._since:
            self._shown, self._since, self._tile = state, now, None
        fresh_for = self._fresh_s * self._context.clock.speed
        if self._tile is None or self._tile.fresh_for != fresh_for:
            self._tile = self._made(state, fresh_for)
        return self._tile

    def _made(self, state: TileState, fresh_for: float) -> Tile:
        return Tile(
            probe=self.probe.id,
            title=self.probe.title,
            state=state,
            figure=self._last.figure,
            at=self._at,
            since=self._since,
            history=tuple(self._history),
            detail=self._last.detail,
            side=self.probe.side,
            fresh_for=fresh_for,
        )

    @property
    def short(self) -> str:
        """What of it is short, in words, as last seen."""
        short = self._last.short
        return short if short and self._state() in CALM else ""

    def turned(self, *, off: bool = False) -> Turned | None:
        """What changed since this was last asked; a service that begins well is no news."""
        was, now = self._told, self._state(off=off)
        if self._taken is None or now == was:
            return None
        if {was, now} == CALM and self._agreed < 2:
            return None
        self._told = now
        if was is None and now in BEGINNINGS:
            return None
        return Turned(self.probe.id, self.probe.title, was or "silent", now, self._last.figure)

    def _state(self, *, off: bool = False) -> TileState:
        seen = self._seen()
        # One that answers though it should be off is shown as it is.
        return "off" if off and seen in SICK else seen

    def _seen(self) -> TileState:
        # Real seconds: a jump of the run clock is no silence of a service.
        if self._taken is None or self._last.state == "not_rehearsed":
            return self._last.state
        age = self._context.clock.real() - self._taken
        return "stale" if age > self._fresh_s else self._last.state


def rest(probe: Probe, took: float, now: float) -> float:
    """Real seconds to a probe's next sample, after one that took so long and ended now."""
    if probe.kind == "container":
        # Nothing is asked, what was heard is told: of all containers at one waking.
        return beat.rest(probe.every, now)
    return max(0.0, probe.every - took)


def fresh_s(probe: Probe) -> float:
    """Real seconds for which what a probe said holds."""
    # A container's events come when they come; its engine is asked at a pace of its own.
    least = MEASURE_S if probe.kind == "container" else 0.0
    return MISSED * max(probe.every, least) + deadline(probe)
