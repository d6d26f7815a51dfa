"""Parts of a secret that a program takes for a host or a port; pure.

Where a password stands in an address as it is, what follows its `@`, `:` or `/` is taken for the
host, the port or the path, and said in a message: `could not resolve hostname x8TnbV3c`. What such
characters part is hidden where it is a word of its own in a line that speaks of such things,
whatever the program; in small letters too, which is how hosts are often said.

Not covered: pieces of fewer than six characters; words of a line that speaks of nothing of the
kind; pieces of a secret that is itself an address, whose host is no secret.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from cockpit.secret_escapes import Placed, placed, readings
from cockpit.secret_forms import dense
from cockpit.secret_parts import around

_PARTS = re.compile(r"[/?#:@,\\]")
_SPEAKS = re.compile(
    r"host|\bport|resolv|connect|addr|reach|lookup|server|invalid|\bur[il]\b|\bpars(?:e|ing)",
    re.IGNORECASE,
)
_SHORTEST_PIECE = 6
_LONGEST_PIECE = 255
"""No host's name is longer."""
_GOES_ON_BEFORE = re.compile(rb"(?:[\w-]|\w\.)\Z")
_GOES_ON_BEHIND = re.compile(rb"[\w-]|\.\w")


def pieces(value: str) -> set[bytes]:
    """What an address may make of a secret, in small letters and without white space."""
    found: set[str] = set()
    for text in {dense(one) for one in (value, *value.splitlines()) if "://" not in one}:
        ends = [*(one.start() for one in _PARTS.finditer(text)), len(text)]
        for at, start in enumerate((0, *(end + 1 for end in ends[:-1]))):
            near = ends[at : bisect_right(ends, start + _LONGEST_PIECE)]
            found |= {text[start:end] for end in near} - {text}
    telling = {one for one in found if len(one) >= _SHORTEST_PIECE and not _SPEAKS.fullmatch(one)}
    return {one.lower().encode() for one in telling}


def in_addresses(
    text: str, tight: str, known: Mapping[bytes, str]
) -> Iterator[tuple[int, int, str]]:
    """Where pieces of secrets begin and end that are said of an address, and the word for each."""
    for one in readings(tight) if known else ():
        lower = one.data.lower()
        met = [piece for piece in known if piece in lower]
        view = placed(text, one.kinds) if met else None
        for piece in met:
            at = lower.find(piece)
            while view and at >= 0:
                start, stop = view.span(at, at + len(piece))
                begin, end = around(text, start, stop)
                if _is_word(view, at, at + len(piece)) and _SPEAKS.search(text, begin, end):
                    yield start, stop, known[piece]
                at = lower.find(piece, at + 1)


def _is_word(view: Placed, start: int, stop: int) -> bool:
    """Whether nothing goes on before or behind it; what is looked at is without white space."""
    data, places = view
    joins = start and places[start - 1][1] == places[start][0]
    if joins and _GOES_ON_BEFORE.search(data, max(0, start - 2), start):
        return False
    joins = stop < len(data) and places[stop - 1][1] == places[stop][0]
    return not (joins and _GOES_ON_BEHIND.match(data, stop))
