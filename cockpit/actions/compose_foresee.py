"""What a Compose operation meets and would do: read before it is confirmed, and before it runs.

An action's description is pure: it cannot know what Compose makes of its files, nor which images
this host has. Both belong to what is confirmed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cockpit.actions import compose_plan
from cockpit.actions.base import Foreseen
from cockpit.actions.compose_seen import look
from cockpit.runbook.actions import ComposeAction

if TYPE_CHECKING:
    from python_on_whales import DockerClient

Lines = Iterator[tuple[str, str]]
"""A line for a person, and the same with whole ids, for the digest."""


def foreseen(action: ComposeAction, docker: DockerClient) -> Foreseen:
    """The services that it touches, with image ids, and Compose's files as resolved."""
    whole = compose_plan.resolved(docker, action.environment, action.services)
    services: Mapping[str, Any] = whole["services"]
    lines = list(_LOOKS.get(action.operation, _images)(action, docker, services))
    config = json.dumps(whole, sort_keys=True).encode()
    bound = [hashlib.sha256(config).hexdigest(), *(exactly for _, exactly in lines)]
    digest = hashlib.sha256("\n".join(bound).encode()).hexdigest()
    told = f"Compose's files resolve to {bound[0][: compose_plan.SHORT]}"
    return Foreseen((*(line for line, _ in lines), told), digest)


def _up(action: ComposeAction, docker: DockerClient, _services: Mapping[str, Any]) -> Lines:
    for change in compose_plan.foreseen(docker, action.services, action.environment):
        yield compose_plan.words(change), repr(change)


def _containers(action: ComposeAction, docker: DockerClient, _services: Mapping[str, Any]) -> Lines:
    for one in look(docker, action.services):
        words = f"{one.service}: its container {one.identity[: compose_plan.SHORT]}"
        yield f"{words} of {compose_plan.short(one.image)}", f"{one.identity} {one.image}"


def _images(action: ComposeAction, docker: DockerClient, services: Mapping[str, Any]) -> Lines:
    named: Sequence[str] = action.services or tuple(services)
    for name in named:
        image = compose_plan.image_id(docker, name, services.get(name) or {})
        here = compose_plan.short(image) if image else "no image on this host"
        yield f"{name}: {here} before", f"{name} {image}"


_LOOKS: Mapping[str, Callable[[ComposeAction, DockerClient, Mapping[str, Any]], Lines]] = {
    "up": _up,
    "wait": _containers,
    "restart": _containers,
    "stop": _containers,
    "down": _containers,
}
