"""Memory that services may take, and the room that the host has."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.stack.model import Found, Stack, shown

ROOM = 5 * 1024**3
"""Bytes that must be free for images and logs."""
SPARE = 0.20
"""The share of the host's memory that limits leave to the kernel and to bursts."""
BUFFER = 1.5
"""How far a limit lies above the most that was used."""
_LIMITS = ("deploy", "resources", "limits", "memory")


def no_memory_limit(stack: Stack) -> Iterator[Found]:
    """A service that may take all memory of the host."""
    for one in stack.services:
        if not one.memory_limit:
            mend = "set deploy.resources.limits.memory to what it used at most, and half more"
            yield one.found("has no memory limit", mend, *_LIMITS)


def no_reservation(stack: Stack) -> Iterator[Found]:
    """A limit without a share that the service is sure of."""
    for one in stack.services:
        if one.memory_limit and not one.memory_reservation:
            mend = "set deploy.resources.reservations.memory beside the limit"
            yield one.found("has a memory limit and no reservation", mend, *_LIMITS)


def reservation_above_limit(stack: Stack) -> Iterator[Found]:
    """A reservation that the engine refuses."""
    for one in stack.services:
        limit, reserved = one.memory_limit, one.memory_reservation
        if limit and reserved > limit:
            what = f"reserves {shown(reserved)}, above its limit of {shown(limit)}"
            path = ("deploy", "resources", "reservations", "memory")
            yield one.found(what, "reserve less than the limit", *path)


def limits_exceed_host(stack: Stack) -> Iterator[Found]:
    """Limits that add up to more than the host has."""
    total, has = sum(one.memory_limit * one.replicas for one in stack.lasting), stack.facts.memory
    if has is None:
        what = f"the limits add up to {shown(total)}; the host's memory could not be read"
        yield Found("", what, "let the Docker engine answer", is_unknown=True)
    elif total > has:
        what = f"the limits add up to {shown(total)}, the host has {shown(has)}"
        yield Found("", what, "lower limits, or take a larger host")


def limits_leave_little(stack: Stack) -> Iterator[Found]:
    """Limits that leave the host less than a fifth."""
    total, has = sum(one.memory_limit * one.replicas for one in stack.lasting), stack.facts.memory
    if has and has * (1 - SPARE) < total <= has:
        what = f"the limits add up to {shown(total)} of {shown(has)}, which leaves less than 20%"
        yield Found("", what, "lower limits, or take a larger host")


def limit_near_use(stack: Stack) -> Iterator[Found]:
    """A limit that the service has come near to."""
    for one in stack.services:
        limit, peak = one.memory_limit, stack.facts.peaks.get(one.name, 0)
        if limit and peak * BUFFER > limit:
            what = f"used up to {shown(peak)} of its limit of {shown(limit)}"
            yield one.found(what, f"raise the limit to {shown(peak * BUFFER)}", *_LIMITS)


def disk_short(stack: Stack) -> Iterator[Found]:
    """Too little room where the engine keeps images, volumes and logs."""
    free = stack.facts.disk_free
    if free is None:
        what = "the free space for images could not be read"
        yield Found(
            "", what, "look with `df -h /var/lib/docker` on the engine's host", (), "", True
        )
    elif free < ROOM:
        what = f"{shown(free)} free where Docker keeps images, {shown(ROOM)} needed"
        yield Found("", what, "free space, or `docker image prune` what no service needs")
