"""In rehearsal: the lab operation that stands in for a program that would touch this host."""

from __future__ import annotations

from collections.abc import Mapping

from cockpit.actions.base import ActionContext
from cockpit.errors import ActionFailed, Refused
from cockpit.journal.events import Json
from cockpit.runbook.actions import Action
from cockpit.runbook.model import Runbook

NOTHING = "nothing runs: not rehearsed here"
KINDS = frozenset(("shell", "compose", "unit"))
"""The kinds of action for which an operation of the lab stands in."""
NONE = "none"
"""What a profile writes for a step that the lab does not play."""


def is_played(runbook: Runbook) -> bool:
    """Whether programs of this runbook are replaced by lab operations."""
    return runbook.environment == "rehearsal"


def operation_of(runbook: Runbook, step_id: str) -> str | None:
    """The lab operation named for a step; None where it is `none`, or not named."""
    lab = runbook.profile.lab
    operation = lab.operations.get(step_id, NONE) if lab else NONE
    return None if operation == NONE else operation


def described(lines: tuple[str, ...], action: Action, runbook: Runbook) -> tuple[str, ...]:
    """The lines as they are, or in rehearsal both: what production runs, and what stands in."""
    if not is_played(runbook):
        return lines
    step = next((step for step in runbook.steps() if step.action is action), None)
    operation = operation_of(runbook, step.id) if step else None
    here = f"the lab operation {operation} stands in" if operation else NOTHING
    return (*(f"production: {line}" for line in lines), f"here: {here}")


async def play(context: ActionContext) -> Mapping[str, Json]:
    """Run the lab operation named for the step; nothing where there is none."""
    operation = operation_of(context.runbook, context.step.id)
    if operation is None:
        context.say(NOTHING)
        return {"not_rehearsed": True}
    if context.lab is None:
        raise Refused(
            "the embedded lab is not there, and a rehearsal runs nothing on this host",
            where=context.step.id,
            mend="wait until the lab is up, then confirm the step again",
        )
    context.say(f"the lab operation {operation} stands in")
    await _ask(f"{context.lab}/operations/{operation}", context)
    return {"operation": operation}


async def _ask(url: str, context: ActionContext) -> None:
    import httpx

    last = context.secrets.tail(1)
    try:
        async with (
            httpx.AsyncClient(timeout=context.step.timeout, trust_env=False) as client,
            client.stream("POST", url) as response,
        ):
            async for line in response.aiter_lines():
                context.say(line)
                last.add(line)
    except httpx.HTTPError as error:
        raise ActionFailed(f"the lab did not answer: {error}", where=url) from error
    if response.status_code != httpx.codes.OK:
        raise ActionFailed("".join(last.lines()) or f"the lab answered {response.status_code}")
