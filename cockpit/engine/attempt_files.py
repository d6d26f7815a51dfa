"""The files of an attempt: what engine and runner tell each other, durably.

order.json      by the engine, before it starts the runner
identity.json   created once: by the runner before it acts, or by the engine to void it
output          by the runner, redacted, line by line
exit.json       by the runner, last

An identity on the disk says that the attempt may have acted. So the attempt's folder itself is
on the disk before a runner is started.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from cockpit.durable import create_once, make_folder, replace_file
from cockpit.errors import Unreadable
from cockpit.journal.events import Ended, Json
from cockpit.journal.form import DEPTH, is_shallow
from cockpit.jsonread import read_json
from cockpit.measures import Lasting, Whole


@dataclass(frozen=True, slots=True)
class Locks:
    """The descriptors by which an engine holds the locks of its targets."""

    pid: int
    start_time: int
    descriptors: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What a runner is to do."""

    run_directory: str
    plan: str
    step: str
    attempt: int
    digest: str
    timeout_s: float
    head: str
    """The journal's head when it was confirmed."""
    lab: str | None = None
    locks: Locks | None = None
    """Where the runner gets the targets' locks, where it does not inherit them."""
    targets: tuple[str, ...] = ()
    """What the run has locked: while anything of the step acts, other runs are kept off it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which process acts; or why none ever will."""

    pid: int
    start_time: int
    boot_id: str
    void: str = ""
    unit: str = ""
    """The service that it lives in, where it has one of its own."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How an attempt ended."""

    exit: Whole
    ended: Ended
    took_s: Lasting
    message: str = ""
    recorded: dict[str, Json] = field(default_factory=dict)
    head: str = ""
    survivors: list[Identity] = field(default_factory=list)
    """Processes that the step began and that outlived its end."""
    silent_s: Lasting = 0.0
    """Real seconds of its longest silence."""


_LOST = frozenset((errno.EISDIR, errno.ELOOP, errno.EIO))
"""What no later look would mend: a folder or a ring of links in a file's place, a bad disk."""
_File = TypeVar("_File", Order, Identity, Exit)


@dataclass(frozen=True, slots=True)
class Told:
    """What the files of an attempt say of its process and of its end."""

    identity: Identity | None
    ended: Exit | None
    unreadable: str
    """What of it cannot be understood; empty where nothing is missing."""


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """One attempt's folder."""

    path: Path

    @property
    def mark(self) -> str:
        """The value of `MARK` in the environment of all that the attempt starts."""
        return str(self.path.resolve())

    @property
    def output(self) -> Path:
        """The redacted output."""
        return self.path / "output"

    def give_order(self, order: Order) -> None:
        """Make the folder and the order in it."""
        make_folder(self.path)
        replace_file(self.path / "order.json", msgspec.json.encode(order))

    def order(self) -> Order:
        """What the runner is to do; Unreadable where that cannot be understood."""
        return _read(self.path / "order.json", Order)

    def claim(self, identity: Identity) -> bool:
        """Be the attempt's process, or void it; False where the other was first."""
        make_folder(self.path)
        return create_once(self.path / "identity.json", msgspec.json.encode(identity))

    def identity(self) -> Identity | None:
        """Who acts or acted; None where nobody began; Unreadable where it cannot be understood."""
        try:
            return _read(self.path / "identity.json", Identity)
        except FileNotFoundError:
            return None

    def end(self, result: Exit) -> None:
        """Record how it ended."""
        replace_file(self.path / "exit.json", msgspec.json.encode(result))

    def exit(self) -> Exit | None:
        """How it ended; None where nobody recorded that; Unreadable as above."""
        try:
            return _read(self.path / "exit.json", Exit)
        except FileNotFoundError:
            return None

    def told(self, journaled: Identity | None = None) -> Told:
        """Who acts and how it ended, as far as that can be read.

        Whose start the journal has told already is known, whatever became of its file.
        """
        identity, ended, unreadable = journaled, None, ""
        try:
            identity = self.identity() or journaled
        except Unreadable as error:
            unreadable = "" if journaled else error.what
        try:
            ended = self.exit()
        except Unreadable as error:
            unreadable = unreadable or error.what
        return Told(identity, ended, unreadable)

    def unreadable(self) -> str:
        """Which of its files cannot be understood, in words; empty where all can."""
        for read in (self.order, self.identity, self.exit):
            try:
                read()
            except FileNotFoundError:
                continue
            except Unreadable as error:
                return f"{self.path.parent.name}, attempt {self.path.name}: {error.what}"
        return ""


def _read(path: Path, shape: type[_File]) -> _File:
    try:
        content = path.read_bytes()
        # What an attempt recorded is journaled, two levels deeper.
        if not is_shallow(content, DEPTH - 2):
            raise Unreadable(
                f"{path.name} cannot be read: it is nested too deeply", where=str(path)
            )
        return read_json(content, shape)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"{path.name} cannot be read: {error}", where=str(path)) from None
    except OSError as error:
        if error.errno not in _LOST:
            raise
        words = f"{path.name} cannot be read: {error.strerror}"
        raise Unreadable(words, where=str(path)) from None
