"""A person does it; confirming says that it was done."""

from __future__ import annotations

from collections.abc import Mapping

from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, remarks
from cockpit.journal.events import Json
from cockpit.runbook.actions import ManualAction
from cockpit.runbook.model import Runbook


def describe(action: ManualAction, _runbook: Runbook) -> tuple[str, ...]:
    """What the person does, line by line."""
    return tuple(f"by hand: {line}" for line in action.do)


def paper(action: ManualAction, _sheet: Sheet) -> tuple[str, ...]:
    """The same lines: they were never anything but a person's."""
    return remarks(f"by hand: {line}" for line in action.do)


async def run(action: ManualAction, context: ActionContext) -> Mapping[str, Json]:
    """Put on record what the confirmation said."""
    for line in action.do:
        context.say(f"done by hand: {line}")
    return {}
