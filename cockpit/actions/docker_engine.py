"""The Docker engine behind a Compose target, by python-on-whales."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from cockpit.errors import NotInstalled, TargetError
from cockpit.runbook.targets import ComposeTarget

if TYPE_CHECKING:
    from python_on_whales import DockerClient
    from python_on_whales.components.system.models import SystemInfo

NO_DOCKER = "this host has no docker program"
GET_DOCKER = "install Docker with its Compose plugin"
SILENT = "the Docker engine does not answer"
START_DOCKER = "`systemctl start docker` on its host; `docker info` says whether it answers"


def client(target: ComposeTarget, runbook: str) -> DockerClient:
    """The Docker client of a Compose target; NotInstalled without python-on-whales."""
    try:
        from python_on_whales import DockerClient
    except ImportError as error:
        raise NotInstalled(
            "the Compose actions need python-on-whales", mend="pip install 'cockpit[docker]'"
        ) from error
    directory = Path(runbook) / target.directory
    remote = target.context is not None and "://" in target.context
    return DockerClient(
        context=None if remote else target.context,
        host=target.context if remote else None,
        compose_files=[directory / file for file in target.files],
        compose_profiles=list(target.profiles),
        compose_project_name=target.project,
        compose_project_directory=directory,
    )


async def engine(target: ComposeTarget, runbook: str) -> SystemInfo:
    """What the engine says of itself; TargetError where it is silent."""
    from python_on_whales.client_config import ClientNotFoundError
    from python_on_whales.exceptions import DockerException

    try:
        info = await asyncio.to_thread(client(target, runbook).system.info)
    except ClientNotFoundError:
        raise NotInstalled(NO_DOCKER, mend=GET_DOCKER) from None
    except DockerException as error:
        said = (error.stderr or "").strip().splitlines()
        raise TargetError(
            said[-1] if said else SILENT, where=target.project, mend=START_DOCKER
        ) from None
    if not info.id:
        raise TargetError(SILENT, where=target.project, mend=START_DOCKER)
    return info
