"""What the engine does about each intent. A refusal is raised, and journaled by the caller.

The event that decides carries the intent's id: an engine that is killed right after it knows that
it was followed, and does what may be left of it in `complete`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from signal import SIGKILL, SIGTERM

from cockpit.checks import registry as checks
from cockpit.clock import boot_id, utc
from cockpit.decision.rollback import call_off_steps, given_up_by, t0_may_have_acted
from cockpit.engine import left_running, program, replan, settling, steps
from cockpit.engine.core import Core
from cockpit.engine.intents import EXPIRES_S, Intent, Kind, login
from cockpit.engine.processes import is_alive
from cockpit.engine.second import second
from cockpit.engine.start import ENDED
from cockpit.engine.supervisor import GRACE_S
from cockpit.errors import Refused
from cockpit.journal import events as e
from cockpit.journal.lines import AGAIN
from cockpit.measures import LAST
from cockpit.outlook import step_names

LOOKED_S = 15.0
"""Real seconds for which a look at the name servers tells that a failed switch did nothing."""
Handler = Callable[[Core, Intent, str], Awaitable[None]]

ANYONE: frozenset[Kind] = frozenset(
    {"note", "hold", "take_seat", "leave", "withdraw", "look", "second"}
)
"""What an observer may ask too."""


async def follow(core: Core, intent: Intent, by: str) -> None:
    """Do what an intent asks; Refused says why not."""
    if intent.age_s() > EXPIRES_S and not _is_timeless(core, intent):
        raise Refused(f"it was older than {EXPIRES_S:.0f} s when it was read: expired")
    if _looks_on(intent.viewer) and _whose(intent.viewer) not in ("", by):
        raise Refused("its viewer is somebody else's")
    if core.ledger.state.newer:
        raise Refused(f"{core.ledger.state.newer}; the run can be read, not driven")
    if intent.kind not in ANYONE:
        _must_drive(core, intent, by)
    await _HANDLERS[intent.kind](core, intent, by)


async def complete(core: Core, intent: Intent) -> None:
    """Do what is left of an intent whose answer was the last that a killed engine journaled."""
    if intent.kind in _REST:
        await _REST[intent.kind](core, intent)


def _is_timeless(core: Core, intent: Intent) -> bool:
    """Whether it does no harm late: a hold, and the stop of the very attempt that runs."""
    active = core.ledger.state.active
    if intent.kind == "stop" and active is not None and active.last is not None:
        return (intent.step, intent.attempt) == (active.id, active.last.number)
    return intent.kind == "hold"


def _must_drive(core: Core, intent: Intent, by: str) -> None:
    seat = core.ledger.state.seat
    if seat is None or seat.vacant:
        raise Refused("nobody has the seat: take it first")
    mine = (intent.seat, intent.viewer, by) == (seat.number, seat.viewer, seat.operator)
    if not mine:
        raise Refused(f"{seat.operator} on {seat.host} has seat {seat.number}")


def _reason(intent: Intent) -> str:
    if not intent.text.strip():
        raise Refused("a reason is wanted")
    return intent.text.strip()


async def _take_seat(core: Core, intent: Intent, by: str) -> None:
    state = core.ledger.state
    seat = state.seat
    if seat is not None and not seat.vacant and seat.viewer == intent.viewer:
        raise Refused("this viewer has the seat already")
    if not _looks_on(intent.viewer):
        raise Refused("this viewer is not there any more")
    free = seat is None or seat.vacant
    how: e.SeatHow = "start" if seat is None else "vacant" if free else "over"
    reason, note = ("", "") if free else (_reason(intent), intent.note.strip())
    if not free and not note:
        raise Refused("a handover note is wanted: what runs, what waits, what to watch")
    taken = e.SeatTaken(state.seats + 1, by, core.world.host, intent.viewer, how, reason, note)
    core.ledger.tell(taken, by, intent.id)


async def _leave(core: Core, intent: Intent, by: str) -> None:
    core.viewers.discard(intent.viewer)
    seat = core.ledger.state.seat
    if seat is None or seat.vacant:
        return
    if (seat.viewer, seat.operator) == (intent.viewer, by):
        core.ledger.tell(e.SeatVacated(seat.number, f"{by} left"), by, intent.id)


async def _note(core: Core, intent: Intent, by: str) -> None:
    core.ledger.tell(e.Noted(_reason(intent)), by, intent.id)


async def _hold(core: Core, intent: Intent, by: str) -> None:
    core.ledger.tell(e.Held(intent.text.strip() or "no reason given"), by, intent.id)


async def _release(core: Core, intent: Intent, by: str) -> None:
    core.ledger.tell(e.Released(intent.text.strip()), by, intent.id)


async def _turn_back(core: Core, intent: Intent, by: str) -> None:
    state = core.ledger.state
    how: e.BackHow = "roll_back" if intent.kind == "roll_back" else "call_off"
    if state.mode != "forward":
        raise Refused("the run goes back already")
    if state.ended == "completed" or given_up_by(core.runbook, state) is not None:
        raise Refused("the old side is decommissioned: there is no rollback any more")
    if state.active is not None:
        title = core.runbook.step(state.active.id).title
        raise Refused(f"{title} is under way: let it end, or stop it first")
    if how == "call_off":
        _must_not_be_switched(core, "T-0 has begun: from here the way back is the rollback")
        _call_off_suffices(core)
    core.attempts.must_be_quiet()
    verdict = core.world.verdict
    evidence = [reading.told for reading in verdict.readings] if verdict else []
    core.ledger.tell(e.TurnedBack(how, _reason(intent), evidence), by, intent.id)
    core.proposal = None
    settling.end_if_all_done(core)


def _must_not_be_switched(core: Core, why: str) -> None:
    """Refused where the switch may have had an effect; after an attempt the name servers say it."""
    state, t0 = core.ledger.state, core.runbook.t0_step.id
    if t0_may_have_acted(core.runbook, state):
        raise Refused(why)
    if not state.step(t0).began:
        return
    grid, clock = core.world.grid, core.ledger.clock
    if grid is None or clock.now() - grid.at > LOOKED_S * clock.speed:
        raise Refused("a switch was tried, and nobody has looked at the name servers just now")
    rows = [row for row in grid.rows if row.role == "authority"]
    odd = [row.name for row in rows if {cell.state for cell in row.cells} != {"old"}]
    if odd:
        raise Refused(f"a switch was tried, and {', '.join(odd)} does not give the old answer")


def _call_off_suffices(core: Core) -> None:
    """Call off takes back everything that was done, or is refused."""
    state = core.ledger.state
    undone = {one for step in call_off_steps(core.runbook, state) for one in step.undoes}
    undoable = {one for step in core.runbook.procedure.rollback for one in step.undoes}
    idle = {core.runbook.t0_step.id}  # it had no effect, or the run could not be called off
    left = [
        core.runbook.step(one.id).title
        for one in state.steps.values()
        if one.began and one.id in undoable - undone - idle
    ]
    if left:
        raise Refused(f"calling off does not take back {', '.join(left)}: roll back instead")


async def _postpone(core: Core, intent: Intent, by: str) -> None:
    state = core.ledger.state
    why = "T-0 has begun: it can no longer be moved"
    if state.mode != "forward":
        raise Refused(why)
    _must_not_be_switched(core, why)
    if intent.value <= core.ledger.clock.now():
        raise Refused("the new T-0 lies in the past")
    _must_be_told(intent.value)
    core.ledger.tell(e.T0Moved(intent.value, _reason(intent)), by, intent.id)
    await _judge_again(core, intent)


def _must_be_told(moment: float) -> None:
    """Nothing is journaled that every reader of the journal would take for damage."""
    if moment > LAST:
        raise Refused(f"that lies beyond {utc(LAST):%Y}: no run is planned so far ahead")


async def _judge_again(core: Core, _intent: Intent) -> None:
    """Ask the gates of what is done already once more: they were passed for another T-0."""
    context = core.context()
    done = [s for s in core.runbook.forward if core.ledger.state.step(s.id).status == "done"]
    ids = dict.fromkeys(gate for step in done for gate in step.gates)
    answers = await checks.ask_all([core.runbook.check(one) for one in ids], context)
    core.ledger.tell_all(e.WatchAnswered(f"{one.check}{AGAIN}", one) for one in answers)


async def _jump(core: Core, intent: Intent, by: str) -> None:
    _only_in_rehearsal(core)
    if intent.value <= core.ledger.clock.now():
        raise Refused("the run clock only goes ahead")
    _must_be_told(intent.value)
    core.ledger.set_clock(intent.value, core.ledger.clock.speed, "jump", by, intent.id)
    core.world.forget()


async def _speed(core: Core, intent: Intent, by: str) -> None:
    _only_in_rehearsal(core)
    if not 1 <= intent.value <= 600:
        raise Refused("the speed lies between 1 and 600")
    core.ledger.set_clock(core.ledger.clock.now(), intent.value, "speed", by, intent.id)


async def _finish(core: Core, _intent: Intent, _by: str) -> None:
    _only_in_rehearsal(core)
    if core.ledger.state.active is not None:
        raise Refused("a step is under way")
    core.finishing = ENDED


def _only_in_rehearsal(core: Core) -> None:
    if core.runbook.environment != "rehearsal":
        raise Refused("only a rehearsal has a clock that can be moved")


async def _accept_damage(_core: Core, _intent: Intent, _by: str) -> None:
    raise Refused("the journal holds: nothing has to be accepted")


async def _restart(core: Core, intent: Intent, by: str) -> None:
    now = await asyncio.to_thread(program.label)
    if not program.differ(core.program, now):
        raise Refused("the engine works with the program that lies there")
    core.ledger.tell(e.EngineStopped(f"for {now}, by {by}: {_reason(intent)}"), by, intent.id)
    core.again = f"the program was changed to {now}"


async def _withdraw(core: Core, intent: Intent, _by: str) -> None:
    if core.proposed_by == intent.viewer:
        core.proposal, core.proposed_by = None, ""


async def _skip(core: Core, intent: Intent, by: str) -> None:
    reason = _reason(intent)
    status = core.ledger.state.step(intent.step).status
    if status not in ("open", "failed"):
        raise Refused(f"it is {status.replace('_', ' ')}: only an open or failed step is skipped")
    if core.ledger.state.ended:
        raise Refused("the run has ended")
    steps.find(core, intent.step)
    # What it left running would act on beside what comes next, and nobody would name it any more.
    core.attempts.must_be_quiet()
    core.ledger.tell(e.StepSkipped(intent.step, reason), by, intent.id)
    settling.end_if_all_done(core)


async def _stop(core: Core, intent: Intent, by: str) -> None:
    active = core.ledger.state.active
    if active is not None and active.status == "confirmed" and active.last is not None:
        core.attempts.void(active.id, active.last.number, f"{by} stopped it before it began")
        # A runner that was first has begun: it is stopped like any other.
        core.attempts.follow()
        active = core.ledger.state.active
        if active is None:
            core.ledger.tell(e.Noted("stopped before it began: nothing ran"), by, intent.id)
            return
    if active is None or active.last is None or active.status not in ("running", "stopping"):
        await _stop_left_behind(core, intent, by)
        return
    if (intent.step or active.id) != active.id:
        raise Refused(f"{core.runbook.step(active.id).title} is running, not {intent.step}")
    core.stopped.add((active.id, active.last.number))
    try:
        if active.status == "running":
            told = e.StopRequested(active.id, active.last.number, intent.text)
            core.ledger.tell(told, by, intent.id)
    finally:
        # A full disk may not take the word of it: what was asked to end is ended all the same.
        core.attempts.stop(active.last)


async def _stop_left_behind(core: Core, intent: Intent, by: str) -> None:
    """End what a step in doubt or failed left behind: asked first, killed after the grace."""
    last = core.ledger.state.step(intent.step).last
    title = step_names(core.runbook, core.state).get(intent.step, intent.step)
    if last is not None and (
        core.attempts.left_behind(intent.step, last.number)
        or await left_running.names(core, intent.step)
    ):
        core.ledger.tell(e.Noted(f"what {title} left behind is stopped"), by, intent.id)
        await _end_left_behind(core, intent)
    elif last is not None and (intent.step, last.number) in core.stopped:
        words = f"{title} was stopped when the disk could not take the word of it"
        core.ledger.tell(e.Noted(words), by, intent.id)
    else:
        raise Refused("no step is running")


async def _end_left_behind(core: Core, intent: Intent) -> None:
    last = core.ledger.state.step(intent.step).last
    if last is not None:
        await _end_processes(core, intent.step, last.number)
        await left_running.end(core, intent.step)


async def _end_processes(core: Core, step: str, number: int) -> None:
    core.attempts.stop_left_behind(step, number, SIGTERM)
    deadline = core.ledger.clock.real() + GRACE_S
    while core.attempts.left_behind(step, number):
        await asyncio.sleep(0.1)
        if core.ledger.clock.real() > deadline:
            core.attempts.stop_left_behind(step, number, SIGKILL)
            return


async def _stop_again(core: Core, intent: Intent) -> None:
    active = core.ledger.state.active
    if active is not None and active.last is not None and active.status == "stopping":
        core.attempts.stop(active.last)
    elif active is None:
        await _end_left_behind(core, intent)


_REST: Mapping[Kind, Callable[[Core, Intent], Awaitable[None]]] = {
    "stop": _stop_again,
    "postpone": _judge_again,
}
"""What may be left to do of an intent whose answer is journaled."""
_HANDLERS: Mapping[Kind, Handler] = {
    "propose": steps.propose,
    "confirm": steps.confirm,
    "withdraw": _withdraw,
    "look": settling.look,
    "settle_done": settling.settle_done,
    "settle_failed": settling.settle_failed,
    "settle_not_happened": settling.settle_not_happened,
    "skip": _skip,
    "hold": _hold,
    "release": _release,
    "note": _note,
    "stop": _stop,
    "roll_back": _turn_back,
    "call_off": _turn_back,
    "postpone": _postpone,
    "take_seat": _take_seat,
    "leave": _leave,
    "jump": _jump,
    "speed": _speed,
    "finish": _finish,
    "accept_damage": _accept_damage,
    "accept_plan": replan.accept,
    "restart": _restart,
    "second": second,
}


def seat_is_dead(core: Core) -> bool:
    """Whether the driver's viewer is gone without a word."""
    seat = core.ledger.state.seat
    return seat is not None and not seat.vacant and not _looks_on(seat.viewer)


def _whose(viewer: str) -> str:
    """The login whose process a viewer is; empty where it is gone."""
    try:
        return login(Path("/proc", viewer.partition(":")[0]).stat().st_uid)
    except OSError:
        return ""


def _looks_on(viewer: str) -> bool:
    """Whether the process of a viewer lives, by its id: pid and start time."""
    pid, _, started = viewer.partition(":")
    known = pid.isdigit() and started.isdigit()
    return known and is_alive(int(pid), int(started), boot_id())
