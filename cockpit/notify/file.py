"""Notices appended to a file in the run directory."""

from __future__ import annotations

import os
from pathlib import Path

from cockpit.clock import Clock, utc
from cockpit.durable import open_kept
from cockpit.errors import TargetError


class FileNotices:
    """Appends each notice; it is on the disk when `send` returns."""

    def __init__(self, path: Path, clock: Clock, prefix: str = "") -> None:
        self._path = path
        self._clock = clock
        self._prefix = prefix

    async def send(self, subject: str, body: str) -> None:
        """Append one notice under its time."""
        when = f"{utc(self._clock.now()):%Y-%m-%d %H:%M:%S} UTC"
        text = "\n".join(part for part in (f"{when}  {self._prefix}{subject}", body) if part)
        try:
            _append(self._path, text + "\n\n")
        except OSError as error:
            raise TargetError(
                f"the notice could not be written: {error.strerror}", where=str(self._path)
            ) from error


def _append(path: Path, text: str) -> None:
    descriptor = open_kept(path, os.O_WRONLY | os.O_APPEND)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
