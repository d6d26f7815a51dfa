"""How fast a counter of a metrics page rises, a run minute."""

from __future__ import annotations

from cockpit.decision.windows import Window, spanned, summed
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.probes.scrape import scrape
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

OVER_S = 60.0
"""Run seconds over which a rate is measured, at least."""
SCRAPES = 4
"""Samples over which it is measured, at least."""


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Read the counter; its rate is known from the second reading on."""
    target = context.target(probe, HttpTarget)
    page = await scrape(target, context.secrets)
    now = context.clock.now()
    between = probe.every * context.clock.speed
    keep = max(OVER_S, SCRAPES * between)
    window = context.rates.setdefault(probe.id, Window(keep, 3 * keep))
    window.keep, window.gap = keep, 3 * keep
    window.feed(now, {probe.metric: page.total(probe.metric)})
    slots = window.since(now - 2 * keep)
    if not slots:
        return Sample("silent", "measuring")
    grown = summed(slots)[probe.metric]
    took = spanned(slots)
    rate = grown * 60 / took
    detail = (f"{probe.metric} rose by {grown:.0f} in {took:.0f} s",)
    return Sample("fine", f"{rate:.0f}{probe.unit or '/min'}", rate, detail)
