"""Steps that change a zone on real name servers, and checks that ask them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from cockpit.actions import registry
from cockpit.actions.base import ActionContext
from cockpit.checks.base import CheckContext
from cockpit.clock import live_clock
from cockpit.journal.events import Json
from cockpit.journal.state import RunState
from cockpit.propagation.answers import Grid
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.targets import DnsTarget
from cockpit.runbook.words import Duration, StepId, TargetId
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live
from tests.fakes.small_runbooks import World, runbook
from tests.lab.fix_dns import RealDns

TTL_S = 4
TARGET = TargetId("zone")
LOWER = DnsAction(kind="dns", target=TARGET, change="ttl", ttl=Duration(TTL_S))
TO_NEW = DnsAction(kind="dns", target=TARGET, change="to_new")
TO_OLD = DnsAction(kind="dns", target=TARGET, change="to_old")
RESTORE = DnsAction(kind="dns", target=TARGET, change="restore_ttl", of=StepId("lower"))


class Servers(Protocol):
    """Running name servers, and how the cockpit knows them."""

    @property
    def target(self) -> DnsTarget: ...

    @property
    def secrets(self) -> Secrets: ...

    @property
    def key_file(self) -> Path: ...


async def act(
    servers: Servers, action: DnsAction, recorded: Mapping[str, Mapping[str, Json]] | None = None
) -> Mapping[str, Json]:
    """Run one step as a runner would."""
    folder = servers.key_file.parent
    book = runbook(World(folder, targets={"zone": servers.target}), action)
    context = ActionContext(
        runbook=book,
        step=book.forward[0],
        attempt=1,
        folder=folder,
        run_directory=folder,
        clock=live_clock(),
        secrets=servers.secrets,
        say=lambda _line: None,
        recorded=recorded or {},
    )
    return await registry.run(action, context)


def checking(servers: Servers, target: DnsTarget | None = None) -> CheckContext:
    """What a check of these servers may use."""
    targets = {"zone": target or servers.target}
    return CheckContext(
        runbook=runbook(World(servers.key_file.parent, targets=targets)),
        clock=live_clock(),
        secrets=servers.secrets,
        state=RunState(),
        live=Live(engine_pid=0, boot_ns=0),
        run_directory=None,
    )


class Compared(NamedTuple):
    """A row's cells against the resolver's own cache."""

    right: int
    wrong: tuple[str, ...]


class Dump(NamedTuple):
    """What a cache held: for each name the addresses with the seconds left, and when that was."""

    held: Mapping[str, Mapping[str, int]]
    began: float
    ended: float


APART_S = 1.5
"""Whole seconds on both sides."""


def dump(servers: RealDns, name: str) -> Dump:
    """What one resolver's cache holds now; on a busy machine, "now" may last a while."""
    began = time.time()
    return Dump(servers.held(name), began, time.time())


def compare(grid: Grid, name: str, cache: Dump) -> Compared:
    """Whether each cell says what the cache held, and until when.

    Compared is what was heard before the dump, and had not run out at its end.
    """
    (row,) = (row for row in grid.rows if row.name == name)
    right, wrong = 0, []
    for owner, cell in zip(grid.names, row.cells, strict=True):
        until = cell.expires_at or 0.0
        if not cell.answers or cell.at > cache.began or until < cache.ended + 1.0:
            continue
        has = cache.held[owner]
        earliest, latest = cache.began - APART_S, cache.ended + APART_S
        fits = all(earliest <= until - left <= latest for left in has.values())
        if tuple(sorted(has)) == cell.answers and fits:
            right += 1
        else:
            told = f"{cell.answers} until {until:.1f}, its cache {has} at {cache.ended:.1f}"
            wrong.append(f"{name}, {owner}: {told}")
    return Compared(right, tuple(wrong))
