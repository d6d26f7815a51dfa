"""An engine without processes: its real rules and files, with runners that are only numbers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import pytest

from cockpit.answer import Answer
from cockpit.checks.base import CheckContext
from cockpit.clock import boot_id, boot_ns, wall_s
from cockpit.earlier import Earlier
from cockpit.engine import attempts, handlers, inbox, intents, seen, settling
from cockpit.engine.advisory import AdvisoryLocks
from cockpit.engine.attempt_files import Exit, Identity, Order
from cockpit.engine.attempts import Attempts
from cockpit.engine.claims import Claims
from cockpit.engine.client import Client
from cockpit.engine.core import Core
from cockpit.engine.detach import Started
from cockpit.engine.inbox import Inbox
from cockpit.engine.layout import RunDirectory
from cockpit.engine.ledger import Ledger
from cockpit.engine.processes import Process
from cockpit.engine.start import begin, run_started
from cockpit.errors import CockpitError
from cockpit.journal.events import Ended, Event, IntentRefused
from cockpit.journal.file import JournalFile
from cockpit.journal.state import RunState
from cockpit.propagation.courtesy import Courtesy
from cockpit.redact import Redactor
from cockpit.runbook.model import Step
from cockpit.runbook.plan import Plan
from cockpit.secrets import for_profile
from cockpit.telemetry.live import Live

NOBODY = 10**8
"""Pids from here on are beyond what a kernel gives."""


class Died(BaseException):
    """The engine was killed where it stood."""


class StillWorld:
    """Nothing outside: the part of the engine's world that handlers ask for."""

    host = "droplet"
    lab_url = None
    scope = ""
    verdict = None
    earlier = Earlier()
    courtesy = Courtesy()

    def __init__(self) -> None:
        self.held_locks: dict[str, int] = {}

    def live(self, **_: object) -> Live:
        return Live(engine_pid=0, boot_ns=boot_ns())

    def step_began(self, step: Step) -> None:
        pass

    def step_done(self, step: Step) -> None:
        pass


@dataclass
class Runner:
    """One runner, as its process would go."""

    order: Order
    number: int
    claimed: bool = False
    acted: bool = False
    ended: bool = False
    alive: bool = True

    @property
    def key(self) -> tuple[str, int]:
        return self.order.step, self.order.attempt


class NumberedAttempts(Attempts):
    """Attempts whose runners are numbers in a list."""

    def __init__(self, directory: RunDirectory, ledger: Ledger, runners: list[Runner]) -> None:
        super().__init__(directory, ledger)
        self._runners = runners

    def start(self, order: Order, locks: object) -> None:
        folder = self.folder(order.step, order.attempt)
        folder.give_order(order)
        runner = Runner(order, NOBODY + len(self._runners))
        self._runners.append(runner)
        self._children[folder.path] = Started(cast("Any", _Child(runner)))


@dataclass
class _Child:
    runner: Runner

    def poll(self) -> int | None:
        return None if self.runner.alive else 0


