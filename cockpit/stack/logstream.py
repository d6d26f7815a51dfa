"""Reads what `/containers/ID/logs` of a Docker engine sends: frames, lines, moments. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

HEAD = 8
"""Bytes before each frame: the stream's number, three zeros, the length."""
LONGEST = 16 * 1024
"""Bytes after which a line without an end is given all the same; Docker cuts there too."""
_MOMENT = re.compile(
    rb"(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(?P<nano>\d{1,9}))?"
    rb"(?P<zone>Z|[+-]\d\d:\d\d) ?"
)


class Entry(NamedTuple):
    """One line of a log."""

    at: float
    """When it was written, wall clock; 0 where it does not say."""
    since: str
    """The same for the engine, to the nanosecond; empty where it does not say."""
    text: str


class Frames:
    """Takes pieces of any size; gives whole lines, those of both streams in the order of ends."""

    def __init__(self, *, raw: bool) -> None:
        self._raw = raw
        """A container with a terminal: no frames, one stream."""
        self._rest = b""
        self._lines: dict[int, bytes] = {}

    def feed(self, piece: bytes) -> list[Entry]:
        """The lines that are whole by now."""
        if self._raw:
            return self._split(0, piece)
        self._rest += piece
        found: list[Entry] = []
        while len(self._rest) >= HEAD:
            end = HEAD + int.from_bytes(self._rest[4:HEAD])
            if len(self._rest) < end:
                break
            found += self._split(self._rest[0], self._rest[HEAD:end])
            self._rest = self._rest[end:]
        return found

    def end(self) -> list[Entry]:
        """What is left where nothing more comes."""
        left = [entry(line) for line in self._lines.values() if line]
        self._lines.clear()
        return left

    def _split(self, stream: int, piece: bytes) -> list[Entry]:
        *whole, rest = (self._lines.get(stream, b"") + piece).split(b"\n")
        if len(rest) > LONGEST:
            whole.append(rest)
            rest = b""
        self._lines[stream] = rest
        return [entry(line) for line in whole]


def entry(line: bytes) -> Entry:
    """A line with its moment, where it begins with one."""
    match = _MOMENT.match(line)
    if match is None:
        return Entry(0.0, "", _text(line))
    nano = (match["nano"] or b"").ljust(9, b"0")
    zone = match["zone"].decode().replace("Z", "+00:00")
    try:
        second = int(datetime.fromisoformat(match["second"].decode() + zone).timestamp())
    except ValueError:
        return Entry(0.0, "", _text(line))
    after = second * 10**9 + int(nano) + 1
    since = f"{after // 10**9}.{after % 10**9:09}"
    return Entry(second + int(nano) / 1e9, since, _text(line[match.end() :]))


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
