"""A second person: another login confirms the same thing, from a screen of their own, before."""

from __future__ import annotations

import pwd
from dataclasses import replace

from cockpit.engine.core import Core
from cockpit.engine.intents import Intent
from cockpit.engine.processes import terminal
from cockpit.engine.proposals import closed
from cockpit.errors import Refused
from cockpit.journal.events import Seconded
from cockpit.journal.state import Seat
from cockpit.telemetry.live import NOBODY_YET


async def second(core: Core, intent: Intent, by: str) -> None:
    """Record that another login confirmed what the driver's screen shows."""
    shown = core.proposal
    if shown is None or shown.step != intent.step or shown.asking:
        raise Refused("the driver does not have it open: nothing is there to be confirmed")
    if intent.digest != shown.digest or intent.attempt != shown.attempt:
        raise Refused("what was confirmed is not what is shown now: look again")
    if intent.boot_ns < core.opened_ns:
        raise Refused("it was pressed before what is shown now was opened: look again")
    step = core.runbook.step(intent.step)
    if not step.second_person:
        raise Refused("it asks for no second person")
    for reason in shown.closed:
        if reason != NOBODY_YET:
            raise Refused(reason)
    if shown.typed_word and intent.typed != shown.typed_word:
        raise Refused(f"the word to type is {shown.typed_word}")
    proven = _is_another(core.state.seat, intent, by)
    told = Seconded(
        step=step.id,
        attempt=shown.attempt,
        digest=shown.digest,
        viewer=intent.viewer,
        pressed_ns=intent.boot_ns,
        proven=proven,
    )
    core.ledger.tell(told, by, intent.id)
    core.proposal = replace(shown, closed=closed(step, core.context(), shown))


def _is_another(seat: Seat | None, intent: Intent, by: str) -> bool:
    """Whether that is proven to be another person than the driver; Refused where it is not one."""
    if seat is None or seat.vacant:
        raise Refused("nobody has the seat: there is no first person")
    if intent.viewer == seat.viewer:
        raise Refused("it is confirmed from a screen of the second person's own")
    places = terminal(_pid(intent.viewer)), terminal(_pid(seat.viewer))
    if places[0] and places[0] == places[1]:
        raise Refused("it is confirmed from a terminal of the second person's own")
    if _is_root(by) and _is_root(seat.operator):
        return False
    if by == seat.operator:
        raise Refused(f"{by} drives: another login is wanted")
    return True


def _pid(viewer: str) -> int:
    return int(viewer.partition(":")[0])


def _is_root(login: str) -> bool:
    """Whether a login has every right, whatever it is called."""
    try:
        return pwd.getpwnam(login).pw_uid == 0
    except KeyError:
        return False
