"""A doorbell beside the intents: who put one there rings, and the engine looks at once.

It carries no truth: intents are files, found a little later where nobody can ring. A named pipe
in the run directory serves, since a socket's path has 107 bytes.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PAUSE_S = 0.05
"""Real seconds for which a ring makes deaf: who rings without end does not keep the engine busy."""
_MOST = 65_536
"""Bytes that a pipe holds."""


class Doorbell:
    """The engine's side."""

    def __init__(self, path: Path, rung: Callable[[], None]) -> None:
        self._path = path
        self._rung = rung
        self._pipe = -1

    def hang(self) -> None:
        """Listen; OSError where no pipe can be made, and then nobody can ring."""
        _make(self._path)
        # For writing too: with no writer left, a pipe would be at its end for ever.
        self._pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._listen()

    def close(self) -> None:
        """Listen no more."""
        if self._pipe >= 0:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1

    def _listen(self) -> None:
        if self._pipe >= 0:
            asyncio.get_running_loop().add_reader(self._pipe, self._heard)

    def _heard(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(BlockingIOError):
            os.read(self._pipe, _MOST)
        loop.remove_reader(self._pipe)
        loop.call_later(PAUSE_S, self._listen)
        self._rung()


def ring(path: Path) -> None:
    """Ring; where no engine listens, or nobody may, the intent is found without."""
    try:
        pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if stat.S_ISFIFO(os.fstat(pipe).st_mode):
            os.write(pipe, b"!")
    except OSError:
        return  # it is full of rings, or the engine has just ended
    finally:
        os.close(pipe)


def _make(path: Path) -> None:
    """A pipe into which those may write who may put intents there."""
    with suppress(FileNotFoundError):
        if stat.S_ISFIFO(path.lstat().st_mode):
            return
        path.unlink()
    os.mkfifo(path, 0o600)
    path.chmod(0o600 | (path.parent.joinpath("intents").stat().st_mode & 0o020))
