"""Gathers the facts around a stack: from the engine, from this host, from git. It only reads."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cockpit.errors import TargetError
from cockpit.stack import ground, imaged, mounted
from cockpit.stack.engine import Engine, engine
from cockpit.stack.facts import Bound, Facts, Image, Other
from cockpit.stack.model import Stack
from cockpit.stack.resolve import Resolved

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
DEPENDS = "com.docker.compose.depends_on"
"""For what a container waits: `NAME:CONDITION:RESTART`, by commas."""


async def facts(resolved: Resolved, context: str | None, other: Other | None) -> Facts:
    """Everything that the rules must know; what cannot be looked up stays None."""
    stack = Stack(resolved.config, resolved.layers)
    secrets = await ground.secrets(resolved.config)
    try:
        async with engine(context) as api:
            seen = await _seen(api, stack)
    except TargetError:
        seen = Facts()
    return Facts(
        memory=seen.memory,
        disk_free=seen.disk_free,
        ports=seen.ports,
        is_elsewhere=seen.is_elsewhere,
        is_clock_set=seen.is_clock_set,
        images=seen.images,
        secrets=secrets,
        mounted=await asyncio.to_thread(mounted.hosts, stack),
        peaks=seen.peaks,
        other=other,
        unset=resolved.unset,
    )


async def _seen(api: Engine, stack: Stack) -> Facts:
    info = await api.get("/info")
    containers = await api.get("/containers/json")
    own = [one for one in containers if one["Labels"].get(PROJECT) == stack.project]
    return Facts(
        memory=info["MemTotal"],
        disk_free=await asyncio.to_thread(_free, info["DockerRootDir"]) if api.is_local else None,
        ports=await _ports(containers, own) if api.is_local else None,
        is_elsewhere=not api.is_local,
        is_clock_set=ground.is_clock_set() if api.is_local else None,
        images=await _images(api, stack),
        peaks=await _peaks(api, own),
    )


def _free(root: str) -> int | None:
    return shutil.disk_usage(root).free if Path(root).exists() else None


async def _ports(
    containers: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]]
) -> tuple[Bound, ...]:
    """What others hold: listening sockets, and ports that other projects' containers publish."""
    ours = {_key(port) for one in own for port in one["Ports"] if port.get("PublicPort")}
    theirs = [
        Bound(*_key(port), one["Names"][0].lstrip("/"))
        for one in containers
        for port in one["Ports"]
        if one not in own and port.get("PublicPort")
    ]
    named = {(one.address, one.port, one.protocol) for one in theirs}
    listening = await asyncio.to_thread(ground.listening)
    others = (one for one in listening if (one.address, one.port, one.protocol) not in named | ours)
    return (*theirs, *others)


def _key(port: Mapping[str, Any]) -> tuple[str, int, str]:
    return port.get("IP", ""), port["PublicPort"], port["Type"]


async def _images(api: Engine, stack: Stack) -> dict[str, Image]:
    found: dict[str, Image] = {}
    for one in stack.services:
        image = await imaged.look(api, one.image(stack.project), one)
        if image is not None:
            found[one.name] = image
    return found


async def _peaks(api: Engine, own: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Bytes that each running service uses; the largest of its containers."""
    peaks: dict[str, int] = {}
    for one in own:
        path = f"/containers/{one['Id']}/stats"
        stats = await api.get(path, stream="false", **{"one-shot": "true"})
        name = one["Labels"].get(SERVICE, "")
        peaks[name] = max(peaks.get(name, 0), working_set(stats))
    return peaks


def waited_to_end(labels: Mapping[str, str]) -> frozenset[str]:
    """The services that have to end well before this container starts."""
    waits = (one.split(":") for one in labels.get(DEPENDS, "").split(",") if one)
    return frozenset(name for name, *how in waits if "service_completed_successfully" in how)


def working_set(stats: Mapping[str, Any]) -> int:
    """Bytes of memory that a container cannot give back, as `docker stats` counts them."""
    memory = stats.get("memory_stats") or {}
    detail = memory.get("stats") or {}
    cache = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return max(0, int(memory.get("usage", 0)) - int(cache))
