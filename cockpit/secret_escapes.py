"""Text with the escapes undone that programs write: of addresses, JSON, HTML and shells; pure.

Which characters an encoder escapes differs from one to the next: Node leaves the plus sign of a
password in an address, Go writes `&` in JSON by its number, bash puts a backslash before what it
pleases. So a secret is looked for where the escapes of one kind are undone, and in that those of
one kind more; never all kinds at once, since what is an escape to one is plain to another.

Where white space is left out, a backslash before a blank would be taken for one before what follows
it: whoever leaves out white space leaves out `BEFORE_BLANK` too, in a reading of its own.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

BEFORE_BLANK = re.compile(r"(?<!\\)\\+(?=[ \t])")
"""What a shell puts before a blank; JSON, or another shell, escapes it again.

It is looked for at a run's beginning alone: of a long run without a blank, at each would take
minutes.
"""


class _Kind(NamedTuple):
    """The escapes of one kind of encoder."""

    mark: bytes
    """What stands in each of them."""
    escape: re.Pattern[bytes]
    begun: re.Pattern[bytes]
    """The end of a text within one."""
    meant: Callable[[bytes], bytes]
    """What one stands for; white space is left out."""

    def undo(self, data: bytes) -> bytes:
        """A text without them."""
        return self.escape.sub(lambda found: self.meant(found.group()), data)

    def cut(self, data: bytes, *, goes_on: bool) -> bytes:
        """A text up to an escape of which the rest is still to come."""
        found = self.begun.search(data, max(0, len(data) - _LONGEST)) if goes_on else None
        return data[: found.start()] if found else data


class Undone(NamedTuple):
    """A text without white space, as UTF-8, with its escapes undone."""

    kinds: tuple[_Kind, ...]
    """Which kinds of them, one after the other."""
    data: bytes


class Placed(NamedTuple):
    """The same, and of each byte where what it was written as begins and ends in the whole text."""

    data: bytes
    places: list[tuple[int, int]]

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Where these bytes stood in the whole text."""
        return self.places[start][0], self.places[stop - 1][1]


@lru_cache(4)
def undone(tight: str, *, goes_on: bool = False) -> tuple[Undone, ...]:
    """A text without white space in each way of undoing its escapes; none where it has none.

    `goes_on` leaves out an escape that the end of the text cuts.
    """
    found: dict[bytes, Undone] = {}
    whole = Undone((), _utf8(tight))
    for once in _further(whole, goes_on=goes_on):
        for one in (once, *_further(once, goes_on=goes_on)):
            found.setdefault(one.data, one)
    return tuple(found.values())


def readings(tight: str) -> tuple[Undone, ...]:
    """The same, and first the text as it is."""
    return (Undone((), _utf8(tight)), *undone(tight))


def begins_of_cut(data: bytes, stop: int) -> Iterator[int]:
    """Where escapes may begin that a text is cut within."""
    if _MARKED.search(data, max(0, stop - _LONGEST), stop):
        for kind in _KINDS:
            if found := kind.begun.search(data, max(0, stop - _LONGEST), stop):
                yield found.start()


def _further(of: Undone, *, goes_on: bool) -> list[Undone]:
    kinds = [kind for kind in _KINDS if kind.mark in of.data]
    made = [
        Undone((*of.kinds, kind), kind.undo(kind.cut(of.data, goes_on=goes_on))) for kind in kinds
    ]
    return [one for one in made if one.data != of.data]


def placed(text: str, kinds: tuple[_Kind, ...], *, goes_on: bool = False) -> Placed:
    """A text with white space in one way of undoing its escapes."""
    found = [(at, character) for at, character in enumerate(text) if not character.isspace()]
    data = _utf8("".join(character for _, character in found))
    if len(data) == len(found):  # ASCII alone, as most output is: a third of the time
        places = [(at, at + 1) for at, _ in found]
    else:
        places = [(at, at + 1) for at, character in found for _ in _utf8(character)]
    view = Placed(data, places)
    for kind in kinds:
        view = _undo(kind, kind.cut(view.data, goes_on=goes_on), view.places)
    return view


