"""Runs a program on this host; in rehearsal, the lab operation named for the step."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from cockpit.actions import child, stand_in
from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, block
from cockpit.journal.events import Json
from cockpit.runbook.actions import ShellAction
from cockpit.runbook.model import Runbook


def describe(action: ShellAction, runbook: Runbook) -> tuple[str, ...]:
    """The command as a shell would read it, its folder and its variables."""
    variables = [f"{name}={shlex.quote(value)}" for name, value in action.environment.items()]
    lines = [" ".join((*variables, shlex.join(action.argv)))]
    if action.directory != ".":
        lines.append(f"in {action.directory}")
    return stand_in.described(tuple(lines), action, runbook)


def paper(action: ShellAction, sheet: Sheet) -> tuple[str, ...]:
    """The command in its folder, told as the cockpit tells it where the secrets lie."""
    folder = Path(sheet.runbook.directory)
    secrets = sheet.runbook.profile.secrets.items()
    files = {f"{name.upper()}_FILE": str(folder / secret.file) for name, secret in secrets}
    words = "\n".join(action.argv)
    told = {name: path for name, path in files.items() if name in words or action.files}
    return block(
        f"cd {shlex.quote(str(folder / action.directory))}",
        *(f"export {name}={shlex.quote(value)}" for name, value in told.items()),
        *(f"export {name}={shlex.quote(value)}" for name, value in action.environment.items()),
        shlex.join(action.argv),
    )


async def run(action: ShellAction, context: ActionContext) -> Mapping[str, Json]:
    """Run it to its end."""
    if stand_in.is_played(context.runbook):
        return await stand_in.play(context)
    directory = Path(context.runbook.directory) / action.directory
    env = child.environment(context.runbook, context.secrets, action.environment)
    keep = context.acting
    await child.run(action.argv, directory, env, context.secrets, context.say, keep)
    return {}
