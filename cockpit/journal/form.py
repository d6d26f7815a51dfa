"""What a line must be to tell an event: data of its type, as the journal's writer writes it.

A hash that fits proves nothing of a line: whoever can write the file can reckon one. So a line
counts only where the writer itself could have written it, to the byte, and every reader sees the
same in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec

from cockpit.journal.events import DATA, FORMAT, Event, Json

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, ValueError)
"""What a line raises that tells no event, or not as the writer would."""
DEPTH = 32
"""How deep a line may be nested: five times what is ever written.

JSON is read by recursion: without a bound of its own, what is damage would be decided by how much
of the stack a reader happens to have left.
"""
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Event).decode
_PLAIN = msgspec.json.Decoder(dict[str, Json]).decode
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_ALIKE = bytes.maketrans(b"[]", b"{}")


class Shape:
    """What an event's type says of its data."""

    def __init__(self, data: type) -> None:
        self.data = data
        self.decode: Callable[[bytes | msgspec.Raw], Any] = msgspec.json.Decoder(data).decode
        self.order: Mapping[str, int] = {one.name: at for at, one in enumerate(fields(data))}


SHAPES = {name: Shape(data) for name, data in DATA.items()}


def told_by(body: bytes) -> Event:
    """The event of a line's JSON; one of `UNREADABLE` where the writer would not have written it.

    Of a type or format that a newer program wrote, that it is its JSON to the byte is all that can
    be asked.
    """
    # Asked a hundred thousand times before a screen opens: hardly a line has so many.
    if body.count(b"{") + body.count(b"[") > DEPTH and not is_shallow(body):
        raise ValueError(body)
    event = _DECODE(body)
    if not event.utc.endswith("Z"):
        raise ValueError(event.utc)
    datetime.fromisoformat(event.utc)  # ValueError where it is none
    shape = None
    if event.v > FORMAT:
        _must_equal(_PLAIN(body), body)
    elif _ENCODE(event) != body:
        raise ValueError(body)
    else:
        shape = SHAPES.get(event.type)
    data = bytes(event.data)
    if shape is None or _ENCODE(shape.decode(data)) != data:
        _must_be_of_another_day(event, data, shape.order if shape else {})
    return event


def _must_be_of_another_day(event: Event, data: bytes, order: Mapping[str, int]) -> None:
    """What an older or newer program wrote: fields may lack or be more, but stand in their order.

    A whole number may also stand where seconds do.
    """
    told = event.plain
    _must_equal(told, data)
    places = [order[name] for name in told if name in order]
    if places != sorted(places):
        raise ValueError(data)


def _must_equal(told: Mapping[str, Json], body: bytes) -> None:
    """The JSON that the writer makes of it is what stands there."""
    if _ENCODE(told) != body:
        raise ValueError(body)


def is_shallow(body: bytes, depth: int = DEPTH) -> bool:
    """Whether JSON is nested no deeper than that; nothing is decoded for it."""
    if body.count(b"{") + body.count(b"[") <= depth:
        return True
    brackets = _STRING.sub(b"", body).translate(_ALIKE, _BRACKETS)
    for _ in range(depth):
        brackets = brackets.replace(b"{}", b"")  # the innermost of each
    return not brackets
