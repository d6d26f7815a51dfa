"""The Docker engine behind a Compose target, by python-on-whales."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cockpit.errors import NotInstalled, TargetError
from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.engine import said

if TYPE_CHECKING:
    from python_on_whales import DockerClient

NO_DOCKER = "this host has no docker program"
GET_DOCKER = "install Docker with its Compose plugin"
SILENT = "the Docker engine does not answer"
START_DOCKER = "`systemctl start docker` on its host; `docker info` says whether it answers"
READING_S = 15
"""Real seconds after which a child that only reads is ended, with all that it started."""
READS = ("timeout", "--signal=KILL", str(READING_S), "docker")
"""A `docker` that an engine without an answer cannot hold."""


def client(target: ComposeTarget, runbook: str, calls: Sequence[str] = ("docker",)) -> DockerClient:
    """The Docker client of a Compose target; NotInstalled without Docker or python-on-whales."""
    try:
        from python_on_whales import DockerClient
    except ImportError as error:
        raise NotInstalled(
            "the Compose actions need python-on-whales", mend="pip install 'cockpit[docker]'"
        ) from error
    if shutil.which("docker") is None:
        raise NotInstalled(NO_DOCKER, mend=GET_DOCKER)
    directory = Path(runbook) / target.directory
    remote = target.context is not None and "://" in target.context
    return DockerClient(
        context=None if remote else target.context,
        host=target.context if remote else None,
        compose_files=[directory / file for file in target.files],
        compose_profiles=list(target.profiles),
        compose_project_name=target.project,
        compose_project_directory=directory,
        client_call=list(calls),
    )


def where(target: ComposeTarget) -> tuple[str, ...]:
    """The words that lead `docker` to the target's engine."""
    if target.context is None:
        return ()
    return ("--host" if "://" in target.context else "--context", target.context)


async def engine(target: ComposeTarget) -> Mapping[str, Any]:
    """What the engine says of itself; TargetError where it is silent.

    By a child that ends with the question: a thread would wait for an engine that hangs.
    """
    words = ("docker", *where(target), "system", "info", "--format", "{{json .}}")
    try:
        info: Mapping[str, Any] = json.loads(await said(words))
    except NotInstalled:
        raise NotInstalled(NO_DOCKER, mend=GET_DOCKER) from None
    except TargetError as error:
        raise TargetError(error.what, where=target.project, mend=START_DOCKER) from None
    if not info.get("ID"):
        raise TargetError(SILENT, where=target.project, mend=START_DOCKER)
    return info
