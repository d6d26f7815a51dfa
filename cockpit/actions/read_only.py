"""Freezes a database against the application's writes, or opens it again, and proves either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, block, here, named, session
from cockpit.database.named import database, spoken
from cockpit.errors import ActionFailed
from cockpit.journal.events import Json
from cockpit.runbook.actions import ReadOnlyAction
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import PostgresTarget

if TYPE_CHECKING:
    from cockpit.database.canary import Canary
    from cockpit.database.guard import Former

FORMER = "former"
"""Under this name a freeze records what it took away."""


def describe(action: ReadOnlyAction, runbook: Runbook) -> tuple[str, ...]:
    """Each layer, put on or taken off."""
    target = runbook.target(action.target)
    where = f"at {spoken(runbook, action.target)}"
    if not isinstance(target, PostgresTarget):
        return (where,)
    roles = ", ".join(target.roles)
    if action.mode == "freeze":
        return (where, *_freezing(target, roles))
    proof = f"prove that {action.other} refuses a write as each of its roles, rolled back"
    return (
        where,
        proof if action.other else "no other side is named: nothing is proved of one",
        f"grant again what the freeze took from {roles}, exactly as recorded",
        f"drop function {target.schema}.cockpit_guard cascade: the guard leaves every table",
        f"alter database {target.database}: default_transaction_read_only as it was",
        f"end the sessions of {roles}, so that their pools connect anew",
    )


def _freezing(target: PostgresTarget, roles: str) -> tuple[str, ...]:
    return (
        f"alter database {target.database} set default_transaction_read_only = on",
        (
            f"revoke insert, update, delete, truncate on tables and usage, update on sequences"
            f" of schema {target.schema} from {roles}; each right is recorded first"
        ),
        (
            f"guard every table of schema {target.schema}: cockpit_guard refuses all writes;"
            " waits up to 60 s for open writers, after 20 s ends those of the application"
        ),
        f"end the sessions of {roles} and of those who act as them",
        f"prove that a write as each of {roles} is refused, rolled back",
    )


def paper(action: ReadOnlyAction, sheet: Sheet) -> tuple[str, ...]:
    """The guard's own statements by psql, with the same record, and the same order of proofs."""
    from cockpit.database import by_hand

    target = database(sheet.runbook, action.target)
    own = session(sheet, action.target)
    change = by_hand.frozen(target) if action.mode == "freeze" else by_hand.reopened(target)
    changed = here(named(action.target), change)
    if action.mode == "freeze":
        return block(own, *changed, *_proof(action.target, sheet))
    return block(*(_proof(action.other, sheet) if action.other else ()), own, *changed)


def _proof(target_id: str, sheet: Sheet) -> tuple[str, ...]:
    """Ends with an error unless each role is refused by every table."""
    from cockpit.database import by_hand

    target = database(sheet.runbook, target_id)
    lines: list[str] = []
    for role in target.roles:
        lines.append(session(sheet, target_id, role))
        lines += here(named(target_id, role), by_hand.refuses(target))
    return (*lines, f"echo 'proved: {target_id} refuses {', '.join(target.roles)}'")


async def run(action: ReadOnlyAction, context: ActionContext) -> Mapping[str, Json]:
    """Freeze or open, with its proof."""
    return await (_freeze if action.mode == "freeze" else _open)(action, context)


async def _freeze(action: ReadOnlyAction, context: ActionContext) -> Mapping[str, Json]:
    import msgspec

    from cockpit.database.freeze import freeze

    target = database(context.runbook, action.target)
    frozen = await freeze(target, context.secrets, context.say)
    for right in frozen.kept:
        context.say(f"{right} was passed on by another role and stays; the guard refuses its use")
    await _prove(action.target, context)
    former: Json = msgspec.to_builtins(frozen.former)
    return {FORMER: former, "tables": list(frozen.tables), "ended": frozen.ended}


async def _open(action: ReadOnlyAction, context: ActionContext) -> Mapping[str, Json]:
    from cockpit.database.freeze import reopen

    if action.other:
        await _prove(action.other, context)
    target = database(context.runbook, action.target)
    recorded = _recorded(action.target, context)
    return {"given_back": await reopen(target, context.secrets, recorded, context.say)}


async def _prove(target_id: str, context: ActionContext) -> None:
    """ActionFailed unless every role is refused by every table."""
    from cockpit.database.canary import canaries

    target = database(context.runbook, target_id)
    found = await canaries(target, context.secrets)
    holes = [one for one in found if one.said != "refused"]
    if holes or not found:
        raise ActionFailed(
            f"{target_id} is not proved to refuse writes: {_said(holes)}",
            where=target.database,
            mend="freeze it, or see why the test write could not be judged",
        )
    context.say(f"{target_id}: {len(found)} test writes, all refused")


def _said(holes: list[Canary]) -> str:
    if not holes:
        return "there is no role or no table to try"
    return "; ".join(f"{one.role} at {one.table}: {one.said} ({one.text})" for one in holes[:5])


def _recorded(target_id: str, context: ActionContext) -> Former | None:
    """What the newest freeze of this target recorded, should its record in the database be gone."""
    import msgspec

    from cockpit.database.guard import Former

    found = None
    for step in context.runbook.steps():
        action = step.action
        if isinstance(action, ReadOnlyAction) and action.target == target_id:
            former = context.recorded.get(step.id, {}).get(FORMER)
            found = msgspec.convert(former, Former) if former else found
    return found
