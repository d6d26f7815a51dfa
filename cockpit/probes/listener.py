"""Listens to a Docker engine: one stream of events a Compose project, and few questions beside.

An event only says that a container changed; what it is now is read by inspecting it. Whatever
the stream may have missed is seen at the next round of measuring.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cockpit import beat
from cockpit.clock import Clock, wall_s
from cockpit.errors import CockpitError
from cockpit.probes.peaks import peak
from cockpit.runbook.targets import ComposeTarget
from cockpit.secrets import Secrets
from cockpit.stack.engine import Engine, EngineRefused, engine
from cockpit.stack.health_said import health_said
from cockpit.stack.look import PROJECT, SERVICE, waited_to_end, working_set
from cockpit.stack.oneoffs import ONE_OFF
from cockpit.stack.resolve import replicas

EVENTS = (
    *("create", "start", "restart", "die", "oom", "kill", "stop", "destroy"),
    *("pause", "unpause", "health_status", "rename", "update"),
)
"""Health checks themselves are events too (exec_…), one each second: not asked for."""
RETRY_S = 1.0
"""Real seconds before a silent engine is asked again."""
PING_S = 5.0
"""Real seconds between two signs of life that are asked for: a hung engine ends no stream."""
MEASURE_S = 15.0
"""Real seconds between two looks at what containers use."""
ROUNDS = 4
"""Every so many looks, healthy containers are inspected too, for their last health output …"""
SELDOM_ROUNDS = 20
"""… and those without a health check, for what the stream of events may have missed."""
CALM_ROUNDS = 2
"""Every so many looks, containers far from their limit of memory are measured too."""
FAR = 0.5
"""The share of its limit below which a container is far from it."""
DEATHS = 8
"""Ends of a container that are remembered."""
NEAR_S = 5.0
"""Real seconds between running out of memory and the end that it brings, at most."""
PAST = 24
"""Happenings that are remembered of a service."""
SAID = {
    "create": "created",
    "start": "started",
    "oom": "ran out of memory",
    "stop": "stopped",
    "restart": "restarted by hand",
    "pause": "paused",
    "unpause": "goes on after a pause",
    "destroy": "removed",
}
"""What an event says of its container."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Use:
    """What a container used when it was last measured."""

    memory: int
    """Bytes that it cannot give back."""
    cpu: float | None
    """Processors, over the time since the measurement before; None at the first."""
    peak: int | None = None
    """The most bytes that it ever used, page cache included; None where nobody tells."""


@dataclass
class Container:
    """One container, as far as it was heard of."""

    inspected: Mapping[str, Any]
    use: Use | None = None
    spent: tuple[int, int] = (0, 0)
    """Nanoseconds of its own and of all processors, at the last measurement."""
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS))
    """Real seconds at which it ended."""
    out_of_memory: float | None = None
    """Real seconds at which it last ran out."""
    started: float = 0.0
    """Real seconds at which it was last heard to start."""

    @property
    def ended_for_memory(self) -> bool:
        """Whether its last end was for want of memory: an engine may keep the word for ever."""
        ran_out = self.out_of_memory
        if not self.deaths:
            return ran_out is not None or bool(self.state.get("OOMKilled"))
        if ran_out is None or ran_out < self.started <= self.deaths[-1]:
            return False
        return abs(self.deaths[-1] - ran_out) < NEAR_S

    @property
    def service(self) -> str:
        """The Compose service that it belongs to."""
        return self.labels.get(SERVICE, "")

    @property
    def labels(self) -> Mapping[str, str]:
        """What Compose wrote down of it."""
        return self.inspected["Config"]["Labels"] or {}

    @property
    def state(self) -> Mapping[str, Any]:
        """What the engine says of its state."""
        found: Mapping[str, Any] = self.inspected["State"]
        return found


