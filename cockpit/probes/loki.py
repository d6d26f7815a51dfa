"""How many lines of the log store a LogQL query counts."""

from __future__ import annotations

from cockpit.probes import queried
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once; a count over no line gives no series, which is none."""
    return queried.judged(probe, await queried.value(probe, context, "/loki/api/v1/query") or 0.0)
