"""Small containers on an engine of the lab's own: a busybox, and Compose projects of it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from cockpit.clock import live_clock
from cockpit.probes.sampler import Sampler
from cockpit.probes.service_look import ServiceLook
from cockpit.redact import Redactor
from cockpit.runbook.model import Probe, Procedure, Profile, Runbook
from cockpit.runbook.targets import ComposeTarget
from cockpit.runbook.words import Duration, Id, TargetId
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Tile
from cockpit.telemetry.look import Look
from cockpit.telemetry.store import Samples
from tests.lab.fix_servers import running
from tests.lab.stack_engine import Engine, engine
from tests.lab.stack_parts import compose

IMAGE = "cockpit-busybox:1"
APPLETS = (
    "sh",
    "sleep",
    "wget",
    "test",
    "cat",
    "head",
    "tail",
    "touch",
    "rm",
    "true",
    "false",
    "dd",
    "yes",
)
SEEN_S = 10.0
"""Seconds within which a tile must say it."""
LOOK_S = 30.0
"""Seconds within which a look, which nobody promised a time for, must show it."""


@contextmanager
def lab_engine() -> Iterator[Engine]:
    """An engine with the busybox image, in a short folder: a socket's path has 107 bytes."""
    with TemporaryDirectory(prefix="tiles-") as name, engine(Path(name), compose()) as made:
        import_busybox(made)
        yield made


@contextmanager
def daemon(folder: Path, *more: str) -> Iterator[Engine]:
    """A bare engine over a folder that outlives it: it can be stopped, and started again."""
    host = f"unix://{folder / 'docker.sock'}"
    plugins = folder / "client" / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    if not (plugins / "docker-compose").exists():
        (plugins / "docker-compose").symlink_to(compose())
    environment = {**os.environ, "DOCKER_HOST": host, "DOCKER_CONFIG": str(plugins.parent)}
    words: tuple[str | Path, ...] = ("dockerd", "--bridge", "none", "--iptables=false")
    words += ("--host", host, "--data-root", folder / "data", "--exec-root", folder / "exec")
    words += ("--pidfile", folder / "pid", *more)

    def is_ready() -> bool:
        asked = subprocess.run(
            ("docker", "info"), env=environment, capture_output=True, check=False
        )
        return asked.returncode == 0

    with running(words, folder / "dockerd.log", is_ready):
        yield Engine(folder, environment)


def import_busybox(made: Engine) -> None:
    binary = shutil.which("busybox")
    assert binary, "busybox is missing: apt-get install busybox-static"
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        archive.add(binary, "bin/busybox")
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o777
        archive.addfile(folder)
    subprocess.run(
        ("docker", "import", "--change", "ENV PATH=/bin", "-", IMAGE),
        input=body.getvalue(),
        env=made.environment,
        check=True,
        capture_output=True,
        timeout=60,
    )


def without_image(service: dict[str, Any]) -> dict[str, Any]:
    """The same service; one that is built has the name that Compose gives its image."""
    return {key: own for key, own in service.items() if key != "image" or "build" not in service}


def write_build(folder: Path, mark: str) -> None:
    """What a service of `build: .` is built from: another mark is another image."""
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nLABEL mark={mark}\n", encoding="utf-8")


@dataclass
class Deployed:
    """A Compose project of busybox services, without networks."""

    engine: Engine
    folder: Path
    services: Mapping[str, dict[str, Any]]
    project: str = field(default_factory=lambda: f"tiles{random.randrange(10**9)}")

    context: str = ""

    @property
    def target(self) -> ComposeTarget:
        return ComposeTarget(
            kind="compose",
            project=self.project,
            directory=str(self.folder),
            files=("compose.yaml",),
            context=self.context or self.engine.host,
        )

    def write(self) -> None:
        """Its Compose file, anew."""
        plain = {"image": IMAGE, "network_mode": "none", "init": True, "stop_grace_period": "0s"}
        services = {
            name: without_image({**plain, "command": ["sleep", "1000"], **own})
            for name, own in self.services.items()
        }
        volumes: dict[str, Any] = {"small": {"driver_opts": SMALL}}
        used = {} if "small" not in json.dumps(services) else {"volumes": volumes}
        text = yaml.safe_dump({"services": services, **used})
        (self.folder / "compose.yaml").write_text(text, encoding="utf-8")

    def compose(self, *words: str) -> str:
        self.write()
        file = ("--file", str(self.folder / "compose.yaml"))
        return self.engine.docker("compose", *file, "--project-name", self.project, *words)

    def up(self) -> None:
        self.compose("up", "--detach", "--pull", "never")

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).strip()


SMALL = {"type": "tmpfs", "device": "tmpfs", "o": "size=64k"}


@dataclass
class Watching:
    """A sampler over a project's services, and what their tiles say."""

    sampler: Sampler

    def tile(self, service: str) -> Tile:
        tiles = self.sampler.tiles(live_clock().now())
        return next(one for one in tiles if one.probe == service)

    async def until(self, service: str, holds: Callable[[Tile], bool]) -> tuple[Tile, float]:
        """The tile once it says so, and the seconds that it took."""
        began = time.monotonic()
        while not holds(tile := self.tile(service)):
            assert time.monotonic() - began < SEEN_S, f"it says {tile}"
            await asyncio.sleep(0.02)
        return tile, time.monotonic() - began

    async def says(self, service: str, state: str, words: str) -> Tile:
        tile, _ = await self.until(service, lambda one: (one.state, one.figure) == (state, words))
        return tile


@asynccontextmanager
async def watching(deployed: Deployed, folder: Path) -> AsyncIterator[Watching]:
    """Watch every service of a project, as an engine of the cockpit does."""
    probes = tuple(
        Probe(
            id=Id(name),
            title=name,
            kind="container",
            target=TargetId("stack"),
            container=name,
            every=Duration(5.0),
        )
        for name in deployed.services
    )
    procedure = Procedure(
        cockpit=1, name=Id("x"), title="X", targets={}, checks=(), phases=(), probes=probes
    )
    profile = Profile(
        cockpit=1, environment="staging", domain="x.test", targets={"stack": deployed.target}
    )
    store = Samples(folder / "telemetry.sqlite")
    runbook = Runbook(procedure, profile, str(folder))
    sampler = Sampler(runbook, live_clock(), Secrets({}, Redactor()), store)
    task = asyncio.create_task(sampler.run())
    try:
        yield Watching(sampler)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Looking:
    """A look under way."""

    def __init__(self, look: ServiceLook) -> None:
        self._look = look

    async def until(self, holds: Callable[[Look], object]) -> Look:
        began = time.monotonic()
        while not holds(seen := self._look.look()):
            assert time.monotonic() - began < LOOK_S, f"it shows {str(seen)[:2000]}"
            await asyncio.sleep(0.05)
        return seen


@asynccontextmanager
async def looking(seen: Watching, service: str = "web") -> AsyncIterator[Looking]:
    found = seen.sampler.container(service)
    assert found is not None
    look = ServiceLook(*found, seen.sampler.context)
    task = asyncio.create_task(look.run())
    try:
        yield Looking(look)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
