"""A change that a person enters at the provider: told what, then watched; nothing is claimed."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit.actions.base import ActionContext
from cockpit.actions.dns_seen import SILENT, gives, lacks, silent_ones, values
from cockpit.actions.dns_set import NOTHING, Pair, difference
from cockpit.errors import ActionFailed
from cockpit.propagation.answers import Cell
from cockpit.propagation.classify import canonical
from cockpit.propagation.providers.base import RecordSet, record_set
from cockpit.propagation.sweep import authority_rows
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.targets import DnsTarget
from cockpit.timewords import lasting


async def found(
    action: DnsAction,
    target: DnsTarget,
    context: ActionContext,
    either: Sequence[str],
    ttls: Sequence[int] | None,
) -> tuple[RecordSet, ...]:
    """What the name servers give; where they differ, the one that is least far on its way.

    A foreign answer goes before both sides, so that the change is refused.
    """
    rows = await authority_rows(target, context.clock)
    sets = []
    for at, name in enumerate(target.names):
        cells = [row.cells[at] for row in rows if row.cells[at].state not in SILENT]
        if not cells:
            raise ActionFailed(f"no name server answers for {name}; {NOTHING}", where=target.zone)
        given = _least_far(action, name, cells, either)
        wanted = ttls[at] if ttls else None
        ttl = _ttl_of(action, context, cells, wanted)
        sets.append(record_set(name, target.record_type, given, ttl))
    return tuple(sets)


def _least_far(
    action: DnsAction, name: str, cells: Sequence[Cell], either: Sequence[str]
) -> tuple[str, ...]:
    given = {values(cell) for cell in cells}
    if len(given) > 1 and action.change not in ("to_new", "to_old"):
        told = " and ".join(sorted(map(gives, cells)))
        raise ActionFailed(f"name servers differ on {name}: {told}; {NOTHING}")
    sides = [(value,) for value in either]
    return min(given, key=lambda one: sides.index(one) if one in sides else -1)


def _ttl_of(
    action: DnsAction, context: ActionContext, cells: Sequence[Cell], wanted: int | None
) -> int:
    """The TTL that they have now, as far as it tells a change from none.

    A name server that is itself a cache counts down, so the highest is nearest to what is kept;
    what a step had lowered is known from that step.
    """
    ttls = [cell.ttl or 0 for cell in cells]
    if wanted is not None and all(ttl == wanted for ttl in ttls):
        return wanted
    if action.change == "restore_ttl" and action.of is not None:
        lowered = context.runbook.step(action.of).action
        if isinstance(lowered, DnsAction) and lowered.ttl is not None:
            return round(lowered.ttl)
    return max((ttl for ttl in ttls if ttl != wanted), default=max(ttls))


async def ask_for(
    action: DnsAction,
    target: DnsTarget,
    context: ActionContext,
    pairs: Sequence[Pair],
    wait_s: float,
) -> frozenset[str]:
    """Say what to enter; the authorities that keep silent come back."""
    rows = await authority_rows(target, context.clock)
    silent = silent_ones(action, context, rows)
    if not any(lacks(row, pairs) for row in rows if row.address not in silent):
        context.say(f"every name server gives it already; {NOTHING}")
        return silent
    context.say(f"enter by hand at the provider of {target.zone}, and save:")
    for before, after in pairs:
        if before != after:
            context.say(f"    {_entry(target, after)}")
            context.say(f"        {difference(before, after)}")
    context.say("change the records that are there; do not delete one to make it anew")
    context.say(f"every name server is asked until it gives this, for {lasting(wait_s)}")
    return silent


def _entry(target: DnsTarget, record: RecordSet) -> str:
    """A record as the forms of providers ask for it."""
    own = record.name.removesuffix(canonical(target.zone)).rstrip(".") or "@"
    return f"name {own}   type {record.type}   value {', '.join(record.values)}   TTL {record.ttl}"