class Listener:
    """Everything that is known of a project's containers, kept up by the engine's events."""

    def __init__(
        self, target: ComposeTarget, secrets: Secrets, clock: Clock, runbook: str = "."
    ) -> None:
        self.containers: dict[str, Container] = {}
        self.trouble = "nothing was heard of the Docker engine yet"
        """Why nothing is known; empty while the engine is heard."""
        self.woken: dict[str, list[asyncio.Event]] = {}
        """What to set when a service changed, by service."""
        self.past: dict[str, deque[tuple[float, str]]] = defaultdict(lambda: deque(maxlen=PAST))
        """What happened to each service's containers while this listened, by the wall clock."""
        self.heard = clock.real()
        """Real seconds at which the engine last said anything."""
        self.wanted: Mapping[str, int] = {}
        """How many containers Compose wants of each service; empty while that is unknown."""
        self.uncounted = ""
        """Why that is unknown."""
        self._once: set[str] = set()
        """Containers that were seen to be waited for until they end; who waited may be gone."""
        self._target = target
        self._secrets = secrets
        self._clock = clock
        self._runbook = runbook
        self._recount = asyncio.Event()
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen until closed."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name=f"docker {self._target.project}")

    async def close(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def settled(self) -> None:
        """Wait until the engine was heard, or was found silent."""
        await self._settled.wait()

    def of(self, service: str) -> list[Container]:
        """A service's containers."""
        return [one for one in self.containers.values() if one.service == service]

    def once(self, service: str) -> bool:
        """Whether it is a service that does its work and ends, as those that wait for it say."""
        found = self.containers.items()
        return any(key in self._once for key, one in found if one.service == service)

    async def _run(self) -> None:
        while True:
            try:
                async with engine(self._target.context) as api, asyncio.TaskGroup() as group:
                    group.create_task(self._listen(api))
                    group.create_task(self._measure(api))
                    group.create_task(self._count())
            except* (CockpitError, OSError) as found:
                self._lose(str(_first(found)))
            except* Exception as found:  # noqa: BLE001 - the one boundary: logged, and told as silence
                _log.exception("listening to the engine of %s broke", self._target.project)
                self._lose(f"listening broke ({type(_first(found)).__name__})")
            await asyncio.sleep(RETRY_S)

    async def _listen(self, api: Engine) -> None:
        filters = {
            "type": ["container"],
            "label": [f"{PROJECT}={self._target.project}"],
            "event": list(EVENTS),
        }
        async for line in api.lines("/events", filters=filters):
            self.heard = self._clock.real()
            if line:
                await self._hear(api, json.loads(line))
            elif self.trouble:
                await self._take_in(api)

    async def _count(self) -> None:
        """Ask Compose how many containers it wants, again whenever one came or went."""
        while True:
            self._recount.clear()
            try:
                self.wanted, self.uncounted = await replicas(self._target, self._runbook), ""
            except (CockpitError, OSError, ValueError) as error:
                self.wanted, self.uncounted = {}, str(error)
            self._wake(*self.woken)
            await self._recount.wait()

    async def _take_in(self, api: Engine) -> None:
        """Read everything once the stream is open, so that no change falls between."""
        for container in await self._listed(api):
            await self._inspect(api, container)
        self.trouble = ""
        self._settled.set()
        self._wake(*self.woken)

    async def _listed(self, api: Engine) -> dict[str, str]:
        """The state of every container that there is, by its id."""
        filters = {"label": [f"{PROJECT}={self._target.project}"]}
        listed = await api.get("/containers/json", all="true", filters=filters)
        self.heard = self._clock.real()
        states = {one["Id"]: one["State"] for one in listed if one["Labels"].get(ONE_OFF) != "True"}
        for gone in self.containers.keys() - states.keys():
            self._wake(self.containers.pop(gone).service)
        return states

    async def _hear(self, api: Engine, event: Mapping[str, Any]) -> None:
        actor, action = event["Actor"]["ID"], event["Action"]
        if event["Actor"]["Attributes"].get(ONE_OFF) == "True":
            return
        self._remember(event)
        if action in ("create", "destroy"):
            self._recount.set()
        if action == "destroy":
            if gone := self.containers.pop(actor, None):
                self._wake(gone.service)
            return
        before = self.containers.get(actor)
        had_run_out = bool(before and before.state.get("OOMKilled"))
        await self._inspect(api, actor)
        known = self.containers.get(actor)
        if known and action == "start":
            known.started = self._clock.real()
        if known and action == "die":
            known.deaths.append(self._clock.real())
        # Some engines tell it by the end alone.
        if known and (action == "oom" or (known.state.get("OOMKilled") and not had_run_out)):
            known.out_of_memory = self._clock.real()

    def _remember(self, event: Mapping[str, Any]) -> None:
        about = event["Actor"]["Attributes"]
        if words := _said(str(event["Action"]), about):
            at = int(event.get("timeNano", 0)) / 1e9 or wall_s()
            self.past[about.get(SERVICE, "")].append((at, f"{about.get('name', '')} {words}"))

    async def _inspect(self, api: Engine, container: str) -> None:
        try:
            inspected = await api.get(f"/containers/{container}/json")
        except EngineRefused:
            await self._listed(api)  # it is gone already
            return
        for entry in (inspected["State"].get("Health") or {}).get("Log") or ():
            # Before anybody cuts it.
            entry["Output"] = health_said(str(entry.get("Output") or ""), self._secrets)
        known = self.containers.setdefault(container, Container(inspected))
        known.inspected = inspected
        self._know_once()
        self._wake(known.service)

    def _know_once(self) -> None:
        told = [waited_to_end(one.labels) for one in self.containers.values()]
        ending = frozenset[str]().union(*told)
        self._once |= {key for key, one in self.containers.items() if one.service in ending}

    async def _measure(self, api: Engine) -> None:
        await self.settled()
        count = 0
        while True:
            for container, state in (await self._listed(api)).items():
                known = self.containers.get(container)
                if known is None or is_due(known, state, count):
                    await self._inspect(api, container)
                    known = self.containers.get(container)
                is_turn = count % CALM_ROUNDS == 0 or not known or not _is_far(known)
                if known and known.state.get("Running") and is_turn:
                    await self._weigh(api, container, known)
            count += 1
            await self._rest(api)

    async def _rest(self, api: Engine) -> None:
        """Wait for the next look, and ask meanwhile whether the engine answers at all."""
        now = asyncio.get_running_loop().time
        until = now() + beat.rest(MEASURE_S, now())
        while (left := until - now()) > PING_S:
            await asyncio.sleep(min(left, beat.rest(PING_S, now())))
            await api.ping()
            self.heard = self._clock.real()
        await asyncio.sleep(left)

    async def _weigh(self, api: Engine, container: str, known: Container) -> None:
        parameters = {"stream": "false", "one-shot": "true"}
        try:
            stats = await api.get(f"/containers/{container}/stats", **parameters)
        except EngineRefused:
            return  # it ended just now
        processors = stats.get("cpu_stats") or {}
        own = int(processors.get("cpu_usage", {}).get("total_usage", 0))
        every = int(processors.get("system_cpu_usage", 0))
        before, before_every = known.spent
        share = (own - before) / (every - before_every) if before and every > before_every else None
        count = processors.get("online_cpus") or 1
        most = peak(stats, known.state, is_local=api.is_local)
        cpu = None if share is None else max(0.0, share * count)
        known.use = Use(working_set(stats), cpu, most)
        known.spent = (own, every)

    def _lose(self, why: str) -> None:
        if not self.trouble:
            for service in self.woken:
                self.past[service].append((wall_s(), f"nothing is heard any more: {why}"))
        self.trouble = why
        self.containers.clear()
        self._settled.set()
        self._wake(*self.woken)

    def _wake(self, *services: str) -> None:
        for service in services:
            for event in self.woken.get(service, ()):
                event.set()


def _said(action: str, about: Mapping[str, str]) -> str:
    """An event in words; empty where it says nothing of its own."""
    if action == "die":
        return f"ended, exit {about.get('exitCode', '?')}"
    if action == "kill":
        return f"got signal {about.get('signal', '?')}"
    if action.startswith("health_status"):
        return action.partition(":")[2].strip()
    return SAID.get(action, "")


def is_due(known: Container, state: str, count: int) -> bool:
    """Whether a container, which the engine lists in a state, is inspected in a look at all."""
    if state != known.state.get("Status") or not _is_well(known):
        return True
    rounds = ROUNDS if known.state.get("Health") else SELDOM_ROUNDS
    return count > 0 and count % rounds == 0


def _is_well(known: Container) -> bool:
    health = (known.state.get("Health") or {}).get("Status", "none")
    return known.state.get("Status") == "running" and health in ("healthy", "none")


def _is_far(known: Container) -> bool:
    """Whether it was measured, and used little of its limit; one without a limit is never short."""
    limit = int((known.inspected.get("HostConfig") or {}).get("Memory") or 0)
    return known.use is not None and (not limit or known.use.memory < FAR * limit)


def _first(found: BaseExceptionGroup[BaseException]) -> BaseException:
    return next(_leaves(found))


def _leaves(found: BaseException) -> Iterator[BaseException]:
    if isinstance(found, BaseExceptionGroup):
        for one in found.exceptions:
            yield from _leaves(one)
    else:
        yield found
