"""The files by which the runs of this host keep out of each other's way, whoever's they are."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cockpit.errors import Refused

_PLACES = ("/run/lock", "/tmp", "/var/tmp")  # noqa: S108  sticky: nobody clears others' files
"""Folders that hosts open to all their users: no variable of one of them may name another."""
_OPEN = 0o1777
_OPENS_S = 0.2
"""Real seconds in which a lock's file, just made by another user, must be open to all."""


def place() -> Path:
    """The first folder that all users of this host may write to, and none can empty of others'."""
    for name in _PLACES:
        with suppress(OSError):
            mode = Path(name).stat().st_mode
            if stat.S_ISDIR(mode) and mode & _OPEN == _OPEN:
                return Path(name)
    raise Refused(
        "no folder of this host is open to all its users: the targets' locks have no place",
        where=", ".join(_PLACES),
        mend=f"chmod 1777 {_PLACES[0]}",
    )


def opened(path: Path) -> int:
    """A lock's file, which every user of this host may open; none may create another's anew."""
    deadline = time.monotonic() + _OPENS_S
    while True:
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
            os.fchmod(descriptor, 0o666)
            return descriptor
        try:
            return os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        except PermissionError:
            # Who makes it opens it to all a moment later, whatever the umask left of it.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def is_of(path: Path, descriptor: int) -> bool:
    """Whether a descriptor still is of the file that others would open."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def open_at(pid: int, path: Path) -> Iterator[int]:
    """By which descriptors a process has a file open."""
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if os.path.samestat(entry.stat(), path.lstat()):
                yield int(entry.name)
