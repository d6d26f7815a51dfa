"""Packets that would keep a parser busy, told by their bytes before it sees them.

A pointer of two bytes leads to a name of up to 127 labels, which dnspython reads, hashes and
compares anew for each record: 75 name servers in 1,220 bytes, all by one such name, took it a
quarter of a second, 290 in 4,090 bytes a whole one. True answers have few records or short names.
"""

from __future__ import annotations

import re

MOST = 600
"""Records times labels of the longest name that a pointer leads to: 50 ms in 4,096 bytes."""
FEW = 8
"""Labels that are borne however many records there are."""
_LABELS = 128
_POINTER = re.compile(rb"(?s)(?=([\xc0-\xff].))")


def is_knotted(wire: bytes) -> bool:
    """Whether so many records lead to so long names that it is no true answer."""
    counts = sum(int.from_bytes(wire[at : at + 2]) for at in (6, 8, 10))
    records = min(counts, len(wire) // 11)
    if records * _LABELS <= MOST:
        return False
    bearable = max(FEW, MOST // records)
    targets = {int.from_bytes(found[1]) & 0x3FFF for found in _POINTER.finditer(wire, 12)}
    return any(_leads_beyond(wire, one, bearable) for one in targets)


def _leads_beyond(wire: bytes, at: int, labels: int) -> bool:
    """Whether the name there has more labels than that; a pointer on the way counts as one."""
    for _ in range(labels + 1):
        if at >= len(wire):
            return False
        length = wire[at]
        if not length or 0x40 <= length < 0xC0:
            return False
        if length < 0x40:
            at += length + 1
        else:
            at = (length & 0x3F) << 8 | wire[at + 1] if at + 1 < len(wire) else len(wire)
    return True
