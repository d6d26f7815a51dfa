"""Whether a zone's answers can be proved: its signatures, its parent's word, and who proves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.dns import zone_of
from cockpit.checks.zone import DEADLINE_S, first_of, known_parents
from cockpit.countwords import many
from cockpit.errors import TargetError
from cockpit.propagation.anchors import Anchors, anchors_of, vouches_for
from cockpit.propagation.answers import Grid, Row
from cockpit.propagation.ask import BOGUS, Server, ask
from cockpit.propagation.classify import Reply
from cockpit.propagation.public import with_public
from cockpit.propagation.signatures import signed_until, vouches
from cockpit.propagation.sweep import ask_each, server_of
from cockpit.runbook.checks import DnsSignedCheck
from cockpit.runbook.targets import DnsTarget, Resolver
from cockpit.timewords import lasting, moment


class _Seen(NamedTuple):
    """What resolvers make of the zone's proofs."""

    bogus: tuple[str, ...]
    provers: tuple[str, ...]
    aged: str
    """How old that is, where they were not asked for this."""
    nobody: str
    """Why there may be no prover."""


async def dns_signed(check: DnsSignedCheck, context: CheckContext) -> Finding:
    """Whether a signed zone proves its answers, and for how long yet.

    Its parent decides who tries: with a DS record there, whoever validates wants proofs.
    """
    target = zone_of(check.target, context)
    keys = await ask(first_of(target), target.zone, "DNSKEY", context.clock, DEADLINE_S)
    if keys.outcome not in ("answer", "no_name"):
        raise TargetError(f"DNSKEY: {keys.note or keys.outcome}", where=target.zone)
    parents = await known_parents(target, context)
    anchors = await anchors_of(target.zone, parents, context.clock, DEADLINE_S)
    if torn := _torn(target, keys, anchors):
        return Finding("fail", torn)
    seen = await _seen(target, context, is_signed=bool(keys.values))
    if seen.bogus:
        told = f"validating resolvers refuse the zone: {'; '.join(seen.bogus)}"
        return Finding("fail", told + seen.aged)
    if not keys.values:
        return _unsigned(anchors, context)
    return await _signed(check, target, anchors, seen, context)


def _torn(target: DnsTarget, keys: Reply, anchors: Anchors) -> str:
    """In words, where the parent vouches for keys that the zone does not have."""
    if not anchors.records:
        return ""
    if keys.values and vouches_for(target.zone, anchors.records, keys.values) is not False:
        return ""
    has = "has other keys" if keys.values else "has no keys"
    return (
        f"BOGUS for everyone who validates: the parent has DS records for this zone,"
        f" and the zone {has}: nobody behind such a resolver reaches it; DS {anchors.records[0]}"
    )


def _unsigned(anchors: Anchors, context: CheckContext) -> Finding:
    if anchors.told:
        told = f"{anchors.told} of {anchors.asked} of the parent's servers have no DS record for it"
        return Finding("pass", f"the zone is not signed, and {told}")
    if context.runbook.environment == "rehearsal":
        return Finding("pass", "the zone is not signed; the lab plays no parent zone")
    silent = f"none of {anchors.asked} of its servers tells" if anchors.asked else "is not known"
    return Finding(
        "unknown", f"the zone is not signed; whether its parent has a DS record {silent}"
    )


async def _signed(
    check: DnsSignedCheck, target: DnsTarget, anchors: Anchors, seen: _Seen, context: CheckContext
) -> Finding:
    ends = await _ends(target, context)
    bare = sorted({what for what, end in ends if end is None})
    if bare:
        return Finding("fail", f"the zone has keys, and no signature for {', '.join(bare)}")
    what, end = min(((what, end) for what, end in ends if end is not None), key=lambda one: one[1])
    words = f"signed; the first signature runs out at {moment(end)}, that of {what}"
    if end - context.clock.now() < check.valid_for:
        return Finding("fail", words)
    if anchors.records:
        words += "; the parent's DS is that of one of its keys"
    elif anchors.told:
        words += "; the parent has no DS record, so resolvers take it for unsigned"
    if seen.provers:
        return Finding("pass", f"{words}; validated by {', '.join(seen.provers)}{seen.aged}")
    return Finding("unknown", f"{words}; nobody validated: {seen.nobody}")


