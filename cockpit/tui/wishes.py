"""From a key to what is asked of the engine: at once, or by way of a dialog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cockpit.engine.intents import Kind
from cockpit.outlook import StepLine
from cockpit.tui.allowed import next_moment, opening, speed_after, stoppable, why_not
from cockpit.tui.dialogs.confirm import Confirm
from cockpit.tui.dialogs.handover import Handover
from cockpit.tui.dialogs.leave import Leave
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.dialogs.second import Second
from cockpit.tui.dialogs.settle import Settle
from cockpit.tui.lines import questions

if TYPE_CHECKING:
    from cockpit.tui.app import CockpitApp


def wish(app: CockpitApp, name: str, step: StepLine | None) -> str:
    """Do what a key asks; gives the reason where it may not."""
    if refusal := why_not(app.scene, name, step):
        return refusal
    _WISHES[name](app, step)
    return ""


OPENED = ("next", "waits", "skipped")
"""States whose confirmation Enter opens; a skipped step's, where another one waits for it."""


def open_step(app: CockpitApp, step: StepLine) -> None:
    """Open what Enter means for a step: its confirmation, its settling, its output, its page."""
    from cockpit.tui.screens.full import Full
    from cockpit.tui.screens.page import detail_screen

    if step.status in ("running", "stopping"):
        app.push_screen(Full("output"))
    elif step.status in ("in_doubt", "failed", "unverified"):
        app.push_screen(Settle(step.step.id))
    elif step.status in OPENED and not opening(app.scene, step):
        confirm(app, step.step.id)
    else:
        if step.status in OPENED:
            app.tell(opening(app.scene, step))
            if app.scene.view.seat_comes:
                return  # a page would stand before the confirmation that was meant
        app.push_screen(detail_screen("step", step.step.id))


def follow_next(app: CockpitApp) -> None:
    """The main screen's keys go to what comes next: the operator has just decided."""
    from cockpit.tui.screens.watch import Watch

    for screen in app.screen_stack:
        if isinstance(screen, Watch):
            screen.follow_next()


def confirm(app: CockpitApp, step: str) -> None:
    """Open a step's confirmation; its gates are asked at once."""
    app.ask("propose", step=step)
    app.push_screen(Confirm(step, app.real))


def ask_to_leave(app: CockpitApp) -> None:
    """Put the question of leaving."""

    def answered(choice: str | None) -> None:
        if choice == "finish":
            app.ask("finish")
        if choice:
            app.leave()

    app.push_screen(Leave(), answered)


def _stop(app: CockpitApp, _step: StepLine | None) -> None:
    found = stoppable(app.scene)
    if found is None:
        return
    app.ask("stop", step=found[0], attempt=found[1])
    if app.scene.state.step(found[0]).status in ("in_doubt", "failed"):
        app.tell("asked to end what it left running: it is settled after that", "plain")
    else:
        app.tell("asked to stop it: it is in doubt then, until it is settled", "plain")


def _skip(app: CockpitApp, step: StepLine | None) -> None:
    if step is None:
        return
    chosen = step.step.id
    _with_reason(
        app, questions.skipping(app.scene, step), lambda why: app.ask("skip", step=chosen, text=why)
    )


def _hold(app: CockpitApp, _step: StepLine | None) -> None:
    if app.scene.state.held is not None:
        app.ask("release")
    else:
        # Holding needs its own key and nothing else; the reason can follow as a note.
        app.ask("hold", text="by its key")


def _note(app: CockpitApp, _step: StepLine | None) -> None:
    _with_reason(app, questions.noting(), lambda words: app.ask("note", text=words))


def _roll_back(app: CockpitApp, _step: StepLine | None) -> None:
    _turning(app, questions.rolling_back(app.scene), "roll_back")


def _call_off(app: CockpitApp, _step: StepLine | None) -> None:
    _turning(app, questions.calling_off(app.scene), "call_off")


def _turning(app: CockpitApp, question: questions.Question, how: Kind) -> None:
    def answered(why: str) -> None:
        app.ask(how, text=why)
        follow_next(app)

    _with_reason(app, question, answered)


def _postpone(app: CockpitApp, _step: StepLine | None) -> None:
    def answered(text: str) -> None:
        moment, why = questions.moment_and_reason(text, app.scene)
        if moment is not None:
            app.ask("postpone", value=moment, text=why)

    _with_reason(app, questions.postponing(app.scene), answered)


def _take_seat(app: CockpitApp, _step: StepLine | None) -> None:
    seat = app.scene.state.seat
    if seat is None or seat.vacant:
        app.ask("take_seat")
        return

    def answered(said: tuple[str, str] | None) -> None:
        if said is not None:
            app.ask("take_seat", text=said[0], note=said[1])

    app.push_screen(Handover(questions.taking_over(app.scene)), answered)


def _second(app: CockpitApp, _step: StepLine | None) -> None:
    shown = app.scene.live.proposal if app.scene.live else None
    if shown is not None:
        app.push_screen(Second(shown.step, app.real))


def _accept(app: CockpitApp, _step: StepLine | None) -> None:
    from cockpit.tui.screens.changes import Changes

    app.push_screen(Changes(app.real))


def _jump(app: CockpitApp, _step: StepLine | None) -> None:
    moment = next_moment(app.scene)
    if moment is not None:
        app.ask("jump", value=moment)


def _faster(app: CockpitApp, _step: StepLine | None) -> None:
    app.ask("speed", value=speed_after(app.scene, 1) or 1.0)


def _slower(app: CockpitApp, _step: StepLine | None) -> None:
    app.ask("speed", value=speed_after(app.scene, -1) or 1.0)


def _with_reason(
    app: CockpitApp, question: questions.Question, then: Callable[[str], None]
) -> None:
    def answered(text: str | None) -> None:
        if text is not None:
            then(text)

    app.push_screen(Reason(question, app.real), answered)


_WISHES: Mapping[str, Callable[[CockpitApp, StepLine | None], None]] = {
    "stop": _stop,
    "skip": _skip,
    "hold": _hold,
    "note": _note,
    "roll_back": _roll_back,
    "call_off": _call_off,
    "postpone": _postpone,
    "take_seat": _take_seat,
    "accept": _accept,
    "second": _second,
    "jump": _jump,
    "faster": _faster,
    "slower": _slower,
}
