"""Files that are whole or absent, whatever is killed: aside, fsync, rename, fsync of the folder.

What is made in a run that is shared with a group is that group's to read, whatever the umask;
anywhere else it is closed to others.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

SHARED = 0o2750
"""The mode of a folder that a group reads; what is made in it is of that group."""
OPENED = 0o3770
"""The mode of one in which the group's members leave files: each removes their own alone."""


def is_shared(folder: Path) -> bool:
    """Whether the group of a folder may read what is made in it."""
    return stat.S_IMODE(folder.stat().st_mode) in (SHARED, OPENED)


def fit(path: Path) -> None:
    """Let the group read a file that was just made where its folder is shared."""
    if is_shared(path.parent):
        path.chmod(0o640)


def open_kept(path: Path, flags: int) -> int:
    """Open a file for writing, which is made where it is not there."""
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    try:
        if is_shared(path.parent):
            os.fchmod(descriptor, 0o640)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, closed to all whom the one above is closed to."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    if is_shared(folder.parent):
        folder.chmod(SHARED)
    sync_folder(folder.parent)


def _aside(path: Path, content: bytes) -> Path:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = open_kept(aside, os.O_WRONLY | os.O_TRUNC)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return aside


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in place of whatever is there. OSError leaves the former one untouched."""
    _aside(path, content).replace(path)
    sync_folder(path.parent)


def create_once(path: Path, content: bytes) -> bool:
    """Create a file that only one caller ever can; False where another was first."""
    aside = _aside(path, content)
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    sync_folder(path.parent)
    return True
