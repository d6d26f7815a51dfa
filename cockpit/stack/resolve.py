"""A Compose project as Compose itself resolves it, and the files that it resolved."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from cockpit.errors import NotInstalled, TargetError
from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.beneath import beneath
from cockpit.stack.engine import said
from cockpit.stack.layers import EnvFile, Layer, Layers
from cockpit.stack.model import Service

_UNSET = re.compile(r'The \\?"(\w+)\\?" variable is not set')
_NAME = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=")


_NO_PLUGIN = re.compile(r"docker --help|not a docker command|unknown (?:shorthand )?flag")
_NO_CONTEXT = re.compile(r"(?i)context")


class ComposeRefused(TargetError):
    """Compose was asked, and these files are no project to it."""


class Resolved(NamedTuple):
    """What Compose makes of its files."""

    config: dict[str, Any]
    layers: Layers
    unset: tuple[str, ...]
    """Variables that had no value."""


async def resolve(target: ComposeTarget, runbook: str, named: Collection[str] = ()) -> Resolved:
    """Resolve a project; TargetError with Compose's own words where it cannot.

    The profiles of `named` services are on beside the target's own, as Compose has it for a
    service that a command names.
    """
    found = await _resolved(target, runbook)
    if missing := set(named) - found.config["services"].keys():
        profiles = dict.fromkeys((*target.profiles, *found.layers.profiles(missing)))
        found = await _resolved(replace(target, profiles=tuple(profiles)), runbook)
    return found


async def replicas(target: ComposeTarget, runbook: str) -> dict[str, int]:
    """How many containers of each service Compose wants; TargetError where it cannot say."""
    found = await _resolved(target, runbook)
    services = found.config.get("services") or {}
    return {name: Service(name, one).replicas for name, one in services.items()}


async def _resolved(target: ComposeTarget, runbook: str) -> Resolved:
    directory = Path(runbook) / target.directory
    complaints: list[str] = []
    words = (*compose(target, runbook), "config", "--format", "json")
    try:
        text = await said(words, directory, complaints)
    except NotInstalled:
        raise
    except TargetError as error:
        raise _why(error) from error
    layers = await asyncio.to_thread(read_layers, directory, target.files)
    unset = dict.fromkeys(name for line in complaints for name in _UNSET.findall(line))
    return Resolved(json.loads(text), layers, tuple(unset))


def _why(error: TargetError) -> TargetError | NotInstalled:
    """What a failed resolution means: no plugin, no place to ask, or files that are refused."""
    if error.where != "docker" or _NO_CONTEXT.search(error.what):
        return error
    if _NO_PLUGIN.search(error.what):
        mend = "install the docker-compose-plugin package of your Docker"
        return NotInstalled("the Compose plugin of Docker is missing", mend=mend)
    return ComposeRefused(error.what, where=error.where, mend="mend the Compose files")


def compose(target: ComposeTarget, runbook: str) -> tuple[str, ...]:
    """The words that name an engine and a project to Compose."""
    directory = Path(runbook) / target.directory
    files = (word for file in target.files for word in ("--file", str(directory / file)))
    profiles = (word for profile in target.profiles for word in ("--profile", profile))
    place = ("--project-name", target.project, "--project-directory", str(directory))
    return ("docker", *_engine(target.context), "compose", *files, *profiles, *place)


def _engine(context: str | None) -> tuple[str, ...]:
    if context is None:
        return ()
    return ("--host" if "://" in context else "--context", context)


def read_layers(directory: Path, files: tuple[str, ...]) -> Layers:
    """The files as YAML nodes, with the `env_file`s that they name."""
    layers = Layers(tuple(layer for file in files for layer in _read(directory, file)))
    named = {name: directory / name for name in layers.named_env_files()}
    found = {name: _env_file(name, path) for name, path in named.items() if path.is_file()}
    return Layers(layers.files, found)


def _read(directory: Path, file: str) -> list[Layer]:
    """A file's documents, each after what it includes and extends."""
    return [
        layer
        for root in _nodes(directory / file)
        for layer in (*beneath(root, file, partial(_nodes_of, directory)), Layer(file, root))
    ]


def _nodes_of(directory: Path, file: str) -> list[yaml.Node | None]:
    path = directory / file
    return _nodes(path) if path.is_file() else []


def _nodes(path: Path) -> list[yaml.Node | None]:
    try:
        text = path.read_text(encoding="utf-8")
        return [*yaml.compose_all(text, Loader=yaml.SafeLoader)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TargetError(f"cannot be read: {error}", where=str(path)) from error


def _env_file(name: str, path: Path) -> EnvFile:
    lines = enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
    found = ((match[1], at) for at, line in lines if (match := _NAME.match(line.strip())))
    return EnvFile(name, dict(found))
