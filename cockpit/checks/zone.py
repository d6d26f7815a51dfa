"""Questions about a whole zone: whether it is in order, and lets the change be made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.dns import zone_of
from cockpit.checks.provider import effort
from cockpit.countwords import many
from cockpit.errors import TargetError
from cockpit.propagation.ask import Server
from cockpit.propagation.beside import value_of, watched
from cockpit.propagation.classify import Reply, canonical
from cockpit.propagation.delegation import RESOLVERS, ask_parents, parents_of, unlisted
from cockpit.propagation.providers.choose import reader_for
from cockpit.propagation.sweep import ask_each
from cockpit.propagation.wholezone import holding, undeclared
from cockpit.runbook.checks import DnsZoneCheck
from cockpit.runbook.targets import Authority, DnsTarget
from cockpit.timewords import lasting, moment

DEADLINE_S = 2.0


async def dns_quiet(check: DnsZoneCheck, context: CheckContext) -> Finding:
    """Whether whatever our last question put into a cache has run out by now."""
    zone_of(check.target, context)
    grid, switched = context.live.grid, context.state.t0_actual
    if switched is not None:
        # What waits now is the other half of a switch that users see already.
        return Finding("pass", f"the new answer is out since {moment(switched)}: finish the switch")
    if grid is None or grid.back_s is None:
        raise TargetError("nobody has looked at the name servers yet")
    if not grid.paused:
        return Finding("fail", "resolvers are still asked: this waits for the step before")
    quiet = context.clock.now() - grid.asked_at
    words = f"no resolver was asked for {lasting(quiet)}, the TTL is {lasting(grid.back_s)}"
    return Finding("pass" if quiet >= grid.back_s else "fail", words)


async def dns_agree(check: DnsZoneCheck, context: CheckContext) -> Finding:
    """Whether all name servers hold one zone, with authority, and the parent names them."""
    target = zone_of(check.target, context)
    soas, sets = await asyncio.gather(
        _at_authorities(target, "SOA", context), _at_authorities(target, "NS", context)
    )
    lame = [
        f"{one.name} ({one.address}) {reply.note or reply.outcome}"
        for one, reply in zip(target.authorities, soas, strict=True)
        if reply.outcome != "answer" or not reply.values
    ]
    if lame:
        is_silent = all(reply.outcome in ("answer", "timeout") for reply in soas)
        return Finding("unknown" if is_silent else "fail", f"no authority: {'; '.join(lame)}")
    serials = sorted({reply.serial for reply in soas if reply.serial is not None})
    named = {tuple(map(canonical, reply.values)) for reply in sets}
    if len(serials) > 1:
        waits = max(int(value.split()[3]) for reply in soas for value in reply.values)
        late = f"who missed the notice follows within {lasting(waits)}"
        return Finding("fail", f"serials differ: {', '.join(map(str, serials))}; {late}")
    if len(named) > 1:
        return Finding("fail", "the name servers do not name the same name servers")
    words = f"serial {serials[0]} at {many(len(soas), 'name server')}"
    delegated, left = await asyncio.gather(
        _as_delegated(target, named.pop(), words, context),
        unlisted(target, context.clock, DEADLINE_S),
    )
    if not left:
        return delegated
    why = f"not asked, since the profile leaves them out: {', '.join(left)}"
    said = "unknown" if delegated.said == "pass" else delegated.said
    return Finding(said, f"{delegated.evidence}; {why}")


async def _as_delegated(
    target: DnsTarget, named: tuple[str, ...], words: str, context: CheckContext
) -> Finding:
    """Whether every server of the parent that tells its delegation names the zone's own."""
    if context.live.grid is not None and context.live.grid.paused and not target.parents:
        known = context.live.grid.parents
    else:
        parents = await known_parents(target, context)
        known = await ask_parents(target, parents, context.clock, DEADLINE_S)
    wrong = [f"{one.name} ({one.address}) {one.words}" for one in known if one.fits is False]
    fitting = [one for one in known if one.fits]
    if wrong:
        return Finding("fail", f"{words}; the parent: {'; '.join(wrong)}")
    if not fitting and context.runbook.environment == "rehearsal":
        return Finding("pass", f"{words}; the lab plays no parent zone")
    if not fitting:
        return Finding("unknown", f"{words}; no server of the parent zone told its delegation")
    silent = [f"{one.name} {one.words}" for one in known if one.fits is None]
    told = f"{len(fitting)} of {len(known)} of the parent's name the same {len(named)}"
    return Finding("pass", "; ".join((words, told, *silent)))


