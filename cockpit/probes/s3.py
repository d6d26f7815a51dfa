"""An S3 store: that it speaks S3, and that it refuses who has no key."""

from __future__ import annotations

import re

from cockpit.errors import TargetError
from cockpit.probes import web
from cockpit.probes.http import PATIENCE_S, milliseconds
from cockpit.probes.sample import ProbeContext, Sample, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

_CODE = re.compile(r"<Code>(\w+)</Code>")
REFUSALS = frozenset(("AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId"))


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask for the list of buckets without a key: a refusal in S3's words is health."""
    target = context.target(probe, HttpTarget)
    began = context.clock.real()
    patience = max(PATIENCE_S, 2 * probe.slow_over)
    try:
        answer = await web.get(target, "/", context.secrets, patience)
    except TargetError as error:
        return Sample("down", "no answer", detail=(str(error),))
    took = context.clock.real() - began
    code = match[1] if (match := _CODE.search(answer.text)) else ""
    detail = (f"GET / answered {answer.status_code} {code}".rstrip(),)
    if answer.status_code == 403 and code in REFUSALS:
        state = paced(is_slow=took > probe.slow_over)
        return Sample(state, milliseconds(took), took * 1000, detail)
    if answer.status_code == 200 and "ListAllMyBucketsResult" in answer.text:
        return Sample("slow", "open to strangers", took * 1000, detail)
    return Sample("down", f"{answer.status_code}, no S3", took * 1000, detail)
