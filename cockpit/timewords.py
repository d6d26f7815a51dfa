"""Times as people read them; pure."""

from __future__ import annotations

from datetime import datetime

from cockpit.clock import utc
from cockpit.errors import UsageError
from cockpit.measures import LAST

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def lasting(seconds: float) -> str:
    """A duration in its two greatest units: `2 d 4 h`, `14 min`, `8 s`."""
    left = max(0, round(seconds))
    for at, (unit, size) in enumerate(UNITS):
        count, rest = divmod(left, size)
        if not count:
            continue
        finer = UNITS[at + 1 : at + 2]
        more = [f"{rest // size} {unit}" for unit, size in finer if rest // size]
        return " ".join((f"{count} {unit}", *more))
    return "0 s"


def moment(run_s: float | None) -> str:
    """A reading of the run clock; a dash where there is none."""
    return f"{utc(run_s):%Y-%m-%d %H:%M:%S} UTC" if run_s else "-"


def from_t0(seconds: float) -> str:
    """A distance from T-0: `T-2 d`, `T+14 min`."""
    return f"T{'-' if seconds < 0 else '+'}{lasting(abs(seconds))}" if seconds else "T-0"


def said_moment(text: str) -> datetime:
    """A moment that a person wrote with its zone, RFC 3339; UsageError where it is none."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        mend = "write 2026-11-23T02:00:00+01:00 (RFC 3339)"
        raise UsageError(f"{text} is no moment", mend=mend) from None
    if told.tzinfo is None:
        raise UsageError(f"{text} names no zone", mend="add one: Z, or +01:00")
    # No reader of a journal believes another one.
    if not 0 <= told.timestamp() <= LAST:
        raise UsageError(
            f"{text} lies before 1970 or beyond {utc(LAST):%Y}", mend="look at the year"
        )
    return told
