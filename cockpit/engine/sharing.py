"""A run that a group looks on at: its members read it, leave what they ask, and drive in turn.

Its engine stays with who began the run. What the group gets to read is what the screen shows; the
rows that were exported stay closed, as secrets do, which lie elsewhere.
"""

from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cockpit.durable import OPENED, SHARED, make_folder
from cockpit.engine.intents import login
from cockpit.engine.layout import RunDirectory, home
from cockpit.errors import Refused, UsageError

CLOSED = "exports"
"""The folder of a run that is shared with nobody."""
ENTERED = 0o011
"""What lets others pass through a folder without seeing what lies in it."""


def group_of(name: str) -> int:
    """A group's number; UsageError where there is none, or it is not the caller's."""
    try:
        found = grp.getgrnam(name)
    except KeyError:
        raise UsageError(
            f"this host has no group {name}", mend="`getent group` lists its groups"
        ) from None
    if os.geteuid() and found.gr_gid not in (os.getegid(), *os.getgroups()):
        raise UsageError(
            f"{login(os.geteuid())} is not in the group {name}",
            mend=f"log in again once you are in it, or run `newgrp {name}` first",
        )
    return found.gr_gid


def must_reach(gid: int) -> None:
    """Refused where a group's members could not come to the folder of the runs."""
    make_folder(home())
    for folder in reversed((home(), *home().parents)):
        if not _is_ours(folder) and not _may_enter(gid, folder):
            raise Refused(
                f"the group {grp.getgrgid(gid).gr_name} may not enter this folder",
                where=str(folder),
                mend="set COCKPIT_HOME to a folder beneath one that it may enter",
            )


def share(directory: RunDirectory, gid: int) -> None:
    """Let a group look on at a run and ask things of it; what is made later is theirs as well."""
    owner = directory.path.stat().st_uid
    if owner != os.geteuid():
        raise Refused(f"the run is {login(owner)}'s to share", where=str(directory.path))
    for folder in directory.path.parents:
        if _is_ours(folder) and not _may_enter(gid, folder):
            folder.chmod(stat.S_IMODE(folder.stat().st_mode) | ENTERED)
    asked = (directory.intents, directory.viewers)
    for path in _within(directory.path, skipped=(directory.path / CLOSED, *asked)):
        about = path.lstat()
        # A link would lead elsewhere; what another user left there is theirs.
        if about.st_uid == owner and not stat.S_ISLNK(about.st_mode):
            os.chown(path, -1, gid)
            path.chmod(_mode(about.st_mode))
    for path in asked:
        path.mkdir(mode=0o700, exist_ok=True)
        os.chown(path, -1, gid)
        path.chmod(OPENED)


def _mode(former: int) -> int:
    """What the group may do with what lies in a run: read files, ring the doorbell."""
    if stat.S_ISDIR(former):
        return SHARED
    return 0o620 if stat.S_ISFIFO(former) else 0o640 | former & stat.S_IXUSR


def _within(folder: Path, skipped: tuple[Path, ...]) -> Iterator[Path]:
    """A folder and all that lies in it: each before what lies in it, so that nothing is missed."""
    yield folder
    for path in folder.iterdir():
        if path in skipped:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _within(path, skipped)
        else:
            yield path


def _is_ours(folder: Path) -> bool:
    """Whether it is a folder of the cockpit that its owner may open."""
    about = folder.stat()
    return folder.is_relative_to(home()) and about.st_uid == os.geteuid()


def _may_enter(gid: int, folder: Path) -> bool:
    about = folder.stat()
    bit = stat.S_IXGRP if about.st_gid == gid else stat.S_IXOTH
    return bool(about.st_mode & bit)
