"""The journal as a file of chained lines, whose first previous hash is the plan's digest.

One writer holds the file's lock; an event is on the disk before anyone is told of it. Readers
follow the file by offset and verify as they go.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import BinaryIO

import msgspec

from cockpit.clock import boot_id, boot_ns, rfc3339, wall_s
from cockpit.durable import create_once, open_kept
from cockpit.errors import JournalDamaged, Refused
from cockpit.journal.chain import (
    bodies_of,
    first_fault,
    fitting,
    holds,
    is_begun,
    lines_of,
    row_of,
    rows_of,
)
from cockpit.journal.events import FORMAT, NAME, Event
from cockpit.journal.state import RunState

CHUNK = 1 << 20
"""Bytes that are read at once."""
ACCEPT = "a on the screen shows what is wrong; nothing is confirmed until that is accepted in words"


class JournalReader:
    """Follows a journal from its beginning; keeps the offset and the chain."""

    def __init__(self, path: Path, plan: str) -> None:
        self.path = path
        self._plan = plan
        self.beginnings = 0
        """How often it was read from its beginning: a mended journal is another file."""
        self._begin()

    def _begin(self) -> None:
        self.offset = 0
        self.head = self._plan
        self.seq = -1
        self.damage = ""
        """The first thing that does not hold; nothing behind it is read."""
        self.torn = b""
        """Bytes of a last line without its end: a write under way, or cut off by a crash."""
        self._file = (0, 0, 0)
        """Which file was read; where it is damaged, also its size and when it changed."""
        self.beginnings += 1

    def read(self) -> list[tuple[Event, str]]:
        """The events since the last reading, or since a new beginning, each with its hash."""
        return list(self.follow())

    def follow(self) -> Iterator[tuple[Event, str]]:
        """The same one by one, for those who need not keep them: a long run has many.

        Whether the reading begins anew is known when this returns, the rest as it is gone through.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return iter(())
        about = os.fstat(file.fileno())
        self._notice(about)
        if not self.damage and about.st_size < self.offset:
            self.damage = f"it is shorter than what was already read ({about.st_size} bytes)"
        if self.damage:
            file.close()
            return iter(())
        return self._through(file)

    def _through(self, file: BinaryIO) -> Iterator[tuple[Event, str]]:
        with file:
            file.seek(self.offset)
            self.torn = b""
            while chunk := file.read(CHUNK):
                yield from self._events(self.torn + chunk, file)
                if self.damage:
                    return
        if not is_begun(self.torn):
            self.damage = f"event {self.seq + 1} was altered: its line is broken"

    def _notice(self, about: os.stat_result) -> None:
        """Begin anew where another file lies there, or what was damaged has changed."""
        found = (about.st_ino, about.st_size, about.st_mtime_ns)
        known, self._file = self._file, found
        if known[0] and (known[0] != found[0] or (self.damage and known != found)):
            self._begin()
            self._file = found

    def _events(self, fresh: bytes, file: BinaryIO) -> Iterator[tuple[Event, str]]:
        *lines, self.torn = fresh.split(b"\n")
        fit = 0
        for told in fitting(lines, self.seq + 1, self.head):
            self.seq, self.head = told[0].seq, told[1]
            self.offset += len(lines[fit]) + 1
            fit += 1
            yield told
        if fit < len(lines):
            rest = b"\n".join((*lines[fit:], self.torn + file.read()))
            rows = rows_of(rest) or [row_of(lines[fit])]
            self.damage = first_fault(self.seq + 1, self.head, rows)

    def mark(self, state: RunState) -> RunState:
        """The state with the damage in it."""
        return replace(state, damage=self.damage)

    def named(self, state: RunState, name: str) -> RunState:
        """The state with the run's name in it."""
        return replace(state, run=name)


