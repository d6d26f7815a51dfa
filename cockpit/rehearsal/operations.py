"""Operations of the lab: what `shell` and `compose` steps do in a rehearsal."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from cockpit.clock import rfc3339
from cockpit.errors import ActionFailed, CockpitError
from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.data import TABLES, create_schema, has_schema
from cockpit.rehearsal.pool import login
from cockpit.rehearsal.progress import Progress
from cockpit.rehearsal.scenarios import SCENARIOS
from cockpit.rehearsal.spec import NEW, OLD, WEB_PORT, LabSpec
from cockpit.rehearsal.web import WebService

KEPT = 20
"""Operations that the lab remembers for its status."""

Operation = Callable[[], Awaitable[list[str]]]


class Operations:
    """What can be done to the lab's two sides; one at a time."""

    def __init__(
        self, spec: LabSpec, clock: JournalClock, sides: Mapping[str, WebService], done: Progress
    ) -> None:
        self.last: deque[str] = deque(maxlen=KEPT)
        """The last operations, each in a line."""
        self._spec = spec
        self._clock = clock
        self._old, self._new = sides["old"], sides["new"]
        self._done = done
        self._one_at_a_time = asyncio.Lock()
        self._named: Mapping[str, Operation] = {
            "back_up_old": self._back_up_old,
            "new_pull": _says("the lab plays no registry: nothing was pulled"),
            "new_build": _says("the lab plays no images: nothing was built"),
            "new_migrate": self._migrate_new,
            "new_start": self._start_new,
            "new_restart": self._restart_new,
            "new_stop": self._stop_new,
            "observability_start": _says("the lab plays no Prometheus or Grafana: nothing started"),
            "new_deploy_changes": self._deploy_changes,
            "decommission_old": self._decommission_old,
            "none": _says("not rehearsed here: nothing was done"),
        }

    async def run(self, name: str) -> list[str]:
        """The lines that an operation has to say; ActionFailed, with the reason, if it fails."""
        operation = self._named.get(name)
        if operation is None:
            raise ActionFailed(f"the lab has no operation {name}", mend=", ".join(self._named))
        async with self._one_at_a_time:
            try:
                await self._die_once(name)
                lines = await operation()
            except (psycopg.Error, OSError) as error:
                self._remember(name, "failed")
                raise ActionFailed(f"{name}: {str(error).strip()}") from error
            except CockpitError:
                self._remember(name, "failed")
                raise
            self._done.save(self._spec.path)
            self._remember(name, "done")
        return lines

    def _remember(self, name: str, end: str) -> None:
        self.last.append(f"{rfc3339(self._clock.now())} {name} {end}")

    async def _die_once(self, name: str) -> None:
        if name in SCENARIOS[self._spec.scenario].dies_once and name not in self._done.died:
            self._done.died.append(name)
            self._done.save(self._spec.path)
            raise ActionFailed(
                f"{name} was killed before it changed anything (the scenario planted this)",
                mend="run the step again",
            )

    async def _back_up_old(self) -> list[str]:
        """Copy every table of the old side into a folder, in one snapshot."""
        self._done.backups += 1
        folder = self._spec.path / "backups" / f"old-{self._done.backups}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with await psycopg.AsyncConnection.connect(
            login(self._spec, OLD, "owner")
        ) as session:
            await session.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await session.set_read_only(True)
            lines = [await _dump(session, table, folder / f"{table}.copy") for table in TABLES]
        return [*lines, f"backed up {OLD} to {folder}"]

    async def _migrate_new(self) -> list[str]:
        """Create the schema and the grants of the new side."""
        async with await psycopg.AsyncConnection.connect(
            login(self._spec, NEW, "owner")
        ) as session:
            if await has_schema(session):
                return [f"{NEW} has the schema already: nothing changed"]
            await create_schema(session, NEW)
        return [
            *(f"created table {table}, empty" for table in TABLES),
            "created scheduler.jobs: raise_alerts, send_digests, purge_sessions, all disabled",
            "granted reading and writing to app and jobs",
        ]

    async def _start_new(self) -> list[str]:
        if self._new.is_up:
            return [f"the new web service answers already at {self._spec.new}:{WEB_PORT}"]
        await self._new.start()
        self._done.new_runs = True
        return [
            f"started the new web service at {self._spec.new}:{WEB_PORT}",
            "its jobs run only while scheduler.jobs of its database enables them",
        ]

    async def _restart_new(self) -> list[str]:
        if not self._new.is_up:
            raise ActionFailed("the new web service does not run", mend="new_start starts it")
        await self._new.stop()
        await self._new.start()
        return [
            f"restarted the new web service at {self._spec.new}:{WEB_PORT}; counters begin anew"
        ]

    async def _stop_new(self) -> list[str]:
        await self._new.stop()
        self._done.new_runs = False
        return [f"stopped the new web service at {self._spec.new}:{WEB_PORT}; its database stays"]

    async def _deploy_changes(self) -> list[str]:
        return ["the lab plays no images: nothing was built", *await self._restart_new()]

    async def _decommission_old(self) -> list[str]:
        await self._old.stop()
        self._done.old_is_gone = True
        return [f"stopped the old web service at {self._spec.old}:{WEB_PORT}; its database stays"]


async def _dump(session: psycopg.AsyncConnection, table: str, path: Path) -> str:
    digest = hashlib.sha256()
    rows = 0
    query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier("public", table))
    with path.open("wb") as file:
        async with session.cursor() as cursor, cursor.copy(query) as copy:
            async for block in copy:
                digest.update(block)
                rows += bytes(block).count(b"\n")
                file.write(block)
    return f"{table}: {rows} rows, sha256 {digest.hexdigest()}"


def _says(*lines: str) -> Operation:
    async def say() -> list[str]:
        return list(lines)

    return say
