"""A secret in the forms in which programs write it; pure.

Covered, at any place in other text and with white space anywhere: as it is; escaped for addresses,
JSON, HTML, Compose, SQL and shells, whichever of its characters are, once and twice; in Python;
hexadecimal; base64 and base32 with anything before and behind it; base64 of base64; hexadecimal and
base64 of what bash's `printf %q` makes of it.

Not covered: more than two encodings one in the other, but for these; hexadecimal and base64 of what
anything else escapes; what coreutils' `printf %q` makes of control characters; SQL's doubled
apostrophes in or around another encoding; base64 whose inner base64 was broken into lines; what is
escaped in a way that not every library has, in base64 of base64 or in base32, and is broken within
its first three characters; a value compressed, encrypted, hashed, reversed, quoted-printable, in
another case or character set, or printed in parts with other text between them (but for
`secret_parts` and `secret_addresses`); what was printed before it stood in the secret's file.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from cockpit.secret_escapes import BEFORE_BLANK

_PERCENT = re.compile("%[0-9A-F]{2}")
_BEFORE_BLANK_OR_PLUS = re.compile(r"(?<!\\)\\+(?=[ \t+])")
_ESCAPED_BY_BASH = re.compile(r"[ !\"$&'()*,;<>?\[\\\]^`{|}]|(?<=[:=])~")
"""What bash's `printf %q` puts a backslash before, anywhere in a word …"""
_ESCAPED_AT_FIRST = ("#", "~")
"""… and at its beginning."""
_NAMED_BY_BASH = dict(zip(b"\a\b\t\n\v\f\r\x1b'\\", "abtnvfrE'\\", strict=True))
"""Bytes that it writes by a name, in a word with such that are not printable."""
_IN_BROWSERS = "!'()*"
"""What `encodeURIComponent` leaves as it is."""
_SHORTEST_FORM = 6
_SHORTEST_PART = 4
"""Characters of a part of a secret; fewer give little away."""


class PartForm(NamedTuple):
    """A form of a secret of which a program may show a part."""

    data: bytes
    """As UTF-8, without white space."""
    word: str
    """What is shown in the place of a part."""
    shortest: int
    """Characters of a part that tell something."""
    has_blanks: bool
    """Whether white space was left out."""