async def known_parents(target: DnsTarget, context: CheckContext) -> tuple[Authority, ...]:
    """The parent's servers; asked of resolvers at most once for all gates, and never in a pause."""
    if target.parents:
        return target.parents
    grid = context.live.grid
    if grid is not None and (grid.paused or grid.parents):
        return tuple(Authority(name=one.name, address=one.address) for one in grid.parents)

    async def asked() -> tuple[Authority, ...]:
        near = [one.name for one in target.resolvers if not one.through]
        await context.courtesy.turn(near[:RESOLVERS], context.clock)
        return await parents_of(target, context.clock, DEADLINE_S)

    return await context.courtesy.once(("parents", target.zone), context.clock, asked)


async def dns_old_address(check: DnsZoneCheck, context: CheckContext) -> Finding:
    """Which records besides those that move still lead to the old side, or may do so untold."""
    target = zone_of(check.target, context)
    records = await reader_for(target, context.secrets, effort(check.timeout)).all()
    moving = {canonical(name) for name in target.names}
    addresses = _old_addresses(target)
    leaving = _leaving(target)
    hits: list[str] = []
    changing: list[str] = []
    for address in addresses:
        for one, value in holding(records, address):
            if one.name in moving and one.type == target.record_type:
                continue
            is_leaving = (one.name, one.type, value_of(one.type, value)) in leaving
            (changing if is_leaving else hits).append(f"{one.name} {one.type} {value}")
    count = many(len(records), "record set")
    along = [
        f"{one.name} {one.type} {value}"
        for name in sorted(moving)
        for one, value in holding(records, name)
        if one.type in ("MX", "SRV")
    ]
    words = [f"they move along: {'; '.join(along)}"] if along else []
    if changing:
        words.append(f"declared to change: {'; '.join(changing)}")
    sought = " or ".join(addresses)
    verb = "holds" if len(hits) == 1 else "hold"
    wrong = [f"{len(hits)} more of {count} {verb} {sought}: {'; '.join(hits)}"] if hits else []
    untold = [line for line in undeclared(records, target) if line not in hits]
    if untold:
        wrong.append(f"beside names that move, not declared in `records`: {'; '.join(untold)}")
    if wrong:
        return Finding("fail", "; ".join((*wrong, *words)))
    besides = " and what is declared to change" if changing else ""
    who = "the name that moves" if len(moving) == 1 else f"the {len(moving)} names that move"
    verb = "holds" if len(moving) == 1 and not besides else "hold"
    found = f"only {who}{besides} {verb} {sought}, of {count}"
    return Finding("pass", "; ".join((found, *words)))


def _leaving(target: DnsTarget) -> set[tuple[str, str, str]]:
    """The values that are declared to go, in the form in which they are compared."""
    return {(one.name, one.type, value) for one in watched(target) for value in one.old - one.new}


def _old_addresses(target: DnsTarget) -> list[str]:
    """The old side's answer, and its IPv6 addresses where they are declared."""
    declared = (
        value
        for one in target.records
        if one.type == "AAAA" and one.new is not None
        for value in one.old
        if value not in one.new
    )
    return list(dict.fromkeys((target.old, *declared)))


async def _at_authorities(target: DnsTarget, kind: str, context: CheckContext) -> Sequence[Reply]:
    questions = [
        (Server(one.address, one.port, authoritative=True), target.zone, kind)
        for one in target.authorities
    ]
    replies = await ask_each(questions, context.clock, DEADLINE_S)
    return [reply or Reply("timeout") for reply in replies]


def first_of(target: DnsTarget) -> Server:
    """The first of a zone's name servers."""
    one = target.authorities[0]
    return Server(one.address, one.port, authoritative=True)
