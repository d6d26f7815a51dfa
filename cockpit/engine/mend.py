"""A journal that does not hold: what is wrong, what of it can be kept, and going on with that.

The damaged file stays as it is, under another name. The new one begins with the sound events;
then comes the acceptance, then the events behind the damage that still prove themselves, under
new numbers, then the attempts of which only their folders know, and a hold.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from cockpit.clock import ClockMap, boot_id, boot_ns
from cockpit.durable import replace_file, sync_folder
from cockpit.engine import heads
from cockpit.engine.attempt_files import AttemptFolder, Exit, Identity
from cockpit.engine.layout import RunDirectory
from cockpit.engine.processes import is_alive
from cockpit.errors import Refused, Unreadable
from cockpit.journal.chain import line_of, lost, proven, rows_of
from cockpit.journal.events import AttemptFound, ClockSet, DamageAccepted, Event, Held
from cockpit.journal.file import JournalFile, JournalReader
from cockpit.journal.fold import fold
from cockpit.journal.state import RunState
from cockpit.telemetry.live import Damage


@dataclass(frozen=True)
class Examined:
    """A damaged journal, read to its end."""

    directory: RunDirectory
    what: str
    """What does not hold."""
    data: bytes
    offset: int
    seq: int
    """The number of the last sound event."""
    sound: list[tuple[Event, str]]
    kept: list[tuple[Event, str]]
    lost: tuple[str, ...]

    @cached_property
    def state(self) -> RunState:
        """What the events say that can be kept."""
        return fold(RunState(run=self.directory.name), (*self.sound, *self.kept))

    @cached_property
    def heads(self) -> dict[str, str]:
        """The heads that others carry."""
        return {head: words for head, words in heads.carried(self.directory).items() if head}

    @property
    def sha256(self) -> str:
        """Of the file as it was found."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def sentence(self) -> str:
        """What must be written to accept the damage."""
        return f"I accept the damage at event {self.seq + 1}"

    @property
    def hopeless(self) -> str:
        """Why it cannot be gone on with; empty where it can."""
        if not self.state.plan:
            return (
                "the run's beginning is lost, and T-0 with it: put the journal back from its copy"
            )
        return ""

    @cached_property
    def view(self) -> Damage:
        """What its page shows."""
        digests = {digest for _, digest in (*self.sound, *self.kept)}
        vouching = sum(1 for head in self.heads if head in digests)
        return Damage(
            what=self.what,
            seq=self.seq + 1,
            offset=self.offset,
            file=str(self.directory.journal),
            size=len(self.data),
            sha256=self.sha256,
            kept=_free_name(self.directory.journal).name,
            sound=len(self.sound),
            taken_over=len(self.kept),
            vouched=(vouching, len(self.heads)),
            lost=self.lost,
            found=tuple(f"{one.step}, attempt {one.attempt}" for one in self.found()),
            sentence=self.sentence,
            hopeless=self.hopeless,
        )

    def found(self) -> Iterator[AttemptFound]:
        """The attempts of which the events that can be kept say nothing."""
        for path in sorted(self.directory.path.glob("attempts/*/*/order.json")):
            step, number = path.parent.parent.name, int(path.parent.name)
            known = {one.number for one in self.state.step(step).attempts}
            identity = AttemptFolder(path.parent).told().identity
            if number in known or (identity is not None and identity.void):
                continue
            yield _found(AttemptFolder(path.parent), step, number)


def _found(folder: AttemptFolder, step: str, number: int) -> AttemptFound:
    told = folder.told()
    identity, ended = told.identity, told.ended
    alive = identity is not None and is_alive(identity.pid, identity.start_time, identity.boot_id)
    return AttemptFound(
        step=step,
        attempt=number,
        digest=_digest(folder),
        is_alive=alive and ended is None,
        reason=f"the journal lost its confirmation; {told.unreadable or _told(identity, ended)}",
        recorded=ended.recorded if ended else {},
    )


def _digest(folder: AttemptFolder) -> str:
    try:
        return folder.order().digest
    except Unreadable:
        return ""


