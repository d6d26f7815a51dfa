"""What a runbook needs of the host on which it is walked, and what of it is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cockpit import systemd
from cockpit.commands import doctor
from cockpit.commands.diagnosis import Diagnosis
from cockpit.errors import CockpitError, Refused, Untold
from cockpit.redact import SHOWN
from cockpit.runbook.actions import ShellAction, UnitAction
from cockpit.runbook.checks import CommandCheck
from cockpit.runbook.load import load, profiles_in
from cockpit.runbook.model import Runbook
from cockpit.runbook.providers import OPTIONS
from cockpit.runbook.targets import (
    ComposeTarget,
    DirectoryMirror,
    DnsTarget,
    HttpTarget,
    PostgresTarget,
    RcloneMirror,
)
from cockpit.secrets import Secrets, for_profile, reachable_by_others


def needs(directory: Path, environment: str | None) -> list[Diagnosis]:
    """What a runbook wants in one environment, or in each that has a profile; each thing once."""
    asked = [environment] if environment else list(profiles_in(directory))
    wanted: dict[Diagnosis, list[str]] = {}
    for one in asked:
        for thing in _of(directory, one):
            wanted.setdefault(thing, []).append(one)
    return [
        replace(thing, wanted_for=", ".join(users), is_needed=True)
        for thing, users in wanted.items()
    ]


def _of(directory: Path, environment: str) -> list[Diagnosis]:
    loaded = load(directory, environment)
    if loaded.runbook is None:
        raise Untold(
            f"the runbook has mistakes for {environment}: what it needs cannot be told",
            where=str(directory),
            mend=f"`cockpit check {directory} --env {environment}` lists them",
        )
    runbook = loaded.runbook
    found = (replace(one, wanted_for="") for look in LOOKS for one in look(runbook))
    return list(dict.fromkeys(found))


def _servers(runbook: Runbook) -> Iterator[Diagnosis]:
    """The embedded lab's PostgreSQL; nothing else of a rehearsal lies on this host."""
    if runbook.environment == "rehearsal":
        yield doctor.postgres()


def _stacks(runbook: Runbook) -> Iterator[Diagnosis]:
    """Each Compose project's engine, the plugin, and the project's files."""
    stacks = [one for one in runbook.profile.targets.values() if isinstance(one, ComposeTarget)]
    for stack in stacks:
        yield doctor.engine(stack.context)
        for file in stack.files:
            yield _file("Compose file", Path(runbook.directory, stack.directory, file))
    if stacks:
        yield doctor.compose()
        yield doctor.whales()


def _programs(runbook: Runbook) -> Iterator[Diagnosis]:
    """The programs of its steps and checks; in a rehearsal none of them runs."""
    if runbook.environment == "rehearsal":
        return
    for step in runbook.steps():
        if isinstance(step.action, ShellAction):
            folder = Path(runbook.directory, step.action.directory)
            yield _program(step.action.argv[0], folder, f"step {step.id}")
    for check in runbook.procedure.checks:
        if isinstance(check, CommandCheck):
            yield _program(check.argv[0], Path(runbook.directory), f"check {check.id}")


def _program(name: str, folder: Path, user: str) -> Diagnosis:
    # A name with a slash is looked for from the folder in which it is run, as execve(2) does.
    found = shutil.which(folder / name if "/" in name else name)
    mend = f"install it: the {user} runs it" if found is None else ""
    return Diagnosis(f"program {name}", found or "missing", mend)


def _units(runbook: Runbook) -> Iterator[Diagnosis]:
    if runbook.environment == "rehearsal":
        return
    for step in runbook.steps():
        if isinstance(step.action, UnitAction):
            good = systemd.can_start_units()
            mend = "" if good else f"run as root under systemd, or skip the step {step.id}"
            found = "its units can be started" if good else "no units can be started here"
            yield Diagnosis("systemd", found, mend)
            return


def _zones(runbook: Runbook) -> Iterator[Diagnosis]:
    for one in runbook.profile.targets.values():
        if isinstance(one, DnsTarget) and one.provider in OPTIONS:
            yield _by_library(one.provider)


def _by_library(provider: str) -> Diagnosis:
    from cockpit.propagation.providers import library

    what = f"{provider} by octoDNS"
    try:
        library.require(provider)
    except CockpitError as refusal:
        return Diagnosis(what, refusal.what, refusal.mend)
    return Diagnosis(what, "installed")


def _files(runbook: Runbook) -> Iterator[Diagnosis]:
    """Every secret, and each certificate authority that a target names; the lab brings its own."""
    if runbook.environment == "rehearsal":
        return
    secrets = for_profile(runbook, SHOWN)
    for name in runbook.profile.secrets:
        yield _secret(name, secrets)
    for one in runbook.profile.targets.values():
        if isinstance(one, PostgresTarget | HttpTarget) and one.sslrootcert:
            yield _file("certificate authority", Path(runbook.directory, one.sslrootcert))


def _secret(name: str, secrets: Secrets) -> Diagnosis:
    try:
        secrets.value(name)
    except Refused as refusal:
        told = f"{secrets.path(name)}: {refusal.what.removeprefix(f'the secret {name} ')}"
        return Diagnosis(f"secret {name}", told, refusal.mend or "write it anew, as text")
    return Diagnosis(f"secret {name}", "there, and closed to everybody else")


def _file(what: str, path: Path) -> Diagnosis:
    if os.access(path, os.R_OK):
        return Diagnosis(what, str(path))
    found = "cannot be read by this user" if path.exists() else "missing"
    return Diagnosis(what, f"{path}: {found}", "put it there, or correct its path in the profile")


def _mirrors(runbook: Runbook) -> Iterator[Diagnosis]:
    match runbook.profile.mirror:
        case RcloneMirror() as mirror:
            yield _program("rclone", Path(), "mirror")
            problem = reachable_by_others(Path(mirror.config))
            mend = f"write it with the remote {mirror.remote.partition(':')[0]}, mode 0600"
            words = f"{mirror.config} {problem}" if problem else mirror.config
            yield Diagnosis("rclone's configuration", words, mend if problem else "")
        case DirectoryMirror() as mirror:
            there = os.access(mirror.directory, os.W_OK)
            words = mirror.directory if there else f"{mirror.directory} cannot be written"
            yield Diagnosis("mirror's folder", words, "" if there else "mount the share there")


LOOKS: tuple[Callable[[Runbook], Iterator[Diagnosis]], ...] = (
    *(_servers, _stacks, _programs, _units, _zones, _files, _mirrors),
)
