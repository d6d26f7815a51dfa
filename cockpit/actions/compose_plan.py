"""What `up` would stop, replace and start, with image ids; it only reads.

An action's description is pure, so this stands beside it in the confirmation, and at the head of
the attempt's output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cockpit.actions.compose_seen import Seen, look

if TYPE_CHECKING:
    from python_on_whales import DockerClient

SHORT = 12
"""Digits of an image id that tell it from others."""
RECREATED = re.compile(r"Container (\S+)\s+Recreate$", re.MULTILINE)
"""How a dry run of Compose names a container that it would make anew."""


@dataclass(frozen=True)
class Change:
    """What happens to one service."""

    service: str
    what: Literal["starts", "replaced", "starts again", "stays"]
    image: str
    """The image's id; empty where this host does not have it."""
    former: str = ""
    """The id of the image that stops."""


def foreseen(
    docker: DockerClient, services: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """One change a service, in the order in which Compose names them."""
    known: Mapping[str, Any] = resolved(docker, environment or {}, services)["services"]
    touched = [name for name in with_dependencies(services or tuple(known), known) if name in known]
    anew = recreated(docker, touched, environment or {})
    there = {one.service: one for one in look(docker)}
    return tuple(
        changed(name, there.get(name), image_id(docker, known[name]), anew) for name in touched
    )


def resolved(
    docker: DockerClient, environment: Mapping[str, str], named: Sequence[str] = ()
) -> dict[str, Any]:
    """Compose's files as it resolves them, with these variables beside the process's own.

    A service of a profile that is off, as a one-off, is there only where it is named: then the
    named ones are resolved, with all that they depend on.
    """
    whole = _config(docker, environment)
    is_whole = set(named) <= whole["services"].keys()
    return whole if is_whole else _config(docker, environment, named)


def _config(
    docker: DockerClient, environment: Mapping[str, str], named: Sequence[str] = ()
) -> dict[str, Any]:
    from python_on_whales.utils import run

    words = [*docker.compose.docker_compose_cmd, "config", "--format", "json", *named]
    found: dict[str, Any] = json.loads(str(run(words, env=dict(environment))))
    return found


def recreated(
    docker: DockerClient, services: Sequence[str], environment: Mapping[str, str]
) -> frozenset[str]:
    """The names of the containers that Compose would make anew, in its own judgement.

    Its hashes are no help: `config --hash` leaves out what `env_file` brings.
    """
    from python_on_whales.utils import run

    words = ["--dry-run", "create", "--pull", "never", *services]
    command = [*docker.compose.docker_compose_cmd, *words]
    _, said = run(command, return_stderr=True, env=dict(environment))
    return frozenset(RECREATED.findall(said))


def with_dependencies(named: Iterable[str], resolved: Mapping[str, Any]) -> tuple[str, ...]:
    """These services and all that they wait for, what is waited for first."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for other in (resolved.get(name) or {}).get("depends_on") or {}:
            if other not in ordered:
                add(other)
        ordered.setdefault(name)

    for name in named:
        add(name)
    return tuple(ordered)


def image_id(docker: DockerClient, service: Mapping[str, Any]) -> str:
    """The id that a service's image has on this host; empty where it is not there."""
    from python_on_whales.exceptions import NoSuchImage

    name = service.get("image", "")
    try:
        return docker.image.inspect(name).id if name else ""
    except NoSuchImage:
        return ""


def changed(service: str, there: Seen | None, image: str, anew: Collection[str]) -> Change:
    """What happens to a service, with Compose's judgement of its container."""
    if there is None:
        return Change(service, "starts", image)
    if there.name in anew:
        return Change(service, "replaced", image, there.image)
    return Change(service, "stays" if there.status == "running" else "starts again", there.image)


def words(change: Change) -> str:
    """One line for a person."""
    image = short(change.image) if change.image else "an image that is not on this host"
    if change.what != "replaced":
        return f"{change.service} {change.what}: {image}"
    why = "another configuration" if change.former == change.image else "another image"
    return f"{change.service} is replaced ({why}): {short(change.former)} stops, {image} starts"


def short(image: str) -> str:
    """The first digits of an image id."""
    return image.removeprefix("sha256:")[:SHORT]
