"""Writing to the terminal in a thread of its own, so that one that takes nothing blocks nobody."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable

PIECE = 1024
"""Bytes written at once."""


class Writer(threading.Thread):
    """Writes to the terminal in the order of asking, in a thread of its own."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True, name="terminal-writer")
        self._descriptor = descriptor
        self._changed = threading.Condition()
        self._waiting = bytearray()
        self._writing = False
        self._ended = False
        self._idle: Callable[[], None] | None = None

    @property
    def takes(self) -> bool:
        """Whether it still writes what it is asked to."""
        return self.is_alive() and not self._ended

    @property
    def is_busy(self) -> bool:
        """Whether something asked for is not written yet."""
        return self._writing or bool(self._waiting)

    def write(self, text: str) -> None:
        """Write this after what was asked before."""
        with self._changed:
            if not self._ended:
                self._waiting += text.encode("utf-8", "replace")
                self._changed.notify()

    def when_idle(self, tell: Callable[[], None]) -> None:
        """Call this, in the writing thread, once all is written."""
        with self._changed:
            if self.is_busy:
                self._idle = tell
                return
        tell()

    def stop(self, within_s: float) -> None:
        """End once all is written; a terminal that takes nothing is not waited for."""
        deadline = time.monotonic() + within_s
        while self.is_alive() and self.is_busy and time.monotonic() < deadline:
            time.sleep(0.005)
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify()

    def run(self) -> None:
        """Write until stopped, or until the terminal is gone."""
        while True:
            with self._changed:
                while not self._waiting and not self._ended:
                    self._changed.wait()
                if self._ended:
                    return
                data = bytes(self._waiting)
                self._waiting.clear()
                self._writing = True
            taken = self._put(data)
            with self._changed:
                self._writing = False
                if not taken:
                    self._ended = True
                    self._waiting.clear()
                tell = None if self._waiting else self._idle
                if tell:
                    self._idle = None
            if tell:
                tell()

    def _put(self, data: bytes) -> bool:
        """Write it all; False where the terminal is gone or the end is near."""
        at = 0
        while at < len(data):
            if self._ended:
                return False
            try:
                if select.select([], [self._descriptor], [], 0.2)[1]:
                    at += os.write(self._descriptor, data[at : at + PIECE])
            except BlockingIOError:
                continue
            except (OSError, ValueError):
                return False
        return True
