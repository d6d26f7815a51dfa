"""JSON from a file that a disk, another program or another hand may have altered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

_Read = TypeVar("_Read")


def read_json(data: bytes, shape: type[_Read]) -> _Read:
    """What the bytes say in that shape; msgspec.DecodeError where they say nothing of the kind.

    That one error, whatever the bytes are: a flipped bit is as often no UTF-8 as it is no JSON.
    """
    return read_by(lambda told: msgspec.json.decode(told, type=shape), data)


def read_by(decode: Callable[[bytes], _Read], data: bytes) -> _Read:
    """The same by a decoder at hand, for what is read many times a second."""
    try:
        return decode(data)
    except UnicodeDecodeError:
        words = "a text in it is no UTF-8"
    except RecursionError:
        words = "it is nested too deeply"
    raise msgspec.DecodeError(words)
