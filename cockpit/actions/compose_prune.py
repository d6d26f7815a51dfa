"""Removes a project's old images, and keeps each service's previous one.

`docker image prune` would remove exactly the image that a way back needs: the one that the newest
build has just replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cockpit.actions.compose_plan import short

if TYPE_CHECKING:
    from python_on_whales import DockerClient

SERVICE = "com.docker.compose.service"
PROJECT = "com.docker.compose.project"


@dataclass(frozen=True)
class Built:
    """An image that Compose built for a service."""

    identity: str
    service: str
    created: datetime
    has_name: bool
    """Whether a tag still leads to it."""


def judged(
    images: Collection[Built], in_use: Collection[str], former: Collection[str]
) -> Iterator[tuple[Built, str]]:
    """Each image and why it is kept; an empty reason means that it goes."""
    newest: set[str] = set()
    for image in sorted(images, key=lambda one: (one.service, -one.created.timestamp())):
        if image.identity in in_use:
            yield image, "in use"
        elif image.has_name:
            yield image, "has a name"
        elif image.identity in former:
            yield image, "was replaced in this run"
        elif image.service not in newest:
            newest.add(image.service)
            yield image, "the service's previous image"
        else:
            yield image, ""


def pruned(docker: DockerClient, former: Collection[str]) -> Iterator[str]:
    """Remove what nothing needs; a line an image, and one where none was to go."""
    from python_on_whales.utils import run

    project = docker.client_config.compose_project_name
    found = docker.image.list(filters=[("label", f"{PROJECT}={project}")])
    images = frozenset(
        Built(
            one.id,
            ((one.config.labels if one.config else None) or {}).get(SERVICE, ""),
            one.created or datetime.fromtimestamp(0, UTC),
            bool(one.repo_tags),
        )
        for one in found
    )
    listing = [*docker.client_config.docker_cmd, "ps", "--all", "--quiet"]
    containers = str(run(listing)).split()
    asked = [*docker.client_config.docker_cmd, "inspect", "--format", "{{.Image}}", *containers]
    in_use = frozenset(str(run(asked)).split()) if containers else frozenset()
    is_needless = True
    for image, why in judged(images, in_use, former):
        if not why:
            is_needless = False
            docker.image.remove(image.identity)
        yield f"{image.service} {short(image.identity)}: {f'kept, {why}' if why else 'removed'}"
    if is_needless:
        yield "nothing was to remove"
