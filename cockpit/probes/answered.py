"""One JSON object of a service's own API, with the time that it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cockpit.errors import TargetError
from cockpit.probes import web
from cockpit.probes.http import PATIENCE_S
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget


class Odd(TargetError):
    """Something answered, with another thing than was asked for."""

    def __init__(self, what: str, figure: str, where: str) -> None:
        super().__init__(what, where=where)
        self.figure = figure


def down(error: TargetError) -> Sample:
    """The tile of a service that gave no answer, or another one."""
    figure = error.figure if isinstance(error, Odd) else "no answer"
    return Sample("down", figure, detail=(str(error),))


async def text(
    probe: Probe, target: HttpTarget, context: ProbeContext, path: str, also: tuple[int, ...] = ()
) -> tuple[str, float, int]:
    """A page, the real seconds until it was there, and its status: 200, or one of `also`.

    TargetError where none comes.
    """
    began = context.clock.real()
    answer = await web.get(target, path, context.secrets, max(PATIENCE_S, 2 * probe.slow_over))
    if answer.status_code not in (200, *also):
        said = f"answered {answer.status_code}"
        raise Odd(f"{path} {said}", said, target.url)
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
        raise Odd(f"{path} is not what was asked for", "another page", target.url)
    return read, took, status
