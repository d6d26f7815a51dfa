"""Proposing and confirming a step: from the keypress to the started runner."""

from __future__ import annotations

import asyncio
from itertools import zip_longest

from cockpit.clock import NS, boot_ns
from cockpit.engine import program
from cockpit.engine.attempt_files import Order
from cockpit.engine.claims import claim
from cockpit.engine.core import Core
from cockpit.engine.intents import EXPIRES_S, Intent
from cockpit.engine.proposals import closed_by_state, draft, is_seconded
from cockpit.engine.proposals import propose as proposed
from cockpit.errors import Refused
from cockpit.journal.events import Confirmed, TargetPinned, Verified
from cockpit.runbook.model import Step
from cockpit.telemetry.live import NOBODY_YET, Proposal


def find(core: Core, step_id: str) -> Step:
    """The step of that id; Refused where the plan has none."""
    try:
        return core.runbook.step(step_id)
    except KeyError:
        raise Refused(f"the plan has no step {step_id}") from None


async def propose(core: Core, intent: Intent, _by: str) -> None:
    """Show a step as it would run now: first without its gates, then with them."""
    step = find(core, intent.step)
    core.proposed_by, core.opened_ns = intent.viewer, boot_ns()
    core.proposal = draft(step, core.context())
    fresh = await proposed(step, core.context())
    if core.proposal is not None and core.proposal.step == step.id:
        core.proposal = fresh


async def renew(core: Core) -> None:
    """Ask the gates of an open dialog again, so that what it shows is never old."""
    shown = core.proposal
    if shown is None or shown.asking:
        return
    fresh = await proposed(find(core, shown.step), core.context(), shown)
    if core.proposal is shown:
        core.proposal = fresh


async def confirm(core: Core, intent: Intent, by: str) -> None:
    """Begin a step: only as shown, only if what was shown still holds."""
    shown = core.proposal
    step = find(core, intent.step)
    _must_match(intent, step, shown)
    if intent.boot_ns < core.opened_ns:
        raise Refused("it was pressed before what is shown now was opened: look again")
    # Its gates are asked again and again, so what is shown is fresh: who reads it may not be.
    if (intent.boot_ns - core.opened_ns) / NS > EXPIRES_S:
        raise Refused("it was opened more than a minute ago: ask its gates again")
    if program.differ(core.program, await asyncio.to_thread(program.label)):
        raise Refused("the program's files were changed: a begins the engine again with them")
    await core.ledger.must_hold()
    fresh = await proposed(step, core.context())
    core.proposal = fresh
    if shown is None or fresh.digest != shown.digest:
        raise Refused(f"what was shown no longer holds: {_difference(shown, fresh)}")
    _must_be_open(core, step, fresh)
    await claim(core, fresh.targets)
    # Locking a database took its time too.
    _must_be_open(core, step, fresh)
    # From here to the started runner nothing waits: what was looked at above cannot change.
    known = core.ledger.state.pinned
    core.ledger.tell_all(TargetPinned(*one) for one in fresh.targets if one[0] not in known)
    if last := core.state.step(step.id).last if fresh.seen else None:
        core.ledger.tell(Verified(step.id, last.number, list(fresh.seen)))
    _begin(core, intent, step, fresh, by)


def _must_be_open(core: Core, step: Step, fresh: Proposal) -> None:
    """Asking the gates took its time: the run may have been held, or ended, meanwhile."""
    if core.trouble:
        raise Refused(f"nothing is confirmed now: {core.trouble}")
    for reason in (*closed_by_state(step, core.runbook, core.state), *fresh.closed):
        raise Refused(reason)
    if step.second_person and not is_seconded(core.state, fresh):
        raise Refused(NOBODY_YET)
    core.attempts.must_be_quiet()


def _must_match(intent: Intent, step: Step, shown: Proposal | None) -> None:
    if shown is None or shown.step != step.id or shown.asking:
        raise Refused("it was not shown: open it first")
    if intent.digest != shown.digest or intent.attempt != shown.attempt:
        raise Refused("what was confirmed is not what is shown now: look again")
    if (boot_ns() - shown.boot_ns) / NS > EXPIRES_S:
        raise Refused("what was shown is older than a minute: look again")
    if shown.typed_word and intent.typed != shown.typed_word:
        raise Refused(f"the word to type is {shown.typed_word}")


def _difference(shown: Proposal | None, fresh: Proposal) -> str:
    if shown is None:
        return "it was not shown"
    for asked, again in ((shown.gates, fresh.gates), (shown.seen, fresh.seen)):
        before = {answer.check: answer.said for answer in asked}
        for answer in again:
            if before.get(answer.check) != answer.said:
                return f"{answer.title}: {before.get(answer.check)} before, {answer.said} now"
    if shown.targets != fresh.targets:
        return "a target is another one"
    for was, now in zip_longest(shown.foreseen, fresh.foreseen, fillvalue="nothing"):
        if was != now:
            return f"it would do something else: {was} before, {now} now"
    return "what would run is different"


def _begin(core: Core, intent: Intent, step: Step, fresh: Proposal, by: str) -> None:
    second = core.state.second if step.second_person else None
    core.ledger.tell(
        Confirmed(
            step=step.id,
            attempt=fresh.attempt,
            digest=fresh.digest,
            seat=intent.seat,
            lines=list(fresh.lines),
            gates=list(fresh.gates),
            targets=dict(fresh.targets),
            typed=intent.typed,
            foreseen=list(fresh.foreseen),
            second=second.by if second else "",
            second_proven=second is not None and second.proven,
        ),
        by,
        intent.id,
    )
    core.proposal, core.proposed_by, core.looked = None, "", None
    order = Order(
        run_directory=str(core.directory.path),
        plan=core.ledger.state.plan,
        step=step.id,
        attempt=fresh.attempt,
        digest=fresh.digest,
        timeout_s=step.timeout,
        head=core.ledger.head,
        lab=core.world.lab_url,
        targets=tuple(core.world.held_locks),
    )
    try:
        held = (*core.world.held_locks.values(), *core.advisory.descriptors())
        core.attempts.start(order, held)
    except OSError as error:
        core.attempts.void(step.id, fresh.attempt, f"no runner began: {error.strerror or error}")
        return
    core.world.step_began(step)
