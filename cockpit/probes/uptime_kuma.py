"""An Uptime Kuma: what its monitors say, by the public status page that the probe's path names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cockpit.errors import TargetError
from cockpit.probes import answered
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

WORDS = {0: "down", 1: "up", 2: "pending", 3: "under maintenance"}


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once; the newest beat of each monitor counts."""
    target = context.target(probe, HttpTarget)
    try:
        page, _ = await answered.page(probe, target, context, probe.path)
    except TargetError as error:
        return Sample("down", "no answer", detail=(str(error),))
    return judged(page, probe.target)


def judged(page: Mapping[str, Any], where: str) -> Sample:
    """One tile from the newest beats; a monitor that waits or is maintained is neither."""
    beats = page.get("heartbeatList")
    newest = {name: one[-1] for name, one in beats.items() if one} if beats else {}
    if not newest:
        raise TargetError("its status page has no monitor that was asked yet", where=where)
    states = {name: WORDS.get(one.get("status"), "unknown") for name, one in newest.items()}
    detail = tuple(f"monitor {name} is {word}" for name, word in states.items())
    down = sum(word == "down" for word in states.values())
    well = sum(word == "up" for word in states.values())
    if down:
        return Sample("down", f"{down} of {len(states)} down", float(down), detail)
    figure = "all up" if well == len(states) else f"{well} of {len(states)} up"
    return Sample("fine" if well == len(states) else "slow", figure, 0.0, detail)