class JournalFile:
    """The one writer of a journal."""

    def __init__(self, path: Path, plan: str) -> None:
        self._reader = JournalReader(path, plan)
        self._plan = plan
        self._descriptor = open_kept(path, os.O_RDWR | os.O_APPEND)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise Refused(
                "another engine writes this journal",
                where=str(path),
                mend="attach to it with `cockpit attach`",
            ) from None
        self._boot = boot_id()

    def read(self) -> list[tuple[Event, str]]:
        """The events recorded so far; a torn last line is set aside, never dropped silently.

        Where the journal is damaged, those before it: it takes no more then.
        """
        return list(self.follow())

    def follow(self) -> Iterator[tuple[Event, str]]:
        """The same one by one."""
        yield from self._reader.follow()
        if self._reader.torn and not self.damage:
            self._set_aside()

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._reader.path

    @property
    def head(self) -> str:
        """The newest event's hash."""
        return self._reader.head

    @property
    def damage(self) -> str:
        """What does not hold; empty where all does."""
        return self._reader.damage

    def close_for(self, damage: str) -> None:
        """Take no more: something outside shows that it is damaged."""
        self._reader.damage = damage

    def append(self, by: str, run_s: float, data: object, intent: str = "") -> Event:
        """Record one event; it is on the disk when this returns.

        OSError where it cannot be; JournalDamaged where the journal takes no more.
        """
        return self.append_all(by, run_s, (data,), intent)[0][0]

    def append_all(
        self, by: str, run_s: float, told: Iterable[object], intent: str = ""
    ) -> list[tuple[Event, str]]:
        """Record what happens at once, each with its hash: one write, one wait for the disk."""
        if self.damage:
            raise JournalDamaged(self.damage, where=str(self.path), mend=ACCEPT)
        events = self._events(self._reader.seq + 1, by, run_s, told, intent)
        text, recorded = lines_of(self._reader.head, events)
        self._write(text)
        if recorded:
            event, self._reader.head = recorded[-1]
            self._reader.seq = event.seq
        self._reader.offset += len(text)
        return recorded

    def event(self, seq: int, by: str, run_s: float, data: object, intent: str = "") -> Event:
        """An event as of now, not yet recorded."""
        return self._events(seq, by, run_s, (data,), intent)[0]

    def _events(
        self, seq: int, by: str, run_s: float, told: Iterable[object], intent: str
    ) -> list[Event]:
        """What happens at once, numbered from `seq` on."""
        utc, boot, all_told = rfc3339(wall_s()), boot_ns(), list(told)
        return [
            Event(
                FORMAT,
                number,
                NAME[type(data)],
                utc,
                self._boot,
                boot,
                run_s,
                by,
                msgspec.Raw(body),
                intent,
            )
            for number, data, body in zip(count(seq), all_told, bodies_of(all_told), strict=False)
        ]

    @property
    def mark(self) -> tuple[int, str]:
        """How far it is written: the bytes, and the head there."""
        return self._reader.offset, self._reader.head

    def must_hold(self, offset: int, head: str) -> None:
        """Read the file again up to a mark; JournalDamaged where its chain does not hold there."""
        with self.path.open("rb") as file:
            data = file.read(offset)
        if len(data) < offset or not holds(data, self._plan, head):
            raise JournalDamaged("it was changed since it was written", where=str(self.path))

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        """Write and sync a whole line, or take back what a full disk let through."""
        self._must_end_here()
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self._reader.offset)
            raise

    def _must_end_here(self) -> None:
        """No line may follow half of one that could not be taken back, nor a gap."""
        about = os.fstat(self._descriptor)
        if os.stat(self.path).st_ino != about.st_ino:  # noqa: PTH116  before each write: half the time
            raise JournalDamaged("another file was put in its place", where=str(self.path))
        size = about.st_size
        if size < self._reader.offset:
            raise JournalDamaged("it became shorter while it was written", where=str(self.path))
        if size > self._reader.offset:
            os.ftruncate(self._descriptor, self._reader.offset)

    def _set_aside(self) -> None:
        """Keep the half of a line in a file of its own, and only then cut it off."""
        name, number = f"journal.torn-{self._reader.offset}", 1
        while not _kept(self.path.with_name(name), self._reader.torn):
            number += 1
            name = f"journal.torn-{self._reader.offset}-{number}"
        os.ftruncate(self._descriptor, self._reader.offset)
        os.fsync(self._descriptor)
        self._reader.torn = b""


def _kept(path: Path, content: bytes) -> bool:
    """Whether a file holds that; it is made where there is none."""
    return create_once(path, content) or path.read_bytes() == content


def set_aside(directory: Path) -> list[Path]:
    """The torn lines that were ever set aside there."""
    return sorted(directory.glob("journal.torn-*"))
