"""Events to state: the only way to make a RunState. One event costs the same however many came.

A rule is given a draft, which `replace` changes in place and gives back: it reads what it needs of
the former state before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from cockpit.clock import ClockMap
from cockpit.journal import events as e
from cockpit.journal.cause import noted
from cockpit.journal.draft import Draft, draft_of, frozen, replace
from cockpit.journal.events import Event
from cockpit.journal.form import SHAPES
from cockpit.journal.lines import LINES, second_words
from cockpit.journal.state import (
    AttemptState,
    LogLine,
    Mended,
    RunState,
    Seat,
    Second,
    StepState,
    StepStatus,
    Turn,
)

LOG_LINES = 500
"""How many lines of "What happened" the state keeps."""
TURNS = 12
"""How many turns of each service it keeps."""


def fold(state: RunState, told: Iterable[tuple[Event, str]]) -> RunState:
    """The state after some more events, each with its hash."""
    draft, last = draft_of(state, LOG_LINES), None
    for last in told:
        _apply(draft, last[0])
    if last is None:
        return state
    newest, digest = last
    return frozen(replace(draft, seq=newest.seq, head=digest))


def apply(state: RunState, event: Event, digest: str) -> RunState:
    """The state after one more event."""
    return fold(state, ((event, digest),))


def _apply(draft: Draft, event: Event) -> None:
    known = _KNOWN.get(event.type)
    if known is None or event.v > e.FORMAT:
        replace(draft, newer=draft.newer or _writer(event))
        return
    decode, say, rule = known
    data = decode(event.data)
    # Its line speaks of what was before.
    said = say(draft, event, data) if say else None
    if rule:
        rule(draft, event, data)
    if said is not None:
        step = getattr(data, "step", "")
        draft.lines.append(LogLine(event.seq, event.run_s, *said, step))


def decoded(event: Event, shape: type) -> Any:
    """An event's data in its class; msgspec.ValidationError where it does not fit."""
    return msgspec.json.decode(event.data, type=shape)


def _writer(event: Event) -> str:
    return f"an event of type {event.type}, format {event.v}, is not known to this program"


# -- the run ------------------------------------------------------------------------------------


def _run_started(state: RunState, event: Event, data: e.RunStarted) -> RunState:
    return replace(
        state,
        runbook=data.runbook,
        title=data.title,
        environment=data.environment,
        domain=data.domain,
        host=data.host,
        plan=data.plan,
        procedure=data.procedure,
        program=data.program,
        scenario=data.scenario,
        seed=data.seed,
        started_at=event.run_s,
        t0_planned=data.t0_planned,
    )


def _clock_set(state: RunState, event: Event, data: e.ClockSet) -> RunState:
    return replace(
        state,
        clock=ClockMap(data.boot_ns, data.run_s, data.speed),
        jumped_at=state.jumped_at if data.why in ("speed", "lag") else data.run_s,
        clock_boot=event.boot_id,
        clock_utc=event.utc,
    )


def _engine_started(state: RunState, _event: Event, data: e.EngineStarted) -> RunState:
    program = data.program or state.program
    return replace(state, program=program, engines=state.engines + 1)


def _seat_taken(state: RunState, event: Event, data: e.SeatTaken) -> RunState:
    before = state.seat.operator if data.how == "over" and state.seat else ""
    seat = Seat(
        number=data.seat,
        operator=data.operator,
        host=data.host,
        viewer=data.viewer,
        since=event.run_s,
        over=before,
        reason=data.reason,
        handover=data.handover,
    )
    # Who takes the seat may have been the second person: that counts no more.
    return replace(state, seat=seat, seats=data.seat, second=None)


def _seat_vacated(state: RunState, _event: Event, data: e.SeatVacated) -> RunState:
    if state.seat is None or state.seat.number != data.seat:
        return state
    return replace(state, seat=replace(state.seat, vacant=True))


def _pinned(state: RunState, _event: Event, data: e.TargetPinned) -> RunState:
    return replace(state, pinned={**state.pinned, data.target: data.identity})


def _held(state: RunState, _event: Event, data: e.Held) -> RunState:
    return replace(state, held=data.reason)


def _released(state: RunState, _event: Event, _data: e.Released) -> RunState:
    return replace(state, held=None)


def _t0_moved(state: RunState, _event: Event, data: e.T0Moved) -> RunState:
    return replace(state, t0_planned=data.planned)


def _t0_happened(state: RunState, _event: Event, data: e.T0Happened) -> RunState:
    return replace(state, t0_actual=data.actual)


