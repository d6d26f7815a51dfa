"""What was pressed, and when it was read: a key is judged by what came before it and right after.

The reading thread writes, the screen's loop asks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

KEPT = 64
PASTE = "paste"


@dataclass(frozen=True, slots=True)
class Press:
    """One key, or one paste."""

    number: int
    read: int
    """The reading that it came in: what is pasted or repeated in a heap comes in one."""
    at: float
    """Real seconds."""
    what: str
    """The key's name, or `paste`."""


class Presses:
    """The newest presses, in order."""

    def __init__(self, real: Callable[[], float]) -> None:
        self._real = real
        self._lock = threading.Lock()
        self._kept: deque[tuple[object, Press]] = deque(maxlen=KEPT)
        self._number = 0
        self._read = 0
        self._read_at = real()

    def reading(self) -> None:
        """Say that the terminal was read just now."""
        with self._lock:
            self._read += 1
            self._read_at = self._real()

    def add(self, event: object, what: str) -> Press:
        """One more, of the newest reading."""
        with self._lock:
            self._number += 1
            press = Press(self._number, self._read, self._read_at, what)
            self._kept.append((event, press))
            return press

    def of(self, event: object, what: str) -> Press:
        """The press that an event stands for; one that nobody read was made just now."""
        with self._lock:
            for kept, press in reversed(self._kept):
                if kept is event:
                    return press
        self.reading()
        return self.add(event, what)

    def newest(self, what: str) -> Press | None:
        """The newest press of one key."""
        with self._lock:
            return next((one for _, one in reversed(self._kept) if one.what == what), None)

    def before(self, press: Press) -> Press | None:
        """The press before one."""
        return self._numbered(press.number - 1)

    def after(self, press: Press) -> Press | None:
        """The press after one, as far as anything was read."""
        return self._numbered(press.number + 1)

    def _numbered(self, number: int) -> Press | None:
        with self._lock:
            return next((one for _, one in self._kept if one.number == number), None)
