"""Questions about names: which side they lead to, for how long that is kept, and who follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from cockpit.checks.base import CheckContext, Finding
from cockpit.countwords import many
from cockpit.errors import TargetError
from cockpit.propagation.answers import Cell, Grid, Row, Side
from cockpit.propagation.convergence import share, share_words
from cockpit.propagation.public import with_public
from cockpit.propagation.sweep import (
    DEADLINE_S,
    authority_rows,
    resolver_rows,
    unasked_resolvers,
)
from cockpit.propagation.vetting import vet
from cockpit.runbook.checks import ConvergedCheck, DnsAnswerCheck, DnsTtlCheck
from cockpit.runbook.targets import DnsTarget
from cockpit.status import CELL
from cockpit.timewords import lasting

SILENT = ("timeout", "unasked")
SIDES = ("old", "new", "holds", "mixed", "other")
"""States of a cell that holds records."""
ENOUGH = 0.5
"""The share of honest resolvers that must answer, or nothing is told of them."""
LOOKS = 3
"""How often each resolver is asked for each name: several caches may stand behind one address."""
_WHOLE_S = 1.0
"""A TTL is told in whole seconds."""


class _Heard(NamedTuple):
    """Rows of resolvers, and how old they are where they were not asked for this."""

    rows: tuple[Row, ...]
    words: str


async def dns_ttl(check: DnsTtlCheck, context: CheckContext) -> Finding:
    """Whether every authoritative address, and every honest cache, keeps answers that shortly."""
    target = zone_of(check.target, context)
    rows = await authority_rows(target, context.clock, _deadline(check.timeout))
    finding = _authorities_keep(rows, target, check.at_most)
    if not check.resolvers or finding.said == "fail":
        return finding
    heard = await _resolvers(target, context, _deadline(check.timeout))
    told = _resolvers_keep(heard, target, check.at_most, context.clock.now())
    said = finding.said if told.said == "pass" else told.said
    return Finding(said, f"{finding.evidence}; {told.evidence}")


def _authorities_keep(rows: Sequence[Row], target: DnsTarget, at_most: float) -> Finding:
    wrong = _first_wrong(rows, target, lambda cell: (cell.ttl or 0) <= at_most)
    if wrong:
        return Finding("fail", f"{wrong}, at most {at_most:g} is wanted")
    answering = [row for row in rows if not _is_silent(row)]
    ttls = sorted({cell.ttl or 0 for row in answering for cell in row.cells})
    words = f"TTL {_range(ttls)} at {_of_servers(answering, rows)}"
    return _unless_silent(rows, words)


def _of_servers(answering: Sequence[Row], rows: Sequence[Row]) -> str:
    return f"{len(answering)} of {many(len(rows), 'name server')}"


def _resolvers_keep(heard: _Heard, target: DnsTarget, at_most: float, now: float) -> Finding:
    honest, apart = _apart(heard.rows, target, now)
    answering = [row for row in honest if _answers(row)]
    long = [
        f"{row.name} keeps it {lasting(left)} more"
        for row in answering
        if (left := _left(row, now)) > at_most + _WHOLE_S
    ]
    untold = [f"{row.name} {_states(row)}" for row in honest if not _answers(row)]
    good = len(answering) - len(long)
    count = f"{good} of {many(len(honest), 'honest resolver')}"
    words = "; ".join((*long, *untold, count, *apart)) + heard.words
    if long:
        return Finding("fail", words)
    return Finding("unknown" if untold or not answering else "pass", words)


async def dns_answer(check: DnsAnswerCheck, context: CheckContext) -> Finding:
    """Whether every authoritative address gives the wanted answer for every name.

    What the target watches beside its names may lead to either side, and to nothing else.
    """
    target = zone_of(check.target, context)
    rows = await authority_rows(target, context.clock, _deadline(check.timeout))
    wanted = ("old", "new") if check.answer == "any" else (check.answer,)
    wrong = _first_wrong(rows, target, lambda cell: cell.state in wanted)
    wrong = wrong or _wrong_beside(rows, target)
    if wrong:
        return Finding("fail", wrong)
    answering = [row for row in rows if not _is_silent(row)]
    cells = [cell for row in answering for cell in row.cells]
    sides = sorted({cell.state for cell in cells})
    if len(sides) > 1:
        told = ", ".join(f"{row.name} {_states(row)}" for row in rows)
        return Finding("fail", f"the name servers do not agree: {told}")
    values = ", ".join(sorted({value for cell in cells for value in cell.answers}))
    serials = ", ".join(sorted({str(cell.serial) for cell in cells}))
    words = f"{' '.join(sides)} ({values}) at {_of_servers(answering, rows)}, serial {serials}"
    return _unless_silent(rows, words)


async def converged(check: ConvergedCheck, context: CheckContext) -> Finding:
    """Whether so many honest caches give what the authorities give now.

    A name server that is silent may bring the left side's answer back.
    """
    target = zone_of(check.target, context)
    rows = await authority_rows(target, context.clock, _deadline(check.timeout))
    wanted = _led_to(rows)
    heard = await _resolvers(target, context, _deadline(check.timeout))
    now = context.clock.now()
    honest, apart = _apart(heard.rows, target, now)
    answering = [row for row in honest if _answers(row)]
    follow, following, counted = share(map(_as_asked, honest), wanted)
    if follow is None or len(answering) < ENOUGH * len(honest):
        only = f"only {len(answering)} of {many(len(honest), 'honest resolver')}"
        told = "; ".join((only, *apart))
        return Finding("unknown", told + heard.words)
    behind = [
        f"{row.name} {_states(row)}, {lasting(_left(row, now))} left"
        if _answers(row)
        else f"{row.name} {_states(row)}, which is no success"
        for row in honest
        if any(cell.state != wanted for cell in row.cells)
    ]
    count = (
        f"{share_words(follow)} of honest caches lead to the {wanted} side"
        f" ({following} of {many(counted, 'answer')})"
    )
    words = "; ".join((count, *behind, *apart)) + heard.words
    return Finding("fail", words) if follow < check.at_least else _unless_silent(rows, words)


def zone_of(target_id: str, context: CheckContext) -> DnsTarget:
    """The DNS target of that id with all its resolvers; TargetError where it is another thing."""
    target = context.runbook.target(target_id)
    if not isinstance(target, DnsTarget):
        raise TargetError("this target is no zone", where=target_id)
    return with_public(target)


def _deadline(timeout: float) -> float:
    """Real seconds for one question: twice that must fit into the check's own time, with room."""
    return min(DEADLINE_S, timeout * 0.2)