def _turned_back(state: RunState, event: Event, data: e.TurnedBack) -> RunState:
    # What watches of the way forward answered last says nothing of the way back.
    return replace(state, mode=data.how, turned_at=event.run_s, turned_why=data.reason, watches={})


def _run_ended(state: RunState, event: Event, data: e.RunEnded) -> RunState:
    return replace(state, ended=data.how, ended_at=event.run_s, watches={})


def _verdict(state: RunState, event: Event, data: e.VerdictGiven) -> RunState:
    return replace(state, verdict=data.verdict, verdict_reason=data.reason, verdict_at=event.run_s)


def _watch(state: RunState, _event: Event, data: e.WatchAnswered) -> RunState:
    return replace(state, watches={**state.watches, data.watch: data.answer})


def _service(state: RunState, event: Event, data: e.ServiceTurned) -> RunState:
    turns = (*state.turns.get(data.probe, ()), Turn(event.run_s, data.now, data.figure))
    return replace(
        state,
        services={**state.services, data.probe: data.now},
        turns={**state.turns, data.probe: turns[-TURNS:]},
    )


def _lab(state: RunState, _event: Event, data: e.LabTurned) -> RunState:
    return replace(state, lab=data.state, lab_detail=data.detail)


def _plan_seen(state: RunState, _event: Event, data: e.PlanChangeSeen) -> RunState:
    return replace(state, plan_seen=data.plan or "; ".join(data.mistakes))


def _plan_accepted(state: RunState, _event: Event, data: e.PlanAccepted) -> RunState:
    return replace(state, plan=data.plan, procedure=data.procedure)


def _mended(state: RunState, event: Event, data: e.DamageAccepted) -> RunState:
    mended = Mended(event.run_s, event.by, data.what, data.kept, data.sha256, data.words)
    return replace(state, mended=(*state.mended, mended))


# -- steps and attempts -------------------------------------------------------------------------


def _with_step(state: RunState, step: StepState) -> RunState:
    return replace(state, steps={**state.steps, step.id: step})


def _change(
    state: RunState, step_id: str, number: int, status: StepStatus, **changes: Any
) -> RunState:
    """The state with one attempt changed; a step follows its newest attempt."""
    step = state.step(step_id)
    attempts = tuple(
        replace(one, status=status, **changes) if one.number == number else one
        for one in step.attempts
    )
    newest = bool(attempts) and attempts[-1].number == number
    return _with_step(
        state, replace(step, attempts=attempts, status=status if newest else step.status)
    )


def _confirmed(state: RunState, event: Event, data: e.Confirmed) -> RunState:
    step = state.step(data.step)
    attempt = AttemptState(
        number=data.attempt,
        status="confirmed",
        digest=data.digest,
        by=" and ".join(filter(None, (event.by, second_words(data)))),
        confirmed_at=event.run_s,
        lines=(*data.lines, *data.foreseen),
        gates=tuple(data.gates),
    )
    step = replace(step, status="confirmed", attempts=(*step.attempts, attempt), reason="")
    return replace(_with_step(state, step), second=None)


def _seconded(state: RunState, event: Event, data: e.Seconded) -> RunState:
    second = Second(
        step=data.step,
        attempt=data.attempt,
        digest=data.digest,
        by=event.by,
        proven=data.proven,
        boot_id=event.boot_id,
        pressed_ns=data.pressed_ns,
    )
    return replace(state, second=second)


def _void(state: RunState, _event: Event, data: e.ConfirmationVoid) -> RunState:
    step = state.step(data.step)
    former = [one.status for one in step.attempts if one.number < data.attempt]
    state = _change(state, data.step, data.attempt, "open", reason=data.reason)
    step = replace(state.step(data.step), status=former[-1] if former else "open")
    return _with_step(state, step)


def _found(state: RunState, event: Event, data: e.AttemptFound) -> RunState:
    """An attempt that only its folder knew: in doubt, or under way where its runner lives."""
    step = state.step(data.step)
    status: StepStatus = "confirmed" if data.is_alive else "in_doubt"
    found = AttemptState(
        number=data.attempt,
        status=status,
        digest=data.digest,
        by="nobody knows whom",
        confirmed_at=event.run_s,
        reason=data.reason,
        recorded=data.recorded,
    )
    attempts = tuple(sorted((*step.attempts, found), key=lambda one: one.number))
    newest = attempts[-1].number == data.attempt
    changed = replace(step, attempts=attempts, status=status if newest else step.status)
    return _with_step(state, replace(changed, done_at=None if newest else step.done_at))


