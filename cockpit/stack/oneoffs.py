"""One-off containers, as `docker compose run` makes them: those that still run."""

from __future__ import annotations

from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.engine import said
from cockpit.stack.look import PROJECT, SERVICE

ONE_OFF = "com.docker.compose.oneoff"
"""The label that tells them from a service's lasting containers."""
_ALIVE = ("running", "paused", "restarting")


async def still_running(target: ComposeTarget, service: str) -> tuple[str, ...]:
    """A sentence for each that still runs a service; TargetError where the engine is silent.

    Whoever began one may be gone: the container itself lives on at the engine.
    """
    context = target.context
    where = ("--host" if "://" in context else "--context", context) if context else ()
    labels = (f"{PROJECT}={target.project}", f"{SERVICE}={service}", f"{ONE_OFF}=True")
    wanted = (*(f"label={one}" for one in labels), *(f"status={one}" for one in _ALIVE))
    filters = (part for one in wanted for part in ("--filter", one))
    listed = await said(
        ("docker", *where, "ps", "--all", "--format", "{{.Names}}\t{{.CreatedAt}}", *filters)
    )
    return tuple(_words(line, service) for line in listed.splitlines())


def _words(line: str, service: str) -> str:
    name, _, created = line.partition("\t")
    return f"container {name} still runs {service}, started {created}"
