"""The journal's lines and their chain: JSON, a tab, SHA-256 of (previous hash + the JSON)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from cockpit.journal.events import Event
from cockpit.journal.form import UNREADABLE, told_by

_ENCODER = msgspec.json.Encoder()
_HASH = re.compile(rb"[0-9a-f]{64}")
_PART = re.compile(rb"[^\t]*\t[0-9a-f]{64}")
_BEGUN = re.compile(rb"[^\t]*(\t[0-9a-f]{0,64})?")
"""What a line looks like whose writing was cut off."""


def chained(previous: str, body: bytes) -> str:
    """The hash of an event whose JSON is `body` and whose predecessor's hash is `previous`."""
    return hashlib.sha256(previous.encode("ascii") + body).hexdigest()


def line_of(previous: str, event: Event) -> tuple[bytes, str]:
    """An event's whole line, and its hash."""
    text, [(_, digest)] = lines_of(previous, (event,))
    return text, digest


def bodies_of(told: Sequence[object]) -> Iterator[bytes]:
    """The JSON of each; all of them in one call, since many at once shall cost little more."""
    # No JSON holds a bare line feed.
    return iter(_ENCODER.encode_lines(told).split(b"\n")[:-1])


def lines_of(previous: str, events: Sequence[Event]) -> tuple[bytes, list[tuple[Event, str]]]:
    """The lines of events that follow one another, and each event with its hash."""
    # Many at once are written in little more time than the disk takes: nothing is called in vain.
    sha256 = hashlib.sha256
    former = previous.encode("ascii")
    parts: list[bytes] = []
    found: list[tuple[Event, str]] = []
    for event, body in zip(events, bodies_of(events), strict=True):
        digest = sha256(former + body).hexdigest()
        former = digest.encode("ascii")
        parts += (body, b"\t", former, b"\n")
        found.append((event, digest))
    return b"".join(parts), found


def fitting(lines: Iterable[bytes], seq: int, previous: str) -> Iterator[tuple[Event, str]]:
    """The events of lines from number `seq` on, each with its hash, up to one that does not fit."""
    # A hundred thousand times before a screen opens: nothing is called here that need not be.
    sha256 = hashlib.sha256
    former = previous.encode("ascii")
    for number, line in enumerate(lines, start=seq):
        body, _, digest = line.rpartition(b"\t")
        found = sha256(former + body).hexdigest()
        former = found.encode("ascii")
        if digest != former:
            return
        try:
            event = told_by(body)
        except UNREADABLE:
            return
        if event.seq != number:
            return
        yield event, found


def event_of(body: bytes) -> Event | None:
    """The event that a line tells; None where it tells none."""
    try:
        return told_by(body)
    except UNREADABLE:
        return None


def is_begun(rest: bytes) -> bool:
    """Whether what follows the last whole line may be a write that was cut off."""
    return _BEGUN.fullmatch(rest) is not None


@dataclass(frozen=True, slots=True)
class Row:
    """One line, whatever it is worth."""

    body: bytes
    digest: str
    """Its hash as it stands there; empty where none does."""
    event: Event | None

    def follows(self, previous: str) -> bool:
        """Whether it fits behind that hash."""
        return bool(self.digest) and chained(previous, self.body) == self.digest


def row_of(line: bytes) -> Row:
    """A line taken apart."""
    body, _, digest = line.rpartition(b"\t")
    stands = digest.decode() if _HASH.fullmatch(digest) else ""
    return Row(body, stands, event_of(body))


def rows_of(data: bytes) -> list[Row]:
    """The lines of a journal that does not hold; where an end of a line was altered, both."""
    rows: list[Row] = []
    for line in filter(None, data.split(b"\n")):
        parts = list(_PART.finditer(line)) if line.count(b"\t") > 1 else []
        # No JSON holds a bare tab: what follows a hash is the next line, behind its former end.
        whole = [part[0] if not part.start() else part[0][1:] for part in parts]
        rows += map(row_of, whole or [_divided(line)])
    return rows