async def _resolvers(target: DnsTarget, context: CheckContext, deadline_s: float) -> _Heard:
    """The resolvers as they answer now; as last heard, while asking would fill their caches."""
    grid = context.live.grid
    if grid is None or not grid.paused or grid.names != target.names:
        here = tuple(one for one in target.resolvers if not one.through)
        names_alone = replace(target, resolvers=here, records=())
        key = names_alone.zone, names_alone.record_type, names_alone.names, here
        known, heard = await asyncio.gather(
            _known(grid, target, context, deadline_s),
            context.courtesy.once(
                ("looks", *key), context.clock, lambda: _looks(names_alone, context, deadline_s)
            ),
        )
        rows = [_as_known(row, known.get(row.name)) for row in map(_together, *heard)]
        # Who is asked on another host counts as it was last heard: ssh is slower than a gate.
        rows += [known[one.name] for one in target.resolvers if one.through and one.name in known]
        return _Heard(tuple(rows), "")
    known_addresses = {one.address for one in target.resolvers}
    paused = tuple(
        row for row in grid.rows if row.role == "resolver" and row.address in known_addresses
    )
    # One that does not count is asked more seldom: its age says nothing of those that do.
    counting = [row for row in paused if not row.left_out] or paused
    times = [cell.at for row in counting for cell in row.cells if cell.state != "unasked"]
    if not times:
        raise TargetError(f"no resolver was asked yet, and none is now: {grid.paused}")
    now = context.clock.now()
    ages = dict.fromkeys((lasting(now - max(times)), lasting(now - min(times))))
    return _Heard(paused, f"; resolvers as heard {' to '.join(ages)} ago ({grid.paused})")


async def _looks(
    target: DnsTarget, context: CheckContext, deadline_s: float
) -> tuple[tuple[Row, ...], ...]:
    """Several looks at the resolvers, which begin as soon as each may be asked again."""
    names = [one.name for one in target.resolvers]
    async with asyncio.TaskGroup() as group:
        looks = []
        for _ in range(LOOKS):
            await context.courtesy.turn(names, context.clock)
            looks.append(group.create_task(resolver_rows(target, context.clock, deadline_s)))
    return tuple(one.result() for one in looks)


