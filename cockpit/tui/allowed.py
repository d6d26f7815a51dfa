"""Which key may act now, and in words why not. The engine decides again; this only tells early."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cockpit.decision.rollback import t0_may_have_acted
from cockpit.outlook import StepLine, held_up_by
from cockpit.runbook.checks import NotBeforeCheck, SoakCheck
from cockpit.tui.lines.changes import waiting
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import said

ANYONE = frozenset({"note", "take_seat", "hold", "second"})
"""What an observer may ask too."""
SPEEDS = (1, 2, 5, 10, 30, 60, 120, 300, 600)


def why_not(scene: Scene, wish: str, step: StepLine | None = None) -> str:
    """Why a wish would not be followed; empty where it may be asked."""
    if wish == "accept":
        return "" if waiting(scene) else "nothing waits to be accepted"
    if refusal := _closed(scene, wish):
        return refusal
    releasing = wish == "hold" and scene.state.held is not None
    if (wish not in ANYONE or releasing) and not scene.view.is_driver:
        return observing(scene)
    rule = _RULES.get(wish)
    return rule(scene, step) if rule else ""


def _closed(scene: Scene, wish: str) -> str:
    """What the run as a whole holds against a wish."""
    if scene.state.damage:
        return "the journal is damaged: nothing is recorded; a shows what can be done"
    if scene.state.newer:
        return "a newer program wrote this journal: it can only be read"
    if scene.view.is_over:
        return f"the run has ended: {ended_words(scene)}: it can only be read"
    if scene.view.engine_gone:
        return f"the engine is gone: {scene.view.restarts}"
    if scene.state.ended and wish not in ("note", "take_seat", "finish"):
        return f"the run has ended: {ended_words(scene)}"
    return ""


def ended_words(scene: Scene) -> str:
    """How the run ended."""
    return scene.state.ended.replace("_", " ")


def observing(scene: Scene) -> str:
    """Why an observer cannot do it."""
    seat = scene.state.seat
    if scene.view.seat_comes:
        return "the seat is on its way to you: press the key once more in a moment"
    if seat is None or seat.vacant:
        return "nobody has the seat: t takes it"
    return f"you observe: {said(seat.operator)} has seat {seat.number}; t takes it over"


def opening(scene: Scene, step: StepLine) -> str:
    """Why Enter does not open a step's confirmation; empty where it does."""
    if step.status == "skipped":
        waiting_for_it = held_up_by(scene.runbook, scene.state, step.step.id)
        idle = "" if waiting_for_it else f"no step waits for step {step.number}: it stays skipped"
        return idle or why_not(scene, "propose")
    if scene.outlook.next is None or step.step.id != scene.outlook.next.step.id:
        return f"step {step.number} is not the next one"
    return why_not(scene, "propose")


def next_moment(scene: Scene) -> float | None:
    """The run clock at which the next step is due: planned, and its waiting gates open."""
    upcoming = scene.outlook.next
    if upcoming is None:
        return None
    moments = [] if upcoming.planned is None else [upcoming.planned]
    for gate in upcoming.step.gates:
        check = scene.runbook.check(gate)
        if isinstance(check, NotBeforeCheck):
            moments.append(scene.state.t0 + check.offset)
        elif isinstance(check, SoakCheck):
            done = scene.state.step(check.after).done_at
            if done is not None:
                moments.append(done + check.duration)
    return max(moments, default=None)


def speed_after(scene: Scene, direction: int) -> float | None:
    """The next speed up or down; None where there is none."""
    speed = scene.state.clock.speed
    if direction > 0:
        return next((float(one) for one in SPEEDS if one > speed), None)
    return next((float(one) for one in reversed(SPEEDS) if one < speed), None)


def stoppable(scene: Scene) -> tuple[str, int] | None:
    """The step and the attempt that a stop ends: what runs, or what an ended one left running."""
    active = scene.state.active
    if active is not None and active.status in ("confirmed", "running", "stopping"):
        return active.id, active.last.number if active.last else 0
    left = scene.live.left if scene.live else ()
    return (left[0].step, left[0].attempt) if left else None


def _stop(scene: Scene, _step: StepLine | None) -> str:
    return "" if stoppable(scene) else "no step is running"


def _skip(scene: Scene, step: StepLine | None) -> str:
    if step is None:
        return "no step is under the cursor"
    for left in scene.live.left if scene.live else ():
        if left.step == step.step.id:
            return f"step {step.number} left {left.who} running: k ends that first"
    if step.state.status not in ("open", "failed"):
        return f"step {step.number} is {step.state.status.replace('_', ' ')}: it cannot be skipped"
    return ""


def _back(scene: Scene, _step: StepLine | None) -> str:
    if scene.state.mode != "forward":
        return "the run goes back already"
    if scene.state.active is not None:
        return "a step is under way: let it end, or k stops it"
    return ""


def _before_t0(scene: Scene, step: StepLine | None) -> str:
    if t0_may_have_acted(scene.runbook, scene.state):
        return "T-0 has begun: from here the way back is b"
    return _back(scene, step)


def _rehearsal(scene: Scene, _step: StepLine | None) -> str:
    return "" if scene.environment == "rehearsal" else "only a rehearsal's clock can be moved"


def _jump(scene: Scene, step: StepLine | None) -> str:
    if refusal := _rehearsal(scene, step):
        return refusal
    moment = next_moment(scene)
    if moment is None:
        return "nothing is planned any more"
    return "" if moment > scene.now else "it is time already: the next step is due"


def _seat(scene: Scene, _step: StepLine | None) -> str:
    return "you have the seat already" if scene.view.is_driver else ""


def _second(scene: Scene, _step: StepLine | None) -> str:
    shown = scene.live.proposal if scene.live else None
    if shown is None or not shown.second_person:
        return "the driver has nothing open that asks for a second person"
    return "you drive: another login confirms it" if scene.view.is_driver else ""


def _faster(scene: Scene, step: StepLine | None) -> str:
    top = "" if speed_after(scene, 1) else "it goes as fast as it may"
    return _rehearsal(scene, step) or top


def _slower(scene: Scene, step: StepLine | None) -> str:
    bottom = "" if speed_after(scene, -1) else "it goes at real speed"
    return _rehearsal(scene, step) or bottom


_RULES: Mapping[str, Callable[[Scene, StepLine | None], str]] = {
    "stop": _stop,
    "skip": _skip,
    "roll_back": _back,
    "call_off": _before_t0,
    "postpone": _before_t0,
    "take_seat": _seat,
    "second": _second,
    "jump": _jump,
    "faster": _faster,
    "slower": _slower,
    "finish": _rehearsal,
}
