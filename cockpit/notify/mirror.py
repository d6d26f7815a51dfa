"""Keeps a copy of way-back.md and the journal elsewhere, and knows how old it is.

The copying is a process of its own: a share that hangs must not hang the engine, nor keep its
locks when it is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from cockpit.clock import Clock
from cockpit.errors import TargetError
from cockpit.notify.copying import Copying
from cockpit.notify.feed import Feed
from cockpit.runbook.targets import DirectoryMirror, Mirror
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Tile

PATIENCE_S = 60.0
"""Real seconds that one copy may take."""
_COPYING = (sys.executable, "-m", "cockpit.notify.copying")
_LOOK_S = 0.05
_DIES_S = 2.0
"""Real seconds in which a killed process ends, where nothing hangs in the kernel."""


class MirrorFeed:
    """The mirror of one run."""

    def __init__(
        self,
        settings: Mirror,
        run_directory: Path,
        secrets: Secrets,
        clock: Clock,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._secrets = secrets
        self._settings = settings
        self._directory = run_directory
        self._clock = clock
        self._patience_s = patience_s
        self._feed = Feed("mirror", clock, settings.every, patience_s)
        self._begun_s = float("-inf")
        self._way_back = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> str:
        """Where the copies lie."""
        where = self._settings
        return where.directory if isinstance(where, DirectoryMirror) else where.remote

    def tile(self) -> Tile:
        """How it stands, as a service of its own."""
        return self._feed.tile(f"copies at {self.place}")

    async def beat(self, head: str) -> None:
        """Copy where it is time to. It never raises: what went wrong is on its tile."""
        way_back = _changed(self._directory / "way-back.md")
        now = self._clock.real()
        if now - self._begun_s < self._settings.every and way_back == self._way_back:
            return
        self._begun_s, self._way_back = now, way_back
        await self._feed.follow(lambda: self._copy(head))

    async def _copy(self, head: str) -> None:
        if self._process is not None and self._process.poll() is None:
            raise TargetError("an earlier copy hangs and cannot be ended", where=self.place)
        self._process = self._begun(head)
        await self._follow(self._process)

    def _begun(self, head: str) -> subprocess.Popen[bytes]:
        settings = self._settings
        wanted = Copying(
            directory=str(self._directory),
            run="/".join(self._directory.parts[-2:]),
            head=head,
            place=self.place,
            config="" if isinstance(settings, DirectoryMirror) else settings.config,
        )
        try:
            return subprocess.Popen(
                (*_COPYING, msgspec.json.encode(wanted).decode()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
            )
        except OSError as error:
            raise TargetError(f"no copy could be begun: {error.strerror}") from error

    async def _follow(self, process: subprocess.Popen[bytes]) -> None:
        if not await self._ended(process, self._patience_s):
            _kill(process)
            if await self._ended(process, _DIES_S):
                _said(process)
            raise TargetError(f"no end in {self._patience_s:g} s", where=self.place)
        told = _said(process)
        if process.returncode:
            last = "".join(self._secrets.last_lines(told, 1))
            raise TargetError(last or f"exit {process.returncode}", where=self.place)

    async def _ended(self, process: subprocess.Popen[bytes], patience_s: float) -> bool:
        deadline = self._clock.real() + patience_s
        while process.poll() is None:
            if self._clock.real() > deadline:
                return False
            await asyncio.sleep(_LOOK_S)
        return True

    def close(self) -> None:
        """Leave no process behind; one that hangs in the kernel ends when that lets it."""
        if self._process is not None and self._process.poll() is None:
            _kill(self._process)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_DIES_S)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _said(process: subprocess.Popen[bytes]) -> str:
    """What it said; closes its pipe."""
    if process.stdout is None:
        return ""
    with process.stdout as output:
        return output.read().decode("utf-8", "replace")


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