async def _known(
    grid: Grid | None, target: DnsTarget, context: CheckContext, deadline_s: float
) -> Mapping[str, Row]:
    """What is known of each resolver besides its answers; without a watch, what vetting tells."""
    if grid is not None:
        return {row.name: row for row in grid.rows}
    here = tuple(one for one in target.resolvers if not one.through)
    own = (one for one in context.runbook.profile.targets.values() if isinstance(one, DnsTarget))
    listed = {one.name for zone in own if zone.zone == target.zone for one in zone.resolvers}

    async def vetted() -> Mapping[str, str]:
        await context.courtesy.turn([one.name for one in here], context.clock)
        return await vet(target, here, context.clock, deadline_s, counted=listed)

    told = await context.courtesy.once(("vet", target.zone, here), context.clock, vetted)
    rows = unasked_resolvers(target)
    return {row.name: replace(row, left_out=told.get(row.name, "")) for row in rows}


def _as_known(row: Row, known: Row | None) -> Row:
    """A row as just heard, with what its vetting and many looks have shown of it before."""
    return row if known is None else replace(row, left_out=known.left_out, mark=known.mark)


def _together(*looks: Row) -> Row:
    """One resolver's answers of all looks; silence counts where it said nothing else."""
    cells = tuple(cell for row in looks for cell in row.cells)
    return replace(looks[0], cells=tuple(c for c in cells if c.state not in SILENT) or cells)


def _apart(rows: Iterable[Row], target: DnsTarget, now: float) -> tuple[list[Row], list[str]]:
    """The resolvers that count, and of the others in words why they do not."""
    clamps = {one.address: one.clamp for one in target.resolvers}
    honest, words = [], []
    for row in rows:
        left = lasting(_left(row, now))
        if row.left_out:
            words.append(f"{row.name} is left out: {row.left_out}")
        elif row.mark == "raised" and row.behaviour == "honest":
            words.append(f"{row.name} raises TTLs by itself ({left} left)")
        elif row.behaviour == "clamps":
            words.append(f"{row.name} clamps to {clamps[row.address]:g} s ({left} left)")
        elif row.behaviour == "violates":
            words.append(f"{row.name} violates ({left} left)")
        elif row.behaviour == "fails":
            words.append(f"{row.name} is known to fail ({_states(row)})")
        else:
            honest.append(row)
    return honest, words


def _as_asked(row: Row) -> Row:
    """A row in which what nobody got to ask is silence: neither is a success."""
    cells = (replace(one, state="timeout") if one.state == "unasked" else one for one in row.cells)
    return replace(row, cells=tuple(cells))


def _led_to(rows: Sequence[Row]) -> Side:
    states = {cell.state for row in rows for cell in row.cells if cell.state not in SILENT}
    if states == {"new"}:
        return "new"
    if states == {"old"}:
        return "old"
    told = ", ".join(f"{row.name} {_states(row)}" for row in rows)
    raise TargetError(f"the name servers do not lead to one side: {told}")


def _first_wrong(rows: Iterable[Row], target: DnsTarget, is_right: Callable[[Cell], bool]) -> str:
    """The first answer of an authority that is wrong, or is no answer; silence is neither."""
    for row in rows:
        for name, cell in zip(target.names, row.cells, strict=True):
            if cell.state not in SILENT and not (cell.state in SIDES and is_right(cell)):
                values = f" {', '.join(cell.answers)}, TTL {cell.ttl}" if cell.answers else ""
                return f"{row.name} gives {_word(cell)}{values} for {name}"
    return ""


def _wrong_beside(rows: Iterable[Row], target: DnsTarget) -> str:
    """The first record beside the names that is as it must be on neither side."""
    for row in rows:
        for one, cell in zip(target.records, row.beside, strict=True):
            if cell.state not in (*SILENT, "kept", "old", "new"):
                values = f" {', '.join(cell.answers)}" if cell.answers else ""
                return f"{row.name} gives {_word(cell)}{values} for {one.name} {one.type}"
    return ""


def _unless_silent(rows: Iterable[Row], words: str) -> Finding:
    silent = [f"{row.name} ({row.address}) does not answer" for row in rows if _is_silent(row)]
    return Finding("unknown" if silent else "pass", "; ".join((words, *silent)))


def _is_silent(row: Row) -> bool:
    return any(cell.state in SILENT for cell in (*row.cells, *row.beside))


def _answers(row: Row) -> bool:
    return all(cell.state in SIDES for cell in row.cells)


def _left(row: Row, now: float) -> float:
    """Run seconds for which the row's answers may still be kept."""
    return max((cell.expires_at - now for cell in row.cells if cell.expires_at), default=0.0)


def _states(row: Row) -> str:
    return " and ".join(dict.fromkeys(map(_word, row.cells)))


def _word(cell: Cell) -> str:
    return CELL[cell.state].word


def _range(ttls: Sequence[int]) -> str:
    if not ttls:
        return "unknown"
    return str(ttls[0]) if len(ttls) == 1 else f"{ttls[0]} to {ttls[-1]}"
