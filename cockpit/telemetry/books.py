"""Rows that the new side says it accepted, against rows that its database holds."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from cockpit.clock import Clock
from cockpit.decision.windows import Balance, Ledger
from cockpit.errors import CockpitError, TargetError
from cockpit.probes.scrape import scrape
from cockpit.runbook.model import Signal
from cockpit.runbook.targets import HttpTarget, NotPlayed, PostgresTarget, Target
from cockpit.secrets import Secrets
from cockpit.telemetry.sources import EVERY_S, LONGEST_GAP, MISSED, borne
from cockpit.telemetry.store import Samples, Totals

if TYPE_CHECKING:
    from cockpit.database.connect import Session

STATEMENT_S = 20.0
"""Real seconds after which counting is given up."""
BUSY = 0.1
"""The share of the time that counting may take: a big table is counted less often."""
LEAST = 6
"""Counts that a window holds whatever they cost: with fewer nobody could tell a loss."""


class Books:
    """Both counts for one signal of kind `losses`."""

    def __init__(
        self,
        signal: Signal,
        targets: tuple[Target, Target | None],
        clock: Clock,
        secrets: Secrets,
        store: Samples | None = None,
    ) -> None:
        self._signal = signal
        self._metrics, self._database = targets
        self._clock = clock
        self._secrets = secrets
        self._store = store
        self._every = EVERY_S
        self._trouble = ""
        self._open = AsyncExitStack()
        self._session: Session | None = None
        self.ledger = Ledger(signal.window, signal.window)

    def recall(self, since: float) -> None:
        """Take what was counted since a moment from telemetry: an engine before this one did."""
        for one in self._store.totals(self._kept, since) if self._store else ():
            self._fit(one.gap)
            counts = one.counts
            self.ledger.feed(one.at, counts["accepted"], (counts["before"], counts["after"]))
        self.ledger.tear()

    async def run(self) -> None:
        """Count until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(self._every)
        finally:
            await self._hang_up()

    async def look(self) -> None:
        """Count once: stored, accepted, stored again, since rows move on meanwhile."""
        metrics, database = self._metrics, self._database
        if not isinstance(metrics, HttpTarget) or not isinstance(database, PostgresTarget):
            return
        began = self._clock.real()
        try:
            before = await self._stored(database)
            page = await scrape(metrics, self._secrets)
            at = self._clock.now()
            after = await self._stored(database)
        except (CockpitError, OSError) as error:
            self._trouble = str(error)
            await self._hang_up()
            return
        rest = (self._clock.real() - began) / BUSY
        self._every = max(EVERY_S, min(rest, self._signal.window / LEAST / self._clock.speed))
        self._fit(self._borne(LONGEST_GAP))
        accepted = page.total(self._signal.total)
        self.ledger.feed(at, accepted, (before, after))
        if self._store is not None:
            counts = {"accepted": accepted, "before": before, "after": after}
            self._store.count(Totals(at, self._kept, self.ledger.gap, counts), self.ledger.keep)
        self._trouble = ""

    @property
    def balances(self) -> tuple[Balance, ...]:
        """What is remembered, oldest first."""
        return self.ledger.balances

    def trouble(self, now: float) -> str:
        """Why nothing can be said now; empty where something can."""
        if isinstance(self._metrics, NotPlayed) or isinstance(self._database, NotPlayed):
            return "not rehearsed here"
        if not self.balances:
            return self._trouble or "rows not counted yet"
        silent = now - self.balances[-1].at
        if silent <= self._borne(MISSED):
            return ""
        return f"rows not counted for {silent:.0f} s: {self._trouble or 'no answer'}"

    def forget(self) -> None:
        """Start anew with the next count."""
        self.ledger.forget()

    @property
    def _kept(self) -> str:
        return f"rows/{self._signal.id}"

    def _fit(self, gap: float) -> None:
        self.ledger.keep = self._signal.window + 3 * self._signal.grace + self._borne(MISSED)
        self.ledger.gap = gap

    def _borne(self, looks: float) -> float:
        return borne(self._clock, looks, self._every)

    async def _stored(self, target: PostgresTarget) -> float:
        from cockpit.database.connect import place, session, translated

        if self._session is None:
            opened = session(target, self._secrets, statement_s=STATEMENT_S)
            self._session = await self._open.enter_async_context(opened)
            await self._session.set_read_only(True)
        with translated(place(target)):
            async with self._session.transaction():
                found = await self._session.execute(self._signal.stored.encode())
                row = await found.fetchone()
        if row is None or row[0] is None:
            raise TargetError("the query for stored rows gave none", where=place(target))
        return float(row[0])

    async def _hang_up(self) -> None:
        self._session = None
        await self._open.aclose()
