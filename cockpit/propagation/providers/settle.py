"""Records with ids: compared by id, written in place, read back by id, until that holds.

Whoever gets no answer to a write looks before writing again, so a write is never repeated blindly
and never taken for done or undone on a guess.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from cockpit.errors import ActionFailed, TargetError
from cockpit.propagation.providers.base import Changed, RecordSet, Unheard, record_set

WRITES = 3
"""How often a write whose answer was lost is made anew, each time after a look."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as an account keeps it."""

    id: str
    name: str
    type: str
    value: str
    ttl: int
    version: str = ""
    """What the account changes at each write; empty where it has no such thing."""
    odd: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.name} {self.type} {self.value}, TTL {self.ttl}"

    @property
    def mark(self) -> str:
        """By which another writer's change is told."""
        return f"{self.id}@{self.version}"

    def gives(self, wanted: Record) -> bool:
        """Whether it is as another one is wanted to be."""
        return (self.value, self.ttl) == (wanted.value, wanted.ttl)


Pair = tuple[Record, Record]
"""A record as it was read, and as it is wanted."""
Look = Callable[[Record], Awaitable[Record | None]]
"""The record of that id now; None where there is none."""
Write = Callable[[Sequence[Record]], Awaitable[object]]
"""Update these records, all or none; Unheard where nobody answered."""


def set_of(name: str, kind: str, records: Sequence[Record]) -> RecordSet:
    """The record set of a name, from all its records."""
    mine = [one for one in records if one.type == kind]
    # The records of one set may have TTLs of their own here; the lowest is what caches keep.
    ttl = min((one.ttl for one in mine), default=0)
    found = record_set(name, kind, [one.value for one in mine], ttl)
    return replace(
        found, marks=tuple(sorted(one.mark for one in mine)), odd=_odd(mine, kind, records)
    )


def _odd(mine: Sequence[Record], kind: str, records: Sequence[Record]) -> str:
    alias = next((one for one in records if one.type == "CNAME" and kind != "CNAME"), None)
    if alias is not None:
        return f"a CNAME to {alias.value}"
    return next((one.odd for one in mine if one.odd), "")


def updates(records: Sequence[Record], old: RecordSet, new: RecordSet) -> Iterator[Pair]:
    """Which record becomes what; those whose value stays keep it, and may still get a TTL.

    Changed where the records are no longer the old set.
    """
    found = set_of(old.name, old.type, records)
    if found != old or found.odd:
        kept = f"{found} ({found.odd})" if found.odd else str(found)
        raise Changed(f"the account now has {kept}, not {old}", where=old.name)
    if old.marks and found.marks != old.marks:
        raise Changed(
            f"somebody else wrote {old} anew since it was read",
            where=old.name,
            mend="find out who else changes the zone, then look at the step again",
        )
    if len(old.values) != len(new.values):
        raise ActionFailed(
            f"{old.name} has {len(old.values)} records and would have {len(new.values)}; only as"
            " many as there are can be updated in place"
        )
    yield from _pairs([one for one in records if one.type == old.type], new)


def _pairs(records: Sequence[Record], new: RecordSet) -> Iterator[Pair]:
    left = list(new.values)
    moving = []
    for record in records:
        if record.value in left:
            left.remove(record.value)
            if record.ttl != new.ttl:
                yield record, replace(record, ttl=new.ttl)
        else:
            moving.append(record)
    for record, value in zip(moving, left, strict=True):
        yield record, replace(record, value=value, ttl=new.ttl)


async def settle(pairs: Sequence[Pair], look: Look, write: Write) -> None:
    """Make each record as it is wanted: compared right before, read back right after.

    Changed where one is neither; Unheard where a write was sent and its effect cannot be seen.
    """
    lost: Unheard | None = None
    for _ in range(WRITES):
        if await _are(pairs, look, lost):
            return
        try:
            await write([wanted for _, wanted in pairs])
        except Unheard as error:
            lost = error
        else:
            await _must_be(pairs, look)
            return
    if lost and not await _are(pairs, look, lost):
        raise lost


async def _are(pairs: Sequence[Pair], look: Look, lost: Unheard | None) -> bool:
    """Whether all are as wanted; Changed where one is neither that nor as it was."""
    done = True
    for was, wanted in pairs:
        try:
            now = await look(was)
        except TargetError as error:
            if lost is None:
                raise
            raise Unheard(f"{lost.what}; then {error.what}", where=error.where) from error
        if now is None:
            raise Changed(f"{was} is gone from the account", where=was.name)
        if now.gives(wanted):
            continue
        if now != was:
            raise Changed(f"the account now has {now}, not {was}", where=was.name)
        done = False
    return done


async def _must_be(pairs: Sequence[Pair], look: Look) -> None:
    for was, wanted in pairs:
        now = await look(was)
        if now is None or not now.gives(wanted):
            kept = now or "nothing"
            raise ActionFailed(
                f"the account took the change and has {kept}, not {wanted}", where=was.name
            )
