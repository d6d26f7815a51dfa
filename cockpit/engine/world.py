"""What the outside world looks like: services, resolvers, signals, watches and the lab."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from cockpit.answer import Answer
from cockpit.clock import boot_ns
from cockpit.decision.evidence import Verdict
from cockpit.earlier import Earlier, directories, look_back
from cockpit.engine.dns_memory import DnsMemory, resume, wanted_by, zone_that_moves
from cockpit.engine.lab import LabKeeper
from cockpit.engine.layout import RunDirectory
from cockpit.engine.ledger import Ledger
from cockpit.engine.pause import pause
from cockpit.journal.events import ServiceTurned, T0Happened, VerdictGiven
from cockpit.journal.state import RunState
from cockpit.outlook import off_as_planned
from cockpit.probes.sampler import Sampler
from cockpit.probes.service_look import ServiceLook
from cockpit.propagation.answers import Grid
from cockpit.propagation.courtesy import Courtesy
from cockpit.propagation.turns import Turns
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.model import Runbook, Step
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live, Proposal
from cockpit.telemetry.measure import SignalMeter
from cockpit.telemetry.store import Samples

SWEEP_S = 1.0
"""Real seconds between two looks at the authorities; resolvers have turns of their own."""
CALM_SWEEP_S = 5.0
"""The same while no switch spreads: nine days of looks are many."""
SPREAD_S = 600.0
"""Run seconds after the last cache had to let go, for which a switch still counts as spreading."""
LOOK_BACK_S = 60.0
"""Real seconds between two looks at which other runs this host has."""
Beat = tuple[float, *tuple[Callable[[], Awaitable[None]], ...]]
"""Real seconds, and what is called so often; only what never waits has another one behind it."""


class World:
    """Looks at everything outside, again and again; changes nothing."""

    def __init__(
        self, directory: RunDirectory, runbook: Runbook, ledger: Ledger, secrets: Secrets
    ) -> None:
        self._runbook = runbook
        self._ledger = ledger
        self.host = socket.gethostname()
        self.held_locks: dict[str, int] = {}
        rehearses = runbook.environment == "rehearsal"
        self.lab = LabKeeper(directory, ledger) if rehearses else None
        self.news = asyncio.Event()
        """Set when there is something to be shown at once."""
        self._samples = Samples(directory.telemetry)
        self._sampler = Sampler(runbook, ledger.clock, secrets, self._samples, self.news.set)
        self._meter = SignalMeter(runbook, ledger.clock, secrets, self._samples)
        self._recall()
        self.courtesy = Courtesy(Turns(polite=not rehearses))
        self._propagation = PropagationWatch(
            zone_that_moves(runbook), ledger.clock, polite=not rehearses, turns=self.courtesy.turns
        )
        self._dns_memory = DnsMemory(directory.propagation, ledger.clock, self.courtesy)
        self._dns_memory.load(self._propagation)
        self._swept = 0.0
        """Real seconds."""
        self._known_plan: _Plan | None = None
        self._directory = directory
        self._looked_back: tuple[RunDirectory, ...] = ()
        self.earlier = Earlier()
        """What earlier runs took."""
        self.grid: Grid | None = None
        self.verdict: Verdict | None = None
        self._resume()
        if why := pause(runbook, ledger.state):
            # Before the first look, too, a gate must know that it may not ask.
            self.grid = self._propagation.told(why)

    def _recall(self) -> None:
        """After an engine's start: know what the one before it measured and said."""
        state = self._ledger.state
        self._sampler.recall(state.services, state.jumped_at)
        self._meter.recall(state, self._ledger.clock.now())

    # -- what is seen ---------------------------------------------------------------------------

    def live(
        self,
        *,
        proposal: Proposal | None,
        looked: tuple[str, tuple[Answer, ...]] | None,
        trouble: str,
        watching: int,
    ) -> Live:
        """All that is seen just now."""
        return Live(
            engine_pid=os.getpid(),
            boot_ns=boot_ns(),
            tiles=self._sampler.tiles(self._ledger.clock.now(), self._off),
            grid=self.grid,
            verdict=self.verdict,
            proposal=proposal,
            looked=looked,
            lab=self.lab.view if self.lab else None,
            old_requests=self._meter.old_requests(self._ledger.clock.now()),
            old_by_name=self._meter.old_by_name(self._ledger.clock.now()),
            trouble=trouble,
            watching=watching,
        )

    @property
    def lab_url(self) -> str | None:
        """Where the lab takes operations; None outside rehearsals."""
        return self.lab.url if self.lab else None

    @property
    def scope(self) -> str:
        """Where identities hold: every lab plays the same zone on a net of its own."""
        return f"lab {self.lab.spec.net}: " if self.lab else ""

    def service_look(self, probe: str) -> ServiceLook | None:
        """A look into a service that runs in a container; None where it is another thing."""
        found = self._sampler.container(probe)
        return ServiceLook(*found, self._sampler.context) if found else None

    # -- what the run tells it ------------------------------------------------------------------

    def forget(self) -> None:
        """The run clock jumped: nothing measured before says anything of now."""
        self._sampler.hurry()
        self._meter.forget()
        self._propagation.forget()
        self._swept = 0.0
        self._resume()

    def step_began(self, step: Step) -> None:
        """A step's runner was started."""
        wanted = wanted_by(step)
        if wanted is not None:
            self._propagation.expect(wanted, begun=True)
            self._swept = 0.0

    def step_done(self, step: Step) -> None:
        """A step is done: a switch that nobody saw happen has happened by now."""
        if step.t0 and self._ledger.state.t0_actual is None:
            evidence = "the switch is verified; the moment itself was not seen"
            self._ledger.tell(T0Happened(self._ledger.clock.now(), evidence))

    # -- beats ----------------------------------------------------------------------------------

    def beats(self) -> list[Beat]:
        """What is to be called every so many real seconds, one after the other."""
        own: list[Beat] = [
            (1.0, self._samples.keep),
            (1.0, self._sample),
            (1.0, self._tell_turns, self._judge),
            (1.0, self._measure),
            (SWEEP_S, self._sweep),
            (LOOK_BACK_S, self._look_back),
        ]
        return [(0.5, self._keep_lab), *own] if self.lab else own

    async def _keep_lab(self) -> None:
        if self.lab is not None:
            await self.lab.look()

    @property
    def _reachable(self) -> bool:
        return self.lab is None or self.lab.is_up

    async def _sample(self) -> None:
        if self._reachable:
            await self._sampler.run()

    @property
    def _off(self) -> frozenset[str]:
        """The services that the plan has off now."""
        return self._plan.off

    @property
    def _plan(self) -> _Plan:
        """What the plan says now: asked each second, worked out where something has happened."""
        known, state = self._known_plan, self._ledger.state
        if known is None or known.state is not state:
            known = self._known_plan = _plan(self._runbook, state)
        return known

    async def _tell_turns(self) -> None:
        if turned := self._sampler.turned(self._off):
            # That a service fell silent is seen by nobody but here.
            self.news.set()
            self._ledger.tell_all(ServiceTurned(*one) for one in turned)

    async def _measure(self) -> None:
        if self._reachable:
            await self._meter.run()

    async def _judge(self) -> None:
        if not self._reachable:
            return
        state, now, before = self._ledger.state, self._ledger.clock.now(), self.verdict
        took = self.earlier.rollback_s
        self.verdict = self._meter.verdict(state, now, self._sampler.short(), took)
        if before is None or before.word != self.verdict.word:
            self.news.set()
        # A question that is decided gives no new verdict: what decided it is in the journal.
        if self.verdict.word not in (state.verdict or "not_yet", "not_weighed", "decided"):
            words = [reading.told for reading in self.verdict.readings]
            self._ledger.tell(VerdictGiven(self.verdict.word, self.verdict.reason, words))

    async def _look_back(self) -> None:
        """Know what earlier runs took; one that was imported meanwhile counts, too."""
        name, own = self._runbook.name, self._directory.path
        found = await asyncio.to_thread(directories, name, own)
        if found != self._looked_back:
            self._looked_back = found
            self.earlier = await asyncio.to_thread(look_back, found)

    async def _sweep(self) -> None:
        real, why = self._ledger.clock.real(), self._plan.pause
        is_early = real - self._swept < CALM_SWEEP_S - SWEEP_S / 2
        if not self._reachable or (is_early and self._is_calm and not why):
            return
        self._swept = real
        self.grid = await self._propagation.look(why, at_once=True)
        await self._dns_memory.keep(self._propagation)
        if not self._is_calm:
            self.news.set()
        self._notice_t0(self.grid)

    @property
    def _is_calm(self) -> bool:
        """Whether a look now and then will do; in a rehearsal any second may be the switch."""
        end = self.grid.bound if self.grid else None
        now = self._ledger.clock.now()
        return self.lab is None and not (self._plan.switches and spreads(end, now))

    def _notice_t0(self, grid: Grid) -> None:
        state = self._ledger.state
        if state.t0_actual is not None or grid.switched_at is None:
            return
        if state.step(self._runbook.t0_step.id).began:
            seen = [row.name for row in grid.rows if row.role == "authority"]
            told = f"an authoritative server gave the new answer first ({', '.join(seen)} asked)"
            self._ledger.tell(T0Happened(grid.switched_at, told))

    def _resume(self) -> None:
        """After an engine's start: wait for the answer that the run wants now."""
        now = self._ledger.clock.now()
        resume(self._propagation, self._runbook, self._ledger.state, now)

    async def close(self, *, finish: bool) -> None:
        """Let go of everything; end the lab where the rehearsal is finished."""
        self._propagation.stop()
        if finish and self.lab is not None:
            await self.lab.end()


class _Plan(NamedTuple):
    """What follows from a state of the run alone."""

    state: RunState
    off: frozenset[str]
    """The services that the plan has off."""
    pause: str
    """Why no resolver is asked; empty where they are."""
    switches: bool
    """Whether a switch of the answer has begun."""


def _plan(runbook: Runbook, state: RunState) -> _Plan:
    probes = runbook.procedure.probes
    off = frozenset(one.id for one in probes if off_as_planned(runbook, state, one))
    return _Plan(state, off, pause(runbook, state), switches(runbook, state))


def switches(runbook: Runbook, state: RunState) -> bool:
    """Whether a switch of the answer has begun."""
    return any(wanted_by(step) and state.step(step.id).began for step in runbook.steps())


def spreads(end: float | None, now: float) -> bool:
    """Whether a switch that began is on its way yet; `end` is when the last cache has to let go."""
    return end is None or now < end + SPREAD_S
