"""People with logins of their own on this host, who may run this program wherever it lies."""

from __future__ import annotations

import grp
import os
import shlex
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cockpit.engine.intents import login
from tests.fakes.leftovers import end_all
from tests.fakes.terminals import Terminal, terminal

ROOT = Path(__file__).parents[2]
GROUP = "users"
"""A group that Debian has, and nobody of it."""
ANA, BOB, EVE = 5, 9, 10
"""Accounts that Debian has, and nothing runs as."""


@dataclass(frozen=True)
class Person:
    """One login, with a home of its own."""

    uid: int
    home: Path
    shares: bool = True
    """Whether the group is theirs."""

    @property
    def name(self) -> str:
        return login(self.uid)

    @property
    def environment(self) -> dict[str, str]:
        """Their shell's variables; each has another idea of where temporary files lie."""
        return {
            "HOME": str(self.home),
            "COCKPIT_HOME": str(self.home / "cockpit"),
            "TMPDIR": str(self.home / "tmp"),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "TZ": "UTC",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def owns(self, folder: Path) -> None:
        """Give them a folder and all that is in it."""
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.uid)

    def kill(self, pid: int) -> None:
        """End one of their processes, as an out-of-memory killer does."""
        assert Path(f"/proc/{pid}").stat().st_uid == self.uid
        os.kill(pid, signal.SIGKILL)

    def words(self, *argv: str | Path) -> list[str]:
        """The command by which root runs something as this person."""
        groups = f"--groups={grp.getgrnam(GROUP).gr_gid}" if self.shares else "--clear-groups"
        who = f"setpriv --reuid={self.uid} --regid={self.uid} {groups} --inh-caps=-all"
        wanted = shlex.join(map(str, argv))
        script = f"umask 022\n{_reaching(self.home / '.reach')}umask 077\nexec {who} {wanted}\n"
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script]

    def python(self, *words: str | Path) -> list[str]:
        """The same for a module or a program of Python."""
        return self.words(sys.executable, *words)

    def at(self, *words: str | Path, **variables: str) -> AbstractContextManager[Terminal]:
        """The program in a terminal of this person."""
        argv = self.python("-m", "cockpit", *words)
        return terminal(argv, self.environment | {"PYTHONPATH": str(ROOT)} | variables)


def _reaching(kept: Path) -> str:
    """What shows the program and its Python in a mount namespace, where they lie in a closed home.

    A closed folder is covered by an empty one that is open, in which only they are.
    """
    wanted = {ROOT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    closed = {_closed_above(path): path for path in sorted(wanted)}
    within = [path for path in sorted(wanted) if _closed_above(path) is not None]
    lines = [f"mkdir -p {kept}/{number}\nmount --bind {path} {kept}/{number}"
             for number, path in enumerate(within)]  # fmt: skip
    lines += [f"mount -t tmpfs -o mode=755 tmpfs {one}" for one in closed if one is not None]
    lines += [f"mkdir -p {path}\nmount --bind {kept}/{number} {path}"
              for number, path in enumerate(within)]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def _closed_above(path: Path) -> Path | None:
    """The topmost folder above a path that others may not enter."""
    for folder in reversed(path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


@dataclass(frozen=True)
class People:
    """The people of one test."""

    ana: Person
    bob: Person
    eve: Person
    """Not of the group."""


@contextmanager
def _home(uid: int, *, shares: bool = True) -> Iterator[Person]:
    with TemporaryDirectory(prefix="cockpit-home-", dir="/tmp") as name:
        home = Path(name)
        home.chmod(0o755)
        (home / "tmp").mkdir()
        for path in (home, home / "tmp"):
            os.chown(path, uid, uid)
        try:
            yield Person(uid, home, shares)
        finally:
            end_all(home)
            _end_steps(home)


def _end_steps(home: Path) -> None:
    """End what steps left behind: their variables name the home that they act in."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(home) in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


@pytest.fixture
def people() -> Iterator[People]:
    """Ana and Bob of one group, and Eve."""
    with _home(ANA) as ana, _home(BOB) as bob, _home(EVE, shares=False) as eve:
        yield People(ana, bob, eve)
