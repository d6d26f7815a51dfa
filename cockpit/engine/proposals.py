"""A step as it would run now: its lines, targets and gates, and the digest that binds them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import fields, replace

import msgspec

from cockpit.actions import registry as actions
from cockpit.actions.base import Foreseen
from cockpit.actions.compose import refuse_after_t0
from cockpit.answer import Answer
from cockpit.checks import registry as checks
from cockpit.checks.base import CheckContext
from cockpit.checks.identity import identify
from cockpit.clock import NS, boot_id, boot_ns
from cockpit.earlier import Earlier, in_words
from cockpit.engine import seen
from cockpit.errors import CockpitError, Refused
from cockpit.journal.state import AttemptState, RunState
from cockpit.outlook import left_to_do, missing, not_again, tried, walked
from cockpit.propagation.forecast import kept_words
from cockpit.redact import printable
from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.model import Runbook, Step
from cockpit.runbook.words import StepId
from cockpit.status import STEP
from cockpit.telemetry.live import NOBODY_YET, Live, Proposal
from cockpit.timewords import lasting

SECOND_S = 60.0
"""Real seconds for which a second person's confirmation counts."""
_UNREAD = "could not be read: "
FORESEEN_S = 20.0
"""Real seconds in which it must be read what the outside would make of a step."""
AGAIN_S = 10.0
"""Real seconds after which that is read again while a dialog is open."""


def target_ids(step: Step) -> tuple[str, ...]:
    """The targets that a step's action names."""
    wanted = ("target", "source", "against", "other")
    named = [getattr(step.action, one.name) for one in fields(step.action) if one.name in wanted]
    return tuple(dict.fromkeys(name for name in named if name))


async def identities(step: Step, context: CheckContext) -> tuple[tuple[str, str], ...]:
    """Each target of a step with its identity as just read, or why it could not be."""

    async def one(target: str) -> tuple[str, str]:
        try:
            async with asyncio.timeout(10.0):
                return target, printable(await identify(target, context))
        except TimeoutError:
            return target, f"{_UNREAD}no answer in 10 s"
        except (CockpitError, OSError) as error:
            return target, f"{_UNREAD}{printable(str(error))}"

    return tuple(await asyncio.gather(*map(one, target_ids(step))))


def digest(plan: str, proposal: Proposal) -> str:
    """What a confirmation is bound to; gates enter by id and answer, not by their evidence."""
    bound = {
        "plan": plan,
        "step": proposal.step,
        "attempt": proposal.attempt,
        "lines": proposal.lines,
        "targets": proposal.targets,
        "foreseen": (proposal.foreseen, proposal.foreseen_digest),
        "gates": [(answer.check, answer.said) for answer in proposal.gates],
        "seen": [(answer.check, answer.said) for answer in proposal.seen],
    }
    return hashlib.sha256(msgspec.json.encode(bound, order="sorted")).hexdigest()


def draft(step: Step, context: CheckContext) -> Proposal:
    """A proposal whose gates are still being asked."""
    state, runbook = context.state, context.runbook
    recorded = {one.id: one.recorded for one in state.steps.values()}
    lines = actions.describe(step.action, runbook, recorded)
    return Proposal(
        step=step.id,
        attempt=len(state.step(step.id).attempts) + 1,
        digest="",
        lines=tuple(map(printable, lines)),
        targets=(),
        gates=(),
        closed=(),
        way_back="; ".join(
            filter(None, (way_back(runbook, step), kept_for(runbook, step, context.live)))
        ),
        took_before=took_before(step, state, context.earlier),
        typed_word=step.typed_word if step.irreversible else "",
        matters=matters(step, context.live, context.clock.now()),
        second_person=step.second_person,
        boot_ns=boot_ns(),
        asking=True,
    )


async def propose(step: Step, context: CheckContext, known: Proposal | None = None) -> Proposal:
    """A step as it would run now.

    What was foreseen a moment ago for `known`, the proposal that is shown, is not read again:
    before the start it always is.
    """
    first = draft(step, context)
    gates = [context.runbook.check(one) for one in step.gates]
    targets, answers, foreseen, found = await asyncio.gather(
        identities(step, context),
        checks.ask_all(gates, context),
        _foresee(step, context, known),
        _seen(step, context),
    )
    asked = replace(
        first,
        targets=targets,
        gates=tuple(answers),
        seen=found,
        foreseen=foreseen.lines,
        foreseen_digest=foreseen.digest,
        foreseen_closed=foreseen.closed,
        foreseen_ns=boot_ns(),
        asking=False,
    )
    if known is not None and _is_recent(known):
        asked = replace(asked, foreseen_ns=known.foreseen_ns)
    asked = replace(asked, digest=digest(context.state.plan, asked))
    return replace(asked, closed=closed(step, context, asked))


async def _seen(step: Step, context: CheckContext) -> tuple[Answer, ...]:
    """What is to be seen of former attempts: before a first one there is nothing to look for."""
    return await seen.of(step, context) if tried(context.state.step(step.id)) else ()


async def _foresee(step: Step, context: CheckContext, known: Proposal | None) -> Foreseen:
    """What the outside would make of it, or why that could not be read."""
    if known is not None and _is_recent(known):
        return Foreseen(known.foreseen, known.foreseen_digest, known.foreseen_closed)
    try:
        async with asyncio.timeout(FORESEEN_S):
            found = await actions.foresee(step.action, context.runbook, context.secrets)
    except TimeoutError:
        return Foreseen((f"{_UNREAD}no answer in {FORESEEN_S:.0f} s",), _UNREAD)
    except (CockpitError, OSError) as error:
        return Foreseen((f"{_UNREAD}{printable(str(error))}",), _UNREAD)
    return replace(found, lines=tuple(map(printable, found.lines)))


