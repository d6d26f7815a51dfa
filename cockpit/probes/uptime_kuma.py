"""An Uptime Kuma: what its monitors say, by the public status page that the probe's path names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cockpit.clock import wall_s
from cockpit.errors import TargetError
from cockpit.probes import answered
from cockpit.probes.sample import ProbeContext, Sample
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

OLD_S = 300.0
"""Seconds after which a beat tells nothing, where the probe does not say."""
AHEAD_S = 60.0
"""Seconds by which its clock may be before ours."""
OLD = "unknown: its last beat is old, or of a time to come"
WORDS = {0: "down", 1: "up", 2: "pending", 3: "under maintenance"}


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once; the newest beat of each monitor counts."""
    target = context.target(probe, HttpTarget)
    try:
        page, *_ = await answered.page(probe, target, context, probe.path)
    except TargetError as error:
        return answered.down(error)
    old_s = OLD_S if probe.limit is None else probe.limit
    return judged(page, probe.target, wall_s(), old_s)


def judged(page: Mapping[str, Any], where: str, now: float, old_s: float) -> Sample:
    """One tile from the newest beats; a monitor that waits or is maintained is neither.

    One whose beat is older than `old_s` is unknown: Uptime Kuma itself may have stopped asking.
    """
    beats = page.get("heartbeatList")
    newest = {name: one[-1] for name, one in beats.items() if one} if beats else {}
    if not newest:
        raise TargetError("its status page has no monitor that was asked yet", where=where)
    states = {name: _said(one, now, old_s) for name, one in newest.items()}
    detail = tuple(f"monitor {name} is {word}" for name, word in states.items())
    down, well, old = (sum(one == word for one in states.values()) for word in ("down", "up", OLD))
    if down:
        return Sample("down", f"{down} of {len(states)} down", float(down), detail)
    if old:
        return Sample("silent", f"{old} of {len(states)} old", None, detail)
    figure = "all up" if well == len(states) else f"{well} of {len(states)} up"
    return Sample("fine" if well == len(states) else "slow", figure, 0.0, detail)


def _said(beat: Mapping[str, Any], now: float, old_s: float) -> str:
    """What a beat says; one of another time, or of one that cannot be read, says nothing."""
    try:
        at = datetime.fromisoformat(str(beat["time"])).replace(tzinfo=UTC).timestamp()
    except (ValueError, KeyError):
        return OLD
    is_now = -AHEAD_S <= now - at <= old_s
    return WORDS.get(beat.get("status", -1), "unknown") if is_now else OLD
