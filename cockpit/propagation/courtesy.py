"""How gates ask resolvers: none twice within a second, and once for all who want to know the same.

Several gates of a step, and every press of the key that asks them again, want the same answers at
the same moment. The resolvers belong to others, who limit the rate of those that ask too much.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from typing import Any, TypeVar, cast

from cockpit.clock import Clock
from cockpit.propagation.recall import Found, Heard
from cockpit.propagation.turns import LEAST_S, Turns

T = TypeVar("T")


class _Asking:
    """One asking, under way or over."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.waiting = 0
        self.ended: float | None = None
        """Real seconds when it ended; None while it has not."""

    def over(self, clock: Clock) -> None:
        """Note when it ended."""
        self.ended = clock.real()

    def counts(self, real: float) -> bool:
        """Whether who asks now gets its answer."""
        if self.ended is None:
            return not self.task.done()
        return real - self.ended < LEAST_S and self.is_good

    @property
    def is_good(self) -> bool:
        """Whether it ended with an answer."""
        return self.task.done() and not self.task.cancelled() and self.task.exception() is None


class Courtesy:
    """What one process asks resolvers for its gates, with the turns of its watch."""

    def __init__(self, turns: Turns | None = None) -> None:
        self.turns = turns or Turns(polite=True)
        self._asked: dict[Hashable, _Asking] = {}
        self._led: dict[str, Heard] = {}

    async def turn(self, names: Collection[str], clock: Clock) -> None:
        """Wait until all of these resolvers may be asked, who are taken to be asked then."""
        await asyncio.sleep(self.turns.reserve(names, clock.real()))

    async def once(self, key: Hashable, clock: Clock, ask: Callable[[], Awaitable[T]]) -> T:
        """What is asked under this key: just now, by another gate, or by this one."""
        asking = self._asked.get(key)
        if asking is None or not asking.counts(clock.real()):
            asking = self._asked[key] = self._begun(clock, ask)
        asking.waiting += 1
        try:
            return cast("T", await asyncio.shield(asking.task))
        finally:
            asking.waiting -= 1
            if not asking.waiting:
                # Nobody wants to know any more; one that is over does not mind.
                asking.task.cancel()

    @staticmethod
    def _begun(clock: Clock, ask: Callable[[], Awaitable[T]]) -> _Asking:
        async def whole() -> T:
            return await ask()

        made = _Asking(asyncio.ensure_future(whole()))
        made.task.add_done_callback(lambda _: made.over(clock))
        return made

    async def led(self, name: str, clock: Clock, ask: Callable[[], Awaitable[Found]]) -> Found:
        """Where a name of another zone leads, asked as by `once`."""

        async def heard() -> Found:
            found = await ask()
            self._led[name] = Heard(name, found, clock.now())
            return found

        return await self.once(("lead", name), clock, heard)

    def last_led(self, name: str) -> Heard | None:
        """Where it was last heard to lead; None where nobody asked."""
        return self._led.get(name)

    def leads(self) -> tuple[Heard, ...]:
        """All that was heard so."""
        return tuple(self._led.values())

    def again(self, leads: Iterable[Heard]) -> None:
        """Know what the process before this one heard."""
        self._led |= {one.name: one for one in leads}
