"""What every server of the parent zone says of a zone: its name servers, and their glue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import dns.message
import dns.rdatatype
import dns.rrset

from cockpit.clock import Clock
from cockpit.propagation.answers import Parent
from cockpit.propagation.ask import Server, Unheard, exchange, query_of
from cockpit.propagation.classify import canonical
from cockpit.propagation.sweep import ask_each, server_of
from cockpit.runbook.targets import Authority, DnsTarget

RESOLVERS = 3
"""How many resolvers are asked where the parent's servers are, until one tells."""
MOST = 26
"""Addresses of a parent that are asked at most: the busiest zones have 13 names."""


class Delegation(NamedTuple):
    """A zone's name servers as its parent names them."""

    servers: tuple[str, ...]
    glue: Mapping[str, frozenset[str]]
    """The addresses that the parent adds, by name server."""


async def parents_of(target: DnsTarget, clock: Clock, deadline_s: float) -> tuple[Authority, ...]:
    """The parent's servers, by address: as declared, or as a resolver knows them."""
    if target.parents:
        return target.parents
    parent = canonical(target.zone).partition(".")[2] or "."
    near = [one for one in target.resolvers if not one.through]
    for resolver in near[:RESOLVERS]:
        server = server_of(resolver)
        (named,) = await ask_each([(server, parent, "NS")], clock, deadline_s)
        names = named.values if named else ()
        found = await ask_each([(server, name, "A") for name in names], clock, deadline_s)
        known = tuple(
            Authority(name=name, address=address)
            for name, reply in zip(names, found, strict=True)
            if reply is not None and reply.outcome == "answer"
            for address in reply.values
        )
        if known:
            return known[:MOST]
    return ()


async def ask_parents(
    target: DnsTarget, parents: Sequence[Authority], clock: Clock, deadline_s: float
) -> tuple[Parent, ...]:
    """What each address of the parent says, held against the zone's own name servers."""
    named, told = await asyncio.gather(
        _own_servers(target, clock, deadline_s),
        asyncio.gather(*(_delegation(one, target.zone, clock, deadline_s) for one in parents)),
    )
    glued = {name for one in told if one for name in one.glue}
    addresses = await _own_addresses(target.authorities[0], glued, clock, deadline_s)
    now = clock.now()
    return tuple(
        Parent(one.name, one.address, *_against(said, named, addresses), now)
        for one, said in zip(parents, told, strict=True)
    )


def _against(
    said: Delegation | None,
    named: tuple[str, ...] | None,
    addresses: Mapping[str, frozenset[str]],
) -> tuple[bool | None, str]:
    """Whether a delegation fits the zone, None where nobody can tell, and the words for it."""
    if said is None:
        return None, "does not tell the delegation"
    if named is None:
        return None, "the zone's own servers do not name their servers alike"
    if said.servers != named:
        return False, f"names {', '.join(said.servers)}, the zone {', '.join(named)}"
    for name, glue in said.glue.items():
        own = addresses.get(name, frozenset())
        if own != glue:
            is_now = ", ".join(sorted(own)) or "nowhere"
            return False, f"{name} is {is_now}, its glue {', '.join(sorted(glue))}"
    return True, f"names the same {len(named)}"


async def unlisted(target: DnsTarget, clock: Clock, deadline_s: float) -> tuple[str, ...] | None:
    """The name servers of the zone that the target leaves out; None where nobody named any.

    Those inside the zone are told by address, every one of which must be listed. Others, whose
    addresses the zone's own servers do not tell, by name.
    """
    sets = await _own_sets(target, clock, deadline_s)
    if not sets:
        return None
    names = sorted({name for _, named in sets for name in named})
    zone = canonical(target.zone)
    inside = [name for name in names if name.endswith(f".{zone}")]
    addresses = await _own_addresses(sets[0][0], inside, clock, deadline_s)
    asked = {canonical(one.address) for one in target.authorities}
    called = {canonical(one.name) for one in target.authorities}
    told: list[str] = []
    for name in names:
        known = addresses.get(name, frozenset())
        told += [f"{name} ({one})" for one in sorted(known - asked)]
        if not known and not any(name.startswith(one) for one in called):
            told.append(name)
    return tuple(told)


async def _own_servers(
    target: DnsTarget, clock: Clock, deadline_s: float
) -> tuple[str, ...] | None:
    """The name servers as the zone itself names them; None where its servers do not agree."""
    sets = {named for _, named in await _own_sets(target, clock, deadline_s)}
    return sets.pop() if len(sets) == 1 else None


async def _own_sets(
    target: DnsTarget, clock: Clock, deadline_s: float
) -> list[tuple[Authority, tuple[str, ...]]]:
    """Which name servers each of the zone's own servers names, of those that name any."""
    questions = [
        (Server(one.address, one.port, authoritative=True), target.zone, "NS")
        for one in target.authorities
    ]
    replies = await ask_each(questions, clock, deadline_s)
    return [
        (one, tuple(sorted(map(canonical, reply.values))))
        for one, reply in zip(target.authorities, replies, strict=True)
        if reply is not None and reply.values
    ]


async def _own_addresses(
    asked: Authority, names: Iterable[str], clock: Clock, deadline_s: float
) -> Mapping[str, frozenset[str]]:
    """What one of the zone's own servers says of its name servers' addresses."""
    server = Server(asked.address, asked.port, authoritative=True)
    wanted = [(name, kind) for name in sorted(names) for kind in ("A", "AAAA")]
    replies = await ask_each([(server, *one) for one in wanted], clock, deadline_s)
    found: dict[str, frozenset[str]] = {}
    for (name, _), reply in zip(wanted, replies, strict=True):
        values = map(canonical, reply.values if reply else ())
        found[name] = found.get(name, frozenset()) | frozenset(values)
    return found


async def _delegation(
    parent: Authority, zone: str, clock: Clock, deadline_s: float
) -> Delegation | None:
    server = Server(parent.address, parent.port, authoritative=True)
    try:
        heard = await exchange(server, query_of(server, zone, "NS"), clock, deadline_s)
    except Unheard:
        return None
    return _told(heard.message, canonical(zone))


def _told(message: dns.message.Message, zone: str) -> Delegation | None:
    servers = tuple(sorted(_values((*message.answer, *message.authority), zone, ("NS",))))
    if not servers:
        return None
    glue = {
        name: frozenset(found)
        for name in servers
        if (found := _values(message.additional, name, ("A", "AAAA")))
    }
    return Delegation(servers, glue)


def _values(section: Sequence[dns.rrset.RRset], name: str, kinds: tuple[str, ...]) -> list[str]:
    return [
        canonical(record.to_text())
        for rrset in section
        if canonical(rrset.name.to_text()) == name and dns.rdatatype.to_text(rrset.rdtype) in kinds
        for record in rrset
    ]