def _told(identity: Identity | None, ended: Exit | None) -> str:
    if ended is not None:
        how = f"exit {ended.exit}" if ended.ended == "exited" else ended.ended.replace("_", " ")
        return f"its runner recorded {how} after {ended.took_s:.1f} s"
    return "nobody recorded how it ended" if identity else "no runner of it has begun"


def examine(directory: RunDirectory, what: str) -> Examined:
    """Read a damaged journal to its end; `what` says what does not hold."""
    reader = JournalReader(directory.journal, directory.about().plan)
    data = directory.journal.read_bytes()
    sound = reader.read()
    rows = rows_of(data[reader.offset :])
    kept = proven(reader.seq, reader.head, rows)
    return Examined(
        directory=directory,
        what=what,
        data=data,
        offset=reader.offset,
        seq=reader.seq,
        sound=sound,
        kept=kept,
        lost=lost(reader.seq, rows, kept) if rows else (),
    )


def accept(directory: RunDirectory, journal: JournalFile, by: str, words: str, intent: str) -> None:
    """Go on with what can be kept; the caller has compared what was shown. OSError as of files."""
    found = examine(directory, journal.damage)
    if found.hopeless:
        raise Refused(found.hopeless)
    for lost_one in found.found():
        _claim(directory, lost_one)
    kept = _set_aside(directory.journal)
    lines = _Lines(journal, found)
    accepted = DamageAccepted(
        what=found.what,
        seq=found.seq + 1,
        kept=kept.name,
        size=len(found.data),
        sha256=found.sha256,
        words=words,
        taken_over=len(found.kept),
        lost=list(found.lost),
        heads=sorted(found.heads),
    )
    lines.tell(by, accepted, intent)
    for event, _ in found.kept:
        lines.add(event)
    lines.set_clock()
    for lost_one in found.found():
        lines.tell("engine", lost_one)
    lines.tell("engine", Held("the journal was damaged: look at every step, then release it"))
    replace_file(directory.journal, bytes(lines.text))


def _claim(directory: RunDirectory, attempt: AttemptFound) -> None:
    """An order that no runner has claimed is void: nobody knows that it was confirmed."""
    folder = AttemptFolder(directory.attempt(attempt.step, attempt.attempt))
    void = Identity(os.getpid(), 0, boot_id(), void="the journal lost its confirmation")
    if folder.told().identity is None:
        folder.claim(void)  # where one lies that cannot be read, it stays


def _free_name(journal: Path) -> Path:
    """Where the damaged file is kept: under a name of its own, or already under one."""
    number = 1
    while True:
        path = journal.with_name(f"journal.damaged-{number}")
        if not path.exists() or path.samefile(journal):
            return path
        number += 1


def _set_aside(journal: Path) -> Path:
    path = _free_name(journal)
    if not path.exists():
        path.hardlink_to(journal)
        sync_folder(path.parent)
    return path


class _Lines:
    """The new journal, line by line."""

    def __init__(self, journal: JournalFile, found: Examined) -> None:
        self._journal = journal
        self._found = found
        self._seq = found.seq
        self._head = found.sound[-1][1] if found.sound else found.directory.about().plan
        self.text = bytearray(found.data[: found.offset])

    def add(self, event: Event) -> None:
        """One event more, under its new number."""
        self._seq += 1
        line, self._head = line_of(self._head, replace(event, seq=self._seq))
        self.text += line

    def tell(self, by: str, data: object, intent: str = "") -> None:
        """Something new."""
        self.add(self._journal.event(0, by, self._map.at(boot_ns()), data, intent))

    def set_clock(self) -> None:
        """Where the damage took a change of the run clock, the newest event still tells it."""
        state = self._found.state.clock
        if abs(state.at(boot_ns()) - self._map.at(boot_ns())) > 1.0:
            self.tell("engine", ClockSet(self._map.boot_ns, self._map.run_s, state.speed, "speed"))

    @cached_property
    def _map(self) -> ClockMap:
        """The run clock by the newest event of this boot; after a reboot it is anchored anew."""
        events = [event for event, _ in (*self._found.sound, *self._found.kept)]
        newest = events[-1]
        if newest.boot_id != boot_id():
            return self._found.state.clock
        return ClockMap(newest.boot_ns, newest.run_s, self._found.state.clock.speed)
