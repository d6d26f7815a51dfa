"""Watches a switch spread: what the authorities were seen to give decides what caches may hold."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from cockpit.clock import Clock
from cockpit.propagation.answers import Grid, Parent, Point, Row, Side
from cockpit.propagation.aside import Aside
from cockpit.propagation.beside import Besides
from cockpit.propagation.convergence import (
    Given,
    bound,
    first_to_follow,
    judge,
    learn,
    share,
)
from cockpit.propagation.delegation import ask_parents, parents_of, unlisted
from cockpit.propagation.doubts import asked_again, doubts
from cockpit.propagation.errand import Errand
from cockpit.propagation.forecast import expected_share, layers, thinned
from cockpit.propagation.memory import Memory
from cockpit.propagation.ours import absent_s, by_pace, longest_ttls
from cockpit.propagation.own import read_own, with_own
from cockpit.propagation.public import with_public
from cockpit.propagation.recall import Remembered
from cockpit.propagation.sweep import (
    DEADLINE_S,
    authority_rows,
    resolver_rows,
    unasked_authorities,
    unasked_resolvers,
)
from cockpit.propagation.turns import Turns
from cockpit.propagation.untold import saw_left, untold
from cockpit.propagation.vetting import AGAIN_S, vet
from cockpit.runbook.targets import Authority, DnsTarget

SOON_S = 0.3
"""Real seconds for which a look at once waits for who is slow."""
UNKNOWN = "when the last name server turned is unknown since the engine was gone: the bound is late"


class PropagationWatch:
    """What one run has seen of a DNS target's servers."""

    def __init__(
        self,
        target: DnsTarget,
        clock: Clock,
        deadline_s: float = DEADLINE_S,
        *,
        polite: bool = False,
        turns: Turns | None = None,
    ) -> None:
        own = read_own() if target.own_resolvers else ()
        self._counted = {one.name for one in target.resolvers}
        self.target = target = with_own(with_public(target), own)
        self._own = frozenset(address for _, address in own)
        self._errand = Errand(target, clock)
        self._sweep, self._late, self._around = self._asides = Aside(), Aside(), Aside()
        self._clock = clock
        self._deadline_s = deadline_s
        self._turns = turns or Turns(polite=polite)
        self._discovers = polite
        self._known_parents: tuple[Authority, ...] = target.parents
        self._parents: tuple[Parent, ...] = ()
        self._wanted: Side = "new"
        self._begun = False
        self._beside = Besides(target)
        self._age = 0
        self._left_out: Mapping[str, str] = {}
        self._vetted_at: float | None = None
        self._unlisted: tuple[str, ...] = ()
        self._parents_at = self._named_at = -AGAIN_S
        self._asked_at = 0.0
        self._paused = ""
        self.forget()

    def forget(self) -> None:
        """Claim nothing from before: the run clock jumped."""
        self._age += 1
        self._sweep.stop()
        self._late.stop()
        self._known: tuple[Given, ...] = ()
        self._switched_at: float | None = None
        self._unknown = ""
        self._looked_at = 0.0
        self._memory = Memory()
        self._beside.forget()
        self._curve: tuple[Point, ...] = ()
        self._authorities = unasked_authorities(self.target)
        self._resolvers = unasked_resolvers(self.target)

    def expect(self, side: Side, *, begun: bool = False) -> None:
        """Wait for this side's answer from now on; once its switch began, any look may find it."""
        self._begun = begun
        if side != self._wanted:
            self._wanted = side
            self._switched_at = None
            self._unknown = ""
            self._curve = ()

    def resume(
        self,
        switched_at: float,
        ttl: float,
        turned_by: float | None = None,
        longer: Iterable[tuple[float, float]] = (),
    ) -> None:
        """Know from the journal when the wanted answer was first given, and the TTLs before it.

        An authority of which nothing else is known may have given the left side's until
        `turned_by`; where that is None, until the first look that sees it turned. `longer` are
        TTLs that were lowered, with the moment until which each may have been given.
        """
        if self._switched_at is None:
            self._switched_at = switched_at
        left: Side = "old" if self._wanted == "new" else "new"
        # Of either side: what another one outlasts is dropped, and one that leads on had turned.
        known = {(one.address, one.name) for one in self._known}
        missing = [
            (one, name)
            for one in self.target.authorities
            for name in self.target.names
            if (one.address, name) not in known
        ]
        last = self._clock.now() if turned_by is None else turned_by
        ends = [(ttl, last, turned_by is not None), *((*one, True) for one in longer)]
        self._known += tuple(
            Given(left, one.address, name, round(ttl), last, over=over, lag=one.lag)
            for one, name in missing
            for ttl, last, over in ends
        )
        if missing and turned_by is None:
            self._unknown = UNKNOWN

    def remembered(self) -> Remembered:
        """What could not be asked for again."""
        return Remembered(
            names=self.target.names,
            wanted=self._wanted,
            switched_at=self._switched_at,
            known=self._known,
            beside=self._beside.known,
            caches=self._memory.kept(),
            counted=tuple(sorted(self._counted)),
            curve=self._curve,
            unknown=self._unknown,
            about=self._about,
            rows=self._with_reasons(self._resolvers),
            asked_at=self._asked_at,
            paused=self._paused,
            looks=self._memory.looks(),
        )

    def recall(self, known: Remembered) -> None:
        """Know what a watch before this one knew, where it watched the same names."""
        if known.names != self.target.names:
            return
        self._known, self._beside.known = known.known, known.beside
        self._memory.again(known.caches)
        self._counted |= set(known.counted)
        self._wanted, self._switched_at = known.wanted, known.switched_at
        self._curve, self._unknown = known.curve, known.unknown
        self._asked_at, self._paused = known.asked_at, known.paused
        if known.about == self._about:
            self._memory.looked(known.looks)
            rows = {(row.name, row.address): row for row in known.rows}
            were = [rows.get((row.name, row.address), row) for row in self._resolvers]
            self._left_out = {row.name: row.left_out for row in were}
            self._resolvers = tuple(
                replace(row, cells=was.cells, beside=was.beside)
                for row, was in zip(self._resolvers, were, strict=True)
            )

    @property
    def _about(self) -> tuple[str, ...]:
        """What is asked for and what either side gives: answers say nothing to other questions."""
        target = self.target
        return (target.record_type, target.old, target.new, *map(str, target.records))

    async def finish(self) -> None:
        """Wait for what is asked on other hosts; the next look shows it."""
        await self._errand.wait()

    def stop(self) -> None:
        """Ask nobody any more."""
        self._errand.stop()
        for one in self._asides:
            one.stop()

    async def look(self, pause: str = "", *, at_once: bool = False) -> Grid:
        """Ask the authorities, and the resolvers unless there is a reason to pause.

        A pause keeps what was last heard of the resolvers, with its times. What is heard while
        `forget` is called is dropped. `at_once` waits for nobody who lets others wait: what they
        say is in a later grid.
        """
        age, looked, patience = self._age, asyncio.Event(), SOON_S if at_once else None
        if pause:
            self._errand.collect(pause)
            await self._sweep.stopped()
        else:
            self._sweep.begin(partial(self._hear, age, looked))
        self._around.begin(self._ask_around)
        try:
            quick, late = by_pace(self._authorities)
            if late:
                self._late.begin(partial(self._look_at, age, late))
            await self._look_at(age, quick)
        finally:
            looked.set()
        if pause and not self._paused:
            # Until just now anything may have asked: the checks, and `cockpit dns` of others.
            self._asked_at = self._clock.now()
        self._paused = pause
        await asyncio.gather(*(one.wait(patience) for one in self._asides))
        return self.told(pause)

    # -- asking ---------------------------------------------------------------------------------

    async def _look_at(self, age: int, which: Sequence[int]) -> None:
        """Ask these authorities, and learn from what they say."""
        asked = tuple(self.target.authorities[at] for at in which)
        target = replace(self.target, authorities=asked)
        rows = await authority_rows(target, self._clock, self._deadline_s)
        if age == self._age:
            self._take(dict(zip(which, rows, strict=True)))

    async def _hear(self, age: int, looked: asyncio.Event) -> None:
        """Ask the resolvers whose turn it is; once more where an answer is in doubt."""
        heard = await self._heard()
        await looked.wait()
        if age != self._age:
            return
        before = self._resolvers
        rows = tuple(heard.get(row.name, row) for row in before)
        ttls = longest_ttls(self._authorities, names := self.target.names)
        doubted = doubts(self._judged(rows), heard, [ttls.get(name, 0) for name in names])
        if doubted:
            waiting = {at for at, *_ in doubted}
            self._resolvers = tuple(
                before[at] if at in waiting else row for at, row in enumerate(rows)
            )
            told = self.target, self._wanted, self._clock, self._deadline_s
            rows = await asked_again(rows, doubted, *told)
        if age == self._age:
            self._resolvers = rows
            self._remember(heard)

    async def _heard(self) -> dict[str, Row]:
        """The rows of those whose turn it is, as they answer now."""
        back = self._errand.collect("")
        clock, target = self._clock, self.target
        await self._vet()
        self._left_out = {**self._left_out, **self._errand.left_out}
        due = self._turns.due(
            self._with_reasons(self._resolvers), clock.real(), clock.now(), self._switched_at
        )
        here = tuple(one for one in target.resolvers if one.name in due and not one.through)
        asked = replace(target, resolvers=here)
        if due:
            self._asked_at = clock.now()
        rows = await resolver_rows(asked, clock, self._deadline_s)
        return {row.name: row for row in rows} | back

    async def _vet(self) -> None:
        real = self._clock.real()
        if self._vetted_at is not None and real - self._vetted_at < AGAIN_S:
            return
        self._vetted_at = real
        here = tuple(one for one in self.target.resolvers if not one.through)
        told = await vet(self.target, here, self._clock, self._deadline_s, counted=self._counted)
        # Who once counted stays: a zone that breaks takes nobody's users away.
        self._counted |= {name for name, why in told.items() if not why}
        self._left_out = {**self._left_out, **told}
        if self._discovers and not self._known_parents:
            self._known_parents = await parents_of(self.target, self._clock, self._deadline_s)

    async def _ask_around(self) -> None:
        """Who serves the zone is asked now and then; a pause is no reason not to."""
        await asyncio.gather(self._ask_parents(), self._ask_named())

    async def _ask_named(self) -> None:
        real = self._clock.real()
        if real - self._named_at >= AGAIN_S:
            self._named_at = real
            told = await unlisted(self.target, self._clock, self._deadline_s)
            self._unlisted = self._unlisted if told is None else told

    async def _ask_parents(self) -> None:
        real = self._clock.real()
        if self._known_parents and real - self._parents_at >= AGAIN_S:
            self._parents_at = real
            self._parents = await ask_parents(
                self.target, self._known_parents, self._clock, self._deadline_s
            )

    # -- what follows ---------------------------------------------------------------------------

    def _take(self, heard: Mapping[int, Row]) -> None:
        self._looked_at = self._clock.now()
        self._authorities = tuple(heard.get(at, row) for at, row in enumerate(self._authorities))
        rows = tuple(heard.values())
        self._known = learn(self._known, rows, self.target.names)
        self._beside.take(rows)
        if self._switched_at is None and (self._begun or saw_left(self._known, self._wanted)):
            self._switched_at = first_to_follow(rows, self._wanted)

    def _remember(self, heard: Collection[str]) -> None:
        rows = [row for row in self._resolvers if row.name in heard]
        ttls = longest_ttls(self._authorities, self.target.names)
        self._memory.hear(rows, self.target.names, ttls)

    def _judged(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """These rows of resolvers with all that is known of them."""
        now, names = self._clock.now(), self.target.names
        told = (
            self._memory.told(row, names, self._wanted, now) for row in self._with_reasons(rows)
        )
        return judge(tuple(told), self._known, self._wanted, self._clamps, names)

    def _with_reasons(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        return tuple(
            replace(
                row,
                left_out=self._left_out.get(row.name, ""),
                own=not row.through and row.address in self._own,
            )
            for row in rows
        )

    def told(self, pause: str) -> Grid:
        """What is known without another look."""
        rows, now = (
            self._beside.judged(self._judged(self._resolvers), self._wanted, self._clamps),
            self._clock.now(),
        )
        followed, following, counted = share(rows, self._wanted)
        expected = expected_share(
            rows, self.target.names, self._known, self._wanted, self._clamps, now
        )
        has_switched = self._switched_at is not None
        if followed is not None and expected is not None and has_switched and not pause:
            self._curve = thinned((*self._curve, Point(now, followed, expected)))
        unknown = untold(
            self._known,
            self._authorities,
            self.target.names,
            self._wanted,
            has_switched=has_switched,
        )
        ttls = longest_ttls(self._authorities, self.target.names)
        is_told = has_switched and not unknown
        end = bound(self._known, self._wanted) if is_told else None
        return Grid(
            names=self.target.names,
            rows=self._authorities + rows,
            at=self._looked_at,
            switched_at=self._switched_at,
            bound=end,
            share=followed,
            following=following,
            counted=counted,
            paused=pause,
            wanted=self._wanted,
            expected=expected if has_switched else None,
            cache_share=self._memory.share(self._resolvers, self.target.names, self._wanted, now),
            curve=self._curve,
            longest_bound=self._longest(end),
            back_s=float(max(ttls.values(), default=0)) or None,
            raised_s=max(self._clamps.values(), default=0.0) or None,
            absent_s=absent_s(self._authorities),
            asked_at=self._asked_at,
            beyond=layers(None if end is None else end - (self._switched_at or end)),
            beside=self._beside.told(self._wanted),
            parents=self._parents,
            unlisted=self._unlisted,
            unknown=unknown or self._unknown,
        )

    @property
    def _clamps(self) -> dict[str, float]:
        """To how many seconds resolvers raise TTLs, by address: as declared, or as counted."""
        floors = (
            (one, max(one.clamp, self._memory.floor(one.name))) for one in self.target.resolvers
        )
        return {one.address: floor for one, floor in floors if floor}

    def _longest(self, end: float | None) -> float | None:
        floor = max(self._clamps.values(), default=0.0)
        return None if end is None else bound(self._known, self._wanted, floor)
