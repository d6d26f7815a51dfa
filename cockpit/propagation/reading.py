"""What a response amounts to: outcome, values, TTL, site, and the errors that it explains."""

from __future__ import annotations

from typing import NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.SOA
import dns.rrset
import dns.ttl

from cockpit.propagation.answers import Link
from cockpit.propagation.classify import Outcome, Reply, canonical

_OUTCOMES: dict[dns.rcode.Rcode, Outcome] = {
    dns.rcode.NOERROR: "answer",
    dns.rcode.NXDOMAIN: "no_name",
    dns.rcode.SERVFAIL: "servfail",
    dns.rcode.REFUSED: "refused",
    dns.rcode.NOTAUTH: "refused",
}
LONGEST_SITE = 60
REFERRAL = "refers to other name servers instead of answering"
STRAY = "gives records that nobody asked for, and no answer"
_ALONG = (dns.rdatatype.DNAME, dns.rdatatype.RRSIG)
"""What comes along with an alias."""


class Heard(NamedTuple):
    """A response, with the real seconds that it took."""

    message: dns.message.Message
    took_s: float


def read(heard: Heard, at: float, *, authoritative: bool) -> Reply:
    """The reply that a response amounts to."""
    message, rtt_ms = heard.message, heard.took_s * 1000
    code = message.rcode()
    outcome = _OUTCOMES.get(code, "error")
    note, site = extended_error(message), site_of(message)
    if authoritative and outcome in ("answer", "no_name") and not message.flags & dns.flags.AA:
        return Reply("refused", at=at, rtt_ms=rtt_ms, note="answers without authority")
    if outcome not in ("answer", "no_name"):
        said = note or ("" if code in (dns.rcode.SERVFAIL, dns.rcode.REFUSED) else code.name)
        return Reply(outcome, at=at, rtt_ms=rtt_ms, note=said, site=site)
    if not isinstance(message, dns.message.QueryMessage):
        return Reply("error", at=at, rtt_ms=rtt_ms, note="answers another kind of question")
    try:
        values, ttl, links = _answer(message)
    except dns.exception.DNSException:
        return Reply("error", at=at, rtt_ms=rtt_ms, note="the answer makes no sense")
    if (
        outcome == "answer"
        and not values
        and (why := _no_answer(message, links, authoritative=authoritative))
    ):
        return Reply("error", at=at, rtt_ms=rtt_ms, note=why, site=site)
    serial, proved = _serial(message.answer), bool(message.flags & dns.flags.AD)
    return Reply(outcome, values, ttl, at, rtt_ms, serial, note, site, links, proved)


def _answer(
    message: dns.message.QueryMessage,
) -> tuple[tuple[str, ...], int | None, tuple[Link, ...]]:
    """Values and TTL of the record at the end of a CNAME chain, and the chain's links.

    The chain's own links keep TTLs of their own; where the switch changes the record at its end,
    that one's TTL says how long the answer may be kept (RFC 2181 s5.2: the lowest of an RRset
    counts). Where it changes a link, `convergence` counts that link's.
    An absent record is kept as long as its SOA says (RFC 2308 s5).
    """
    chain = message.resolve_chaining()
    links = tuple(
        Link(canonical(one.name.to_text()), canonical(one[0].to_text()), one.ttl)
        for one in chain.cnames
    )
    if chain.answer is not None:
        values = tuple(sorted(record.to_text() for record in chain.answer))
        return values, chain.answer.ttl, links
    return (), None if chain.minimum_ttl == dns.ttl.MAX_TTL else chain.minimum_ttl, links


def _no_answer(
    message: dns.message.QueryMessage, links: tuple[Link, ...], *, authoritative: bool
) -> str:
    """Why a response without records is no word that there are none; empty where it is one.

    A referral has name servers beside it and no SOA (RFC 2308 s2.2). An authority may refer so
    to where its alias leads; a resolver has to follow that itself.
    """
    beside = {one.rdtype for one in message.authority}
    is_led = authoritative and links
    if dns.rdatatype.NS in beside and dns.rdatatype.SOA not in beside and not is_led:
        return REFERRAL
    given = [one for one in message.answer if one.rdtype not in _ALONG]
    return STRAY if len(given) > len(links) else ""


def _serial(section: list[dns.rrset.RRset]) -> int | None:
    for rrset in section:
        for record in rrset:
            if isinstance(record, dns.rdtypes.ANY.SOA.SOA):
                return int(record.serial)
    return None


def extended_error(message: dns.message.Message) -> str:
    """The extended DNS errors of a response (RFC 8914), in words; empty where there is none."""
    return ", ".join(
        f"{_words(option.code)} (EDE {int(option.code)})" for option in message.extended_errors()
    )


def _words(code: dns.edns.EDECode) -> str:
    return dns.edns.EDECode.to_text(code).replace("_", " ").lower()


def site_of(message: dns.message.Message) -> str:
    """Which of an operator's sites answered, by its own name (NSID, RFC 5001)."""
    for option in message.options:
        if isinstance(option, dns.edns.NSIDOption):
            text = option.nsid.decode("utf-8", "replace")
            return "".join(one for one in text if one.isprintable())[:LONGEST_SITE]
    return ""
