"""Installs the unit that lets the engine watch again after a reboot, or removes it.

The unit starts the engine of the run that has not ended. An engine starts no step: it watches.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from cockpit import systemd
from cockpit.actions import child, stand_in
from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, block, here
from cockpit.durable import replace_file, sync_folder
from cockpit.engine.layout import home
from cockpit.errors import ActionFailed
from cockpit.journal.events import Json
from cockpit.runbook.actions import UnitAction
from cockpit.runbook.model import Runbook

FOLDER = Path("/etc/systemd/system")
"""Where an administrator's units lie; systemd.unit(5)."""
RELOAD = ("systemctl", "daemon-reload")
_TAKEN = ("PATH", "HOME", "LANG", "TZ", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")
_TAKEN_TOO = ("XDG_STATE_HOME", "PYTHONPATH")
_SETTINGS = (
    *systemd.PROPERTIES,
    # What it needs may come up later than it does, or be unlocked by hand.
    ("Restart", "on-failure"),
    ("RestartSec", "30"),
)


def name_of(runbook: Runbook) -> str:
    """The unit's name: the same for every run of a runbook in an environment."""
    return systemd.unit_name("cockpit", runbook.name, runbook.environment)


def text_of(runbook: Runbook) -> str:
    """The unit, line by line."""
    environment = {name: os.environ[name] for name in (*_TAKEN, *_TAKEN_TOO) if name in os.environ}
    start = (sys.executable, "-m", "cockpit.engine", "--unfinished", runbook.name)
    lines = (
        "[Unit]",
        f"Description=cockpit: watch {runbook.name} in {runbook.environment} after a reboot",
        "After=network-online.target",
        f"RequiresMountsFor={_quoted(str(home()))}",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        f"ExecStart={' '.join(_quoted(word, '$') for word in (*start, runbook.environment))}",
        f"Environment={_quoted(f'COCKPIT_HOME={home()}')}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in environment.items()),
        *(f"{name}={value}" for name, value in _SETTINGS),
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    )
    return "\n".join(lines) + "\n"


def describe(action: UnitAction, runbook: Runbook) -> tuple[str, ...]:
    """The file as it will be, and what is asked of systemd."""
    name = name_of(runbook)
    if action.operation == "install":
        text = [f"  {line}".rstrip() for line in text_of(runbook).splitlines()]
        lines = [f"write {FOLDER / name}:", *text, *map(" ".join, (RELOAD, _enable(name)))]
    else:
        lines = [" ".join(_disable(name)), f"delete {FOLDER / name}", " ".join(RELOAD)]
    return stand_in.described(tuple(lines), action, runbook)


def paper(action: UnitAction, sheet: Sheet) -> tuple[str, ...]:
    """The file written or deleted, and systemd told."""
    name = name_of(sheet.runbook)
    if action.operation == "install":
        written = here(f"cat > {FOLDER / name}", text_of(sheet.runbook))
        return block(*written, " ".join(RELOAD), " ".join(_enable(name)))
    return block(" ".join(_disable(name)), f"rm -f {FOLDER / name}", " ".join(RELOAD))


async def run(action: UnitAction, context: ActionContext) -> Mapping[str, Json]:
    """Install or remove it; what lay there before is recorded."""
    if stand_in.is_played(context.runbook):
        return await stand_in.play(context)
    if os.geteuid() != 0 or not systemd.BOOTED.is_dir():
        raise ActionFailed(
            "only root on a host that systemd runs can install a unit",
            mend="skip this step; after a reboot `cockpit run` lets the engine watch again",
        )
    if not context.run_directory.is_relative_to(home()):
        raise ActionFailed(
            f"the unit would look for runs in {home()}, and this one lies elsewhere",
            where=str(context.run_directory),
        )
    name = name_of(context.runbook)
    former = await asyncio.to_thread(_former, FOLDER / name)
    if action.operation == "install":
        await _install(name, text_of(context.runbook), context)
    elif former is None:
        context.say(f"{FOLDER / name} is not there")
    else:
        await _remove(name, context)
    return {"unit": name, "former": former}


def _former(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


async def _install(name: str, text: str, context: ActionContext) -> None:
    path = FOLDER / name
    await asyncio.to_thread(replace_file, path, text.encode())
    # systemd and every reader of it: nothing in it is secret.
    path.chmod(0o644)
    context.say(f"wrote {path}")
    await _ask(RELOAD, context)
    await _ask(_enable(name), context)


async def _remove(name: str, context: ActionContext) -> None:
    await _ask(_disable(name), context)
    (FOLDER / name).unlink()
    await asyncio.to_thread(sync_folder, FOLDER)
    context.say(f"deleted {FOLDER / name}")
    await _ask(RELOAD, context)


def _enable(name: str) -> tuple[str, ...]:
    return ("systemctl", "enable", name)


def _disable(name: str) -> tuple[str, ...]:
    return ("systemctl", "disable", name)


async def _ask(words: tuple[str, ...], context: ActionContext) -> None:
    env = child.environment(context.runbook, context.secrets, {})
    await child.run(words, Path("/"), env, context.secrets, context.say, context.acting)


def _quoted(word: str, doubled: str = "") -> str:
    """A word as systemd.syntax(7) wants it: percent signs and, in commands, dollars are doubled."""
    for sign in ("%", *doubled):
        word = word.replace(sign, sign * 2)
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if escaped != word or any(one in word for one in " \t'") else word
