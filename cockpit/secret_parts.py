"""Parts of a secret that a program itself cut short, with an ellipsis in the rest's place; pure.

psql quotes the part of a line in which it met an error (`LINE 1: ...SSWORD 'f4Kq...`), Python a
long value. A part is known by the ellipsis beside it: a few characters alone are also an innocent
word's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_ELLIPSIS = re.compile(r"\.{3,}|…")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?:://|%3A%2F%2F)")
_SHORTEST_PART = 4
"""Characters of a part; fewer give little away."""
_WIDEST = 1024
"""Characters on one side of an ellipsis that are looked at."""


def cut_short(text: str, values: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Where a part of a secret begins and ends that an ellipsis cuts, and the word for it."""
    marks = [found.span() for found in _ELLIPSIS.finditer(text)] if values else []
    for at, (start, stop) in enumerate(marks):
        before = text[max(0, start - _WIDEST) : start]
        after = text[stop : stop + _WIDEST]
        end = marks[at + 1][0] if at + 1 < len(marks) else stop
        for value, word in values.items():
            size = _end_of(before, value)
            if size > len(_scheme(value)) and _tells(before[-size:]):
                yield start - size, start, word
            size = _end_of(after[::-1], value[::-1])
            if _tells(after[:size]):
                yield stop, stop + size, word
            if _tells(text[stop:end]) and text[stop:end] in value:
                yield stop, end, word


def _tells(part: str) -> bool:
    """Whether a part is long enough, and more than a rule, an indent or such."""
    return len(part) >= _SHORTEST_PART and any(map(str.isalnum, part))


def _scheme(value: str) -> str:
    """How a secret begins that is an address: `connecting to postgresql...` tells nothing of it."""
    found = _SCHEME.match(value)
    return found[0] if found else ""


def _end_of(text: str, value: str) -> int:
    """How much of a value's beginning, but not all of it, a text ends with."""
    tail, head = text[-(len(value) - 1) :], value[:_SHORTEST_PART]
    at = tail.find(head)
    while at >= 0:
        if value.startswith(tail[at:]):
            return len(tail) - at
        at = tail.find(head, at + 1)
    return 0
