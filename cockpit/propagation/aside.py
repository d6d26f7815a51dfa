"""Work beside the looks: who is slow to answer holds up nobody who is quick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Aside:
    """One piece of work at a time; what goes wrong in it is raised to who waits for it next."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin, unless the last one is still under way."""
        if self._task is None:
            self._task = asyncio.create_task(work())

    async def wait(self, at_most_s: float | None = None) -> None:
        """Until it is over, or for so many real seconds."""
        if self._task is None:
            return
        await asyncio.wait((self._task,), timeout=at_most_s)
        if self._task is not None and self._task.done():
            over, self._task = self._task, None
            over.result()

    def stop(self) -> None:
        """Do it no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def stopped(self) -> None:
        """Do it no more, and wait until nothing of it is left."""
        over = self._task
        self.stop()
        if over is not None:
            await asyncio.wait((over,))
