"""Blocking questions to the outside, each in a thread of its own.

The threads of `asyncio.to_thread` are few and shared with all that must go on, and a process waits
for each of them at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Answer = TypeVar("Answer")


async def apart(ask: Callable[[], Answer]) -> Answer:
    """The answer of a call that may hang: then nothing waits for it but the caller."""
    answer: Future[Answer] = Future()
    answer.set_running_or_notify_cancel()

    def asking() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the caller's
            answer.set_exception(error)

    Thread(target=asking, name="apart", daemon=True).start()
    return await asyncio.wrap_future(answer)