def _is_recent(known: Proposal) -> bool:
    is_read = bool(known.foreseen_ns) and known.foreseen_digest != _UNREAD
    return is_read and (boot_ns() - known.foreseen_ns) / NS < AGAIN_S


def closed(step: Step, context: CheckContext, shown: Proposal) -> tuple[str, ...]:
    """Why a step cannot be confirmed now; empty where it can."""
    reasons = list(closed_by_state(step, context.runbook, context.state))
    if shown.foreseen_digest == _UNREAD:
        reasons.append(f"what it would do {shown.foreseen[0]}")
    reasons += shown.foreseen_closed
    for target, identity in shown.targets:
        pinned = context.state.pinned.get(target)
        if identity.startswith(_UNREAD):
            reasons.append(f"the target {target} {identity}")
        elif pinned not in (None, identity):
            reasons.append(f"the target {target} is {identity}, and was {pinned} before")
    state = context.state.step(step.id)
    if why := not_again(step, state, shown.seen):
        reasons.append(f"{why}: {left_to_do(state)}")
    shut = [answer.title for answer in shown.gates if not answer.holds]
    if shut:
        count = f"{len(shut)} gates are" if len(shut) > 1 else "one gate is"
        reasons.append(f"{count} not open: {'; '.join(shut)}")
    if step.second_person and not is_seconded(context.state, shown):
        reasons.append(NOBODY_YET)
    return tuple(reasons)


def is_seconded(state: RunState, shown: Proposal) -> bool:
    """Whether a second person confirmed just this, within the last minute."""
    found = state.second
    return (
        found is not None
        and (found.step, found.attempt, found.digest) == (shown.step, shown.attempt, shown.digest)
        and found.boot_id == boot_id()
        and 0 <= (boot_ns() - found.pressed_ns) / NS <= SECOND_S
    )


def closed_by_state(step: Step, runbook: Runbook, state: RunState) -> tuple[str, ...]:
    """What the run itself holds against a step."""
    status = state.step(step.id).status
    active = runbook.step(state.active.id).title if state.active else ""
    found = {
        f"the journal is damaged: {state.damage}": bool(state.damage),
        f"{state.newer}; it can be read, not driven": bool(state.newer),
        f"the run has ended: {state.ended.replace('_', ' ')}": bool(state.ended),
        f"the run is held: {state.held}": state.held is not None,
        "it does not belong to what is walked now": step not in walked(runbook, state),
        f"{active} is under way": bool(active),
        "it is done": status == "done",
        "it is in doubt: settle it first": status == "in_doubt",
    }
    reasons = [reason for reason, holds in found.items() if holds]
    reasons += _not_offered(step, runbook, state)
    lacking = missing(runbook, state, step)
    if lacking:
        reasons.append(f"these must be done first: {', '.join(lacking)}")
    return tuple(reasons)


def _not_offered(step: Step, runbook: Runbook, state: RunState) -> Iterator[str]:
    """What an action itself never does at this point of the run."""
    if isinstance(step.action, ComposeAction) and step.action.operation == "down":
        began = {name: known.recorded for name, known in state.steps.items() if known.began}
        try:
            refuse_after_t0(runbook, step, began)
        except Refused as refusal:
            yield refusal.what


def way_back(runbook: Runbook, step: Step) -> str:
    """How a step is taken back, in words."""
    undoing = [one.title for one in runbook.procedure.rollback if StepId(step.id) in one.undoes]
    return step.way_back or "; ".join(undoing) or "nothing to take back"


def kept_for(runbook: Runbook, step: Step, live: Live) -> str:
    """How long caches would keep a switch back out, said from the go to the switch itself.

    A rollback has a bound of its own: it must be known before it is needed.
    """
    grid = live.grid
    until_switch = (
        phase.steps[: at + 1]
        for phase in runbook.procedure.phases
        for at, one in enumerate(phase.steps)
        if one.t0
    )
    kept = kept_words(grid, lasting) if grid and step in next(until_switch, ()) else ""
    return f"a switch back would be kept out by caches {kept}" if kept else ""


def took_before(step: Step, state: RunState, earlier: Earlier) -> str:
    """What it took so far, or should take, and when it is ended: that is confirmed with it."""
    here = [one for one in state.step(step.id).attempts if one.took_s is not None]
    parts = [f"{one.took_s:.1f} s in this run ({_came_to(one)})" for one in here]
    parts.append(in_words(earlier.steps.get(step.id, ())) or f"planned {lasting(step.estimate)}")
    return f"{'; '.join(filter(None, parts))}; it is ended after {lasting(step.timeout)}"


def _came_to(attempt: AttemptState) -> str:
    return STEP[attempt.status].word if attempt.status in STEP else attempt.status


def matters(step: Step, live: Live, now: float) -> str:
    """The number that an irreversible step must show."""
    verdict = live.verdict
    carried = verdict.to_carry if verdict else None
    if step.no_return == "end":
        rows = "an unknown number of rows" if carried is None else f"{carried} rows"
        if verdict and carried is not None and verdict.carried_at:
            rows += f", counted {lasting(now - verdict.carried_at)} ago"
        return f"after this there is no rollback; today one would carry {rows}"
    if step.no_return == "rows":
        return "from here a rollback has rows to carry"
    return ""
