"""What the terminal's death means: the viewer leaves, the run goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from typing import Any

WITHIN_S = 0.7
"""Real seconds in which a viewer that was told to go is gone."""
RESTORE = "\x1b[?2004l\x1b[?1004l\x1b[?7h\x1b[<u\x1b[0m\x1b[?1049l\x1b[?25h"
"""Paste and focus reports off, wrapping on, kitty keys off, the former screen, the cursor."""


@contextlib.contextmanager
def leaving(loop: asyncio.AbstractEventLoop, leave: Callable[[], object]) -> Iterator[None]:
    """SIGHUP and SIGTERM mean that the viewer leaves, with status 0, within a second."""
    before = _attributes()

    def told() -> None:
        watchdog(before)
        leave()

    for one in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(one, told)
    try:
        yield
    finally:
        for one in (signal.SIGHUP, signal.SIGTERM):
            loop.remove_signal_handler(one)


def watchdog(before: list[Any] | None, within_s: float = WITHIN_S) -> None:
    """Whatever hangs, the process is gone in time and the terminal as it was."""

    def end() -> None:
        restore(before)
        os._exit(0)

    timer = threading.Timer(within_s, end)
    timer.daemon = True
    timer.start()


def restore(before: list[Any] | None) -> None:
    """Put the terminal back, as far as it still takes anything."""
    with contextlib.suppress(OSError, ValueError, termios.error):
        descriptor = sys.__stderr__.fileno() if sys.__stderr__ else 2
        os.set_blocking(descriptor, False)
        os.write(descriptor, RESTORE.encode())
        if before is not None:
            termios.tcsetattr(0, termios.TCSANOW, before)


def _attributes() -> list[Any] | None:
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None
