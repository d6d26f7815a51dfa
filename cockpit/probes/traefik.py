"""A Traefik in front: whether its routers and services work, as its own API counts them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cockpit.errors import TargetError
from cockpit.probes import answered
from cockpit.probes.http import milliseconds
from cockpit.probes.sample import ProbeContext, Sample, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget

PATH = "/api/overview"


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Ask once; its API must be reachable from here, and from nowhere else."""
    target = context.target(probe, HttpTarget)
    try:
        page, took, _ = await answered.page(probe, target, context, PATH)
    except TargetError as error:
        return answered.down(error)
    counts = list(_counts(page))
    if not counts:
        raise TargetError("says nothing of routers", where=probe.target)
    detail = tuple(f"{name}: {sick} of {total} with an error" for name, total, sick in counts)
    broken = [f"{sick} {name} broken" for name, _, sick in counts if sick]
    if broken:
        return Sample("slow", ", ".join(broken), took * 1000, detail)
    return Sample(paced(is_slow=took > probe.slow_over), milliseconds(took), took * 1000, detail)


def _counts(page: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Of each kind of thing: its name, how many there are, and how many do not work."""
    for protocol in ("http", "tcp", "udp"):
        for what, found in (page.get(protocol) or {}).items():
            if isinstance(found, Mapping) and (total := int(found.get("total", 0))):
                yield f"{protocol} {what}", total, int(found.get("errors", 0))
