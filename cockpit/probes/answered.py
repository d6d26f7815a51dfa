"""One JSON object of a service's own API, with the time that it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cockpit.errors import TargetError
from cockpit.probes import web
from cockpit.probes.http import PATIENCE_S
from cockpit.probes.sample import ProbeContext
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget


async def text(
    probe: Probe, target: HttpTarget, context: ProbeContext, path: str, also: tuple[int, ...] = ()
) -> tuple[str, float, int]:
    """A page, the real seconds until it was there, and its status: 200, or one of `also`.

    TargetError where none comes.
    """
    began = context.clock.real()
    answer = await web.get(target, path, context.secrets, max(PATIENCE_S, 2 * probe.slow_over))
    if answer.status_code not in (200, *also):
        raise TargetError(f"{path} answered {answer.status_code}", where=target.url)
    return answer.text, context.clock.real() - began, answer.status_code


async def page(
    probe: Probe, target: HttpTarget, context: ProbeContext, path: str, also: tuple[int, ...] = ()
) -> tuple[Mapping[str, Any], float, int]:
    """The same, as the object that it is; TargetError where it is none."""
    found, took, status = await text(probe, target, context, path, also)
    try:
        read = json.loads(found)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise TargetError(f"{path} is not what was asked for", where=target.url)
    return read, took, status
