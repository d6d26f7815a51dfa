"""The addresses that a side's answer leads to: itself, or where a name that it gives leads."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import NamedTuple

from cockpit.checks.base import CheckContext
from cockpit.errors import TargetError
from cockpit.propagation.ask import Server
from cockpit.propagation.classify import canonical
from cockpit.propagation.delegation import RESOLVERS
from cockpit.propagation.recall import Found
from cockpit.propagation.sweep import DEADLINE_S, ask_each, server_of
from cockpit.runbook.targets import DnsTarget
from cockpit.timewords import lasting

LONGEST = 8
"""Aliases that are followed from one zone into another."""


class Lead(NamedTuple):
    """Where an answer leads."""

    addresses: tuple[str, ...]
    words: str = ""
    """How that is known, where the answer is no address."""


async def lead(where: str, target: DnsTarget, context: CheckContext) -> Lead:
    """Where an answer leads to just now; TargetError where that cannot be told.

    The zone's own names are asked of its authorities, others of resolvers, unless none may be
    asked: then what an earlier gate heard counts, with its age.
    """
    try:
        return Lead((str(ip_address(where)),))
    except ValueError:
        name = canonical(where)
    zone, aged = canonical(target.zone), ""
    for _ in range(LONGEST):
        if name == zone or name.endswith(f".{zone}"):
            first = target.authorities[0]
            servers = [Server(first.address, first.port, authoritative=True)]
            found = await _asked(servers, name, context)
        else:
            found, aged = await _by_resolvers(name, target, context)
        if found.addresses:
            return Lead(found.addresses, f"{where} is {', '.join(found.addresses)}{aged}")
        if not found.alias:
            break
        name = found.alias
    raise TargetError("has no address that anybody tells", where=where)


async def _by_resolvers(name: str, target: DnsTarget, context: CheckContext) -> tuple[Found, str]:
    grid, clock = context.live.grid, context.clock
    if grid is not None and grid.paused:
        known = context.courtesy.last_led(name)
        if known is None:
            raise TargetError(
                f"nobody asked where it leads, nor asks now: {grid.paused}", where=name
            )
        return known.found, f" as heard {lasting(clock.now() - known.at)} ago"
    near = [one for one in target.resolvers if not one.through][:RESOLVERS]

    async def asked() -> Found:
        await context.courtesy.turn([one.name for one in near], clock)
        return await _asked([server_of(one) for one in near], name, context)

    return await context.courtesy.led(name, clock, asked), ""


async def _asked(servers: Sequence[Server], name: str, context: CheckContext) -> Found:
    """What the first of these servers says that tells anything."""
    for server in servers:
        questions = [(server, name, kind) for kind in ("A", "AAAA")]
        replies = await ask_each(questions, context.clock, DEADLINE_S)
        told = [one for one in replies if one is not None and one.outcome == "answer"]
        values = tuple(value for one in told for value in one.values)
        links = [one.links[-1].target for one in told if one.links]
        if values or links:
            return Found(values, "" if values else links[0])
    return Found((), "")
