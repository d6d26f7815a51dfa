"""Until when the signatures over a name's records hold (RFC 4034 s3), and who proved them."""

from __future__ import annotations

import dns.flags
import dns.rcode
from dns.rdtypes.ANY.RRSIG import RRSIG

from cockpit.clock import Clock
from cockpit.errors import TargetError
from cockpit.propagation.ask import Server, Unheard, exchange, query_of


async def signed_until(
    server: Server, name: str, record_type: str, clock: Clock, deadline_s: float
) -> float | None:
    """When the first signature in the answer ends, seconds since the epoch; None without one."""
    query = query_of(server, name, record_type)
    query.want_dnssec(wanted=True)
    try:
        heard = await exchange(server, query, clock, deadline_s)
    except Unheard as silence:
        raise TargetError(f"no answer with signatures: {silence}", where=name) from silence
    ends = [
        float(record.expiration)
        for rrset in heard.message.answer
        for record in rrset
        if isinstance(record, RRSIG)
    ]
    return min(ends, default=None)


async def vouches(
    server: Server, name: str, record_type: str, clock: Clock, deadline_s: float
) -> bool:
    """Whether a resolver says that it proved its answer (AD)."""
    query = query_of(server, name, record_type)
    try:
        heard = await exchange(server, query, clock, deadline_s)
    except Unheard:
        return False
    message = heard.message
    return (
        message.rcode() == dns.rcode.NOERROR
        and bool(message.answer)
        and bool(message.flags & dns.flags.AD)
    )
