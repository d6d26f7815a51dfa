"""How many lines of the log store a LogQL query counts."""

from __future__ import annotations

import re
from dataclasses import replace

from cockpit.probes import queried
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe

PATH = "/loki/api/v1/query"
_STREAMS = re.compile(r"""\{(?:[^"`{}]|"(?:\\.|[^"\\])*"|`[^`]*`)*\}""")
_RANGE = re.compile(r"\[\w+\]")


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once; a count over no line gives no series, which is none where others were heard."""
    found = await queried.value(probe, context, PATH)
    if found is None and not await _heard(probe, context):
        detail = (probe.query, "no line at all came from there: whether one is missing is unknown")
        return Sample("silent", "nothing heard", detail=detail)
    return queried.judged(probe, found or 0.0)


async def _heard(probe: Probe, context: ProbeContext) -> bool:
    """Whether the streams that a query names had any line in its time."""
    streams, time = _STREAMS.search(probe.query), _RANGE.search(probe.query)
    if streams is None or time is None:
        return False
    query = f"sum(count_over_time({streams[0]}{time[0]}))"
    return bool(await queried.value(replace(probe, query=query), context, PATH))
