"""An nginx in front: its connections, as its `stub_status` page counts them."""

from __future__ import annotations

import re

from cockpit.errors import TargetError
from cockpit.probes import answered
from cockpit.probes.sample import ProbeContext, Sample, figures, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

_PAGE = re.compile(
    r"Active connections:\s*(?P<active>\d+)\s+server accepts handled requests\s+"
    r"(?P<accepted>\d+)\s+(?P<handled>\d+)\s+(?P<requests>\d+)\s+"
    r"Reading:\s*(?P<reading>\d+)\s+Writing:\s*(?P<writing>\d+)\s+Waiting:\s*(?P<waiting>\d+)"
)


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once, at the probe's path; connections that it had to drop make it slow."""
    target = context.target(probe, HttpTarget)
    try:
        text, took, _ = await answered.text(probe, target, context, probe.path)
    except TargetError as error:
        return answered.down(error)
    match = _PAGE.search(text)
    if match is None:
        raise TargetError(f"{probe.path} is no stub_status page", where=probe.target)
    found = {name: int(value) for name, value in match.groupdict().items()}
    dropped = found["accepted"] - found["handled"]
    detail = figures({**found, "dropped": dropped})
    if dropped:
        return Sample("slow", f"{dropped} dropped", float(found["active"]), detail)
    state = paced(is_slow=took > probe.slow_over)
    return Sample(state, f"{found['active']} conn", float(found["active"]), detail)