def _divided(line: bytes) -> bytes:
    """A line whose tab was altered still ends with its hash."""
    return line if b"\t" in line else line[:-65] + b"\t" + line[-64:]


def holds(data: bytes, plan: str, head: str) -> bool:
    """Whether whole lines chain from a plan's digest to a head; nothing of them is decoded."""
    digest = plan
    for line in data.split(b"\n")[:-1]:
        body, _, told = line.rpartition(b"\t")
        digest = chained(digest, body)
        if told.decode("ascii", "replace") != digest:
            return False
    return digest == head


# -- what is wrong, and what of the rest proves itself ------------------------------------------


def first_fault(seq: int, head: str, rows: list[Row]) -> str:
    """The first event that was altered, cut out or moved: event `seq` should follow `head`."""
    if rows[0].follows(head):
        return f"event {seq} was altered: its line is broken"
    event = rows[0].event
    if event is None:
        return f"event {seq} was altered: it cannot be read"
    kind = event.type.replace("_", " ")
    same = [row for row in rows[1:] if row.event and row.event.seq == seq]
    if event.seq == seq or _stands_in_place(seq, rows):
        is_put_in = any(row.follows(head) for row in same)
        return f"event {seq} ({kind}) {_altered(seq, is_put_in=is_put_in)}"
    if event.seq < seq:
        return f"event {event.seq} ({kind}) stands there again"
    if same:
        return f"event {seq} changed its place: it stands behind event {event.seq}"
    return f"{_cut(seq, event.seq - 1)} cut out: event {event.seq} ({kind}) comes next"


def _altered(seq: int, *, is_put_in: bool) -> str:
    if is_put_in:
        return "was put in: the true one stands behind it"
    if seq == 0:
        return "was altered, or this is the journal of another run"
    return "was altered: it does not fit its hash"


def _cut(first: int, last: int) -> str:
    return f"event {first} was" if first == last else f"events {first} to {last} were"


def _stands_in_place(seq: int, rows: list[Row]) -> bool:
    """Whether the first row is event `seq` by what follows it, whatever it says of itself."""
    if len(rows) < 2:
        return False
    after = rows[1]
    return after.event is not None and after.event.seq == seq + 1 and after.follows(rows[0].digest)


def proven(seq: int, head: str, rows: list[Row]) -> list[tuple[Event, str]]:
    """The events behind a fault that fit a hash which stands there, in their order.

    `head` is the hash of the last sound event, `seq` its number. An event whose predecessor was
    altered still fits that one's hash; one whose predecessor is missing fits nothing.
    """
    found: dict[int, tuple[Event, str]] = {}
    known = {seq: head, **{row.event.seq: row.digest for row in rows if row.event and row.digest}}
    for before, row, after in _with_neighbours(rows):
        event = row.event
        if event is None or event.seq <= seq or event.seq in found:
            continue
        for previous in {known.get(event.seq - 1, ""), before, head} - {""}:
            digest = chained(previous, row.body)
            if digest == row.digest or (after is not None and after.follows(digest)):
                found[event.seq] = event, row.digest or digest
                if digest != row.digest:
                    known[event.seq] = digest
                break
    return [found[number] for number in sorted(found)]


def _with_neighbours(rows: list[Row]) -> Iterable[tuple[str, Row, Row | None]]:
    """Each row with the hash that stands before it, and the row behind it."""
    before = ""
    for row, after in pairwise([*rows, None]):
        if row is not None:
            yield before, row, after
            before = row.digest


def lost(seq: int, rows: list[Row], kept: list[tuple[Event, str]]) -> tuple[str, ...]:
    """Which events behind a fault prove nothing: those whose place is empty, in ranges."""
    there = {event.seq for event, _ in kept}
    reach = max([seq, *there]) + len(rows)
    named = [row.event.seq for row in rows if row.event and row.event.seq <= reach]
    last = max([seq + 1, *there, *named])
    missing = [number for number in range(seq + 1, last + 1) if number not in there]
    ranges: list[tuple[int, int]] = []
    for number in missing:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return tuple(f"{a} to {b}" if a != b else str(a) for a, b in ranges)