def _undo(kind: _Kind, data: bytes, places: list[tuple[int, int]]) -> Placed:
    pieces: list[bytes] = []
    kept: list[tuple[int, int]] = []
    at = 0
    for found in kind.escape.finditer(data):
        start, stop = found.span()
        meant = kind.meant(found.group())
        pieces += [data[at:start], meant]
        kept += places[at:start]
        kept += [(places[start][0], places[stop - 1][1])] * len(meant)
        at = stop
    return Placed(b"".join((*pieces, data[at:])), kept + places[at : len(data)])


# -- what escapes stand for ---------------------------------------------------------------------


def _percent(escape: bytes) -> bytes:
    if len(escape) > 3:  # a blank, and the backslashes before it
        return b"+" if escape.endswith(b"+") else b""
    return _byte(int(escape[1:], 16))


def _entity(escape: bytes) -> bytes:
    return _tight(html.unescape(escape.decode()))


@lru_cache(1024)
def _backslash(escape: bytes) -> bytes:
    kind, rest = escape[1:2], escape[2:].strip(b"{}").decode("utf-8", "replace")
    if kind in b"nrt":
        return b""
    if kind == b"u" and escape[2:3] != b"{" and len(escape) in (6, 12):
        return _tight(json.loads(f'"{escape.decode()}"'))
    if kind == b"x" and len(escape) == 4:
        return _byte(int(rest, 16))
    if kind in b"uUx" and rest:
        number = int(rest, 16)
        return _tight(chr(number)) if number <= 0x10FFFF else escape
    return _byte(int(escape[1:], 8)) if kind.isdigit() else kind


def _apostrophe(_: bytes) -> bytes:
    return b"'"


def _half(escape: bytes) -> bytes:
    return escape[:1]


def _byte(number: int) -> bytes:
    # Above 127 it is a part of a character.
    return b"" if number < 0x80 and chr(number).isspace() else bytes([number])


def _tight(text: str) -> bytes:
    return _utf8("".join(text.split()))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


_LONGEST = 16
"""Bytes of an escape that has begun, at most."""
_KINDS = (
    _Kind(
        b"%",
        re.compile(rb"(?<!%5[Cc])(?:%5[Cc])+(?:%20|%09|\+)|%[0-9A-Fa-f]{2}"),
        re.compile(rb"%(?:5[Cc](?:%5[Cc])*(?:%[02]?)?|[0-9A-Fa-f]?)\Z"),
        _percent,
    ),
    _Kind(
        b"\\",
        re.compile(
            rb"\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}"
            rb"|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\[ux]\{[0-9A-Fa-f]{1,6}\}"
            rb"|\\x[0-9A-Fa-f]{2}|\\[0-3][0-7]{2}|\\[nrt]|\\[^0-9A-Za-z]"
        ),
        re.compile(
            rb"(?:\\(?:[ux]\{[0-9A-Fa-f]{0,6}|u[0-9A-Fa-f]{0,3}|x[0-9A-Fa-f]?)?"
            rb"|\\(?:U[0-9A-Fa-f]{0,7}|[0-3][0-7]?)"
            rb"|\\u[Dd][89ABab][0-9A-Fa-f]{2}(?:\\(?:u[0-9A-Fa-f]{0,3})?)?)\Z"
        ),
        _backslash,
    ),
    _Kind(
        b"&",
        re.compile(rb"&(?:\#[0-9]{1,7}|\#[Xx][0-9A-Fa-f]{1,6}|[A-Za-z][0-9A-Za-z]{1,7});"),
        re.compile(rb"&(?:\#[0-9A-Za-z]{0,7}|[0-9A-Za-z]{0,8})\Z"),
        _entity,
    ),
    _Kind(b"$$", re.compile(rb"\$\$"), re.compile(rb"\$\Z"), _half),
    # How a shell ends a text in apostrophes, writes one, and begins anew.
    _Kind(b"'\\", re.compile(rb"'\\''"), re.compile(rb"'(?:\\'?)?\Z"), _apostrophe),
    _Kind(b"'\"", re.compile(rb"'\"'\"'"), re.compile(rb"'(?:\"(?:'\"?)?)?\Z"), _apostrophe),
    _Kind(b"%%", re.compile(rb"%%"), re.compile(rb"%\Z"), _half),
)
_MARKED = re.compile(rb"[%\\&$']")
"""What every escape begins with."""
