"""Whether the provider of a zone's records holds what is served, and lets a switch be made."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.dns import SILENT, zone_of
from cockpit.clock import NS, boot_ns
from cockpit.errors import TargetError
from cockpit.propagation.answers import Row
from cockpit.propagation.classify import canonical
from cockpit.propagation.providers.base import Effort, RecordSet, Terms
from cockpit.propagation.providers.choose import reader_for
from cockpit.propagation.sweep import authority_rows
from cockpit.runbook.checks import DnsProviderCheck
from cockpit.runbook.targets import DnsTarget

SHARE = 0.8
"""Of a check's own time, for the provider."""


def effort(timeout_s: float) -> Effort:
    """What a provider may take within a check's own time."""
    return Effort(until=boot_ns() / NS + timeout_s * SHARE)


async def dns_provider(check: DnsProviderCheck, context: CheckContext) -> Finding:
    """Whether the provider holds what is served, lets it be changed, and keeps so low a TTL."""
    target = zone_of(check.target, context)
    reader = reader_for(target, context.secrets, effort(check.timeout))
    kept, terms, rows = await asyncio.gather(
        reader.read(target.names), reader.terms(), authority_rows(target, context.clock)
    )
    wrong = [_refusal(check, target, terms)]
    wrong += [_otherwise(one, _given(rows, at, one.name)) for at, one in enumerate(kept)]
    if any(wrong):
        return Finding("fail", "; ".join(filter(None, wrong)))
    if terms.least_ttl is None:
        told = "the lowest TTL that the provider keeps is not known"
        mend = "write `least_ttl:` in the profile, as its form or its documents say"
        return Finding("unknown", f"{told}: {mend}")
    is_one = len(kept) == 1
    served = "1 record is served" if is_one else f"{len(kept)} records are served"
    words = f"{served} as {'it is' if is_one else 'they are'} kept"
    if target.provider == "manual":
        words = f"{served} alike, and {'is' if is_one else 'are'} changed by hand"
    return Finding("pass", f"{words}; TTLs down to {terms.least_ttl} s are possible")


def _refusal(check: DnsProviderCheck, target: DnsTarget, terms: Terms) -> str:
    if terms.refuses:
        return f"{target.provider}: {terms.refuses}"
    if terms.least_ttl is not None and check.ttl < terms.least_ttl:
        return f"{target.provider} keeps no TTL below {terms.least_ttl} s"
    return ""


def _given(rows: Sequence[Row], at: int, name: str) -> tuple[str, ...]:
    cells = [row.cells[at] for row in rows if row.cells[at].state not in SILENT]
    if not cells:
        raise TargetError(f"no name server answers for {name}")
    return tuple(sorted({canonical(value) for cell in cells for value in cell.answers}))


def _otherwise(one: RecordSet, given: tuple[str, ...]) -> str:
    """Why name servers give something else than is kept; empty where they give that."""
    if one.odd:
        return _odd(one)
    told = ", ".join(given) or "nothing"
    if not one.values and given:
        return (
            f"{one.name} has no {one.type} record and answers {told}: it is flattened or proxied,"
            " and a switch would not be seen"
        )
    if not one.values:
        return f"{one.name} has no {one.type} record"
    if given != one.values:
        kept = ", ".join(one.values)
        return f"{one.name} {kept} is kept, {told} is given: it is proxied, or not yet everywhere"
    return ""


def _odd(one: RecordSet) -> str:
    if one.odd.startswith("a CNAME"):
        return (
            f"{one.name} has no {one.type} record of its own, it is {one.odd}: a change of type,"
            " to be made by hand before T-48h"
        )
    return f"{one.name} is {one.odd}: a switch would be seen at no name server"
