"""What a parsed reply means against the two answers that are known; nothing is inferred."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import Literal, NamedTuple

from cockpit.propagation.answers import Cell, CellState, Link

IN_ONE = "both in one answer"
MOST_SAID = 3
"""Values of neither side that are said of an answer."""
Outcome = Literal["answer", "no_name", "servfail", "error", "refused", "timeout"]


class Reply(NamedTuple):
    """One server's reply to one question, parsed; also its silence.

    A tuple, which is made in a third of a frozen dataclass's time: a sweep makes thousands.
    """

    outcome: Outcome
    values: tuple[str, ...] = ()
    """Record values; none with `answer` means that the name has no such record."""
    ttl: int | None = None
    at: float = 0.0
    """The run clock at receipt."""
    rtt_ms: float | None = None
    serial: int | None = None
    note: str = ""
    site: str = ""
    links: tuple[Link, ...] = ()
    """The aliases on the way to the values."""
    proved: bool = False
    """Whether a resolver says that it proved the answer (AD)."""


def canonical(value: str) -> str:
    """A record value in the one form in which it is compared: address, or name with its dot."""
    try:
        return str(ip_address(value))
    except ValueError:
        return value.lower().rstrip(".") + "."


def side_of(values: Collection[str], old: str, new: str) -> CellState:
    """The side that record values lead to: `mixed` as soon as they do not all lead to one."""
    known = {canonical(old): "old", canonical(new): "new"}
    sides = {known.get(canonical(value), "other") for value in values}
    if not sides:
        return "no_data"
    if len(sides) > 1:
        return "mixed"
    return "new" if "new" in sides else "old" if "old" in sides else "other"


def classify(reply: Reply, old: str, new: str) -> CellState:
    """The state of a cell with this reply."""
    if reply.outcome == "answer":
        return side_of(reply.values, old, new)
    return reply.outcome


_FAILED: Mapping[Outcome, CellState] = {
    "servfail": "servfail",
    "error": "error",
    "refused": "refused",
    "timeout": "timeout",
}


def whole(
    reply: Reply, old: frozenset[str], new: frozenset[str], *, stands: bool = False
) -> CellState:
    """The state of a record whose values count together, each in its one form.

    An absence is what is wanted where a side has no values; but never that of a name that stands
    on both sides, by other records.
    """
    if reply.outcome in _FAILED:
        return _FAILED[reply.outcome]
    if stands and reply.outcome == "no_name":
        return "no_name"
    found = frozenset(reply.values)
    if found in (old, new):
        return "kept" if old == new else "new" if found == new else "old"
    if not found:
        return "no_name" if reply.outcome == "no_name" else "no_data"
    if found <= old | new and found - old and found - new:
        return "mixed"
    return "other"


def cell(reply: Reply, old: str, new: str) -> Cell:
    """The cell that this reply makes for a name that moves."""
    state = classify(reply, old, new)
    if state == "mixed":
        reply = reply._replace(
            note="; ".join(filter(None, (_together(reply, old, new), reply.note)))
        )
    return with_state(reply, state)


def _together(reply: Reply, old: str, new: str) -> str:
    """What one answer holds that does not lead to one side; what leads to neither by its value."""
    sides = {canonical(old): "old", canonical(new): "new"}
    strange = sorted(value for value in reply.values if canonical(value) not in sides)
    if not strange:
        return IN_ONE
    known = sorted({sides[one] for one in map(canonical, reply.values) if one in sides})
    more = [f"{len(strange) - MOST_SAID} more"] if len(strange) > MOST_SAID else []
    return f"in one answer: {', '.join((*known, *strange[:MOST_SAID], *more))}"


def with_state(reply: Reply, state: CellState) -> Cell:
    """The cell of a reply that is judged already."""
    return Cell(
        state=state,
        answers=tuple(sorted(reply.values)),
        ttl=reply.ttl,
        expires_at=None if reply.ttl is None else reply.at + reply.ttl,
        at=reply.at,
        rtt_ms=reply.rtt_ms,
        serial=reply.serial,
        note=reply.note,
        site=reply.site,
        links=reply.links,
        proved=reply.proved,
    )
