"""What an operator asks of the engine: one small file each, written aside and renamed.

The file's owner is the asker; the seat's number, the digest shown and the boot clock come with
it. The engine journals its answer with the intent's id, and only then is the file deleted.
"""

from __future__ import annotations

import errno
import os
import pwd
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import msgspec

from cockpit.clock import NS, boot_id, boot_ns
from cockpit.durable import open_kept
from cockpit.jsonread import read_json
from cockpit.measures import Count, FileName
from cockpit.redact import printable

Kind = Literal[
    "propose",
    "confirm",
    "withdraw",
    "look",
    "settle_done",
    "settle_failed",
    "settle_not_happened",
    "skip",
    "hold",
    "release",
    "note",
    "stop",
    "roll_back",
    "call_off",
    "postpone",
    "take_seat",
    "leave",
    "jump",
    "speed",
    "finish",
    "accept_damage",
    "accept_plan",
    "restart",
    "second",
]
"""`propose` asks a step's gates; `withdraw` closes the dialog; `finish` ends a rehearsal; `restart`
begins the engine again with the program that lies on the disk now; `second` confirms as the second
person what the driver's screen shows."""

EXPIRES_S = 60.0
"""Real seconds after which an intent is journaled as expired, and not followed."""
MOST = 64 * 1024
"""Bytes beyond which a file is no intent."""
_HOPELESS = frozenset((errno.ELOOP, errno.ENXIO, errno.EACCES, errno.EPERM))
"""What no later try would mend: a link, a socket, a file that is closed to the engine."""


class NotAnIntent(ValueError):
    """A file among the intents that is none."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One wish of one operator."""

    kind: Kind
    viewer: str
    """The viewer that wrote it: `pid:start time`."""
    seat: Count = 0
    """The seat that the viewer believes to hold; 0 for an observer."""
    step: FileName = ""
    attempt: Count = 0
    digest: str = ""
    """Of the proposal that was on screen."""
    text: str = ""
    """A reason, a note."""
    note: str = ""
    """What was handed over, where the seat is taken over."""
    typed: str = ""
    """The word typed for an irreversible step."""
    value: float = 0.0
    """A run-clock moment (postpone, jump) or a speed."""
    tty: str = ""
    boot_id: str = field(default_factory=boot_id)
    boot_ns: Count = field(default_factory=boot_ns)
    id: str = ""
    """The file's name: what is copied to another name is no intent."""

    def age_s(self) -> float:
        """Real seconds since the key was pressed; infinite for another boot's, or a later one's."""
        age = (boot_ns() - self.boot_ns) / NS
        return age if self.boot_id == boot_id() and age >= 0 else float("inf")


def send(folder: Path, intent: Intent) -> str:
    """Put an intent where the engine finds it; gives its id. OSError where it cannot be written."""
    name = f"{intent.boot_ns:020d}-{secrets.token_hex(4)}"
    aside = folder / f".{name}"
    descriptor = open_kept(aside, os.O_WRONLY | os.O_EXCL)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(replace(intent, id=name)))
        file.flush()
        os.fsync(file.fileno())
    aside.rename(folder / f"{name}.json")
    return name


def waiting(folder: Path) -> list[Path]:
    """The intents not yet answered, oldest first."""
    # Looked at twenty times a second for nine days: `glob` costs many times as much.
    names = (name for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208
    return sorted(folder / name for name in names if not name.startswith("."))


def id_of(path: Path) -> str:
    """The name of a file as the journal has it: others may write names that are no text."""
    return printable(os.fsencode(path.stem).decode(errors="backslashreplace"))


def read(path: Path) -> tuple[Intent, str]:
    """An intent and the login of its asker.

    NotAnIntent where the file is none and never will be; OSError where it cannot be read now.
    """
    content, owner = _content(path)
    try:
        intent = read_json(content, Intent)
    except msgspec.MsgspecError as error:
        raise NotAnIntent(printable(str(error))) from None
    if intent.id != path.stem:
        written = printable(intent.id)[:40]
        raise NotAnIntent(f"it was written as {written or 'another one'}")
    return _printable(intent), login(owner)


def _printable(intent: Intent) -> Intent:
    """The wish, whose words are journaled and shown for years, with nothing a terminal obeys."""
    return replace(
        intent,
        viewer=printable(intent.viewer),
        step=printable(intent.step),
        text=printable(intent.text),
        note=printable(intent.note),
        typed=printable(intent.typed),
        tty=printable(intent.tty),
    )


def _content(path: Path) -> tuple[bytes, int]:
    """What a plain small file holds, and who owns it: all of it asked of one open file."""
    try:
        # Neither a link is followed nor a pipe waited for: others may write to this folder.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in _HOPELESS:
            raise NotAnIntent(f"it cannot be opened: {error.strerror}") from None
        raise
    try:
        about = os.fstat(descriptor)
        if problem := next(_problems(about), ""):
            raise NotAnIntent(problem)
        content = b""
        while len(content) <= MOST and (more := os.read(descriptor, MOST + 1 - len(content))):
            content += more
    finally:
        os.close(descriptor)
    if len(content) > MOST:
        raise NotAnIntent(f"it is longer than {MOST} bytes")
    return content, about.st_uid


def _problems(about: os.stat_result) -> Iterator[str]:
    if not stat.S_ISREG(about.st_mode):
        yield "it is no plain file"
    if about.st_nlink > 1:
        yield "it has a second name"
    if about.st_size > MOST:
        yield f"it is longer than {MOST} bytes"


def login(uid: int) -> str:
    """The name of a user of this host."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
