"""Showing what the engine sees, also where the host gives it no more descriptors or threads."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from cockpit.clock import boot_ns
from cockpit.telemetry import codec
from cockpit.telemetry.live import Live

NOT_UP = "it did not come up"
"""How the last word of an engine begins that ended before it worked."""
NOBODY = 0
"""The pid in a view that no engine wrote which works."""
_NO_MORE = (errno.EMFILE, errno.ENFILE)


def leave_word(path: Path, words: str) -> None:
    """Say why an engine ends where the screen looks; a full disk takes it in the place of the last.

    Where it is not taken either, the log is all there is.
    """
    with suppress(OSError):
        seen = codec.read(path) or Live(NOBODY, boot_ns())
        codec.write(path, replace(seen, trouble=words))


class LastWord:
    """Writes the live view; a descriptor is kept back for the moment in which none is left."""

    def __init__(self) -> None:
        self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    async def write(self, path: Path, live: Live, hide: Callable[[str], str]) -> None:
        """Replace the live view, so that the screen can say what is wrong; OSError where not."""
        try:
            await asyncio.to_thread(codec.write, path, live, hide)
        except RuntimeError:
            # The host gives no more threads: then the loop itself waits for the disk.
            codec.write(path, live, hide)
        except OSError as error:
            if error.errno not in _NO_MORE:
                raise
            with self._lent():
                codec.write(path, live, hide)

    @contextmanager
    def _lent(self) -> Iterator[None]:
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        try:
            yield
        finally:
            with suppress(OSError):  # until then there is none to give back
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
