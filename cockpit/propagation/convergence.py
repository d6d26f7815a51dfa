"""Who follows, and by when the rest must: the mathematics of caches, on facts alone.

A cache may keep an answer from the last instant at which an authoritative address could have
given it, for the TTL that it carried then; where the address has caches of its own, their lag is
added. The bound is the latest of these sums over every
address, name and TTL seen, so a TTL that was lowered too late still counts with its old value,
and a secondary that follows late counts from its own turn. Nothing is taken from the moment at
which a change was asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from cockpit.propagation.answers import Cell, Link, Row, Side

SLACK_S = 2.0
"""Run seconds past a bound that clocks and whole-second TTLs may cost."""

BEYOND = "says that it keeps this longer than the zone allows"
STALE = "served stale: the cache could not refresh it"
FELL = "its TTL falls: it is kept, not served stale"
STALE_TTL = 30
"""An answer served stale carries this TTL at most (RFC 8767 s5); it is asked for once more."""
SAYS_STALE = "(EDE 3)"
ROUNDING = 1e-9
"""What a binary fraction may lack of a whole percent."""
ABSENT_S = 10800
"""The longest that a cache in use keeps the absence of a name (BIND; others 3600)."""
Led = Side | Literal["none"]
"""Where an authority led: `none` is another value, or none at all, which is cached as well."""


@dataclass(frozen=True, slots=True)
class Given:
    """An authoritative address gave a side's answer for a name with a TTL."""

    side: Led
    address: str
    name: str
    ttl: int
    last: float
    """The last run-clock instant at which it may have given it."""
    over: bool = False
    """Whether it was seen to give something else since."""
    links: tuple[Link, ...] = ()
    """The aliases that led there."""
    lag: float = 0.0
    """Run seconds for which other machines behind that address may give it still."""
    presumed: bool = False
    """Whether it was never heard: it may give whatever another address of the zone gave."""

    def until(self, floor: float = 0.0) -> float:
        """The run clock until when a cache that raises TTLs to `floor` may keep it."""
        return self.last + self.lag + max(self.ttl, floor)


def learn(known: Iterable[Given], rows: Iterable[Row], names: Sequence[str]) -> tuple[Given, ...]:
    """What is known of the authorities after one more look at them.

    Where an address turned between two looks, it may have given the former answer until the
    second one. Where it did not answer, nothing changes, and its turn is counted from when it
    answers again. One that never answered is presumed to give what others gave, until it does.
    What another one of the same name outlasts in every respect is dropped: each name has a bound
    and a curve of its own.
    """
    found = {(one.side, one.address, one.name, one.ttl): one for one in known}
    asked = [
        (row, name, cell)
        for row in rows
        if row.role == "authority"
        for name, cell in zip(names, row.cells, strict=True)
    ]
    for row, name, cell in asked:
        _learn_cell(found, row, name, cell)
    for row, name, cell in asked:
        if cell.state in TELLS_NOTHING and cell.state != "unasked":
            _presume(found, row, name, cell.at)
    kept = sorted(found.values(), key=lambda one: (one.until(), one.last), reverse=True)
    return tuple(
        one for at, one in enumerate(kept) if not one.over or not _outlasted(one, kept[:at])
    )


def _outlasted(one: Given, longer: Iterable[Given]) -> bool:
    return any(
        (other.side, other.name) == (one.side, one.name)
        and other.last + other.lag >= one.last + one.lag
        for other in longer
    )


def _learn_cell(
    found: dict[tuple[Led, str, str, int], Given], row: Row, name: str, cell: Cell
) -> None:
    address = row.address
    if cell.state in TELLS_NOTHING:
        return
    sides: tuple[Led, ...] = _LED.get(cell.state, ("none",))
    ttl = cell.ttl or 0
    if cell.state in ("no_name", "no_data"):
        ttl = min(ttl, ABSENT_S)
    given = {(side, address, name, ttl) for side in sides}
    for key, one in found.items():
        if key[1:3] == (address, name) and key not in given and not one.over:
            ttl = _longest_changed(one, cell)
            found[key] = replace(one, last=cell.at, over=True, presumed=False, ttl=ttl)
    for side, *_, ttl in given:
        found[side, address, name, ttl] = Given(
            side, address, name, ttl, cell.at, links=cell.links, lag=row.lag
        )


def _presume(found: dict[tuple[Led, str, str, int], Given], row: Row, name: str, at: float) -> None:
    """Of an address that never answered: what others gave, which nobody saw it give up."""
    heard = [one for one in found.values() if one.name == name and not one.presumed]
    if any(one.address == row.address for one in heard):
        return
    for one in heard:
        key = one.side, row.address, name, one.ttl
        if key not in found:
            found[key] = Given(*key, at, links=one.links, lag=row.lag, presumed=True)


def _longest_changed(one: Given, cell: Cell) -> int:
    """The TTL of the longest of those sets of a chain that changed, never the chain's sum.

    The record at the end changed where another one is reached by the same links; where a link
    leads elsewhere, a cache may follow the former one for that link's own TTL, and what lies
    behind it did not change.
    """
    stay = {(link.name, link.target) for link in cell.links}
    gone = [link.ttl for link in one.links if (link.name, link.target) not in stay]
    return max(gone, default=one.ttl)


TELLS_NOTHING = ("timeout", "unasked", "servfail", "error", "refused", "kept")
"""Answers that say nothing of what a name has."""
_LED: Mapping[str, tuple[Led, ...]] = {
    "old": ("old",),
    "new": ("new",),
    "mixed": ("old", "new"),
}


