"""Parts of a secret that a program itself cut short, with an ellipsis in the rest's place; pure.

psql quotes the part of a line in which it met an error (`LINE 1: ...SSWORD 'f4Kq...`), Python a
long value. A part is known by the ellipsis beside it: a few characters alone are also an innocent
word's. It is looked for where escapes are undone, as whole secrets are; the cut may go through an
escape, and quotes or brackets may stand between the part and the ellipsis. White space may not,
where the secret has none.

Not covered: a part without an ellipsis beside it, such as one in columns of `xxd` or `od`; one over
several lines of output; one that is reversed, or in any form that is not covered of a whole secret
either; the part behind an ellipsis that cuts through an escape of an escape, or through one of two
that make a letter; of base64, what shares a character with its neighbours; the middle of more than
`_WIDEST` characters; a line too long to wait for, where it is given in two just within a part.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from html.entities import html5
from typing import NamedTuple

from cockpit.secret_escapes import Placed, begins_of_cut, placed, readings
from cockpit.secret_forms import PartForm, part_forms

_ELLIPSIS = re.compile(rb"\.{3,}|\xe2\x80\xa6")
_QUOTE = rb"(?:['\"`\\()<>{}\[\]]|\xe2\x80[\x98-\x9f]|\xc2[\xab\xbb])"
_QUOTES = re.compile(_QUOTE + b"+")
_QUOTES_AT_END = re.compile(_QUOTE + rb"+\Z")
_CUT_ESCAPE = re.compile(rb"[#0-9A-Za-z{]{0,9}[;}]|[uUxX][0-9A-Fa-f]{1,8}|[0-9A-Fa-f+]{1,8}|[nrt]")
"""What an escape that is cut before it may leave of itself."""
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://")
_LONGEST_QUOTES = 6
_GRAM = 4
"""Bytes by which a place in a secret is found."""
_WIDEST = 1024
"""Characters of a secret's ends, and on one side of a part, that are looked at."""
_PARTED = b"\n"
"""What no form has in it: white space is left out."""


class _Met(NamedTuple):
    """A part of a secret in a text whose escapes are undone."""

    start: int
    stop: int
    first: int
    """Where it begins with the ellipsis before it, if there is one …"""
    last: int
    """… and ends with the one behind it."""
    form: PartForm


class Cuttable(NamedTuple):
    """The secrets of which a program may show a part."""

    forms: tuple[PartForm, ...] = ()
    blob: bytes = b""
    """All of them: to look for a few characters in each would take longer."""
    starts: tuple[int, ...] = ()
    """Where each begins in it."""

    def and_of(self, value: str, word: str) -> Cuttable:
        """These, and the forms of another secret, with the word that is shown in its place."""
        new = [each for form in part_forms(value, word) for each in _ends_of(form)]
        forms = tuple(dict.fromkeys((*self.forms, *new)))
        starts, at = [], len(_PARTED)
        for form in forms:
            starts.append(at)
            at += len(form.data) + len(_PARTED)
        blob = b"".join(_PARTED + form.data for form in forms) + _PARTED
        return Cuttable(forms, blob, tuple(starts))

    def spans(self, text: str, tight: str) -> Iterator[tuple[int, int, str]]:
        """Where parts begin and end that an ellipsis cuts, and the word for each."""
        for one in readings(tight) if self.forms else ():
            if found := list(self._met(one.data)):
                view = placed(text, one.kinds)
                for met in found:
                    if _is_beside(met, text, view):
                        yield *view.span(met.start, met.stop), met.form.word

    def _met(self, data: bytes) -> Iterator[_Met]:
        behind = 0
        for mark in _ELLIPSIS.finditer(data):
            start, stop = mark.span()
            yield from self._whole_between(data, behind, start)
            for end in _ends_before(data, start):
                for at, form in self._places(data[max(behind, end - _GRAM) : end]):
                    begin = end - at - _GRAM
                    if begin >= 0 and form.data.startswith(data[begin:end]):
                        yield _Met(begin, end, begin, start + 1, form)
            for begin in _begins_after(data, stop):
                for at, form in self._places(data[begin : begin + _GRAM]):
                    end = begin + len(form.data) - at
                    is_end = data[begin:end] == form.data[at:]
                    if is_end and (begin == stop or _is_left_of(data[stop:begin], form, at)):
                        yield _Met(begin, end, stop - 1, end, form)
            behind = stop

    def _whole_between(self, data: bytes, behind: int, start: int) -> Iterator[_Met]:
        """What stands between two ellipses and is from within a secret."""
        if not behind or start - behind > _WIDEST:
            return
        for end in _ends_before(data, start):
            for begin in _begins_after(data, behind):
                part = data[begin:end]
                for at, form in self._places(part):
                    if begin == behind or _is_left_of(data[behind:begin], form, at):
                        yield _Met(begin, end, behind - 1, start + 1, form)

    def _places(self, part: bytes) -> Iterator[tuple[int, PartForm]]:
        """Where a part stands in secrets."""
        at = self.blob.find(part) if len(part) >= _GRAM else -1
        while at >= 0:
            which = bisect_right(self.starts, at) - 1
            yield at - self.starts[which], self.forms[which]
            at = self.blob.find(part, at + 1)


