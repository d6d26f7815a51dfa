"""Answers that repeat are parsed once: dnspython reads the first, the rest differ in their TTLs.

A sweep asks many resolvers the same question, and nearly all give the same bytes but for the TTL.
Measured with one record: dnspython takes 75 to 100 us for the whole message; masking the TTLs and
looking the rest up takes 0.7. Of an answer that is new but holds only addresses, mail servers or
texts, dnspython reads the data of the records alone, 20 to 34 us with everything around it. What
is remembered is checked when it is first seen: unless the TTL so found is dnspython's own, such an
answer goes to dnspython every time.
"""

from __future__ import annotations

from typing import NamedTuple

import dns.exception
import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.SOA import SOA

from cockpit.propagation.classify import Reply
from cockpit.propagation.knots import is_knotted
from cockpit.propagation.reading import Heard, read

_OPT, _SOA = int(dns.rdatatype.OPT), int(dns.rdatatype.SOA)
_CNAME = int(dns.rdatatype.CNAME)
_PLAIN = (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.MX, dns.rdatatype.TXT)
_OF_QUESTION = b"\xc0\x0c"
"""The owner of a record, as a pointer to the question's name."""
_TOP_BIT = 0x80000000
_SHAPES = 8
"""Shapes that are kept for messages of one length."""


class Spot(NamedTuple):
    """Where a record stands in a message."""

    owner: int
    at: int
    """Its type; then come class, TTL (at 4), length (at 8) and data (at 10)."""
    kind: int
    size: int
    """Bytes of its data."""


class _Known(NamedTuple):
    reply: Reply
    counting: tuple[int, ...]
    """Where the TTLs stand that say how long the answer may be kept."""
    cap: int
    """What the SOA itself says of an absence (RFC 2308 s5)."""


class _Shape(NamedTuple):
    """Messages whose records stand at the same places."""

    mask: int
    """Every bit but those of the id, the question and the TTLs."""
    ttls: tuple[int, ...]
    known: dict[bytes, _Known]


