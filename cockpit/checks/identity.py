"""Who a target says that it is: read again in every step's gates, and pinned at the first time."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from cockpit.checks.base import CheckContext
from cockpit.runbook.targets import (
    ComposeTarget,
    DnsTarget,
    HttpTarget,
    PostgresTarget,
    RedisTarget,
)

MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
NOT_REHEARSED = "not rehearsed here"


async def identify(target_id: str, context: CheckContext) -> str:
    """The identity of a target as it states it now; TargetError where it does not."""
    target = context.runbook.target(target_id)
    return await READERS[target.kind](target, context)


async def _postgres(target: PostgresTarget, context: CheckContext) -> str:
    from cockpit.database.identity import identity

    return await identity(target, context.secrets)


async def _dns(target: DnsTarget, _context: CheckContext) -> str:
    from cockpit.propagation.identity import identity

    return await identity(target)


async def _http(target: HttpTarget, _context: CheckContext) -> str:
    name = f" as {target.host_header}" if target.host_header else ""
    return target.url + name


async def _redis(target: RedisTarget, _context: CheckContext) -> str:
    return f"{target.host}:{target.port}"


async def _compose(target: ComposeTarget, _context: CheckContext) -> str:
    from cockpit.actions.docker_engine import engine

    return f"{target.project} on engine {(await engine(target))['ID']}"


async def _host(_target: object, _context: CheckContext) -> str:
    return await asyncio.to_thread(host)


async def _not_rehearsed(_target: object, _context: CheckContext) -> str:
    return NOT_REHEARSED


def host() -> str:
    """The host, by a digest of its machine id; by its name where it has none."""
    for path in MACHINE_IDS:
        # An image that was never booted has an empty one.
        if path.exists() and (machine := path.read_bytes().strip()):
            # The id itself is meant to stay on its machine, machine-id(5).
            return "host " + hashlib.sha256(b"cockpit" + machine).hexdigest()[:12]
    return f"host {os.uname().nodename}, which has no machine id"


READERS: Mapping[str, Callable[[Any, CheckContext], Awaitable[str]]] = {
    "postgres": _postgres,
    "dns": _dns,
    "http": _http,
    "redis": _redis,
    "compose": _compose,
    "host": _host,
    "not_rehearsed": _not_rehearsed,
}
