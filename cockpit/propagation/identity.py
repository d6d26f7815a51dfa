"""Who a zone says that it is: its name servers and its primary."""

from __future__ import annotations

from cockpit.clock import live_clock
from cockpit.errors import TargetError
from cockpit.propagation.ask import Server
from cockpit.propagation.classify import Reply, canonical
from cockpit.propagation.sweep import ask_each
from cockpit.runbook.targets import DnsTarget


async def identity(target: DnsTarget) -> str:
    """The zone with its name servers and primary, as every answering authority states it.

    One authority that answers is enough: a rollback must not wait for a dead secondary. Two that
    state otherwise are no identity.
    """
    servers = [Server(one.address, one.port, authoritative=True) for one in target.authorities]
    questions = [(server, target.zone, kind) for server in servers for kind in ("SOA", "NS")]
    replies = await ask_each(questions, live_clock())
    stated = {
        words
        for soa, ns in zip(replies[::2], replies[1::2], strict=True)
        if (words := _stated(target.zone, soa, ns))
    }
    if not stated:
        raise TargetError("no authority of the zone answers", where=target.zone)
    if len(stated) > 1:
        raise TargetError(
            f"the authorities do not agree whose zone this is: {'; '.join(sorted(stated))}",
            where=target.zone,
        )
    return stated.pop()


def _stated(zone: str, soa: Reply | None, ns: Reply | None) -> str:
    if soa is None or ns is None or not soa.values or not ns.values:
        return ""
    primary = canonical(soa.values[0].split()[0])
    servers = ", ".join(sorted(canonical(value) for value in ns.values))
    return f"{canonical(zone)} at {servers}, primary {primary}"
