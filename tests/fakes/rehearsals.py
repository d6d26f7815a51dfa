"""A run's journal written by hand, and lab processes that end with their test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

import httpx
import msgspec

from cockpit.clock import NS, boot_ns
from cockpit.rehearsal import launch
from cockpit.rehearsal.progress import LabStatus, start_time
from cockpit.rehearsal.spec import CONTROL_PORT, LabSpec, free_net, prepare, write_aside

NIGHT = 1_790_000_000.0
"""A run clock to begin with."""


class HandJournal:
    """A journal with the events that a lab follows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._run_s = NIGHT
        self._boot_ns = boot_ns()
        self._speed = 1.0

    def now(self) -> float:
        """The run clock as the journal has it."""
        return self._run_s + (boot_ns() - self._boot_ns) / NS * self._speed

    def go(self, speed: float, run_s: float | None = None) -> None:
        """Set the run clock's speed, and its reading where one is given."""
        self._run_s = self.now() if run_s is None else run_s
        self._boot_ns, self._speed = boot_ns(), speed
        anchor = {"boot_ns": self._boot_ns, "run_s": self._run_s, "speed": speed}
        self.write("clock_set", anchor | {"why": "speed"})

    def jump(self, seconds: float) -> None:
        """Jump forward."""
        self.go(self._speed, self.now() + seconds)

    def t0(self) -> None:
        """T-0 happens now."""
        self.write("t0_happened", {"actual": self.now(), "evidence": "ns1 gave the new answer"})

    def write(self, kind: str, data: dict[str, object]) -> None:
        """Append one event."""
        event = {"v": 1, "seq": 0, "type": kind, "run_s": self.now(), "by": "engine", "data": data}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(event)}\t{'0' * 64}\n")


async def eventually(look: Callable[[], bool | Awaitable[bool]], wait_s: float = 20.0) -> None:
    """Wait until `look` says yes."""
    deadline = time.monotonic() + wait_s
    while True:
        seen = look()
        if seen if isinstance(seen, bool) else await seen:
            return
        assert time.monotonic() < deadline, f"not within {wait_s} s"
        await asyncio.sleep(0.05)


def lab_spec(
    folder: Path, journal: HandJournal, scenario: str = "calm", **changes: float
) -> LabSpec:
    """A lab's spec on a free net, with other rates where they are given."""
    spec = prepare(folder / "lab", free_net(), 7, scenario, journal.path)
    spec = msgspec.structs.replace(spec, **changes)
    (spec.path / "lab.json").write_bytes(msgspec.json.encode(spec))
    return spec


@contextlib.asynccontextmanager
async def running(spec: LabSpec, *, keeps_data: bool = False) -> AsyncIterator[int]:
    """A lab process that is up; gives its pid, ends it, and deletes its databases."""
    process = launch.start(spec)
    log = spec.path / "lab.log"
    try:
        await eventually(lambda: status(spec).state != "starting")
        assert status(spec).state == "up", log.read_text(encoding="utf-8")
        yield process.pid
    finally:
        await asyncio.to_thread(launch.stop if keeps_data else launch.remove, spec.path)
        process.wait()
    assert "Traceback" not in (said := log.read_text(encoding="utf-8")), said


def status(spec: LabSpec) -> LabStatus:
    """What the lab says of itself."""
    return launch.status(spec.path)


async def operate(spec: LabSpec, name: str) -> httpx.Response:
    """Run one operation of a lab."""
    async with httpx.AsyncClient(timeout=20) as http:
        return await http.post(f"http://{spec.control}:{CONTROL_PORT}/operations/{name}")


def write_status(folder: Path, state: Literal["starting", "up"]) -> None:
    """Let this process stand for the lab of a folder."""
    told = LabStatus(
        state=state, detail="the databases", pid=os.getpid(), start_time=start_time(os.getpid())
    )
    write_aside(folder / "status.json", msgspec.json.encode(told))
