"""Processes of the cockpit that a test began and that outlive it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def processes_of(folder: Path) -> list[int]:
    """The processes of the cockpit that work on runs in a test's own folder."""
    return [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if b"cockpit." in (words := _words(process)) and os.fsencode(folder) in words
    ]


def _words(process: Path) -> bytes:
    with suppress(OSError):
        return (process / "cmdline").read_bytes()
    return b""


def end_all(folder: Path) -> None:
    """End them, as an operating system that shuts down does."""
    for pid in processes_of(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
