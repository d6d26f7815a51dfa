"""What every authoritative address gives, before a change and after it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cockpit.actions.base import ActionContext
from cockpit.actions.dns_set import NOTHING, Pair
from cockpit.errors import ActionFailed
from cockpit.propagation.answers import Cell, Row
from cockpit.propagation.classify import canonical
from cockpit.propagation.providers.base import RecordSet
from cockpit.propagation.sweep import authority_rows
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.targets import DnsTarget
from cockpit.status import CELL
from cockpit.timewords import lasting

FORWARD = ("ttl", "to_new")
SILENT = ("timeout", "unasked")
PAUSES_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Real seconds between looks at the authorities; the last one from then on."""
SAID_EVERY_S = 20.0
"""Real seconds after which those that are waited for are named again."""


def silent_ones(action: DnsAction, context: ActionContext, rows: Sequence[Row]) -> frozenset[str]:
    """Who does not answer: a way back does without them, a way forward does not begin."""
    silent = [row for row in rows if any(cell.state in SILENT for cell in row.cells)]
    if not silent:
        return frozenset()
    names = ", ".join(f"{row.name} ({row.address})" for row in silent)
    if len(silent) == len(rows) or action.change in FORWARD:
        raise ActionFailed(f"{names} does not answer; {NOTHING}", mend="see why, then try again")
    context.say(f"{names} does not answer, and is not waited for")
    return frozenset(row.address for row in silent)


def refuse_disagreement(
    action: DnsAction, rows: Sequence[Row], found: Sequence[RecordSet], either: Sequence[str]
) -> None:
    """A way forward begins where all agree; a way back mends a switch that came halfway."""
    sides = {(value,) for value in either}
    for row in rows:
        for before, cell in zip(found, row.cells, strict=True):
            allowed = {before.values} if action.change in FORWARD else sides
            if cell.state not in SILENT and values(cell) not in allowed:
                raise ActionFailed(
                    f"{row.name} ({row.address}) gives {gives(cell)} for {before.name}, "
                    f"the provider has {', '.join(before.values)}; {NOTHING}",
                    mend="wait until every name server has the same zone, or mend the one",
                )


async def read_back(
    target: DnsTarget,
    context: ActionContext,
    pairs: Sequence[Pair],
    silent: frozenset[str],
    until: float,
) -> int:
    """Ask until every authority that is not silent gives the aims; their highest serial."""
    told: set[str] = set()
    look, said_at = 0, context.clock.real()
    while True:
        rows = [
            row for row in await authority_rows(target, context.clock) if row.address not in silent
        ]
        for row in rows:
            if not lacks(row, pairs) and row.address not in told:
                told.add(row.address)
                context.say(f"{row.name} ({row.address}) gives it, serial {row.cells[0].serial}")
        behind = [row for row in rows if lacks(row, pairs)]
        if not behind:
            return max(row.cells[0].serial or 0 for row in rows)
        pause = PAUSES_S[min(look, len(PAUSES_S) - 1)]
        if context.clock.real() + pause > until:
            raise _not_everywhere(behind, pairs)
        if context.clock.real() - said_at > SAID_EVERY_S:
            said_at = context.clock.real()
            left = lasting(until - said_at)
            context.say(f"waits, {left} yet: {'; '.join(_behind(behind, pairs))}")
        look += 1
        await asyncio.sleep(pause)


def _not_everywhere(behind: Sequence[Row], pairs: Sequence[Pair]) -> ActionFailed:
    return ActionFailed(
        f"not every authority gives the change: {'; '.join(_behind(behind, pairs))}",
        mend="the step may have had its effect; a name server that is itself a cache follows"
        f" within {max(was.ttl for was, _ in pairs)} s: run the step again then, it changes"
        " only what is missing",
    )


def _behind(rows: Sequence[Row], pairs: Sequence[Pair]) -> list[str]:
    return [f"{row.name} ({row.address}) gives {lacks(row, pairs)}" for row in rows]


def lacks(row: Row, pairs: Sequence[Pair]) -> str:
    """What an authority gives instead of the aims, its first name of these; empty where none.

    A name server that is itself a cache counts its TTL down: below the aim counts, where it cannot
    be the former record.
    """
    for (was, aim), cell in zip(pairs, row.cells, strict=True):
        ttl = cell.ttl or 0
        counted_down = ttl < aim.ttl and (aim.ttl <= was.ttl or ttl > was.ttl)
        if values(cell) != aim.values or not (ttl == aim.ttl or counted_down):
            return f"{gives(cell)} for {aim.name}"
    return ""


def values(cell: Cell) -> tuple[str, ...]:
    """What a cell's answer says, in the form in which it is compared."""
    return tuple(sorted(map(canonical, cell.answers)))


def gives(cell: Cell) -> str:
    """A cell's answer in words."""
    if cell.answers:
        return f"{', '.join(cell.answers)}, TTL {cell.ttl}"
    return cell.note or CELL[cell.state].word
