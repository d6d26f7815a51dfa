"""Whether somebody takes connections at an address."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from cockpit.errors import TargetError
from cockpit.probes.http import PATIENCE_S, milliseconds
from cockpit.probes.sample import ProbeContext, Sample, paced
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget, PostgresTarget, RedisTarget, Target

PORTS = {"http": 80, "https": 443}


async def sample(probe: Probe, context: ProbeContext) -> Sample:
    """Connect once, and leave."""
    host, port = address(context.runbook.target(probe.target), probe.target)
    began = context.clock.real()
    try:
        async with asyncio.timeout(max(PATIENCE_S, 2 * probe.slow_over)):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        words = str(error) or "no answer in time"
        return Sample("down", "no answer", detail=(f"{host}:{port}: {words}",))
    took = context.clock.real() - began
    writer.transport.abort()
    state = paced(is_slow=took > probe.slow_over)
    words = milliseconds(took)
    return Sample(state, words, took * 1000, (f"{host}:{port} took a connection in {words}",))


def address(target: Target, name: str) -> tuple[str, int]:
    """Host and port of a target."""
    if isinstance(target, PostgresTarget | RedisTarget):
        return target.host, target.port
    if isinstance(target, HttpTarget):
        parts = urlsplit(target.url)
        port = parts.port or PORTS.get(parts.scheme)
        if parts.hostname and port:
            return parts.hostname, port
    raise TargetError("has no address to connect to", where=name)
