"""Steps run against a provider and a name server that gives what the provider keeps."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from cockpit.actions.base import ActionContext
from cockpit.actions.dns import run
from cockpit.clock import live_clock
from cockpit.errors import CockpitError
from cockpit.journal.events import Json
from cockpit.propagation.providers import base
from cockpit.redact import Redactor
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.model import Phase, Runbook, Step
from cockpit.runbook.targets import Authority, DnsTarget
from cockpit.runbook.words import Duration, Id, Offset, SecretId, StepId, TargetId
from cockpit.secrets import Secrets
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import NEW, OLD, ZONE, Zone, own_net, serving

NAMES = (ZONE, f"www.{ZONE}")
AT = TargetId("zone")
LOWER = DnsAction(kind="dns", target=AT, change="ttl", ttl=Duration(60.0))
TO_NEW = DnsAction(kind="dns", target=AT, change="to_new")
TO_OLD = DnsAction(kind="dns", target=AT, change="to_old")
BACK = DnsAction(kind="dns", target=AT, change="to_old", of=StepId("to_new"))
RESTORE = DnsAction(kind="dns", target=AT, change="restore_ttl", of=StepId("ttl"))
Sets = dict[tuple[str, str], tuple[int, frozenset[str]]]


class Keeper(Protocol):
    """A fake of a provider: it knows what its name servers give."""

    @property
    def serial(self) -> int: ...

    def sets(self) -> Sets: ...


def step_of(action: DnsAction, timeout_s: float) -> Step:
    """A step, named as its change."""
    return Step(
        id=Id(str(action.change)),
        title="",
        why="",
        success_looks_like="",
        if_it_fails="",
        ask="",
        action=action,
        timeout=Duration(timeout_s),
    )


@dataclass
class Steps:
    """A target with its provider and one name server, and the steps that were run on it."""

    target: DnsTarget
    folder: Path
    timeout_s: float = 20.0
    said: list[str] = field(default_factory=list)
    recorded: dict[str, Mapping[str, Json]] = field(default_factory=dict)

    @property
    def runbook(self) -> Runbook:
        """A runbook with the step that lowers the TTL; the others are known to nobody."""
        plain = runbook_of(self.target)
        phase = Phase(id=Id("one"), title="", offset=Offset(0.0), steps=(step_of(LOWER, 1.0),))
        return replace(plain, procedure=replace(plain.procedure, phases=(phase,)))

    def acting(self, action: DnsAction) -> ActionContext:
        """What an attempt of a step may use; a step is named as its change."""
        step = str(action.change)
        folder = self.folder / "attempts" / step
        attempt = len(list(folder.glob("*"))) + 1
        (folder / str(attempt)).mkdir(parents=True)
        self.said.clear()
        token = self.folder / "token"
        return ActionContext(
            runbook=self.runbook,
            step=step_of(action, self.timeout_s),
            attempt=attempt,
            folder=folder / str(attempt),
            run_directory=self.folder,
            clock=live_clock(),
            secrets=Secrets({"token": token}, Redactor()),
            say=self.said.append,
            recorded=self.recorded,
        )

    async def take(self, action: DnsAction) -> str:
        """Run an attempt; why it failed, empty where it did not."""
        try:
            self.recorded[action.change] = await run(action, self.acting(action))
        except CockpitError as error:
            return str(error)
        return ""

    def wrote(self, step: str) -> bool:
        """Whether an attempt of a step wrote down what it found: it may have changed it, then."""
        return any((self.folder / "attempts" / step).glob("*/former.json"))

    def afresh(self) -> None:
        """Forget every attempt."""
        shutil.rmtree(self.folder / "attempts", ignore_errors=True)
        self.recorded.clear()


@asynccontextmanager
async def steps_at(
    keeper: Keeper, folder: Path, provider: str, token: str, **more: Any
) -> AsyncIterator[Steps]:
    """Steps on a zone that a provider keeps and a name server gives."""
    file = folder / "token"
    file.touch(0o600)
    file.write_text(token)
    address = f"{own_net()}.53"

    def answer(wire: bytes) -> bytes:
        return Zone(records=keeper.sets(), serial=keeper.serial).answer(wire)

    async with serving(address, answer) as port:
        plain = DnsTarget(
            kind="dns",
            zone=ZONE,
            names=NAMES,
            old=OLD,
            new=NEW,
            provider="manual",
            secret=SecretId("token"),
            authorities=(Authority(name="ns1", address=address, port=port),),
        )
        fields: dict[str, Any] = {"provider": provider, **more}
        yield Steps(replace(plain, **fields), folder)


@contextmanager
def impatient() -> Iterator[None]:
    """Clients that give up soon."""
    patient = base.REQUEST_S, base.TRIES, base.PAUSE_S
    base.REQUEST_S, base.TRIES, base.PAUSE_S = 0.15, 2, 0.01
    try:
        yield
    finally:
        base.REQUEST_S, base.TRIES, base.PAUSE_S = patient
