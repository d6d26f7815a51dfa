"""What each event says to a person: the lines of "What happened"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cockpit.journal import events as e
from cockpit.journal.events import Event
from cockpit.journal.state import RunState
from cockpit.status import CHECK, SETTLED, TILE, VERDICT, Token
from cockpit.timewords import lasting

Said = tuple[str, Token]
AGAIN = ", judged again"
"""How the watch of a gate is named that is asked once more because T-0 was moved."""


def line_of(state: RunState, event: Event, data: object) -> Said | None:
    """The line of an event and its colour token; None for those not worth one.

    `state` is what the journal said before the event.
    """
    rule = LINES.get(type(data))
    return rule(state, event, data) if rule else None


def _attempt(data: Any) -> str:
    return f"{data.step} · attempt {data.attempt}"


def _run_started(_s: RunState, event: Event, d: e.RunStarted) -> Said:
    return f"run of {d.title} began in {d.environment} by {event.by}", "plain"


def _engine_started(state: RunState, _e: Event, d: e.EngineStarted) -> Said | None:
    where = f" in {d.unit}" if d.unit else ""
    if state.engines:
        return f"an engine was started again{where}: it watches, and began nothing", "plain"
    return None


def _clock_set(_s: RunState, event: Event, d: e.ClockSet) -> Said | None:
    told = {
        "jump": f"the run clock was moved ahead by {event.by}: every window starts anew",
        "speed": f"the run clock goes at {d.speed:g}x now, by {event.by}",
        "reboot": "this host was started again: the run clock is anchored anew by the wall clock",
        "lag": f"the lab fell behind: the run clock goes at {d.speed:g}x now",
    }
    return (told[d.why], "needs") if d.why in told else None


def _seat_taken(state: RunState, _e: Event, d: e.SeatTaken) -> Said:
    how = {"start": "has", "vacant": "took the vacant", "over": "took over"}[d.how]
    whose = f" from {state.seat.operator}" if d.how == "over" and state.seat else ""
    why = f": {d.reason}" if d.reason else ""
    note = f" · handed over: {d.handover}" if d.handover else ""
    tone: Token = "needs" if d.how == "over" else "plain"
    return f"{d.operator} on {d.host} {how} seat {d.seat}{whose}{why}{note}", tone


def _seat_vacated(_s: RunState, _e: Event, d: e.SeatVacated) -> Said:
    return f"seat {d.seat} is vacant: {d.why}", "needs"


def _confirmed(_s: RunState, event: Event, d: e.Confirmed) -> Said:
    second = f", second person {second_words(d)}" if d.second else ""
    return f"{_attempt(d)} · confirmed by {event.by}, seat {d.seat}{second}", "plain"


def second_words(data: e.Confirmed) -> str:
    """The second person; said where it is not proven to be another one."""
    doubt = "" if data.second_proven else " (not proven to be another person)"
    return f"{data.second}{doubt}" if data.second else ""


def _seconded(_s: RunState, event: Event, d: e.Seconded) -> Said:
    doubt = "" if d.proven else ", not proven to be another person: both are root"
    words = f"{_attempt(d)} · {event.by} confirmed it as second person{doubt}"
    return words, "plain" if d.proven else "needs"


def _void(_s: RunState, _e: Event, d: e.ConfirmationVoid) -> Said:
    return f"{_attempt(d)} · the confirmation is void: {d.reason}", "needs"


def _refused(_s: RunState, event: Event, d: e.IntentRefused) -> Said:
    return f"{d.kind.replace('_', ' ')} by {event.by} was not followed: {d.reason}", "needs"


def _ended(_s: RunState, _e: Event, d: e.AttemptEnded) -> Said:
    tail = f" · {d.message}" if d.message else ""
    if d.ended != "exited":
        return f"{_attempt(d)} · {d.ended.replace('_', ' ')} after {d.took_s:.1f} s{tail}", "bad"
    tone: Token = "plain" if d.exit == 0 else "bad"
    return f"{_attempt(d)} · exit {d.exit} in {d.took_s:.1f} s{tail}", tone


def _long(_s: RunState, _e: Event, d: e.AttemptLong) -> Said:
    told = {
        "takes_long": "takes long",
        "silent": "is silent",
        "not_ended": "is beyond its timeout, and its runner has not ended it",
    }
    words = f"{_attempt(d)} · {told[d.what]}: {lasting(d.after_s)}; {d.usual}"
    return words, "bad" if d.what == "not_ended" else "needs"


def _plan_seen(_s: RunState, _e: Event, d: e.PlanChangeSeen) -> Said:
    what = "with mistakes" if d.mistakes else f"to plan {d.plan[:12]}"
    words = (
        f"the runbook's files changed {what} ({', '.join(d.files)}): only the accepted copy runs"
    )
    return words, "needs"


def _plan_accepted(_s: RunState, event: Event, d: e.PlanAccepted) -> Said:
    count = f"{len(d.changes)} differences" if len(d.changes) != 1 else d.changes[0]
    begun = f"; {', '.join(d.begun)} had begun and stays as it is" if d.begun else ""
    words = f"PLAN CHANGED to {d.plan[:12]} by {event.by}: {d.reason}; {count}{begun}"
    return words, "needs"


def _set_aside(_s: RunState, _e: Event, d: e.LineSetAside) -> Said:
    words = (
        f"the half of a line ({d.size} bytes) was set aside in {d.file}: its writing was cut off"
    )
    return words, "needs"


def _mended(_s: RunState, event: Event, d: e.DamageAccepted) -> Said:
    lost = f"; lost: {', '.join(d.lost)}" if d.lost else ""
    return (
        f"DAMAGED JOURNAL accepted by {event.by}: {d.what}; {d.taken_over} events behind it still"
        f" held{lost}; as it was: {d.kept}; “{d.words}”"
    ), "bad"


def _found(_s: RunState, _e: Event, d: e.AttemptFound) -> Said:
    return f"{_attempt(d)} · found by its folder alone: {d.reason}", "bad"


def _doubt(_s: RunState, _e: Event, d: e.AttemptInDoubt) -> Said:
    return f"{_attempt(d)} · IN DOUBT: {d.reason}", "bad"


def _finished(state: RunState, _e: Event, d: e.StepFinished) -> Said:
    if d.result == "failed":
        return f"{_attempt(d)} · FAILED: {d.reason}", "bad"
    attempt = state.step(d.step).last
    proofs = [answer.evidence for answer in attempt.answers] if attempt else []
    proof = f" · {proofs[0]}" if proofs else ""
    return f"{_attempt(d)} · done{proof}", "fine"


def _settled(_s: RunState, event: Event, d: e.StepSettled) -> Said:
    tone: Token = "bad" if d.as_ == "failed" else "needs"
    return f"{_attempt(d)} · settled as {SETTLED[d.as_]} by {event.by}: {d.reason}", tone


def _skipped(_s: RunState, event: Event, d: e.StepSkipped) -> Said:
    return f"{d.step} · skipped by {event.by}: {d.reason}", "needs"


def _stop(_s: RunState, event: Event, d: e.StopRequested) -> Said:
    return f"{_attempt(d)} · {event.by} stops it", "needs"


def _held(_s: RunState, event: Event, d: e.Held) -> Said:
    return f"held by {event.by}: {d.reason}", "needs"


def _released(_s: RunState, event: Event, _d: e.Released) -> Said:
    return f"released by {event.by}", "plain"


def _noted(_s: RunState, event: Event, d: e.Noted) -> Said:
    return f"noted by {event.by}: {d.text}", "plain"


def _t0_moved(_s: RunState, event: Event, d: e.T0Moved) -> Said:
    return f"T-0 was moved by {event.by}: {d.reason}", "needs"


def _t0_happened(_s: RunState, _e: Event, d: e.T0Happened) -> Said:
    return f"T-0: {d.evidence}", "fine"


def _turned(state: RunState, event: Event, d: e.TurnedBack) -> Said:
    what = "rollback" if d.how == "roll_back" else "calling off"
    return f"{what} chosen by {event.by}: {d.reason}{_watched_no_more(len(state.watches))}", "bad"


def _watched_no_more(count: int) -> str:
    if not count:
        return ""
    return f"; {count} watches of the way forward end" if count > 1 else "; its watch ends"


def _run_ended(_s: RunState, _e: Event, d: e.RunEnded) -> Said:
    return f"the run ended: {d.how.replace('_', ' ')}", "fine"


def _verdict(_s: RunState, _e: Event, d: e.VerdictGiven) -> Said:
    mark = VERDICT[d.verdict]
    return f"verdict {mark.word}: {d.reason}", mark.token


def _watch(state: RunState, _e: Event, d: e.WatchAnswered) -> Said | None:
    before = state.watches.get(d.watch)
    if before is not None and before.said == d.answer.said:
        return None
    mark = CHECK[d.answer.said]
    tone: Token = "plain" if d.answer.holds else mark.token
    again = "judged again: " if d.watch.endswith(AGAIN) else ""
    tail = f" · {d.answer.evidence}" if d.answer.evidence else ""
    return f"{again}{d.answer.title}: {mark.word}{tail}", tone


def _service(_s: RunState, _e: Event, d: e.ServiceTurned) -> Said | None:
    was, mark = TILE[d.was].word, TILE[d.now]
    if d.was == d.now:
        return None
    tail = "" if d.figure in ("", mark.word) or d.now == "off" else f" · {d.figure}"
    return f"{d.title}: {was} -> {mark.word}{tail}", mark.token


def _propagated(_s: RunState, _e: Event, d: e.Propagated) -> Said:
    return d.text, "plain"


def _lab(_s: RunState, _e: Event, d: e.LabTurned) -> Said:
    tone: Token = "bad" if d.state == "down" else "plain"
    return f"the lab is {d.state}{': ' + d.detail if d.detail else ''}", tone


LINES: Mapping[type, Callable[[RunState, Event, Any], Said | None]] = {
    e.RunStarted: _run_started,
    e.ClockSet: _clock_set,
    e.EngineStarted: _engine_started,
    e.SeatTaken: _seat_taken,
    e.SeatVacated: _seat_vacated,
    e.Seconded: _seconded,
    e.Confirmed: _confirmed,
    e.ConfirmationVoid: _void,
    e.IntentRefused: _refused,
    e.AttemptEnded: _ended,
    e.AttemptLong: _long,
    e.PlanChangeSeen: _plan_seen,
    e.PlanAccepted: _plan_accepted,
    e.LineSetAside: _set_aside,
    e.DamageAccepted: _mended,
    e.AttemptFound: _found,
    e.AttemptInDoubt: _doubt,
    e.StepFinished: _finished,
    e.StepSettled: _settled,
    e.StepSkipped: _skipped,
    e.StopRequested: _stop,
    e.Held: _held,
    e.Released: _released,
    e.Noted: _noted,
    e.T0Moved: _t0_moved,
    e.T0Happened: _t0_happened,
    e.TurnedBack: _turned,
    e.RunEnded: _run_ended,
    e.VerdictGiven: _verdict,
    e.WatchAnswered: _watch,
    e.ServiceTurned: _service,
    e.Propagated: _propagated,
    e.LabTurned: _lab,
}
