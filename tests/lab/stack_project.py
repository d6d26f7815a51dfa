"""The shipped stack in a folder of the lab's own, with secrets made for it, and running."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cockpit.actions import registry
from cockpit.errors import ActionFailed
from cockpit.journal.events import Json
from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.targets import ComposeTarget
from cockpit.runbook.words import TargetId
from tests.fakes.small_runbooks import World, acting
from tests.lab.stack_engine import Engine
from tests.lab.stack_images import load
from tests.lab.stack_parts import ROOT, npm, programs

SHIPPED = ROOT / "runbooks" / "freshtrack" / "stack"
PROJECT = "freshtrack-lab"
LAYERS = (
    *("compose.yaml", "compose.production.yaml"),
    *("compose.observability.yaml", "compose.lab.yaml"),
)
REAL = ("redis", "s3_store", "managed_postgres", "backend", "caddy", "prometheus", "node_exporter")
"""Services that run from real binaries; the others' images cannot be had without a registry."""
WORDS = (
    *("postgres_password", "postgres_jobs_password", "postgres_owner_password", "redis_password"),
    *("jwt_secret", "stack_auth_secret", "grafana_password", "database_ca"),
)


@dataclass(frozen=True)
class Stack:
    """The lab's Compose project."""

    engine: Engine
    folder: Path

    def compose(self, *words: str, layers: tuple[str, ...] = LAYERS, timeout: float = 120) -> str:
        """What `docker compose` says of this project."""
        files = [part for name in layers for part in ("--file", str(self.folder / name))]
        return self.engine.docker("compose", *files, *words, timeout=timeout)

    def containers(self) -> Mapping[str, Mapping[str, Any]]:
        """Each service's container, as the engine inspects it."""
        label = f"label=com.docker.compose.project={PROJECT}"
        ids = self.engine.docker("ps", "--all", "--quiet", "--filter", label).split()
        inspected = json.loads(self.engine.docker("inspect", *ids)) if ids else []
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in inspected}

    def address(self, service: str, port: int) -> str:
        """Where a service's port is published on this host."""
        return self.compose("port", service, str(port)).strip()

    def token(self) -> str:
        """A caller's token, from the backend itself."""
        return self.compose("exec", "-T", "backend", "node", "token.js", "lab").strip()


def copied(folder: Path) -> Path:
    """The shipped files, with made-up secrets, and scrapes that a test need not wait for."""
    stack = folder / "stack"
    shutil.copytree(SHIPPED, stack, ignore=shutil.ignore_patterns("*.txt", "node_modules"))
    own = stack / "secrets"
    for name in WORDS:
        (own / f"{name}.txt").write_text(f"{secrets.token_hex(20)}\n", encoding="ascii")
    (own / "pgbouncer_users.txt").write_text('"app" "unused-in-the-lab"\n', encoding="ascii")
    (own / "minio_credentials.txt").write_text(json.dumps(s3_users()), encoding="ascii")
    for file in own.glob("*.txt"):
        file.chmod(0o444)
    own.chmod(0o700)
    scrapes = stack / "docker" / "prometheus" / "prometheus.yml"
    text = scrapes.read_text(encoding="utf-8")
    quick = re.sub(r"(scrape_interval|evaluation_interval): 15s", r"\1: 1s", text)
    scrapes.write_text(quick.replace("scrape_timeout: 10s", "scrape_timeout: 1s"), encoding="utf-8")
    return stack


def s3_users() -> Mapping[str, Any]:
    credentials = [{"accessKey": "LABACCESS", "secretKey": secrets.token_hex(20)}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    who = {"name": "freshtrack", "credentials": credentials, "actions": actions}
    return {"identities": [who]}


def modules(folder: Path) -> Path:
    """The backend's packages as its lock names them."""
    words = (*npm(), "ci", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error")
    backend = folder / "backend"
    subprocess.run(words, cwd=backend, check=True, capture_output=True, timeout=180)
    moved = folder.parent / "node_modules"
    (backend / "node_modules").rename(moved)
    return moved


def make_images(stack: Stack, say: Callable[[str], None]) -> None:
    """Every image that the real subset names, and the backend built on them."""
    began = time.monotonic()
    parts = {**programs(), "node_modules": modules(stack.folder)}
    say(f"packages after {time.monotonic() - began:.1f} s")
    resolved = json.loads(stack.compose("--profile", "*", "config", "--format", "json"))["services"]
    pinned = {resolved[name]["image"] for name in REAL if "build" not in resolved[name]}
    node = re.findall(r"^FROM (node:\S+)", dockerfile(stack.folder), re.MULTILINE)
    names = sorted({*pinned, *node, "freshtrack-dependencies:lab"})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: load(name, parts, stack.engine.environment), names))
    say(f"images after {time.monotonic() - began:.1f} s")


def dockerfile(folder: Path) -> str:
    return (folder / "backend" / "Dockerfile").read_text(encoding="utf-8")


class Clock:
    """This machine's own time."""

    speed = 1.0

    def now(self) -> float:
        return time.time()

    def real(self) -> float:
        return time.monotonic()


@dataclass(frozen=True)
class Outcome:
    """What an action said and recorded; `failed` is empty where it succeeded."""

    said: tuple[str, ...]
    recorded: Mapping[str, Json]
    failed: str = ""


def target(stack: Stack, **other: Any) -> ComposeTarget:
    """The lab's project as a profile would name it."""
    given = {"project": PROJECT, "directory": str(stack.folder), "files": LAYERS}
    return ComposeTarget(kind="compose", **{**given, **other})


def perform(aim: ComposeTarget, operation: str, *services: str, **rest: Any) -> Outcome:
    """Run a Compose action as the runner would, to its end."""
    recorded, said = rest.pop("recorded", {}), rest.pop("said", list[str]())
    secrets = rest.pop("secrets", {})
    action = ComposeAction(
        kind="compose",
        target=TargetId("stack"),
        operation=operation,  # type: ignore[arg-type]  # a parameter of the test
        services=services,
        **rest,
    )
    world = World(Path(aim.directory), targets={"stack": aim}, secrets=secrets)
    context = replace(acting(world, action, said), clock=Clock(), recorded=recorded)
    context.secrets.learn_all()
    try:
        done = asyncio.run(registry.run(action, context))
        return Outcome(tuple(said), done)
    except ActionFailed as failed:
        return Outcome(tuple(said), {}, failed.what)


def deploy(stack: Stack) -> Mapping[str, Outcome]:
    """The runbook's steps, by the cockpit's own actions."""
    aim = target(stack)
    off = {"JOBS_ENABLED": "false"}
    return {
        "build": perform(aim, "build", "backend"),
        "database": perform(aim, "up", "managed_postgres"),
        "migrate": perform(aim, "run", "migrate", command=("node", "migrate.js"), environment=off),
        "up": perform(aim, "up", *REAL, environment=off),
    }
