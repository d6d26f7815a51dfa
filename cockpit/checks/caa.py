"""The question whether CAA records let an issuer issue, climbed as the issuer climbs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.dns import zone_of
from cockpit.errors import TargetError
from cockpit.propagation.ask import Server
from cockpit.propagation.caa import allowed
from cockpit.propagation.classify import Reply, canonical
from cockpit.propagation.delegation import RESOLVERS
from cockpit.propagation.recall import Found
from cockpit.propagation.sweep import DEADLINE_S, ask_each, server_of
from cockpit.runbook.checks import DnsCaaCheck
from cockpit.runbook.targets import DnsTarget
from cockpit.timewords import lasting

WILDCARD = "*."
"""What a name begins with for which the climb begins one level higher (RFC 8659 s3)."""


class _Held(NamedTuple):
    """The CAA records that hold for a name; none where there are none up to the root."""

    holder: str
    values: tuple[str, ...]
    aged: str = ""
    """How long ago they were heard, where nobody may be asked now."""


async def dns_caa(check: DnsCaaCheck, context: CheckContext) -> Finding:
    """Whether the nearest CAA records, climbing from each name, allow the issuer (RFC 8659 s3).

    Each of the zone's name servers is asked, since the issuer may ask any; what is above the zone,
    and behind an alias that leaves it, is asked of resolvers.
    """
    target = zone_of(check.target, context)
    asked = [(canonical(name), one) for name in target.names for one in target.authorities]
    climbs = [
        _climbed(Server(one.address, one.port, authoritative=True), name, target, context)
        for name, one in asked
    ]
    found, untold = [], []
    heard = await asyncio.gather(*climbs, return_exceptions=True)
    for (name, _), held in zip(asked, heard, strict=True):
        if isinstance(held, TargetError):
            untold.append(str(held))
        elif isinstance(held, BaseException):
            raise held
        elif not held.values:
            found.append(f"{held.holder} has no CAA record{held.aged}")
        else:
            told = allowed(held.values, wildcard=name.startswith(WILDCARD))
            if refusal := told.refusal(check.issuer):
                return Finding("fail", f"CAA at {held.holder} {refusal}{held.aged}")
            found.append(f"{held.holder} allows {told.whom}{held.aged}")
    words = "; ".join(dict.fromkeys((*untold, *found)))
    return Finding("unknown" if untold else "pass", words)


async def _climbed(server: Server, name: str, target: DnsTarget, context: CheckContext) -> _Held:
    """The CAA records that hold for a name, as one name server and what is above it tell."""
    zone, name = canonical(target.zone), name.removeprefix(WILDCARD)
    for level in (one for one in _levels(name) if _is_within(one, zone)):
        (told,) = await ask_each([(server, level, "CAA")], context.clock, DEADLINE_S)
        reply = told or Reply("timeout")
        if not _tells(reply):
            why = f"{level} CAA at {server.address}: {reply.note or reply.outcome}"
            raise TargetError(why, where=target.zone)
        if reply.values:
            return _Held(level, reply.values)
        alias = reply.links[-1].target if reply.links else zone
        if not _is_within(alias, zone):
            led = await _recursively((alias,), target, context)
            if led.values:
                return led
    if context.runbook.environment == "rehearsal":
        return _Held(name, (), "; the lab plays no parent zone")
    above = await _recursively(_levels(zone)[1:], target, context)
    return above if above.values else _Held(name, (), f", nor has what is above it{above.aged}")


def _is_within(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}")


def _levels(name: str) -> tuple[str, ...]:
    """A name and all above it but the root, nearest first."""
    labels = name.rstrip(".").split(".")
    return tuple(f"{'.'.join(labels[at:])}." for at in range(len(labels)))


async def _recursively(names: Sequence[str], target: DnsTarget, context: CheckContext) -> _Held:
    """The first CAA records of these names that a resolver tells, unless none may be asked now.

    Then what was heard the last time counts, with its age.
    """
    if not names:
        return _Held(".", ())
    grid, clock, key = context.live.grid, context.clock, f"{names[0]} CAA"
    if grid is not None and grid.paused:
        known = context.courtesy.last_led(key)
        if known is None:
            why = f"nobody asked for its CAA records, nor asks now: {grid.paused}"
            raise TargetError(why, where=names[0])
        aged = f" as heard {lasting(clock.now() - known.at)} ago"
        return _Held(known.found.alias, known.found.addresses, aged)
    near = [one for one in target.resolvers if not one.through][:RESOLVERS]

    async def asked() -> Found:
        await context.courtesy.turn([one.name for one in near], clock)
        for resolver in near:
            questions = [(server_of(resolver), name, "CAA") for name in names]
            found = _nearest(names, await ask_each(questions, clock, DEADLINE_S))
            if found is not None:
                return found
        raise TargetError("no resolver tells its CAA records", where=names[0])

    held = await context.courtesy.led(key, clock, asked)
    return _Held(held.alias, held.addresses)


def _nearest(names: Sequence[str], replies: Sequence[Reply | None]) -> Found | None:
    """The first of these that has records; None where that of a nearer one is not told."""
    for name, reply in zip(names, replies, strict=True):
        if reply is None or not _tells(reply):
            return None
        if reply.values:
            return Found(reply.values, name)
    return Found((), ".")


def _tells(reply: Reply) -> bool:
    return reply.outcome in ("answer", "no_name")