def _attempt_started(state: RunState, event: Event, data: e.AttemptStarted) -> RunState:
    return _change(
        state,
        data.step,
        data.attempt,
        "running",
        pid=data.pid,
        start_time=data.start_time,
        boot_id=data.boot_id,
        started_at=event.run_s,
        started_boot_ns=event.boot_ns,
    )


def _attempt_ended(state: RunState, event: Event, data: e.AttemptEnded) -> RunState:
    settled, why = _end_of(data)
    return _change(
        state,
        data.step,
        data.attempt,
        settled,
        ended_at=event.run_s,
        took_s=data.took_s,
        exit=data.exit,
        ended=data.ended,
        message=data.message,
        recorded=data.recorded,
        reason=why,
        silent_s=data.silent_s,
    )


def _long(state: RunState, _event: Event, data: e.AttemptLong) -> RunState:
    known = next((a for a in state.step(data.step).attempts if a.number == data.attempt), None)
    if known is None or data.what in known.long:
        return state
    return _change(state, data.step, data.attempt, known.status, long=(*known.long, data.what))


def _end_of(data: e.AttemptEnded) -> tuple[StepStatus, str]:
    """A status other than 0 is a failure, whatever is verified later."""
    if data.ended != "exited":
        return "in_doubt", f"it was {data.ended.replace('_', ' ')}"
    if data.exit:
        return "failed", data.message or f"exit {data.exit}"
    return "unverified", ""


def _in_doubt(state: RunState, _event: Event, data: e.AttemptInDoubt) -> RunState:
    return _change(state, data.step, data.attempt, "in_doubt", reason=data.reason)


def _verified(state: RunState, _event: Event, data: e.Verified) -> RunState:
    step = state.step(data.step)
    attempts = tuple(
        replace(one, answers=tuple(data.answers)) if one.number == data.attempt else one
        for one in step.attempts
    )
    return _with_step(state, replace(step, attempts=attempts))


def _finished(state: RunState, event: Event, data: e.StepFinished) -> RunState:
    state = _change(state, data.step, data.attempt, data.result, reason=data.reason)
    if data.result == "failed":
        return state
    return _with_step(state, replace(state.step(data.step), done_at=event.run_s))


def _settled(state: RunState, event: Event, data: e.StepSettled) -> RunState:
    ends: Mapping[str, StepStatus] = {"done": "done", "failed": "failed", "not_happened": "open"}
    status = ends[data.as_]
    state = _change(state, data.step, data.attempt, status, reason=data.reason)
    done_at = event.run_s if status == "done" else None
    return _with_step(state, replace(state.step(data.step), done_at=done_at, reason=data.reason))


def _skipped(state: RunState, _event: Event, data: e.StepSkipped) -> RunState:
    step = state.step(data.step)
    return _with_step(state, replace(step, status="skipped", reason=data.reason))


def _stopping(state: RunState, _event: Event, data: e.StopRequested) -> RunState:
    return _change(state, data.step, data.attempt, "stopping")


_RULES: Mapping[type, Callable[[RunState, Event, Any], RunState]] = {
    e.RunStarted: _run_started,
    e.ClockSet: _clock_set,
    e.EngineStarted: _engine_started,
    e.SeatTaken: _seat_taken,
    e.SeatVacated: _seat_vacated,
    e.TargetPinned: _pinned,
    e.Held: _held,
    e.Released: _released,
    e.T0Moved: _t0_moved,
    e.T0Happened: _t0_happened,
    e.TurnedBack: _turned_back,
    e.Noted: noted,
    e.RunEnded: _run_ended,
    e.VerdictGiven: _verdict,
    e.WatchAnswered: _watch,
    e.ServiceTurned: _service,
    e.LabTurned: _lab,
    e.Seconded: _seconded,
    e.Confirmed: _confirmed,
    e.ConfirmationVoid: _void,
    e.PlanChangeSeen: _plan_seen,
    e.PlanAccepted: _plan_accepted,
    e.DamageAccepted: _mended,
    e.AttemptFound: _found,
    e.AttemptStarted: _attempt_started,
    e.AttemptEnded: _attempt_ended,
    e.AttemptLong: _long,
    e.AttemptInDoubt: _in_doubt,
    e.Verified: _verified,
    e.StepFinished: _finished,
    e.StepSettled: _settled,
    e.StepSkipped: _skipped,
    e.StopRequested: _stopping,
}
_KNOWN = {n: (it.decode, LINES.get(it.data), _RULES.get(it.data)) for n, it in SHAPES.items()}
"""What reads an event of each type, what it says and changes: looked up once an event."""