def part_forms(value: str, word: str) -> Iterator[PartForm]:
    """A secret, and each of its lines, where the escapes of the text around it are undone."""
    for text in {value, *value.splitlines()}:
        has_blanks = any(map(str.isspace, text))
        doubled = {text.replace("'", "''"), text.replace('"', '""')}
        written = {*_undone(text), *doubled, _ESCAPED_BY_BASH.sub(r"\\\g<0>", text)}
        encoded = {dense(one).encode() for one in written}
        for data in {*encoded, _as_python_escapes(dense(text))}:
            yield PartForm(data, word, _SHORTEST_PART, has_blanks)
    raw = value.encode()
    for one in (*_in_base64(raw), raw.hex(), raw.hex().upper()):
        shortest = -(-_SHORTEST_PART * len(one) // len(raw))
        yield PartForm(one.encode(), word, shortest, has_blanks=False)


def _as_python_escapes(text: str) -> bytes:
    """With one byte for each letter that Python's `ascii` writes as if it were one."""
    return b"".join(bytes([ord(c)]) if "\x80" <= c <= "\xff" else c.encode() for c in text)


def forms(value: str) -> set[str]:
    """A secret as programs commonly write it, without white space."""
    # In JSON in JSON it begins as it does itself: no more output waits for that.
    found = set(_quoted_twice(value))
    # A line of a key is known by itself too.
    for text in {value, *value.splitlines()} if "\n" in value else {value}:
        found |= {text, BEFORE_BLANK.sub("", text), *_encoded(text), *_quoted(text)}
        for inner in _in_base64(text.encode()):
            found |= {inner, quote(inner, safe="")}
    return _long_enough(found)


def rare_forms(value: str) -> set[str]:
    """A secret as programs seldom write it, without white space."""
    return _long_enough(_rare(value))


def undone_forms(value: str) -> set[bytes]:
    """A secret as it stands where the escapes of the text around it are undone."""
    found: set[bytes] = set()
    for text in {value, *value.splitlines()}:
        # Of base64 nothing else is escaped.
        inner = {one for one in _in_base64(text.encode()) if "+" in one or "/" in one}
        found |= {dense(one).encode() for one in (*_undone(text), *inner)}
    return {one for one in found if len(one) >= _SHORTEST_FORM}


def _undone(text: str) -> set[str]:
    """What undoing escapes makes of a text in which white space is escaped too."""
    bare = {text, BEFORE_BLANK.sub("", text), _BEFORE_BLANK_OR_PLUS.sub("", text)}
    return bare | {one.replace(" ", "+") for one in bare}


def _long_enough(found: Iterable[str]) -> set[str]:
    return {tight for form in found if len(tight := dense(form)) >= _SHORTEST_FORM}


def dense(text: str) -> str:
    """A text without its white space."""
    return "".join(text.split())


def _rare(text: str) -> Iterator[str]:
    raw = text.encode()
    for inner in set(_in_base64(raw)):
        yield from _in_base64(inner.encode())
    yield from _in_base32(raw)
    for word in _in_bash(text):
        escaped = word.encode()
        yield from (*_in_base64(escaped), escaped.hex(), escaped.hex().upper())


def _in_bash(text: str) -> Iterator[str]:
    """What `printf %q` makes of it, within a word and as one, where that is another text."""
    within = _ESCAPED_BY_BASH.sub(r"\\\g<0>", text)
    if within != text:
        yield within
    if text.startswith(_ESCAPED_AT_FIRST):
        yield f"\\{within}"
    if not (text.isascii() and text.isprintable()):
        yield "".join(map(_in_dollars, text.encode()))


def _in_dollars(byte: int) -> str:
    if byte in _NAMED_BY_BASH:
        return f"\\{_NAMED_BY_BASH[byte]}"
    return chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"


def _quoted_twice(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1]


def _encoded(text: str) -> Iterator[str]:
    """In addresses: everything encoded, or less of it, as browsers and shells do."""
    for safe in ("", "/", _IN_BROWSERS):
        for found in (quote(text, safe=safe), quote_plus(text, safe=safe)):
            yield from _both_cases(found)
    raw = text.encode()
    yield from (raw.hex(), raw.hex().upper())


def _both_cases(encoded: str) -> Iterator[str]:
    yield encoded
    yield _PERCENT.sub(lambda one: one.group().lower(), encoded)


def _quoted(text: str) -> Iterator[str]:
    """In JSON, HTML, Python, SQL and shells, without the quotes around it."""
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    yield from (html.escape(text), html.escape(text, quote=False))
    yield from (repr(text)[1:-1], ascii(text)[1:-1], repr(text.encode())[2:-1])
    yield text.replace("\\", "\\\\").replace("'", "\\'")
    yield text.replace('"', '""')  # SQL's names and rows, and CSV
    yield from (text.replace("'", "''"), text.replace("'", "'\\''"), text.replace("'", "'\"'\"'"))


def _in_base64(raw: bytes) -> Iterator[str]:
    for pad in range(3):
        encoded = base64.b64encode(b"\0" * pad + raw).decode().rstrip("=")
        # The first characters mix with what stands before, the last with what follows.
        inner = encoded[(pad * 8 + 5) // 6 : len(encoded) - (1 if (pad + len(raw)) % 3 else 0)]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")


def _in_base32(raw: bytes) -> Iterator[str]:
    for pad in range(5):
        encoded = base64.b32encode(b"\0" * pad + raw).decode()
        inner = encoded[(pad * 8 + 4) // 5 : (pad + len(raw)) * 8 // 5]
        yield inner
        yield inner.lower()
