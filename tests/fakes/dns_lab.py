"""The lab's own name servers and resolvers in a test's own loop, with a target and a context."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cockpit.actions.base import ActionContext
from cockpit.checks.base import CheckContext
from cockpit.clock import ClockMap, boot_ns
from cockpit.journal.events import Json
from cockpit.journal.state import RunState
from cockpit.propagation.answers import Grid
from cockpit.propagation.courtesy import Courtesy
from cockpit.propagation.providers.rfc2136 import DynamicUpdates
from cockpit.propagation.turns import Turns
from cockpit.redact import Redactor
from cockpit.rehearsal.authority import Authorities
from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.resolvers import Resolvers
from cockpit.rehearsal.scenarios import SCENARIOS
from cockpit.rehearsal.spec import DNS_PORT, KEY, LabSpec, free_net, prepare
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.model import Procedure, Profile, Runbook, Step
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from cockpit.runbook.words import Duration, Id, SecretId
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live

NOON = 1_800_000_000.0
RESOLVERS: Mapping[str, tuple[int, dict[str, Any]]] = {
    "Cloudflare": (101, {}),
    "Quad9": (103, {}),
    "Vodafone": (105, {}),
    "Orange": (106, {}),
    "Telekom": (108, {"behaviour": "clamps", "clamp": 900.0}),
    "Office": (109, {"behaviour": "fails"}),
    "Hotel": (110, {"behaviour": "violates"}),
}


@dataclass
class DnsLab:
    """Running name servers, and what a test needs to act on them."""

    spec: LabSpec
    clock: JournalClock
    authorities: Authorities
    target: DnsTarget
    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def secrets(self) -> Secrets:
        return Secrets({"dns_key": self.spec.path / "secrets" / "dns_key"}, Redactor())

    def jump(self, seconds: float) -> None:
        self.clock.map = ClockMap(boot_ns(), self.clock.now() + seconds, self.clock.speed)

    async def put(self, address: str, ttl: int, *, everywhere: bool = True) -> None:
        changer = DynamicUpdates(self.target, self.secrets)
        found = await changer.read(self.target.names)
        await changer.change(found, [replace(one, values=(address,), ttl=ttl) for one in found])
        if everywhere:
            self.authorities.secondary.zone = self.authorities.primary.zone

    def acting(
        self,
        action: DnsAction,
        *,
        attempt: int = 1,
        step: str = "one",
        recorded: Mapping[str, Mapping[str, Json]] | None = None,
        target: DnsTarget | None = None,
        timeout_s: float = 20.0,
    ) -> ActionContext:
        folder = self.folder / "attempts" / step / str(attempt)
        folder.mkdir(parents=True, exist_ok=True)
        self.said.clear()
        return ActionContext(
            runbook=runbook_of(target or self.target),
            step=Step(
                id=Id(step),
                title="",
                why="",
                success_looks_like="",
                if_it_fails="",
                ask="",
                action=action,
                timeout=Duration(timeout_s),
            ),
            attempt=attempt,
            folder=folder,
            run_directory=self.folder,
            clock=self.clock,
            secrets=self.secrets,
            say=self.said.append,
            recorded=recorded or {},
        )

    def checking(self, grid: Grid | None = None, target: DnsTarget | None = None) -> CheckContext:
        return CheckContext(
            runbook=runbook_of(target or self.target),
            clock=self.clock,
            secrets=self.secrets,
            state=RunState(),
            live=Live(engine_pid=0, boot_ns=0, grid=grid),
            run_directory=None,
            courtesy=Courtesy(Turns(polite=False)),
        )


def runbook_of(target: DnsTarget) -> Runbook:
    procedure = Procedure(cockpit=1, name=Id("test"), title="", targets={}, checks=(), phases=())
    profile = Profile(cockpit=1, environment="rehearsal", domain="", targets={"zone": target})
    return Runbook(procedure, profile, "/")


def lab_target(spec: LabSpec, names: Iterable[str] = RESOLVERS) -> DnsTarget:
    return DnsTarget(
        kind="dns",
        zone=spec.zone,
        names=spec.names,
        old=spec.old,
        new=spec.new,
        provider="rfc2136",
        server=f"{spec.at(53)}:{DNS_PORT}",
        key_name=KEY,
        secret=SecretId("dns_key"),
        authorities=tuple(
            Authority(name=name, address=spec.at(host), port=DNS_PORT)
            for name, host in (("ns1", 53), ("ns2", 54))
        ),
        resolvers=tuple(
            Resolver(
                name=name, address=spec.at(RESOLVERS[name][0]), port=DNS_PORT, **RESOLVERS[name][1]
            )
            for name in names
        ),
    )


@asynccontextmanager
async def name_servers(
    spec: LabSpec, *, resolvers: bool = True, speed: float = 60.0
) -> AsyncIterator[tuple[JournalClock, Authorities]]:
    """The name servers of a lab, started and stopped."""
    clock = JournalClock(Path(spec.journal))
    clock.map = ClockMap(boot_ns(), NOON, speed)
    authorities = Authorities(spec, clock)
    async with AsyncExitStack() as stack:
        await authorities.start()
        stack.push_async_callback(authorities.stop)
        transfer = asyncio.create_task(authorities.transfer())
        stack.callback(transfer.cancel)
        if resolvers:
            caches = Resolvers(spec, SCENARIOS[spec.scenario], clock)
            await caches.start()
            stack.push_async_callback(caches.stop)
        yield clock, authorities


@asynccontextmanager
async def dns_lab(
    folder: Path, *, scenario: str = "calm", resolvers: bool = True, speed: float = 60.0
) -> AsyncIterator[DnsLab]:
    """A lab of its own with its name servers, and what a test needs to act on them."""
    spec = prepare(folder / "lab", free_net(), 1, scenario, folder / "journal.jsonl")
    async with name_servers(spec, resolvers=resolvers, speed=speed) as (clock, authorities):
        yield DnsLab(spec, clock, authorities, lab_target(spec), folder)
