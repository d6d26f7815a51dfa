"""Packets that may be answers, and that only a parser can tell: who is looked at, and when.

Whoever is asked may flood us, and a parser takes milliseconds for one long packet. So the first
packet for every question comes before anybody's second, and a short one before a long one, as true
answers are; those that were damaged may take so much time in all, and no more.
"""

from __future__ import annotations

import asyncio
import time
from heapq import heappop, heappush
from typing import NamedTuple, Protocol

from cockpit.propagation.ask import DAMAGE
from cockpit.propagation.classify import Reply
from cockpit.propagation.templates import Asked

PLACES = 8
"""Packets for one question that wait at a time."""
SLICE_S = 0.001
"""Real seconds of parsing before the loop gets its turn."""
WASTE_S = 0.2
"""Real seconds of parsing damaged packets in one try, after which nobody's second is looked at."""


class Answered(Protocol):
    """Who is told what was made of a packet."""

    def __call__(
        self, one: Asked, reply: Reply, ttl: int | None, took: float, now: float, /
    ) -> None:
        """Take the reply for the answer."""


class _Candidate(NamedTuple):
    turn: int
    """How many came before it for the same question, in this try."""
    size: int
    number: int
    """In which order they came; no two have the same."""
    one: Asked
    wire: bytes
    took: float
    now: float


class Candidates:
    """Those of one sweep."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Candidate] = []
        """A heap."""
        self._number = 0
        self._wasted = 0.0
        self._slice: asyncio.Handle | None = None
        self._is_held = False

    def begin(self) -> None:
        """Begin a try: what was wasted before is forgotten."""
        self._wasted = 0.0

    def add(self, one: Asked, wire: bytes, took: float, now: float) -> None:
        """Have a packet looked at in its turn, where there is a place for it."""
        if one.waiting == PLACES or (one.candidates and self._wasted > WASTE_S):
            return
        self._number += 1
        found = _Candidate(one.candidates, len(wire), self._number, one, wire, took, now)
        heappush(self._waiting, found)
        one.candidates += 1
        one.waiting += 1
        self._soon()

    def hold(self) -> None:
        """Look at none until `finish`; more may be added."""
        self._is_held = True
        if self._slice is not None:
            self._slice.cancel()

    async def finish(self, until: float) -> None:
        """Look at all of them, till that moment of the loop's clock."""
        while self._waiting and self._loop.time() < until:
            self._look()
            await asyncio.sleep(0)

    def _soon(self) -> None:
        """Look in the next turn of the loop; one slice a turn, whoever asks."""
        if self._slice is None and self._waiting and not self._is_held:
            self._slice = self._loop.call_soon(self._look_on)

    def _look_on(self) -> None:
        self._slice = None
        self._look()
        self._soon()

    def _look(self) -> None:
        began = time.perf_counter()
        until = began + SLICE_S
        while self._waiting and began < until:
            turn, _, _, one, wire, took, now = heappop(self._waiting)
            one.waiting -= 1
            if one.done or (turn and self._wasted > WASTE_S):
                continue
            memo = one.template.memo
            try:
                known = memo.recall(wire) or memo.parse(wire)
            except DAMAGE:
                known = None  # damaged or forged: the true one may still come
            ended = time.perf_counter()
            if known is None:
                self._wasted += ended - began
            else:
                self._answered(one, *known, took, now)
            began = ended
