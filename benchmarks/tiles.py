"""Tiles of 14 containers, from the engine's events, against a loop of the Docker commands."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cockpit.clock import wall_s
from cockpit.engine.layout import RunDirectory
from cockpit.engine.start import begin, launch_engine, run_started, wait_for_engine
from cockpit.runbook.plan import load_plan
from cockpit.telemetry import codec
from cockpit.telemetry.live import Tile
from tests.fakes.crash_runs import Kind, some_net, write_runbook
from tests.lab.fix_tiles import Deployed, lab_engine

ABOUT = "from `docker kill` to the tile, and what watching 14 services costs"
SERVICES = 14
SIZES = {"default": (1, 20.0), "full": (2, 120.0)}
"""Kills of each service, fewer than make a restart loop, and real seconds of quiet a turn."""
TURNS = 3
"""Turns of each, one after the other's: of the default size a minute each, as nearly all work of
the engine comes within a minute. What it spends in them is added up, not the middle one taken:
what is done once a minute counts."""
RIVALS = 5
"""Services that are killed under the loop, which takes seconds for each."""
PATIENCE_S = 30.0
SETTLE_S = 10.0
"""Real seconds after the last container is fine, in which the engine ends what its kill brought."""
LOOP = "docker compose ps + docker stats"


def run(size: str) -> list[dict[str, Any]]:
    """The rows of one run."""
    kills, quiet_s = SIZES[size]
    services = {f"service{number}": {} for number in range(SERVICES)}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = Deployed(stack.enter_context(lab_engine()), folder / "stack", services)
        made.folder.mkdir()
        made.up()
        names = {name: made.container(name) for name in services}
        with _cockpit(folder, made) as (pid, tile):
            says = _states(tile)
            delays = [_delay(made, one, says) for one in (*names.items(),) * kills]
            _until(lambda: all(says(name) == "fine" for name in names), "the tiles are not fine")
            time.sleep(SETTLE_S)
            ours, theirs = [], []
            before = [tile(name) for name in names]
            for _ in range(TURNS):
                ours.append(_spent(lambda: _cpu_s(pid), quiet_s))
                _must_be_quiet(before, [tile(name) for name in names])
                with _loop(made) as (loop_cpu_s, _):
                    theirs.append(_spent(loop_cpu_s, quiet_s))
            memory = _resident_mib(pid)
        with _loop(made) as (_, seen):
            slow = [_delay(made, one, seen) for one in [*names.items()][:RIVALS]]
    return _rows(delays, slow, ours, theirs, memory)


def _must_be_quiet(before: Sequence[Tile | None], after: Sequence[Tile | None]) -> None:
    """What is measured while a tile turned, or the Docker engine was lost, is no quiet."""
    for was, now in zip(before, after, strict=True):
        if was is None or now is None or (was.state, was.since) != (now.state, now.since):
            raise RuntimeError(f"something changed while nothing should: {was} became {now}")


def _rows(
    delays: list[float],
    slow: list[float],
    turns: list[float],
    loop_turns: list[float],
    memory: float,
) -> list[dict[str, Any]]:
    worst, median = statistics.quantiles(delays, n=20)[-1], statistics.median(delays)
    rival = statistics.median(slow)
    ours, theirs = statistics.mean(turns), statistics.mean(loop_turns)
    less = theirs / ours
    return [
        _row("from kill to tile, half of them", "ms", median * 1e3, rival * 1e3, "", met=True),
        _row("from kill to tile, 95 of 100", "ms", worst * 1e3, None, "<= 1000", met=worst <= 1),
        {
            **_row("CPU while nothing changes", "% of a core", ours, theirs, "< 2", met=ours < 2),
            "turns": {"cockpit": turns, LOOP: loop_turns},
        },
        _row("CPU of the loop over ours", "ratio", less, None, ">= 20", met=less >= 20),
        _row("memory of the engine", "MiB", memory, None, "", met=True),
    ]


def _row(
    what: str, unit: str, ours: float, rival: float | None, goal: str, *, met: bool
) -> dict[str, Any]:
    rivals = {} if rival is None else {LOOP: rival}
    return {
        "what": what,
        "unit": unit,
        "cockpit": ours,
        "rivals": rivals,
        "floor": None,
        "ratios": {f"to {name}": ours / value for name, value in rivals.items()},
        "goal": goal,
        "met": met,
    }


@contextmanager
def _cockpit(folder: Path, made: Deployed) -> Iterator[tuple[int, Callable[[str], Tile | None]]]:
    """A run's real engine that watches the services; its pid, and a service's tile."""
    book = write_runbook(folder, some_net(), (Kind("quick", undone=True),))
    probes = "".join(
        f"  - {{id: {name}, title: {name}, kind: container, target: stack, container: {name},"
        " every: 10s}\n"
        for name in made.services
    )
    _insert(book / "runbook.yaml", "targets:\n", "  stack: {kind: compose, about: The stack}\n")
    _insert(book / "runbook.yaml", "phases:\n", f"probes:\n{probes}", before=True)
    stack = f"  stack: {{kind: compose, project: {made.project}, directory: {made.folder}, "
    stack += f'files: [compose.yaml], context: "{made.engine.host}"}}\n'
    _insert(book / "staging.yaml", "targets:\n", stack)
    os.environ["COCKPIT_HOME"] = str(folder / "home")
    plan = load_plan(book, "staging", {})
    directory = begin(plan, {}, run_started(plan, wall_s() + 3600))
    engine = launch_engine(directory)
    if engine is None:
        raise RuntimeError("another engine is on this run")
    try:
        wait_for_engine(directory, engine)
        tile = partial(_tile, directory)
        _until(lambda: _states(tile)("service0") == "fine", "no tile is fine")
        yield engine.pid, tile
    finally:
        engine.terminate()
        engine.wait(20)


def _insert(path: Path, mark: str, text: str, *, before: bool = False) -> None:
    whole = path.read_text(encoding="utf-8")
    new = text + mark if before else mark + text
    path.write_text(whole.replace(mark, new, 1), encoding="utf-8")


def _tile(directory: RunDirectory, name: str) -> Tile | None:
    live = codec.read(directory.live)
    tiles = live.tiles if live else ()
    return next((one for one in tiles if one.probe == name), None)


def _states(tile: Callable[[str], Tile | None]) -> Callable[[str], str]:
    """What a service's tile says."""

    def says(name: str) -> str:
        found = tile(name)
        return found.state if found else "silent"

    return says


