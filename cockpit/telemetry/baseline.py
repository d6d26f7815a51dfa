"""How the old side was while it still served as ever: what the new side is compared with."""

from __future__ import annotations

from collections.abc import Mapping

from cockpit.journal.state import RunState
from cockpit.runbook.actions import ReadOnlyAction
from cockpit.runbook.model import Runbook
from cockpit.telemetry.sources import Source
from cockpit.telemetry.store import Samples

FEWEST = 30
"""Requests below which a stretch is no baseline: the last better one stays."""
KEPT_EVERY_S = 300.0
"""Run seconds between two writings, so that an engine that starts again knows it."""


def is_frozen(runbook: Runbook, state: RunState) -> bool:
    """Whether the old side refuses writes by now: what it shows then is no baseline.

    In a runbook that never freezes it, the old side serves beside the new one and stays one.
    """
    freezes = (
        step
        for step in runbook.forward
        if isinstance(step.action, ReadOnlyAction) and step.action.mode == "freeze"
    )
    return any(state.step(step.id).began for step in freezes)


class Baseline:
    """The old side's counts over its last good window, kept in telemetry too."""

    def __init__(self, source: Source, column: str, store: Samples | None) -> None:
        self._source = source
        self._column = column
        """The column that counts requests."""
        self._store = store
        self._name = f"baseline/{source.name}"
        self._counts: Mapping[str, float] = {}
        self._kept_at: float | None = None
        self._kept: Mapping[str, float] = {}

    def follow(self, now: float, *, frozen: bool) -> Mapping[str, float]:
        """The counts to compare with, renewed while the old side serves as ever."""
        if self._kept_at is None:
            self._recall(now)
        counts = {} if frozen else self._source.counts(now, self._source.keep)
        if counts.get(self._column, 0.0) >= FEWEST:
            self._counts = counts
        if frozen or now - (self._kept_at or 0.0) >= KEPT_EVERY_S:
            self._keep(now)
        return self._counts

    def _recall(self, now: float) -> None:
        self._kept_at = now - KEPT_EVERY_S
        if self._store is not None:
            self._counts = self._kept = self._store.latest(self._name)

    def _keep(self, now: float) -> None:
        if self._store is None or self._counts == self._kept:
            return
        for column, count in self._counts.items():
            self._store.record(now, self._name, column, count)
        self._kept, self._kept_at = self._counts, now
