"""Two clocks: the run clock that schedules and ages, and the boot clock that times real things.

The run clock is an affine map of the boot clock. Only journaled events change the map, so the
engine, the embedded lab and every viewer compute the same time from the same journal.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cockpit.measures import LAST

NS = 1_000_000_000


def boot_ns() -> int:
    """Nanoseconds since this machine booted, sleep included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """The kernel's name for this boot: equal on both sides of a reading means one boot clock."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def wall_s() -> float:
    """Seconds since the Unix epoch by the machine's wall clock."""
    return time.time()


@dataclass(frozen=True, slots=True)
class ClockMap:
    """The run clock as a function of the boot clock."""

    boot_ns: int
    """The boot clock at the anchor."""
    run_s: float
    """The run clock at the anchor, seconds since the Unix epoch."""
    speed: float = 1.0
    """Run seconds in one real second."""

    def at(self, boot_ns: int) -> float:
        """The run clock when the boot clock reads `boot_ns`.

        It stands still where the dates end: a fast rehearsal that lies about for years, or a map
        that somebody made up, is told as the last moment, and breaks no reader.
        """
        return min(max(self.run_s + (boot_ns - self.boot_ns) / NS * self.speed, 0.0), LAST)

    def real_s(self, run_s: float) -> float:
        """Real seconds that `run_s` run seconds last."""
        return run_s / self.speed


class Clock(Protocol):
    """The time, handed to everything that needs it."""

    def now(self) -> float:
        """The run clock, seconds since the Unix epoch."""
        ...

    def real(self) -> float:
        """Real seconds on the boot clock: for timeouts, round trips, reading time."""
        ...

    @property
    def speed(self) -> float:
        """Run seconds in one real second."""
        ...


class RunClock:
    """The run clock over the machine's boot clock."""

    def __init__(self, clock_map: ClockMap) -> None:
        self.map = clock_map

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


def live_clock() -> RunClock:
    """The clock of a run at real speed, anchored at the wall clock."""
    return RunClock(ClockMap(boot_ns(), wall_s()))


def utc(run_s: float) -> datetime:
    """A reading of the run clock as a date."""
    return datetime.fromtimestamp(run_s, UTC)


def rfc3339(run_s: float) -> str:
    """A reading of the run clock in the journal's form, RFC 3339, milliseconds."""
    return utc(run_s).isoformat(timespec="milliseconds").replace("+00:00", "Z")
