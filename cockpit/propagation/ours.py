"""What the rows of the authorities come to: who answers, and for how long theirs may be kept."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit.propagation.answers import Row
from cockpit.propagation.convergence import ABSENT_S


def by_pace(rows: Sequence[Row]) -> tuple[list[int], list[int]]:
    """Those that answered when they were asked last, and those that keep everybody waiting.

    Where none answered, all are asked at the same pace.
    """
    late = [at for at, row in enumerate(rows) if any(cell.state == "timeout" for cell in row.cells)]
    quick = [at for at in range(len(rows)) if at not in late]
    return (quick, late) if quick else (late, [])


def longest_ttls(rows: Sequence[Row], names: Sequence[str]) -> dict[str, int]:
    """The longest TTL with which one of them gives each name now."""
    return {
        name: max((row.cells[at].ttl or 0 for row in rows), default=0)
        for at, name in enumerate(names)
    }


def absent_s(rows: Sequence[Row]) -> float | None:
    """For how long a cache in use may keep that something is not there."""
    told = [row.absent_s for row in rows if row.absent_s is not None]
    return float(min(max(told), ABSENT_S)) if told else None
