"""The value of a PromQL query."""

from __future__ import annotations

from cockpit.probes import queried
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once; more than one series is no data, and so is none."""
    value = await queried.value(probe, context, "/api/v1/query")
    if value is None:
        return Sample("silent", "no series", detail=(probe.query,))
    return queried.judged(probe, value)
