"""Runbooks of one step, and what an action or a check is given."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cockpit.actions.base import ActionContext
from cockpit.checks.base import CheckContext
from cockpit.clock import ClockMap, boot_ns
from cockpit.journal.state import RunState
from cockpit.redact import Redactor
from cockpit.runbook.actions import Action, ManualAction
from cockpit.runbook.checks import Check
from cockpit.runbook.model import Lab, Phase, Procedure, Profile, Runbook, Step
from cockpit.runbook.targets import Notifier, SecretFile, Target
from cockpit.runbook.words import Environment, Id, Offset
from cockpit.secrets import Secrets, for_profile
from cockpit.telemetry.live import Live

NIGHT = 1_790_000_000.0
NOTHING = ManualAction(kind="manual", do=("look at the board",))


@dataclass
class Still:
    """A clock that stands."""

    at: float = NIGHT
    speed: float = 1.0

    def now(self) -> float:
        return self.at

    def real(self) -> float:
        return self.at


@dataclass
class World:
    """What a small runbook's profile gives."""

    directory: Path
    environment: Environment = "staging"
    targets: Mapping[str, Target] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Their values; each gets a file of its own."""
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    operations: Mapping[str, str] = field(default_factory=dict)
    redactor: Redactor = field(default_factory=Redactor)


def step(action: Action, name: str = "only") -> Step:
    return Step(
        id=Id(name),
        title=name.capitalize(),
        why="it must move",
        success_looks_like="it moved",
        if_it_fails="move it back",
        ask="the mover",
        action=action,
    )


def runbook(world: World, action: Action = NOTHING, checks: tuple[Check, ...] = ()) -> Runbook:
    files = {}
    for name, value in world.secrets.items():
        path = world.directory / f"{name}.secret"
        path.write_text(value, encoding="utf-8")
        path.chmod(0o600)
        files[name] = SecretFile(file=str(path))
    lab = Lab(operations=world.operations) if world.environment == "rehearsal" else None
    return Runbook(
        Procedure(
            cockpit=1,
            name=Id("small"),
            title="A small move",
            targets={},
            checks=checks,
            phases=(Phase(id=Id("all"), title="All", offset=Offset(0), steps=(step(action),)),),
        ),
        Profile(
            cockpit=1,
            environment=world.environment,
            domain="small.test",
            targets=world.targets,
            secrets=files,
            notifiers=world.notifiers,
            lab=lab,
        ),
        str(world.directory),
    )


def secrets(world: World, book: Runbook) -> Secrets:
    return for_profile(book, world.redactor)


def acting(world: World, action: Action, said: list[str], lab: str | None = None) -> ActionContext:
    book = runbook(world, action)
    return ActionContext(
        runbook=book,
        step=book.forward[0],
        attempt=1,
        folder=world.directory,
        run_directory=world.directory,
        clock=Still(),
        secrets=secrets(world, book),
        say=said.append,
        recorded={},
        lab=lab,
    )


def asking(world: World, *checks: Check, state: RunState | None = None) -> CheckContext:
    book = runbook(world, checks=checks)
    return CheckContext(
        runbook=book,
        clock=Still(),
        secrets=secrets(world, book),
        state=state or RunState(clock=ClockMap(boot_ns(), NIGHT)),
        live=Live(engine_pid=0, boot_ns=boot_ns()),
        run_directory=world.directory,
        runs=world.directory / "runs",
    )


@dataclass
class Request:
    """What a server was asked."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str

    @property
    def json(self) -> object:
        return json.loads(self.body)


@contextmanager
def serving(answers: Mapping[str, tuple[int, str]]) -> Iterator[tuple[str, list[Request]]]:
    """A real HTTP server on loopback that answers each path, and keeps what it was asked."""
    asked: list[Request] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(size).decode()
            asked.append(Request(self.command, self.path, dict(self.headers), body))
            status, text = answers.get(self.path, (404, "no such page"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
