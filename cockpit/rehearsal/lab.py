"""The lab process: brings every part up in order, says how it is, and ends them together."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import msgspec

from cockpit.errors import CockpitError, Refused, TargetError
from cockpit.rehearsal.authority import Authorities
from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.control import Control
from cockpit.rehearsal.data import prepare_databases
from cockpit.rehearsal.operations import Operations
from cockpit.rehearsal.postgres import EmbeddedPostgres
from cockpit.rehearsal.progress import LabStatus, load_progress, start_time
from cockpit.rehearsal.resolvers import Resolvers
from cockpit.rehearsal.scenarios import SCENARIOS
from cockpit.rehearsal.spec import LabSpec, load, write_aside
from cockpit.rehearsal.tasks import end
from cockpit.rehearsal.users import Users
from cockpit.rehearsal.web import WebService

LOG = logging.getLogger(__name__)
STATUS_S = 0.5
"""Real seconds between two writings of the status."""


class Lab:
    """All parts of one lab."""

    def __init__(self, spec: LabSpec) -> None:
        self.spec = spec
        self.clock = JournalClock(Path(spec.journal))
        self.clock.poll()
        self.progress = load_progress(spec.path)
        self.authorities = Authorities(spec, self.clock)
        self.resolvers = Resolvers(spec, SCENARIOS[spec.scenario], self.clock)
        self.server = EmbeddedPostgres(spec.path, spec.database)
        self.old = WebService(spec, "old", self.clock)
        self.new = WebService(spec, "new", self.clock)
        self.users = Users(spec, self.clock)
        sides = {"old": self.old, "new": self.new}
        self.operations = Operations(spec, self.clock, sides, self.progress)
        self.control = Control(spec.control, self.status, self.operations)
        self._state: Literal["starting", "up", "down"] = "starting"
        self._detail = ""
        self._start_time = start_time(os.getpid())

    async def run(self, ended: asyncio.Event) -> None:
        """Come up, stay up until told to end, and take everything down again."""
        last_words = "an error ended it; lab.log has it"
        problems: list[str] = []
        try:
            async with AsyncExitStack() as parts, asyncio.TaskGroup() as group:
                tasks = self._background(group, self.clock.follow(), self._tell())
                await self._come_up(parts)
                work = self.authorities.transfer(), self.users.live(), self._guard()
                tasks += self._background(group, *work)
                self._turn("up", "")
                await ended.wait()
                self._turn("up", "going down")
                await end(tasks)
            last_words = ""
        except* CockpitError as failed:
            problems = [str(error) for error in failed.exceptions]
        finally:
            self._turn("down", "; ".join(problems) or last_words)
        if problems:
            raise TargetError(problems[0])

    def status(self) -> LabStatus:
        """How the lab is just now."""
        tally = self.users.tally
        return LabStatus(
            state=self._state,
            detail=self._detail,
            scenario=self.spec.scenario,
            lag_s=round(self.users.lag_s, 1),
            requests=tally.requests,
            failed=tally.failed,
            to_new=tally.by_address[self.spec.new],
            pid=os.getpid(),
            start_time=self._start_time,
            operations=tuple(self.operations.last),
        )

    async def _come_up(self, parts: AsyncExitStack) -> None:
        """Start each part; `parts` stops them in reverse order."""
        await self._start(parts, "the name servers", self.authorities.start, self.authorities.stop)
        await self._start(parts, "the resolvers", self.resolvers.start, self.resolvers.stop)
        await self._start(parts, "PostgreSQL", self.server.start, self.server.stop)
        self._turn("starting", "the data of the old side")
        await prepare_databases(self.spec, self.server, self.clock.now())
        parts.push_async_callback(self.old.stop)
        parts.push_async_callback(self.new.stop)
        if not self.progress.old_is_gone:
            self._turn("starting", "the old web service")
            await self.old.start()
        if self.progress.new_runs:
            self._turn("starting", "the new web service")
            await self.new.start()
        await self._start(parts, "the control", self.control.start, self.control.stop)

    async def _start(
        self,
        parts: AsyncExitStack,
        what: str,
        start: Callable[[], Awaitable[None]],
        stop: Callable[[], Awaitable[None]],
    ) -> None:
        self._turn("starting", what)
        parts.push_async_callback(stop)
        try:
            await start()
        except OSError as error:
            raise TargetError(f"{what} did not start: {error}") from error

    def _background(
        self, group: asyncio.TaskGroup, *work: Coroutine[Any, Any, None]
    ) -> list[asyncio.Task[None]]:
        return [group.create_task(one) for one in work]

    def _turn(self, state: Literal["starting", "up", "down"], detail: str) -> None:
        self._state, self._detail = state, detail
        LOG.info("%s %s", state, detail)
        self._write()

    def _write(self) -> None:
        write_aside(self.spec.path / "status.json", msgspec.json.encode(self.status()))

    async def _guard(self) -> None:
        """End the lab where its database server is gone: it comes back with all its parts."""
        while True:
            await asyncio.sleep(STATUS_S)
            if not self.server.is_running:
                raise TargetError("PostgreSQL ended by itself", where=str(self.server.log))

    async def _tell(self) -> None:
        while True:
            self._write()
            await asyncio.sleep(STATUS_S)


def run_lab(folder: Path) -> None:
    """Run the lab of a folder until SIGTERM or SIGINT; Refused where it runs already."""
    with (folder / "lab.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Refused("this lab runs already", where=str(folder)) from error
        asyncio.run(_run(load(folder)))


async def _run(spec: LabSpec) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await Lab(spec).run(ended)
