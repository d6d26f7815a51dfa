"""A Grafana: whether it reaches its own database, and which version it is."""

from __future__ import annotations

from cockpit.errors import TargetError
from cockpit.probes import answered
from cockpit.probes.http import milliseconds
from cockpit.probes.sample import ProbeContext, Sample, figures, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

PATH = "/api/health"


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once; it answers 503 with the same page where its database is gone."""
    target = context.target(probe, HttpTarget)
    try:
        page, took, status = await answered.page(probe, target, context, PATH, also=(503,))
    except TargetError as error:
        return answered.down(error)
    database = str(page.get("database", "unknown"))
    detail = figures({"database": database, "version": page.get("version", "?")})
    if database != "ok" or status != 200:
        words = f"database {database}" if database != "ok" else f"answered {status}"
        return Sample("down", words, took * 1000, detail)
    return Sample(paced(is_slow=took > probe.slow_over), milliseconds(took), took * 1000, detail)