def bound(known: Iterable[Given], wanted: Side, floor: float = 0.0) -> float | None:
    """The run clock by which a cache that raises TTLs to `floor` lets go of the left side.

    None where no authority was ever seen to give the left side's answer. As long as one still
    gives it, the bound moves on with every look.
    """
    ends = [one.until(floor) for one in known if one.side != wanted]
    return max(ends, default=None)


def bound_of(name: str, known: Iterable[Given], wanted: Side, floor: float) -> float | None:
    """The bound of one name alone; None while an authority still gives its left answer.

    Until then nobody can hold on to it.
    """
    own = [one for one in known if one.name == name]
    if any(one.side != wanted and not one.over for one in own):
        return None
    return bound(own, wanted, floor)


def unturned(
    known: Iterable[Given], rows: Iterable[Row], names: Sequence[str], wanted: Side
) -> tuple[Row, ...]:
    """The authorities that tell nothing now and were not seen to turn to the wanted side.

    They may give the left side's answer still, or again: as long as there is one, no bound holds.
    One that was never heard is among them, whatever the others gave.
    """
    left = {
        (one.address, one.name)
        for one in known
        if one.presumed or (one.side != wanted and not one.over)
    }
    return tuple(
        row
        for row in rows
        if row.role == "authority"
        and any(
            cell.state in TELLS_NOTHING and (row.address, name) in left
            for name, cell in zip(names, row.cells, strict=True)
        )
    )


def share(rows: Iterable[Row], wanted: Side) -> tuple[float | None, int, int]:
    """The weighted share of resolvers that follow, how many cells do, and of how many.

    Whoever was asked is counted: a resolver that fails, keeps silent or holds on has users who do
    not reach the wanted side. Only cells that were never asked, and resolvers that did not stand
    their vetting, are left out.
    """
    following = counted = 0
    weight = total = 0.0
    for row in rows:
        if row.role != "resolver" or row.left_out:
            continue
        for cell in row.cells:
            if cell.state != "unasked":
                counted += 1
                total += row.weight
            if cell.state == wanted:
                following += 1
                weight += row.weight
    return (weight / total if total else None), following, counted


def share_words(share: float | None) -> str:
    """A share in whole percent, never rounded up: one that holds on is not all of them."""
    return "?" if share is None else f"{math.floor(share * 100 + ROUNDING)}%"


def judge(
    rows: Iterable[Row],
    known: Sequence[Given],
    wanted: Side,
    clamps: Mapping[str, float],
    names: Sequence[str],
) -> tuple[Row, ...]:
    """The rows, with `holds` for whoever gives a name's left answer past that name's own bound.

    A known clamp (seconds, by address) extends its own row's bound and no other's. An answer that
    says before the bound that it will be kept beyond it has that as its note.
    """
    ends: dict[float, list[float | None]] = {}

    def judged(row: Row) -> Row:
        if row.role != "resolver":
            return row
        floor = clamps.get(row.address, 0.0)
        if floor not in ends:
            ends[floor] = [bound_of(name, known, wanted, floor) for name in names]
        own = max((end for end in ends[floor] if end is not None), default=None) if floor else None
        cells = (
            cell if end is None else judged_cell(cell, wanted, end)
            for cell, end in zip(row.cells, ends[floor], strict=True)
        )
        return replace(row, cells=tuple(cells), own_bound=own)

    return tuple(judged(row) for row in rows)


def judged_cell(cell: Cell, wanted: Side, end: float) -> Cell:
    """A cell of an honest cache that must let go by then: `holds` where it did not."""
    if cell.state not in ("old" if wanted == "new" else "new", "mixed"):
        return cell
    if cell.left_seen > end + SLACK_S:
        return replace(cell, state="holds")
    if cell.expires_at is not None and cell.expires_at > end + SLACK_S and not cell.note:
        return replace(cell, note=BEYOND)
    return cell


def in_doubt(cell: Cell) -> bool:
    """Whether a second answer must tell if what holds on is kept, or served stale."""
    if cell.state != "holds" or cell.ttl is None:
        return False
    return cell.ttl <= STALE_TTL or SAYS_STALE in cell.note


def second_look(first: Cell, second: Cell, wanted: Side) -> Cell:
    """The second of two answers past the bound, with what both together tell as its note.

    What is served stale has the same short TTL each time; what is kept has less of it left.
    """
    if second.state != first.state or second.state == wanted or not first.ttl:
        return second
    if SAYS_STALE in second.note or not second.ttl or second.ttl > min(first.ttl, STALE_TTL):
        return second
    why = STALE if second.ttl == first.ttl else FELL
    return replace(second, note="; ".join(filter(None, (second.note, why))))


class Late(NamedTuple):
    """Who still gives the left side's answer past its bound, by name; the worst first."""

    violators: tuple[str, ...]
    """They keep it."""
    untold: tuple[str, ...]
    """No second answer told whether they keep it."""
    stale: tuple[str, ...]
    """Their caches could not refresh it."""


def late(rows: Iterable[Row]) -> Late:
    """Those past the bound, each by its worst answer."""
    found: dict[str, list[str]] = {kind: [] for kind in Late._fields}
    for row in rows:
        kinds = {_kind(cell) for cell in row.cells if cell.state == "holds"}
        if kinds:
            found[min(kinds, key=Late._fields.index)].append(row.name)
    return Late(*map(tuple, found.values()))


def _kind(cell: Cell) -> str:
    if STALE in cell.note or SAYS_STALE in cell.note:
        return "stale"
    return "untold" if in_doubt(cell) and FELL not in cell.note else "violators"


def first_to_follow(rows: Iterable[Row], wanted: Side) -> float | None:
    """The run clock when an authority was first seen to give the wanted answer, in these rows."""
    seen = [
        cell.at
        for row in rows
        if row.role == "authority"
        for cell in row.cells
        if cell.state == wanted
    ]
    return min(seen, default=None)
