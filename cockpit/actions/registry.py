"""From an action's kind to its module, which is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from cockpit.actions import stand_in
from cockpit.actions.base import ActionContext, ActionKind, Foreseen
from cockpit.actions.paper import Sheet, remarks
from cockpit.journal.events import Json
from cockpit.runbook.actions import Action
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import NotPlayed
from cockpit.secrets import Secrets


def kind_of(action: Action) -> ActionKind:
    """The module of an action's kind."""
    return cast("ActionKind", import_module(f"cockpit.actions.{action.kind}"))


def describe(
    action: Action, runbook: Runbook, recorded: Mapping[str, Mapping[str, Json]] | None = None
) -> tuple[str, ...]:
    """Exactly what will run, line by line, as far as earlier steps recorded it; pure."""
    kind = kind_of(action)
    knowing = getattr(kind, "describe_knowing", None)
    if recorded is None or knowing is None:
        return kind.describe(action, runbook)
    return cast("tuple[str, ...]", knowing(action, runbook, recorded))


def paper(action: Action, sheet: Sheet) -> tuple[str, ...]:
    """The same as commands to paste into bash, for when the cockpit is gone; pure.

    In rehearsal, what would touch this host is told and commands nothing.
    """
    named = (getattr(action, one, None) for one in ("target", "source", "against", "other"))
    targets = [sheet.runbook.target(one) for one in named if one]
    plays = stand_in.is_played(sheet.runbook) and action.kind in stand_in.KINDS
    if plays or any(isinstance(one, NotPlayed) for one in targets):
        return remarks(describe(action, sheet.runbook))
    return kind_of(action).paper(action, sheet)


async def foresee(action: Action, runbook: Runbook, secrets: Secrets) -> Foreseen:
    """What the outside would make of it now; nothing where its description says it all."""
    ask = getattr(kind_of(action), "foresee", None)
    return Foreseen() if ask is None else await ask(action, runbook, secrets)


async def run(action: Action, context: ActionContext) -> Mapping[str, Json]:
    """Act; what later steps may need comes back. ActionFailed where it did not succeed."""
    return await kind_of(action).run(action, context)