class Memo:
    """What dnspython made of the answers to one question, by their bytes."""

    def __init__(self, question: bytes, *, authoritative: bool) -> None:
        self._question = question
        """In lower case, so that names that point into it are read alike."""
        self._end = 12 + len(question)
        self._kind = dns.rdatatype.RdataType.make(int.from_bytes(question[-4:-2]))
        self._authoritative = authoritative
        self._shapes: dict[int, list[_Shape]] = {}

    def recall(self, wire: bytes) -> tuple[Reply, int | None] | None:
        """The reply that such an answer makes, with its TTL; None for one that is new."""
        size = len(wire)
        for shape in self._shapes.get(size, ()):
            known = shape.known.get((int.from_bytes(wire) & shape.mask).to_bytes(size))
            if known is not None:
                return known.reply, None if known.reply.ttl is None else _ttl(wire, known)
        return None

    def parse(self, wire: bytes) -> tuple[Reply, int | None]:
        """The reply by dnspython, with its TTL; one of `ask.DAMAGE` where it is no message."""
        whole = wire[:12] + self._question + wire[self._end :]
        spots = walk(whole, self._end)
        if spots is None:
            raise dns.exception.FormError
        reply = self._plain(whole, spots)
        cap = _TOP_BIT
        if reply is None:
            if is_knotted(whole):
                raise dns.exception.FormError
            message = dns.message.from_wire(whole)
            reply = read(Heard(message, 0.0), 0.0, authoritative=self._authoritative)
            cap = _TOP_BIT if reply.values else _cap(message)
        self._remember(wire, spots, reply, cap)
        return reply, reply.ttl

    def _plain(self, wire: bytes, spots: tuple[Spot, ...]) -> Reply | None:
        """What an answer says that holds nothing but the records asked for, and EDNS unused."""
        answers = int.from_bytes(wire[6:8])
        head = _OF_QUESTION + self._question[-4:]
        if (
            not answers
            or wire[3] & 0x0F
            or wire[8:10] != b"\0\0"
            or self._kind not in _PLAIN
            or (self._authoritative and not wire[2] & 0x04)
            or any(wire[one.owner : one.at + 4] != head for one in spots[:answers])
            or not all(_unused(wire, one) for one in spots[answers:])
            or len(spots) > answers + 1
            or any(wire[one.at + 4] & 0x80 for one in spots[:answers])
        ):
            return None
        texts = [
            dns.rdata.from_wire(
                dns.rdataclass.IN, self._kind, wire, one.at + 10, one.size
            ).to_text()
            for one in spots[:answers]
        ]
        if len({text.lower() for text in texts}) < answers:
            return None  # perhaps one record twice
        ttl = min(int.from_bytes(wire[one.at + 4 : one.at + 8]) for one in spots[:answers])
        return Reply("answer", tuple(sorted(texts)), ttl, proved=bool(wire[3] & 0x20))

    def _remember(self, wire: bytes, spots: tuple[Spot, ...], reply: Reply, cap: int) -> None:
        """Keep it, where it is certain which of its TTLs count."""
        answers, later = int.from_bytes(wire[6:8]), int.from_bytes(wire[8:10])
        if reply.values:
            counting = [one for one in spots[:answers] if one.kind == self._kind]
            heads = {wire[one.owner : one.at + 4] for one in counting}
        else:
            counting = [one for one in spots[answers : answers + later] if one.kind == _SOA]
            heads = {wire[one.owner : one.at + 4] for one in (*spots[:answers], *counting)}
        # An alias's own TTL bounds a switch of the alias: it is read as it was given, not masked.
        ttls = tuple(
            one.at + 4 for one in spots if one.kind not in (_OPT, _CNAME) or one.kind == self._kind
        )
        known = _Known(reply, tuple(one.at + 4 for one in counting), cap)
        if len(heads) > 1 or any(wire[at] & 0x80 for at in ttls):
            return
        if reply.ttl is not None and _ttl(wire, known) != reply.ttl:
            return
        shape = self._shape(wire, ttls)
        if shape is not None:
            shape.known[(int.from_bytes(wire) & shape.mask).to_bytes(len(wire))] = known

    def _shape(self, wire: bytes, ttls: tuple[int, ...]) -> _Shape | None:
        size = len(wire)
        shapes = self._shapes.setdefault(size, [])
        for one in shapes:
            if one.ttls == ttls:
                return one
        if len(shapes) == _SHAPES:
            return None
        mask = bytearray(b"\xff" * size)
        mask[:2], mask[12 : self._end] = bytes(2), bytes(self._end - 12)
        for at in ttls:
            # A TTL with its top bit set is read as 0 (RFC 2181 s8): that is left to dnspython.
            mask[at : at + 4] = b"\x80\0\0\0"
        shapes.append(_Shape(int.from_bytes(mask), ttls, {}))
        return shapes[-1]


def walk(wire: bytes, at: int) -> tuple[Spot, ...] | None:
    """The records from `at` on; None where they do not fill the message."""
    count = int.from_bytes(wire[6:8]) + int.from_bytes(wire[8:10]) + int.from_bytes(wire[10:12])
    spots = []
    try:
        for _ in range(count):
            owner = at
            while (length := wire[at]) and length < 0xC0:
                at += length + 1
            at += 2 if length else 1
            size = wire[at + 8] << 8 | wire[at + 9]
            spots.append(Spot(owner, at, wire[at] << 8 | wire[at + 1], size))
            at += 10 + size
    except IndexError:
        return None
    return tuple(spots) if at == len(wire) else None


def _unused(wire: bytes, one: Spot) -> bool:
    """Whether this is an OPT record that says nothing: no option, no error, version 0."""
    is_root = one.at == one.owner + 1
    return (
        one.kind == _OPT and is_root and not one.size and wire[one.at + 4 : one.at + 6] == b"\0\0"
    )


def _ttl(wire: bytes, known: _Known) -> int:
    least = known.cap
    for at in known.counting:
        least = min(least, int.from_bytes(wire[at : at + 4]))
    return least


def _cap(message: dns.message.Message) -> int:
    for rrset in message.authority:
        for record in rrset:
            if isinstance(record, SOA):
                return int(record.minimum)
    return _TOP_BIT
