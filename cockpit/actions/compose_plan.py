"""What `up` would stop, replace and start, with image ids; it only reads.

An action's description is pure, so this stands beside it in the confirmation, and at the head of
the attempt's output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from cockpit.actions.compose_seen import Seen, look
from cockpit.stack.model import Service

if TYPE_CHECKING:
    from python_on_whales import DockerClient

SHORT = 12
"""Digits of an image id that tell it from others."""
DONE = re.compile(r"Container (\S+)\s+(Recreate|Removed|Created|Stopped)$", re.MULTILINE)
"""How a dry run of Compose names a container that it would make anew, remove, add, or stop."""


@dataclass(frozen=True)
class Change:
    """What happens to one service."""

    service: str
    what: Literal["starts", "replaced", "restarted", "starts again", "stays", "goes"]
    image: str
    """The image's id; empty where this host does not have it."""
    former: str = ""
    """The id of the image that stops."""
    removed: tuple[str, ...] = ()
    """Containers that are too many: fewer replicas are wanted than run."""
    added: tuple[str, ...] = ()
    """Containers that come beside those that are there."""


@dataclass(frozen=True)
class Judgement:
    """What Compose would do to containers, by their names."""

    recreated: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    created: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()
    """Started again then: what they depend on is made anew, and `restart` is wished for that."""


def foreseen(
    docker: DockerClient, services: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """One change a service, in the order in which Compose names them."""
    known: Mapping[str, Any] = resolved(docker, environment or {}, services)["services"]
    touched = [name for name in with_dependencies(services or tuple(known), known) if name in known]
    judged = judgement(docker, touched, environment or {})
    there = look(docker)
    project = docker.client_config.compose_project_name
    return tuple(
        replace(
            changed(
                name,
                [one for one in there if one.service == name],
                image_id(docker, name, known[name]),
                judged,
            ),
            added=_added(f"{project}-{name}", name, there, judged),
        )
        for name in touched
    )


def _added(prefix: str, service: str, there: Iterable[Seen], judged: Judgement) -> tuple[str, ...]:
    """New replicas of a service that has containers already."""
    if all(one.service != service for one in there):
        return ()
    numbered = re.compile(re.escape(prefix) + r"-\d+")
    return tuple(sorted(one for one in judged.created if numbered.fullmatch(one)))


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


def judgement(
    docker: DockerClient, services: Sequence[str], environment: Mapping[str, str]
) -> Judgement:
    """What Compose itself says that it would do: its hashes leave out what `env_file` brings."""
    from python_on_whales.utils import run

    # Its dry run of a build asks the engine of this host, whichever is named.
    words = ["--dry-run", "create", "--pull", "never", "--no-build", *services]
    command = [*docker.compose.docker_compose_cmd, *words]
    _, said = run(command, return_stderr=True, env=dict(environment))
    done = DONE.findall(said)
    recreate, removed, created, stopped = (
        frozenset(name for name, what in done if what == one)
        for one in ("Recreate", "Removed", "Created", "Stopped")
    )
    return Judgement(recreate, removed, created, stopped)


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


def image_id(docker: DockerClient, name: str, config: Mapping[str, Any]) -> str:
    """The id that a service's image has on this host; empty where it is not there."""
    from python_on_whales.exceptions import NoSuchImage

    image = Service(name, config).image(str(docker.client_config.compose_project_name))
    try:
        return docker.image.inspect(image).id
    except NoSuchImage:
        return ""


def changed(service: str, there: Sequence[Seen], image: str, judged: Judgement) -> Change:
    """What happens to a service, with Compose's judgement of its containers."""
    removed = tuple(sorted(one.name for one in there if one.name in judged.removed))
    kept = [one for one in there if one.name not in judged.removed]
    if not kept:
        return Change(service, "goes" if removed else "starts", image, removed=removed)
    for one in kept:
        if one.name in judged.recreated:
            return Change(service, "replaced", image, one.image, removed)
    for one in kept:
        if one.name in judged.stopped and one.status == "running":
            return Change(service, "restarted", one.image, removed=removed)
    idle = next((one for one in kept if one.status != "running"), None)
    what: Literal["stays", "starts again"] = "starts again" if idle else "stays"
    return Change(service, what, (idle or kept[0]).image, removed=removed)


def words(change: Change) -> str:
    """One line for a person."""
    image = short(change.image) if change.image else "an image that is not on this host"
    line = f"{change.service} {change.what}: {image}"
    if change.what == "goes":
        line = f"{change.service} goes: no replica is wanted"
    elif change.what == "restarted":
        line = f"{change.service} is stopped and started again, after what it depends on: {image}"
    elif change.what == "replaced":
        why = "another configuration" if change.former == change.image else "another image"
        former = short(change.former)
        line = f"{change.service} is replaced ({why}): {former} stops, {image} starts"
    added = f"; beside it {', '.join(change.added)}" if change.added else ""
    gone = ", ".join(change.removed)
    return f"{line}{added}{f'; STOPPED AND REMOVED: {gone}' if gone else ''}"


def short(image: str) -> str:
    """The first digits of an image id."""
    return image.removeprefix("sha256:")[:SHORT]
