"""What of a switch cannot be told, in words: no end of the former answers is promised then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cockpit.propagation.answers import Row, Side
from cockpit.propagation.convergence import Given, first_to_follow, unturned

UNTURNED = "until when is unknown: {who} not seen to turn, and silent now"
UNSEEN = "since when the {side} answer is given is unknown: nobody saw it begin, so no end is told"


def untold(
    known: Iterable[Given],
    rows: Sequence[Row],
    names: Sequence[str],
    wanted: Side,
    *,
    has_switched: bool,
) -> str:
    """Why no end can be told of what is on its way; empty where one can, or nothing is."""
    if not has_switched:
        return "" if first_to_follow(rows, wanted) is None else UNSEEN.format(side=wanted)
    silent = unturned(known, rows, names, wanted)
    told = ", ".join(f"{row.name} ({row.address})" for row in silent)
    return UNTURNED.format(who=f"{told} {'was' if len(silent) == 1 else 'were'}") if silent else ""


def saw_left(known: Iterable[Given], wanted: Side) -> bool:
    """Whether an authority was seen to give the left side: what it gives now, it turned to."""
    left = "old" if wanted == "new" else "new"
    return any(one.side == left for one in known)