async def _seen(target: DnsTarget, context: CheckContext, *, is_signed: bool) -> _Seen:
    """What resolvers say now; what they said in the last sweep, while none may be asked."""
    grid = context.live.grid
    if grid is not None and grid.paused:
        return _as_swept(grid, target, context.clock.now())
    asked = [one for one in with_public(target).resolvers if not one.through]
    clock = context.clock

    async def told() -> tuple[list[str], list[str]]:
        await context.courtesy.turn([one.name for one in asked], clock)
        bogus = await _disproved(asked, target, context)
        return bogus, await _provers(asked, target, context) if is_signed else []

    key = "signed", is_signed, target.zone, target.names, tuple(asked)
    bogus, provers = await context.courtesy.once(key, clock, told)
    return _Seen(
        tuple(bogus), tuple(provers), "", f"none of {many(len(asked), 'resolver')} says AD"
    )


def _as_swept(grid: Grid, target: DnsTarget, now: float) -> _Seen:
    names = {one.name for one in target.resolvers}
    rows = [
        row
        for row in grid.rows
        if row.name in names and all(cell.state != "unasked" for cell in row.cells)
    ]
    bogus = [row for row in rows if any(BOGUS in cell.note for cell in row.cells)]
    provers = [row for row in rows if all(cell.proved for cell in row.cells)]
    told = [cell.at for row in bogus or provers for cell in row.cells]
    aged = f", as heard {lasting(now - min(told))} ago ({grid.paused})" if told else ""
    nobody = f"none of {many(len(rows), 'resolver')} said AD, and none is asked now"
    return _Seen(tuple(map(_why, bogus)), tuple(row.name for row in provers), aged, nobody)


def _why(row: Row) -> str:
    return f"{row.name} {next(cell.note for cell in row.cells if BOGUS in cell.note)}"


async def _provers(
    asked: Sequence[Resolver], target: DnsTarget, context: CheckContext
) -> list[str]:
    """The resolvers that say that they proved the zone's SOA and each name that moves."""
    sets = [(target.zone, "SOA"), *((name, target.record_type) for name in target.names)]

    async def proves(server: Server) -> bool:
        told = (vouches(server, *what, context.clock, DEADLINE_S) for what in sets)
        return all(await asyncio.gather(*told))

    told = await asyncio.gather(*(proves(server_of(one)) for one in asked))
    return [one.name for one, proved in zip(asked, told, strict=True) if proved]


async def _ends(target: DnsTarget, context: CheckContext) -> list[tuple[str, float | None]]:
    """What is signed at each authority, and until when: a copy that lags has older signatures.

    The keys have a signature of their own, often made elsewhere and for another time; the SOA's
    proves every absence.
    """
    sets = [
        *((name, target.record_type) for name in target.names),
        *((target.zone, kind) for kind in ("DNSKEY", "SOA")),
    ]
    asked = [(one, *what) for one in target.authorities for what in sets]
    ends = await asyncio.gather(
        *(
            signed_until(
                Server(one.address, one.port, authoritative=True),
                name,
                kind,
                context.clock,
                DEADLINE_S,
            )
            for one, name, kind in asked
        )
    )
    return [
        (f"{name} {kind} at {one.name}", end)
        for (one, name, kind), end in zip(asked, ends, strict=True)
    ]


async def _disproved(
    asked: Sequence[Resolver], target: DnsTarget, context: CheckContext
) -> list[str]:
    """Resolvers that fail with checking on and answer with it off."""
    questions = [(server_of(one), target.zone, "SOA") for one in asked]
    replies = await ask_each(questions, context.clock, DEADLINE_S)
    return [
        f"{one.name} {reply.note}"
        for one, reply in zip(asked, replies, strict=True)
        if reply and BOGUS in reply.note
    ]
