"""Packets that would keep a parser busy, told by their bytes before it sees them.

A pointer of two bytes leads to a name of up to 127 labels, which dnspython reads, hashes and
compares anew for each record: 75 name servers in 1,220 bytes, all by one such name, took it a
quarter of a second, 290 in 4,090 bytes a whole one. True answers have few records or short names.
"""

from __future__ import annotations

from collections.abc import Mapping

from dns.rdatatype import RdataType as Kind

MOST = 1000
"""Labels beyond the few, over all names of a message; each takes dnspython 15 us."""
FEW = 8
"""Labels of a name that are borne however many records there are."""
_STEPS = 254
"""Labels and pointers of the longest name: none has more than 127 (RFC 1035 s2.3.4)."""
_NAMES: Mapping[int, tuple[int, int]] = {
    Kind.NS: (0, 1),
    Kind.CNAME: (0, 1),
    Kind.DNAME: (0, 1),
    Kind.PTR: (0, 1),
    Kind.SOA: (0, 2),
    Kind.NSEC: (0, 1),
    Kind.MX: (2, 1),
    Kind.HTTPS: (2, 1),
    Kind.SVCB: (2, 1),
    Kind.SRV: (6, 1),
    Kind.RRSIG: (18, 1),
}
"""Behind how many bytes of their data records have names, and how many."""
_NAMELESS = frozenset(
    {
        Kind.A,
        Kind.AAAA,
        Kind.TXT,
        Kind.CAA,
        Kind.OPT,
        Kind.DS,
        Kind.CDS,
        Kind.DNSKEY,
        Kind.CDNSKEY,
        Kind.NSEC3,
        Kind.NSEC3PARAM,
        Kind.TLSA,
        Kind.SSHFP,
        Kind.HINFO,
    }
)


def is_knotted(wire: bytes) -> bool:
    """Whether so many records lead to so long names that it is no true answer."""
    questions, *records = (int.from_bytes(wire[at : at + 2]) for at in (4, 6, 8, 10))
    at, borne = 12, MOST
    try:
        for number in range(questions + sum(records)):
            excess, at = _name(wire, at)
            if number < questions:
                at += 4
            else:
                size = wire[at + 8] << 8 | wire[at + 9]
                excess += _in_data(wire, at + 10, int.from_bytes(wire[at : at + 2]), size)
                at += 10 + size
            borne -= excess
            if borne < 0:
                return True
    except IndexError:
        pass  # here it ends: the parser comes no further either
    return False


def _in_data(wire: bytes, at: int, kind: int, size: int) -> int:
    """The labels beyond the few of the names in a record's data."""
    if kind in _NAMELESS:
        return 0
    if kind == Kind.HIP:
        return MOST + 1  # a list of names, however long; nobody asks for it
    if kind not in _NAMES:
        # Nobody asks for it: pointers in it may lead to two names of the longest.
        return _STEPS if max(wire[at : at + size], default=0) >= 0xC0 else 0
    before, names = _NAMES[kind]
    at, excess = at + before, 0
    for _ in range(names):
        more, at = _name(wire, at)
        excess += more
    return excess


def _name(wire: bytes, at: int) -> tuple[int, int]:
    """The labels beyond the few of the name there, pointers counted too, and where it ends."""
    end = steps = 0
    while (length := wire[at]) and steps < _STEPS:
        steps += 1
        if length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | wire[at + 1]
        else:
            at += length + 1
    return max(0, steps - FEW), end or at + 1
