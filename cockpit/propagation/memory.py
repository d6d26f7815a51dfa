"""What many sweeps together say of each resolver: its caches, their answers, and its history."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cockpit.propagation.answers import Cell, CellState, Row, Side
from cockpit.propagation.census import Caches, fullest, old_at_most
from cockpit.propagation.convergence import SAYS_STALE
from cockpit.propagation.recall import CacheKept, LooksKept
from cockpit.propagation.refreshed import REFRESHED, UNTOLD

WORST: tuple[CellState, ...] = (
    "other",
    "no_name",
    "no_data",
    "servfail",
    "error",
    "refused",
    "holds",
    "timeout",
    "mixed",
    "old",
    "unasked",
    "kept",
    "new",
)
"""Answers from the worst to the best, as after a switch to the new side."""
LOOKS_KEPT = 60
"""Of one resolver."""
LOOKS_WRITTEN = 10_000
"""Of all of them together, on disk: about 300 kB."""
TELLS = ("old", "new", "mixed", "other")
"""Answers that a cache holds, with a time until which it does."""
ANOTHER = "another cache behind this address still holds the {side} answer"
IN_TURN = "it gives both answers in turn"
UNSTEADY = {
    "constant": "its TTL does not fall, so nothing tells when it asks anew",
    "rising": "its TTL rises, so nothing tells when it asks anew",
}
"""Why a resolver does not count whose answers say nothing of their age."""


class Memory:
    """What was heard of one target's resolvers."""

    def __init__(self) -> None:
        self._caches: dict[tuple[str, str], Caches] = {}
        self._history: dict[str, deque[tuple[CellState, float]]] = {}

    def hear(self, rows: Iterable[Row], names: Sequence[str], ttls: Mapping[str, int]) -> None:
        """Take in rows as just heard; `ttls` are the authorities' own, by name."""
        for row in rows:
            for name, cell in zip(names, row.cells, strict=True):
                if cell.ttl is not None and cell.state in TELLS:
                    caches = self._caches.setdefault((row.name, name), Caches())
                    stale = SAYS_STALE in cell.note
                    caches.hear(cell.at, cell.ttl, cell.state, ttls.get(name, 0), is_stale=stale)
            history = self._history.setdefault(row.name, deque(maxlen=LOOKS_KEPT))
            worst = min((cell.state for cell in row.cells), key=WORST.index)
            history.append((worst, max(cell.at for cell in row.cells)))

    def told(self, row: Row, names: Sequence[str], wanted: Side, now: float) -> Row:
        """The row with what is known beyond its last answers."""
        known = [self._caches.get((row.name, name)) for name in names]
        heard = [one for one in known if one is not None]
        mark = next((one.mark for one in heard if one.mark), row.mark)
        best = fullest(one.best for one in heard)
        countable = mark not in ("constant", "rising")
        looks = self._history.get(row.name, ())
        # Of one that fails or fell silent, what it said before claims nothing of now; nor does
        # what one cache says where another one is known to hold the other answer.
        left: Side = "old" if wanted == "new" else "new"
        in_row = [
            one.row if one.last == wanted == cell.state and one.still(left, now) is None else 0
            for cell, one in zip(row.cells, known, strict=True)
            if one is not None
        ]
        return replace(
            row,
            cells=tuple(
                cell if caches is None else _with_others(cell, caches, wanted, now)
                for cell, caches in zip(row.cells, known, strict=True)
            ),
            caches=best.seen if countable else 0,
            about=best.about if countable else 0,
            unseen=best.unseen if countable else None,
            following=min(self._following(row, names, wanted, now), default=0),
            old_at_most=old_at_most(min(in_row, default=0)),
            mark=mark,
            left_out=row.left_out or UNSTEADY.get(mark, ""),
            site=next((cell.site for cell in row.cells if cell.site), row.site),
            history=tuple(state for state, _ in looks),
            history_at=tuple(at for _, at in looks),
        )

    def kept(self) -> tuple[CacheKept, ...]:
        """What was counted, to be written down."""
        return tuple(
            CacheKept(resolver, name, *one.kept()) for (resolver, name), one in self._caches.items()
        )

    def again(self, kept: Iterable[CacheKept]) -> None:
        """Know what was written down."""
        for one in kept:
            counted = Caches(one.best, one.last, one.row)
            counted.again(one.fetched, one.published, one.live, one.heard)
            self._caches[one.resolver, one.name] = counted

    def looks(self) -> tuple[LooksKept, ...]:
        """The history of each resolver, to be written down: of many, less of each."""
        room = min(LOOKS_KEPT, LOOKS_WRITTEN // max(1, len(self._history)))
        last = ((who, list(looks)[-room:]) for who, looks in self._history.items() if room)
        return tuple(
            LooksKept(who, tuple(state for state, _ in looks), tuple(at for _, at in looks))
            for who, looks in last
        )

    def looked(self, kept: Iterable[LooksKept]) -> None:
        """Know the history that was written down."""
        for one in kept:
            looks = zip(one.states, one.at, strict=False)
            self._history[one.resolver] = deque(looks, maxlen=LOOKS_KEPT)

    def floor(self, name: str) -> float:
        """Seconds to which the resolver of that name was seen to raise TTLs; 0 where it was not."""
        return max((one.floor for (who, _), one in self._caches.items() if who == name), default=0)

    def share(
        self, rows: Iterable[Row], names: Sequence[str], wanted: Side, now: float
    ) -> float | None:
        """The share of the caches met that lead to the wanted side, by these rows' answers."""
        left: Side = "old" if wanted == "new" else "new"
        follow = sum(sum(self._following(row, names, wanted, now)) for row in rows)
        behind = sum(
            one.with_state(left, now)
            for one in self._caches.values()
            if one.still(left, now) is not None
        )
        return follow / (follow + behind) if follow + behind else None

    def _following(self, row: Row, names: Sequence[str], wanted: Side, now: float) -> Iterator[int]:
        """How many caches lead to the wanted side, by name; those live of one that fails."""
        for name, cell in zip(names, row.cells, strict=True):
            if caches := self._caches.get((row.name, name)):
                tells = cell.ttl is not None and cell.state in TELLS
                yield caches.gave(wanted, cell.at) if tells else caches.with_state(wanted, now)


def _with_others(cell: Cell, caches: Caches, wanted: Side, now: float) -> Cell:
    """A cell that leads to the wanted side is `mixed` while another cache is known not to.

    So it is where answers of both sides come in turn, by whatever lies behind the address.
    """
    left: Side = "old" if wanted == "new" else "new"
    if cell.state != wanted:
        return cell
    until, at = caches.still(left, now), caches.heard_at(left, now)
    if until is not None:
        note = (ANOTHER if caches.is_kept(left, now) else UNTOLD).format(side=left)
        note = cell.note or note
        return replace(cell, state="mixed", expires_at=until, left_at=at, note=note)
    if caches.in_turn(left):
        return replace(cell, state="mixed", left_at=at, note=cell.note or IN_TURN)
    if caches.was_stale(left, now):
        return replace(cell, note=cell.note or REFRESHED.format(side=left))
    return cell
