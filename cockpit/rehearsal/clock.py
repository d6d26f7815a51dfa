"""The lab's run clock: the map that the run's journal sets, read from its file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from cockpit.clock import NS, ClockMap, boot_ns, wall_s

POLL_S = 0.2
"""Real seconds between two looks at the journal, and the longest single sleep."""
JUMP_S = 2.0
"""Run seconds by which a new map must differ from the old one to count as a jump."""


class _Line(msgspec.Struct):
    type: str
    data: msgspec.Raw


class _T0(msgspec.Struct):
    actual: float


class JournalClock:
    """A clock that follows `clock_set` events; real time until the first of them."""

    def __init__(self, journal: Path) -> None:
        self.map = ClockMap(boot_ns(), wall_s())
        self.t0: float | None = None
        """The run clock of the actual T-0, once the journal says it."""
        self.jumps = 0
        """How often the run clock jumped: what was due before a jump is void."""
        self._journal = journal
        self._offset = 0

    def now(self) -> float:
        """The run clock, seconds since the Unix epoch."""
        return self.map.at(boot_ns())

    def real(self) -> float:
        """Real seconds on the boot clock."""
        return boot_ns() / NS

    @property
    def speed(self) -> float:
        """Run seconds in one real second."""
        return self.map.speed

    def poll(self) -> None:
        """Read what the journal gained; a line that is still being written waits."""
        try:
            with self._journal.open("rb") as file:
                file.seek(self._offset)
                gained = file.read()
        except FileNotFoundError:
            return
        whole, newline, _ = gained.rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        for line in whole.splitlines():
            if b"clock_set" in line or b"t0_happened" in line:
                self._take(line.partition(b"\t")[0])

    async def follow(self) -> None:
        """Follow the journal until cancelled."""
        while True:
            self.poll()
            await asyncio.sleep(POLL_S)

    async def until(self, run_s: float) -> None:
        """Wait for a reading of the run clock, through changes of speed and jumps."""
        while True:
            left = run_s - self.now()
            if left <= 0:
                return
            await asyncio.sleep(min(POLL_S, left / self.speed if self.speed > 0 else POLL_S))

    async def sleep(self, run_s: float, at_least_real_s: float = 0.0) -> None:
        """Wait for some run seconds, and no less than some real ones."""
        start = self.real()
        await self.until(self.now() + run_s)
        await asyncio.sleep(max(0.0, at_least_real_s - (self.real() - start)))

    def _take(self, line: bytes) -> None:
        event = msgspec.json.decode(line, type=_Line)
        if event.type == "t0_happened":
            self.t0 = msgspec.json.decode(event.data, type=_T0).actual
        elif event.type == "clock_set":
            self._set(msgspec.json.decode(event.data, type=ClockMap))

    def _set(self, anchor: ClockMap) -> None:
        here = boot_ns()
        if abs(anchor.at(here) - self.map.at(here)) > JUMP_S * max(1.0, anchor.speed):
            self.jumps += 1
        self.map = anchor
