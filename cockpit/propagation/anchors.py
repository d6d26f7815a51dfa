"""What a zone's parent vouches for: its DS records, held against the zone's own keys."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.DS import DS

from cockpit.clock import Clock
from cockpit.propagation.ask import Server, ask
from cockpit.runbook.targets import Authority


class Anchors(NamedTuple):
    """The DS records of a zone, as its parent's servers give them."""

    told: int
    """How many of them told."""
    asked: int
    records: tuple[str, ...]


async def anchors_of(
    zone: str, parents: Sequence[Authority], clock: Clock, deadline_s: float
) -> Anchors:
    """Ask every server of the parent; one that gives a DS record is enough to make it count."""
    replies = await asyncio.gather(
        *(
            ask(Server(one.address, one.port, authoritative=True), zone, "DS", clock, deadline_s)
            for one in parents
        )
    )
    told = [one for one in replies if one.outcome == "answer"]
    records = sorted({value for one in told for value in one.values})
    return Anchors(len(told), len(parents), tuple(records))


def vouches_for(zone: str, records: Iterable[str], keys: Iterable[str]) -> bool | None:
    """Whether a DS record is that of one of the keys; None where no digest can be computed here."""
    name = dns.name.from_text(zone)
    own = [dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DNSKEY, one) for one in keys]
    computed = False
    for text in records:
        given = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DS, text)
        if not isinstance(given, DS):
            continue
        for key in own:
            try:
                made = dns.dnssec.make_ds(name, key, given.digest_type, validating=True)
            except (dns.exception.DNSException, ValueError):
                continue  # a digest that dnspython does not know, or that nobody trusts any more
            computed = True
            if made == given:
                return True
    return False if computed or not own else None
