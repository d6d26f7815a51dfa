"""Whether something that is counted has stood still for long enough, by what was watched."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

from cockpit.checks.base import CheckContext, Finding
from cockpit.engine.layout import RunDirectory
from cockpit.errors import TargetError
from cockpit.probes.scrape import scrape
from cockpit.runbook.checks import QuietCheck
from cockpit.runbook.targets import HttpTarget, NotPlayed
from cockpit.telemetry.store import SERIES
from cockpit.timewords import lasting

MISSED = 5
"""Samples that may be missed before the time between two counts as not watched."""
SHORTEST_S = 60.0
"""Run seconds without a sample that are always borne."""


async def quiet(check: QuietCheck, context: CheckContext) -> Finding:
    """The counter of a metric probe has not risen for so long; unwatched time tells nothing."""
    probe = next(one for one in context.runbook.procedure.probes if str(one.id) == check.probe)
    target = context.runbook.target(probe.target)
    if isinstance(target, NotPlayed):
        return Finding("not_rehearsed", "the embedded lab does not play this")
    if not isinstance(target, HttpTarget) or context.run_directory is None:
        raise TargetError("nothing has been counted yet", where=probe.target)
    page = await scrape(target, context.secrets)
    if not page.of(probe.metric):
        raise TargetError(f"its metrics have no {probe.metric}", where=target.url)
    now = context.clock.now()
    telemetry = RunDirectory(context.run_directory).telemetry
    rates = await asyncio.to_thread(_rates, telemetry, probe.id, now - check.duration)
    borne = max(SHORTEST_S, MISSED * probe.every * context.clock.speed)
    return judged(rates, now, check.duration, borne)


def judged(rates: list[tuple[float, float]], now: float, duration: float, borne: float) -> Finding:
    """What samples of a rate, each with its time, say of a stretch that ends now."""
    wanted = lasting(duration)
    risen = [(at, rate) for at, rate in rates if rate > 0]
    if risen:
        at, rate = risen[-1]
        return Finding(
            "fail", f"{rate:.3g}/min {lasting(now - at)} ago; none for {wanted} is asked"
        )
    if not rates:
        return Finding("unknown", f"not watched in the last {wanted}")
    times = [now - duration, *(at for at, _ in rates), now]
    unwatched = [later for earlier, later in pairwise(times) if later - earlier > borne]
    if unwatched:
        seen = lasting(now - unwatched[-1])
        return Finding("unknown", f"watched without a gap for {seen}, of {wanted} that are asked")
    return Finding("pass", f"none for {wanted}")


def _rates(path: Path, probe: str, since: float) -> list[tuple[float, float]]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as connection:
            asked = {"source": probe, "name": "value", "since": since}
            return list(connection.execute(SERIES, asked))
    except sqlite3.Error as error:
        raise TargetError(f"telemetry cannot be read: {error}", where=str(path)) from error