@contextmanager
def _loop(made: Deployed) -> Iterator[tuple[Callable[[], float], Callable[[str], str]]]:
    """The commands one after the other, as a screen refreshed by them; its CPU, what it says."""
    said: dict[str, str] = {}
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            listed = made.compose("ps", "--all", "--format", "json")
            for line in listed.splitlines():
                one = json.loads(line)
                said[one["Service"]] = "fine" if one["State"] == "running" else "down"
            made.engine.docker("stats", "--no-stream", "--format", "json")

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield spent, lambda name: said.get(name, "silent")
    finally:
        over.set()
        thread.join()


def _delay(made: Deployed, service: tuple[str, str], says: Callable[[str], str]) -> float:
    """Real seconds from a kill to the word about it; the container runs again afterwards."""
    name, container = service
    _until(lambda: says(name) == "fine", f"{name} is not fine before its end")
    killing = subprocess.Popen(
        ("docker", "kill", container), env=made.engine.environment, stdout=subprocess.DEVNULL
    )
    began = time.monotonic()
    _until(lambda: says(name) == "down", f"nothing says that {name} was killed")
    took = time.monotonic() - began
    killing.wait()
    made.engine.docker("start", container)
    return took


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.01)


def _spent(cpu_s: Callable[[], float], seconds: float) -> float:
    """Per cent of a core over so many real seconds."""
    before, began = cpu_s(), time.monotonic()
    time.sleep(seconds)
    return (cpu_s() - before) / (time.monotonic() - began) * 100


def _cpu_s(pid: int) -> float:
    """Seconds that all threads of a process had a processor, and its children that ended.

    The scheduler's own nanoseconds: the ticks of `stat` are a tenth of what is measured here.
    """
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    children = sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    spent = sum(int(one.read_text(encoding="ascii").split()[0]) for one in threads)
    return spent / 1e9 + children


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def versions() -> dict[str, str]:
    """What was measured with."""
    told = subprocess.run(("docker", "--version"), capture_output=True, text=True, check=True)
    return {"docker": told.stdout.strip(), "load": f"{os.getloadavg()[0]:.1f}"}
