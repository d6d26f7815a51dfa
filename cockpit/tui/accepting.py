"""Accepting what changed: what is asked of the operator first, and of the engine then."""

from __future__ import annotations

from dataclasses import dataclass

from cockpit.engine.intents import Kind
from cockpit.tui.allowed import observing
from cockpit.tui.lines.changes import What, waiting
from cockpit.tui.lines.questions import Question, telling
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the key does on the page of what waits."""

    kind: Kind
    digest: str
    """Of what is on the page."""
    question: Question


def acceptance(scene: Scene) -> Acceptance | str:
    """What would be asked; or why it cannot be."""
    live, what = scene.live, waiting(scene)
    if live is None or not what:
        return "nothing waits to be accepted"
    if scene.view.engine_gone:
        return f"the engine is gone: {scene.view.restarts}"
    if what == "damage":
        return _damage(scene)
    if not scene.view.is_driver:
        return observing(scene)
    return _program() if what == "program" else _plan(scene)


def _damage(scene: Scene) -> Acceptance | str:
    found = scene.live.damage if scene.live else None
    if found is None:
        return "the engine has not read the damage yet"
    if found.hopeless:
        return found.hopeless
    body: tuple[Line, ...] = (
        (("Type this sentence; you may add why:", "plain"),),
        ((found.sentence, "strong"),),
    )

    def refusal(text: str, _scene: Scene) -> str:
        is_said = " ".join(text.split()).startswith(found.sentence)
        return "" if is_said else f"it must begin with: {found.sentence}"

    question = Question(
        "Go on with a damaged journal",
        telling(*body),
        found.sentence,
        refusal,
        does="goes on with what is kept",
    )
    return Acceptance("accept_damage", found.sha256, question)


def _program() -> Acceptance:
    body: tuple[Line, ...] = ((("The engine begins again; what runs goes on.", "plain"),),)
    return Acceptance(
        "restart",
        "",
        Question(
            "Begin again with the program on disk",
            telling(*body),
            "why was it changed?",
            does="begins again with it",
        ),
    )


def _plan(scene: Scene) -> Acceptance | str:
    change = scene.live.plan_change if scene.live else None
    if change is None or change.is_gone:
        return "there is nothing to go over to"
    if change.mistakes:
        return f"it has mistakes: {change.mistakes[0]}"
    if change.refusals:
        return change.refusals[0]
    body: tuple[Line, ...] = (
        ((f"From plan {scene.state.plan[:12]} to plan {change.digest[:12]}.", "plain"),),
        (("What is done stays done; the next steps are those of the new plan.", "plain"),),
    )
    question = Question(
        "Go over to the changed runbook",
        telling(*body),
        "why is it changed?",
        does="goes over to it",
    )
    return Acceptance("accept_plan", change.digest, question)


TITLES: dict[What, str] = {
    "": "nothing waits",
    "damage": "accept it in words",
    "program": "begin again with it",
    "plan": "go over to it",
}
"""What the key does, by what waits."""