def around(text: str, start: int, stop: int) -> tuple[int, int]:
    """The line in which a part stands, or what is near it in a long one: what tells it a part."""
    begin = max(text.rfind("\n", 0, start) + 1, start - _WIDEST)
    end = text.find("\n", stop)
    return begin, min(len(text) if end < 0 else end + 1, stop + _WIDEST)


def _ends_of(form: PartForm) -> Iterator[PartForm]:
    if len(form.data) <= 2 * _WIDEST:
        yield form
    else:
        yield form._replace(data=form.data[:_WIDEST])
        yield form._replace(data=form.data[-_WIDEST:])


def _ends_before(data: bytes, start: int) -> set[int]:
    """Where a part may end that an ellipsis follows: there, before quotes, before a cut escape."""
    quotes = _QUOTES_AT_END.search(data, max(0, start - _LONGEST_QUOTES), start)
    ends = range(quotes.start() if quotes else start, start + 1)
    return {*ends, *(begin for end in ends for begin in begins_of_cut(data, end))}


def _begins_after(data: bytes, stop: int) -> set[int]:
    """Where a part may begin that an ellipsis comes before."""
    begins: set[int] = set()
    for at in range(stop, _behind_quotes(data, stop) + 1):
        left = _CUT_ESCAPE.match(data, at)
        begins |= set(range(at, left.end() + 1)) if left else {at}
    return begins


def _behind_quotes(data: bytes, at: int) -> int:
    quotes = _QUOTES.match(data, at, at + _LONGEST_QUOTES)
    return quotes.end() if quotes else at


def _is_left_of(gap: bytes, form: PartForm, at: int) -> bool:
    """Whether what parts an ellipsis from a secret's rest is quotes, or left of its escape."""
    lefts = [gap[quotes:].lower() for quotes in range(_behind_quotes(gap, 0) + 1)]
    escapes = _escapes_of(form.data[:at], blank=form.has_blanks)
    return b"" in lefts or any(one.endswith(left) for one in escapes for left in lefts)


def _escapes_of(before: bytes, *, blank: bool) -> Iterator[bytes]:
    """How the last character of a text, or white space behind it, may have been written."""
    for character in (*before[-4:].decode("utf-8", "ignore")[-1:], *("\n\t " if blank else "")):
        yield from _written(character)
    if before:
        yield from (b"%%%02x" % before[-1], b"\\x%02x" % before[-1], b"\\%03o" % before[-1])


@lru_cache(256)
def _written(character: str) -> tuple[bytes, ...]:
    code = ord(character)
    numbers = f"\\U{code:08x} \\u{{{code:x}}} &#{code}; &#x{code:x}; &#{code:02}; \\u{code:04x}"
    names = [f"&{name}" for name, meant in html5.items() if meant == character]
    texts = (*numbers.split(), *names, json.dumps(character)[1:-1])
    found = [one.lower().encode() for one in texts]
    for byte in character.encode():
        found += [b"%%%02x" % byte, b"%%25%02x" % byte, b"\\x%02x" % byte, b"\\%03o" % byte]
    return tuple(found)


def _is_beside(met: _Met, text: str, view: Placed) -> bool:
    """Whether it is long enough, tells something, and no blank parts it from its ellipsis."""
    part, form = view.data[met.start : met.stop], met.form
    shown = part.decode("utf-8", "replace")
    if len(shown) < form.shortest or not any(map(str.isalnum, shown)):
        return False
    # `connecting to postgresql...` tells nothing of an address.
    scheme = _SCHEME.match(form.data)
    if scheme and scheme[0].startswith(part):
        return False
    places = view.places
    gaps = (
        text[places[met.first][1] : places[met.start][0]],
        text[places[met.stop - 1][1] : places[met.last - 1][0]],
    )
    return form.has_blanks or not any(map(str.isspace, "".join(gaps)))
