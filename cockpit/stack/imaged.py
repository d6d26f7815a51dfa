"""Looks into images on an engine, once an image: whether they hold what health checks call."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from cockpit.apart import apart
from cockpit.errors import TargetError
from cockpit.stack import inventory
from cockpit.stack.engine import Engine
from cockpit.stack.facts import Image
from cockpit.stack.health import programs
from cockpit.stack.inventory import Inventory
from cockpit.stack.model import Service

PATIENCE_S = 120.0
_known: dict[str, Inventory] = {}
"""By image id, which is a digest of its content."""


async def look(api: Engine, name: str, service: Service) -> Image | None:
    """What an image holds for a service; None where the engine does not have it."""
    try:
        config = await api.get(f"/images/{name}/json")
    except TargetError:
        return None
    settings = config.get("Config") or {}
    inherited = tuple((settings.get("Healthcheck") or {}).get("Test") or ())
    needed = programs(service)
    if not needed and inherited and not service.health_test:
        needed = programs(Service(service.name, {"healthcheck": {"test": inherited}}))
    held = await _inventory(api, config["Id"]) if needed else None
    path = _path(settings, service)
    place = str(service.at("working_dir") or settings.get("WorkingDir") or "/")
    found = {one: held.holds(_placed(one, place), path) for one in needed} if held else {}
    node_env = _variables(settings).get("NODE_ENV", "")
    return Image(found, bool(inherited) and inherited != ("NONE",), node_env)


def _placed(program: str, folder: str) -> str:
    """A program named with a folder is looked for from where the service works."""
    return posixpath.join(folder, program) if "/" in program else program


def _path(settings: dict[str, Any], service: Service) -> str:
    named = _variables(settings).get("PATH")
    return service.environment.get("PATH") or named or inventory.PATH


def _variables(settings: dict[str, Any]) -> dict[str, str]:
    return dict(one.partition("=")[::2] for one in settings.get("Env") or ())


async def _inventory(api: Engine, image_id: str) -> Inventory:
    if image_id not in _known:
        _known[image_id] = await apart(lambda: _saved(api.socket, image_id))
    return _known[image_id]


def _saved(socket: str, image_id: str) -> Inventory:
    import httpx

    transport = httpx.HTTPTransport(uds=socket)
    try:
        with (
            httpx.Client(transport=transport, timeout=PATIENCE_S, trust_env=False) as client,
            client.stream("GET", f"http://docker/images/{image_id}/get") as answer,
            closing(answer),
        ):
            if answer.status_code != httpx.codes.OK:
                raise TargetError("the engine does not give the image", where=image_id)
            return inventory.read(io.BufferedReader(_Body(answer.iter_raw())))
    except httpx.HTTPError as error:
        raise TargetError("the image could not be read", where=image_id) from error


class _Body(io.RawIOBase):
    """An answer's body as a file that is read once."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
