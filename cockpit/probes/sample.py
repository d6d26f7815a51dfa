"""What a probe gives, and what it may use.

A module of `cockpit.probes` has `async sample(probe, context) -> Sample`; `registry.py` maps each
kind to one. Whatever cannot be told raises TargetError or Refused, which becomes "no data".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cockpit.clock import Clock
from cockpit.decision.windows import Window
from cockpit.errors import TargetError
from cockpit.runbook.model import Probe, Runbook
from cockpit.runbook.targets import Target
from cockpit.secrets import Secrets
from cockpit.telemetry.live import TileState

if TYPE_CHECKING:
    from cockpit.probes.listener import Listener

Wanted = TypeVar("Wanted", bound=Target)


@dataclass(frozen=True, slots=True)
class Sample:
    """One result of one probe."""

    state: TileState
    figure: str
    """The figure that matters: `84 ms`, `14/22 conn`."""
    value: float | None = None
    """The same as a number, for the history; None where there is none."""
    detail: tuple[str, ...] = ()
    """More lines for the service's own page."""
    short: str = ""
    """What of it is short, in words: `memory 94% used`; empty where nothing is."""
    age_s: float = 0.0
    """Real seconds since what it tells was heard, where it was not asked just now."""
    memory: int | None = None
    """Bytes that it holds; kept, so that limits can be compared with what a rehearsal used."""


@dataclass(frozen=True)
class ProbeContext:
    """What a probe may use."""

    runbook: Runbook
    clock: Clock
    secrets: Secrets
    run_directory: Path
    rates: dict[str, Window] = field(default_factory=dict)
    """The counters of metric probes, by probe: a rate needs a former sample."""
    counts: dict[str, tuple[float, Mapping[str, float]]] = field(default_factory=dict)
    """What a host had counted at the sample before, by probe."""
    first: dict[str, Mapping[str, float]] = field(default_factory=dict)
    """What it had counted at the first."""
    listeners: dict[str, Listener] = field(default_factory=dict)
    """Who listens to the engine of a Compose target, by target."""
    woken: dict[str, asyncio.Event] = field(default_factory=dict)
    """What to set when a probe has something new to tell, by probe."""

    async def close(self) -> None:
        """End what listens."""
        for listener in self.listeners.values():
            await listener.close()

    def target(self, probe: Probe, kind: type[Wanted]) -> Wanted:
        """The probe's target; TargetError where it is of another kind."""
        target = self.runbook.target(probe.target)
        if not isinstance(target, kind):
            raise TargetError(f"a {probe.kind} probe cannot watch it", where=probe.target)
        return target


def paced(*, is_slow: bool) -> TileState:
    """The state of a service that answers."""
    return "slow" if is_slow else "fine"


def figures(pairs: Mapping[str, object]) -> tuple[str, ...]:
    """Lines `name value` for a service's own page."""
    return tuple(f"{name} {value}" for name, value in pairs.items())
