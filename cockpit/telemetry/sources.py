"""The metrics of one side: scraped again and again, kept as increments of the columns in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cockpit.clock import Clock
from cockpit.decision.calm import PATIENCE
from cockpit.decision.signals import edge_column, failed_column
from cockpit.decision.windows import Window, spanned, summed
from cockpit.errors import CockpitError, TargetError
from cockpit.probes.scrape import Page, scrape
from cockpit.runbook.model import Signal
from cockpit.runbook.targets import HttpTarget, NotPlayed, Target
from cockpit.secrets import Secrets
from cockpit.telemetry.store import Samples, Totals

EVERY_S = 1.0
"""Real seconds between two looks."""
MISSED = 5
"""Looks that may be missed before nothing is said any more."""
LONGEST_GAP = 10
"""Looks that may be missed before a window begins anew."""
SHORTEST_S = 30.0
"""Run seconds of silence that are always borne."""


def borne(clock: Clock, looks: float, every: float = EVERY_S) -> float:
    """Run seconds of silence that so many missed looks make."""
    return max(SHORTEST_S, looks * every * clock.speed)


class Source:
    """One side's metrics, as far as signals read them."""

    def __init__(
        self,
        name: str,
        target: Target,
        signals: Iterable[Signal],
        clock: Clock,
        secrets: Secrets,
        store: Samples | None = None,
    ) -> None:
        self.name = name
        self.moving: frozenset[str] = frozenset()
        """The names that move, as a request's Host says them."""
        self._target = target
        self._signals = tuple(signals)
        self._clock = clock
        self._secrets = secrets
        self._store = store
        self._trouble = ""
        self.keep = max(signal.window for signal in self._signals)
        self.window = Window(self.keep * PATIENCE, self.keep / 2)

    def recall(self, since: float) -> None:
        """Take what was counted since a moment from telemetry: an engine before this one did."""
        for one in self._store.totals(self._kept, since) if self._store else ():
            self.window.gap = one.gap
            self.window.feed(one.at, one.counts)
        self.window.tear()

    async def look(self) -> None:
        """Scrape once; what fails is remembered as trouble."""
        if not isinstance(self._target, HttpTarget):
            return
        try:
            page = await scrape(self._target, self._secrets)
            found = columns(self._signals, page) | elsewhere(self._signals, page, self.moving)
        except (CockpitError, OSError) as error:
            self._trouble = str(error)
            return
        at = self._clock.now()
        self.window.gap = min(borne(self._clock, LONGEST_GAP), max(SHORTEST_S, self.keep / 2))
        self.window.feed(at, found)
        if self._store is not None:
            self._store.count(Totals(at, self._kept, self.window.gap, found), self.window.keep)
        self._trouble = ""

    def trouble(self, now: float) -> str:
        """Why nothing can be said of this side now; empty where something can."""
        if isinstance(self._target, NotPlayed):
            return "not rehearsed here"
        if not isinstance(self._target, HttpTarget):
            return f"{self.name} has no metrics"
        newest = self.window.newest
        if newest is None:
            return self._trouble or f"no metrics of {self.name} read yet"
        silent = now - newest
        if silent <= borne(self._clock, MISSED):
            return ""
        return f"no metrics of {self.name} for {silent:.0f} s: {self._trouble or 'no answer'}"

    @property
    def _kept(self) -> str:
        return f"totals/{self.name}"

    def counts(self, now: float, over: float) -> dict[str, float]:
        """What was counted in the last `over` run seconds."""
        return summed(self.window.since(now - over))

    def per_minute(self, now: float, column: str, *, must_be: bool = False) -> float | None:
        """The rate of a column over the last run minutes; None where it is not known.

        A column that `must_be` counted is not known where the page does not have it.
        """
        slots = self.window.since(now - max(2 * SHORTEST_S, borne(self._clock, MISSED)))
        if self.trouble(now) or not slots or (must_be and column not in summed(slots)):
            return None
        return summed(slots).get(column, 0.0) * 60 / spanned(slots)


def columns(signals: Iterable[Signal], page: Page) -> dict[str, float]:
    """What signals read of a page; TargetError where it cannot answer them."""
    found: dict[str, float] = {}
    for signal in signals:
        found.update(_columns(signal, page))
    return found


def elsewhere_column(signal: Signal) -> str:
    """The column of requests that called a host by a name that does not move."""
    return f"{signal.total} by another name"


def elsewhere(signals: Iterable[Signal], page: Page, moving: frozenset[str]) -> dict[str, float]:
    """Requests by the `host` that they named, where a counter has that label."""
    found: dict[str, float] = {}
    for signal in signals:
        hosts = [
            (one.labels["host"], one.value) for one in page.of(signal.total) if "host" in one.labels
        ]
        if hosts:
            others = (value for host, value in hosts if _bare(host) not in moving)
            found[elsewhere_column(signal)] = sum(others)
    return found


def _bare(host: str) -> str:
    return host.partition(":")[0].rstrip(".").lower()


def _columns(signal: Signal, page: Page) -> Mapping[str, float]:
    found = {signal.total: page.total(signal.total)}
    if signal.kind == "failures":
        found[failed_column(signal)] = _failed(signal, page)
    if signal.kind == "latency":
        for edge, count in _buckets(signal, page):
            column = edge_column(signal, edge)
            found[column] = found.get(column, 0.0) + count
    return found


def _failed(signal: Signal, page: Page) -> float:
    series = page.of(signal.total)
    if series and not any("status" in one.labels for one in series):
        raise TargetError(f"{signal.total} has no label status")
    return sum(one.value for one in series if one.labels.get("status", "").startswith("5"))


def _buckets(signal: Signal, page: Page) -> Iterator[tuple[str, float]]:
    for one in page.of(f"{signal.duration}_bucket"):
        yield one.labels["le"], one.value
