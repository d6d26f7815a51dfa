"""Questions to this host: free space, secret files, Docker, programs that only read."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from cockpit.actions import child
from cockpit.checks.base import CheckContext, Finding
from cockpit.errors import ActionFailed, Refused, TargetError
from cockpit.runbook.checks import CommandCheck, DiskCheck, DockerCheck, SecretFilesCheck
from cockpit.runbook.targets import ComposeTarget, HostTarget

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def sized(size: float) -> str:
    """Bytes as a person reads them."""
    unit = 0
    while size >= 1024 and unit < len(UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.1f} {UNITS[unit]}" if unit else f"{size:.0f} B"


async def disk(check: DiskCheck, context: CheckContext) -> Finding:
    """Free space where the host target points."""
    target = context.runbook.target(check.target)
    if not isinstance(target, HostTarget):
        raise TargetError("is no host", where=check.target)
    free = (await asyncio.to_thread(shutil.disk_usage, target.path)).free
    words = f"{sized(free)} free at {target.path}"
    if free >= check.at_least:
        return Finding("pass", words)
    return Finding("fail", f"{words}, {sized(check.at_least)} needed")


async def secret_files(_check: SecretFilesCheck, context: CheckContext) -> Finding:
    """Every secret's file: there, not empty, closed to everybody else."""
    names = sorted(context.runbook.profile.secrets)
    problems = [problem for name in names if (problem := _problem(name, context))]
    if problems:
        return Finding("fail", "; ".join(problems))
    words = f"{len(names)} secret files"
    if warnings := list(context.secrets.exposures()):
        return Finding("pass", f"{words}; refused outside rehearsals: {'; '.join(warnings)}")
    return Finding("pass", f"{words}, each closed to everybody else")


def _problem(name: str, context: CheckContext) -> str:
    try:
        context.secrets.value(name)
    except Refused as error:
        return f"{error.what}: {error.where}"
    return ""


async def docker(check: DockerCheck, context: CheckContext) -> Finding:
    """The Docker engine behind a Compose target answers."""
    from cockpit.actions.docker_engine import engine

    target = context.runbook.target(check.target)
    if not isinstance(target, ComposeTarget):
        raise TargetError("is no Compose project", where=check.target)
    info = await engine(target)
    return Finding("pass", f"Docker engine {info['ServerVersion']} on {info['Name']}")


async def command(check: CommandCheck, context: CheckContext) -> Finding:
    """A program that only reads exits with 0; its last line is the evidence."""
    env = child.environment(context.runbook, context.secrets, {})
    directory = Path(context.runbook.directory)
    try:
        said = await child.run(check.argv, directory, env, context.secrets, lambda _: None)
    except ActionFailed as error:
        return Finding("fail", error.what)
    return Finding("pass", said[-1] if said else f"{check.argv[0]} exited with 0")
