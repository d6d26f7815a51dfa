"""Resolvers that are asked on other hosts, beside the looks at all others: ssh takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from cockpit.clock import Clock
from cockpit.propagation.answers import Row
from cockpit.propagation.sweep import DEADLINE_S, resolver_rows
from cockpit.propagation.vetting import AGAIN_S, vet
from cockpit.runbook.targets import DnsTarget

EVERY_S = 15.0
"""Real seconds between two beginnings: each is a login on somebody's host."""


class Errand:
    """Asks in its own time; `collect` gives what came back since the last time."""

    def __init__(self, target: DnsTarget, clock: Clock) -> None:
        far = tuple(one for one in target.resolvers if one.through)
        self._target = replace(target, resolvers=far)
        self._clock = clock
        self._task: asyncio.Task[tuple[Row, ...]] | None = None
        self._began = self._vetted = float("-inf")
        self.left_out: Mapping[str, str] = {}

    def collect(self, pause: str) -> dict[str, Row]:
        """The rows that came back; begins anew when it is time, and ends while asking must not."""
        rows: tuple[Row, ...] = ()
        if pause:
            self.stop()
        elif self._task is not None and self._task.done():
            back, self._task = self._task, None
            rows = back.result()
        real = self._clock.real()
        is_time = real - self._began >= EVERY_S
        if self._target.resolvers and not pause and self._task is None and is_time:
            self._began = real
            self._task = asyncio.create_task(self._ask())
        return {row.name: row for row in rows}

    async def wait(self) -> None:
        """Until what is under way is back."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    def stop(self) -> None:
        """Ask no more; ssh is ended with the task."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _ask(self) -> tuple[Row, ...]:
        real, target = self._clock.real(), self._target
        if real - self._vetted >= AGAIN_S:
            self._vetted = real
            listed = {one.name for one in target.resolvers}
            told = await vet(target, target.resolvers, self._clock, DEADLINE_S, counted=listed)
            self.left_out = {**self.left_out, **told}
        return await resolver_rows(target, self._clock, DEADLINE_S)