class DyingJournal(JournalFile):
    """A journal under which the engine dies, or whose disk is full, at a chosen event."""

    countdown: int = -1
    how: str = ""
    refused: dict[str, str]

    def append(self, by: str, run_s: float, data: object, intent: str = "") -> Event:
        event = super().append(by, run_s, data, intent)
        if isinstance(data, IntentRefused):
            self.refused[data.intent] = data.reason
        return event

    def _write(self, line: bytes) -> None:
        self.countdown -= 1
        if self.countdown != 0:
            super()._write(line)
            return
        if self.how == "full":
            raise OSError(28, "No space left on device")
        if self.how == "after":
            super()._write(line)
        elif self.how == "torn":
            with self._reader.path.open("ab") as file:
                file.write(line[: len(line) // 2])
        raise Died


@dataclass
class Machine:
    """A run, its engine that may die, its runners, and what really happened."""

    plan: Plan
    loop: asyncio.AbstractEventLoop
    directory: RunDirectory = field(init=False)
    core: Core = field(init=False)
    inbox: Inbox = field(init=False)
    journal: DyingJournal = field(init=False)
    runners: list[Runner] = field(default_factory=list)
    effects: list[tuple[str, int]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Why intents were not followed, by id."""
    sent: dict[str, intents.Kind] = field(default_factory=dict)
    viewer: str = ""
    by: ClassVar[str] = "ana"
    """Stands for the owner of whatever file is read."""

    plans: dict[str, Plan] = field(default_factory=dict)
    """The plans that the run may go over to, by digest."""

    def __post_init__(self) -> None:
        self.plans.setdefault(self.plan.plan_digest, self.plan)
        self.directory = begin(self.plan, {}, run_started(self.plan, wall_s() + 86400))
        self.viewer = Client(self.directory).viewer
        self._open()
        self.ask("take_seat")

    # -- the engine -----------------------------------------------------------------------------

    def _open(self) -> None:
        self.journal = DyingJournal(self.directory.journal, self.plan.plan_digest)
        self.journal.refused = self.refused
        ledger = Ledger(self.journal, self.directory.name)
        numbered = NumberedAttempts(self.directory, ledger, self.runners)
        self.core = Core(
            directory=self.directory,
            about=self.directory.about(),
            runbook=self.plans[ledger.state.plan].runbook,
            ledger=ledger,
            attempts=numbered,
            secrets=for_profile(self.plan.runbook, Redactor()),
            world=cast("Any", StillWorld()),
            advisory=AdvisoryLocks(self.directory.name),
        )
        self.inbox = Inbox(self.core)

    def close(self) -> None:
        """What a death does: the journal and all locks are free."""
        self.journal.close()
        for descriptor in self.core.world.held_locks.values():
            os.close(descriptor)
        self.core.world.held_locks.clear()

    def restart(self) -> None:
        """The engine is killed, and started again."""
        self.close()
        self._open()
        Claims(self.core).resume()
        self.core.attempts.recover()
        settling.resume(self.core)

    def _guarded(self, work: Coroutine[Any, Any, None]) -> str:
        try:
            self.loop.run_until_complete(work)
        except CockpitError as refusal:
            return str(refusal)
        except OSError as error:
            return str(error)
        except Died:
            self.restart()
            return "died"
        return ""

    def ask(self, kind: intents.Kind, **details: Any) -> str:
        """Send an intent, as a file, and let it be followed; gives why it was not."""
        seat = self.core.ledger.state.seat
        known: dict[str, Any] = {"viewer": self.viewer, "seat": seat.number if seat else 0}
        known |= details
        Machine.by = known.pop("by", seat.operator if seat else "ana")
        name = intents.send(self.directory.intents, intents.Intent(kind, **known))
        self.sent[name] = kind
        trouble = self.take()
        return trouble or self.refused.get(name, "")

    def take(self) -> str:
        """Follow what waits; gives what went wrong."""

        async def follow() -> None:
            for path in self.inbox.coming():
                await self.inbox.follow(path)

        trouble = self._guarded(follow())
        if self.core.again:
            self.restart()
        return trouble

    def beat(self) -> None:
        """One look of the engine's loop."""

        async def look() -> None:
            self.core.attempts.follow()
            await settling.verify(self.core)

        self.take()
        self._guarded(look())

    @property
    def state(self) -> RunState:
        return self.core.ledger.state

    # -- the runners ----------------------------------------------------------------------------

    def alive(self, pid: int, _started: int, _boot: str) -> bool:
        """Stands for `is_alive`."""
        return any(one.number == pid and one.alive for one in self.runners)

    def claim(self, runner: Runner) -> None:
        folder = self.core.attempts.folder(*runner.key)
        runner.claimed = folder.claim(Identity(runner.number, 1, boot_id()))
        runner.alive = runner.claimed

    def act(self, runner: Runner) -> None:
        runner.acted = True
        self.effects.append(runner.key)

    def end(self, runner: Runner, code: int, ended: Ended) -> None:
        folder = self.core.attempts.folder(*runner.key)
        folder.end(Exit(code, ended, 0.1, head=runner.order.head))
        runner.ended, runner.alive = True, False

    def verifies(self, step: Step) -> Answer:
        """What a step's verification sees: whether it had its effect."""
        happened = any(name == step.id for name, _ in self.effects)
        said = "pass" if happened else "fail"
        return Answer(f"{step.id}_seen", "its mark", cast("Any", said), said, 0.0)


def without_processes(monkeypatch: pytest.MonkeyPatch, current: Callable[[], Machine]) -> None:
    """Let the engine's rules see a machine's runners and marks instead of processes and files."""

    async def verified(step: Step, _context: CheckContext) -> tuple[Answer, ...]:
        return (current().verifies(step),)

    def alive(pid: int, started: int, boot: str) -> bool:
        return current().alive(pid, started, boot)

    def nobody(_whose: int | str) -> list[Process]:
        return []

    for module in (intents, handlers):
        monkeypatch.setattr(module, "login", lambda _uid: Machine.by)
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr(inbox, "AGAIN_S", 0.0)
    monkeypatch.setattr(settling, "VERIFY_S", 0.0)
    monkeypatch.setattr(seen, "verified", verified)
    monkeypatch.setattr(attempts, "is_alive", alive)
    monkeypatch.setattr(attempts, "session_members", nobody)
    monkeypatch.setattr(attempts, "marked", nobody)
