"""One-off containers, as `docker compose run` makes them: those that still run."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.engine import said
from cockpit.stack.look import PROJECT, SERVICE

ONE_OFF = "com.docker.compose.oneoff"
"""The label that tells them from a service's lasting containers."""
_ALIVE = ("running", "paused", "restarting")


class OneOff(NamedTuple):
    """One that still runs."""

    name: str
    words: str
    """A sentence for a person, with the command that ends it."""


async def one_offs(target: ComposeTarget, service: str) -> tuple[OneOff, ...]:
    """Those of a service; TargetError where the engine is silent.

    Whoever began one may be gone: the container itself lives on at the engine.
    """
    labels = (f"{PROJECT}={target.project}", f"{SERVICE}={service}", f"{ONE_OFF}=True")
    wanted = (*(f"label={one}" for one in labels), *(f"status={one}" for one in _ALIVE))
    filters = (part for one in wanted for part in ("--filter", one))
    shown = ("--format", "{{.Names}}\t{{.CreatedAt}}")
    listed = await said((*_docker(target), "ps", "--all", *shown, *filters))
    return tuple(_one_off(target, service, line) for line in listed.splitlines())


async def still_running(target: ComposeTarget, service: str) -> tuple[str, ...]:
    """The sentences alone."""
    return tuple(one.words for one in await one_offs(target, service))


async def stop(target: ComposeTarget, name: str, grace_s: float) -> None:
    """Ask a container to end, kill it after the grace; TargetError where that is refused."""
    await said((*_docker(target), "stop", "--time", f"{grace_s:.0f}", name))


def _one_off(target: ComposeTarget, service: str, line: str) -> OneOff:
    name, _, created = line.partition("\t")
    ends = shlex.join((*_docker(target), "stop", name))
    return OneOff(
        name, f"container {name} still runs {service}, started {created}; `{ends}` ends it"
    )


def _docker(target: ComposeTarget) -> tuple[str, ...]:
    context = target.context
    return (
        "docker",
        *(("--host" if "://" in context else "--context", context) if context else ()),
    )
