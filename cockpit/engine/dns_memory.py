"""Keeps what was seen of name servers and caches, for the engine that is started after this one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from cockpit.clock import Clock
from cockpit.journal.state import RunState
from cockpit.propagation import former, recall
from cockpit.propagation.answers import Side
from cockpit.propagation.courtesy import Courtesy
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.checks import DnsAnswerCheck
from cockpit.runbook.model import Runbook, Step
from cockpit.runbook.targets import DnsTarget

EVERY_S = 30.0
"""Real seconds between two writings while nothing turns."""
SOON_S = 5.0
"""The same while a switch spreads, or more caches are met."""
_log = logging.getLogger(__name__)


class DnsMemory:
    """The file of one run."""

    def __init__(self, path: Path, clock: Clock, courtesy: Courtesy | None = None) -> None:
        self._path = path
        self._clock = clock
        self._courtesy = courtesy or Courtesy()
        self._turns: frozenset[object] = frozenset()
        self._news: object = None
        self._written = float("-inf")

    def load(self, watch: PropagationWatch) -> None:
        """Let a watch know what the one before it knew."""
        known = recall.read(self._path)
        if known is not None:
            watch.recall(known)
            self._courtesy.again(known.leads)

    async def keep(self, watch: PropagationWatch) -> None:
        """Write it down, at once where an authority turned or a pause began."""
        known = replace(watch.remembered(), leads=self._courtesy.leads())
        real = self._clock.real()
        after = EVERY_S if known.news == self._news else SOON_S
        if known.turns == self._turns and real - self._written < after:
            return
        self._written = real
        try:
            await asyncio.to_thread(recall.write, self._path, known)
        except OSError as error:
            # What is older is late, never early: an engine after this one loses precision alone.
            _log.warning("what is known of caches was not written: %s", error.strerror)
        else:
            self._turns, self._news = known.turns, known.news


def resume(watch: PropagationWatch, runbook: Runbook, state: RunState, now: float) -> None:
    """Let a watch wait for the answer that the run wants now, with what the journal shows of it."""
    began = (step for step in runbook.steps() if state.step(step.id).began)
    sides = [side for step in began if (side := wanted_by(step)) is not None]
    if sides:
        watch.expect(sides[-1], begun=True)
    if known := evidence(runbook, state, now):
        watch.resume(known.switched_at, known.ttl, known.turned_by, known.longer)


def zone_that_moves(runbook: Runbook) -> DnsTarget:
    """The zone that the switch changes."""
    action = runbook.t0_step.action
    target = runbook.target(action.target) if isinstance(action, DnsAction) else None
    if not isinstance(target, DnsTarget):
        raise TypeError("the step marked t0 changes no DNS target")
    return target


def wanted_by(step: Step) -> Side | None:
    """Which answer a step's switch makes caches follow."""
    if not isinstance(step.action, DnsAction):
        return None
    sides: dict[str, Side] = {"to_new": "new", "to_old": "old"}
    return sides.get(step.action.change)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the journal shows of a switch."""

    switched_at: float
    ttl: int
    turned_by: float | None
    """The run clock when every name server was seen to lead to the new side; None: not known."""
    longer: tuple[tuple[int, float], ...]
    """TTLs that were lowered, and the run clock until when each may have been given."""


def evidence(runbook: Runbook, state: RunState, now: float) -> Evidence | None:
    """What is known of the switch without having watched; None where it has not happened."""
    if state.t0_actual is None or state.mode != "forward":
        return None
    longer = []
    for step in runbook.forward:
        lowers = isinstance(step.action, DnsAction) and step.action.change == "ttl"
        known = state.step(step.id)
        if lowers and known.began:
            until = now if known.done_at is None else known.done_at
            longer.append((_former_ttl(state, step.id), until))
    ttl = _former_ttl(state, runbook.t0_step.id) or max((ttl for ttl, _ in longer), default=0)
    return Evidence(state.t0_actual, ttl, _turned_by(runbook, state), tuple(longer))


def _former_ttl(state: RunState, step: str) -> int:
    found = former.from_json(state.step(step).recorded.get("former"))
    return max((one.ttl for one in found), default=0)


def _turned_by(runbook: Runbook, state: RunState) -> float | None:
    """When a verification of the switch saw every name server lead to the new side."""
    checks = runbook.t0_step.verify
    wanted = {
        one
        for one in checks
        if isinstance(check := runbook.check(one), DnsAnswerCheck) and check.answer == "new"
    }
    seen = [
        answer.at
        for attempt in state.step(runbook.t0_step.id).attempts
        for answer in attempt.answers
        if answer.check in wanted and answer.said == "pass"
    ]
    return min(seen, default=None)
