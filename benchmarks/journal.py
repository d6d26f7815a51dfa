"""The journal: recording against the bare disk, and a long run folded and opened."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.journal_run import long_run, told
from cockpit.engine.layout import RunDirectory
from cockpit.engine.ledger import Ledger
from cockpit.journal.file import JournalFile
from cockpit.redact import Redactor

ABOUT = "events a second with fsync, and 100,000 of them folded and shown"
TURNS = 15
"""A turn waits for the disk forty times: of five, the medians tell more of the disk's mood."""
BATCHES = {1: 100, 10: 40, 100: 40}
"""How many events go to the disk at once, and how often in a turn."""
SIZES = {"default": 100_000, "full": 500_000}
SHORT = 100
"""Events of the run against which a long one is held."""
PLAN = "0" * 64
Rates = dict[str, float]


class _Way(NamedTuple):
    """One way to put batches of events on the disk."""

    name: str
    record: Callable[[Path, int, int], float]
    """Gives events a second."""


def run(size: str) -> list[dict[str, Any]]:
    """The rows of one run."""
    rows = [row for batch in BATCHES for row in _recording(batch)]
    with _home() as short_home:
        short = long_run(SHORT)
        with _home(short_home):
            return rows + _long(long_run(SIZES[size]), short, SIZES[size])


@contextmanager
def _home(within: Path | None = None) -> Iterator[Path]:
    former = os.environ.get("COCKPIT_HOME")
    with tempfile.TemporaryDirectory(dir=within) as folder:
        os.environ["COCKPIT_HOME"] = folder
        yield Path(folder)
    if former is not None:
        os.environ["COCKPIT_HOME"] = former


# -- recording ----------------------------------------------------------------------------------


def _recording(batch: int) -> Iterator[dict[str, Any]]:
    ways = (
        _Way("cockpit", _journal),
        _Way("floor", _bare),
        _Way("sqlite", _sqlite),
        _Way("engine", _engine),
    )
    found: dict[str, list[float]] = {way.name: [] for way in ways}
    for _ in range(TURNS):
        for way in ways:
            with tempfile.TemporaryDirectory() as folder:
                found[way.name].append(way.record(Path(folder), batch, BATCHES[batch]))
    rate: Rates = {name: statistics.median(rates) for name, rates in found.items()}
    words = "one at a time" if batch == 1 else f"{batch} at once"
    share = rate["cockpit"] / rate["floor"]
    yield {
        "what": f"recording with fsync, {words}",
        "unit": "events/s",
        "cockpit": rate["cockpit"],
        "rivals": {"SQLite, WAL, synchronous=FULL": rate["sqlite"]},
        "floor": rate["floor"],
        "ratios": {"to floor": share, "to SQLite": rate["cockpit"] / rate["sqlite"]},
        "goal": "" if batch == 1 else "to floor >= 0.5",
        "met": batch == 1 or share >= 0.5,
    }
    yield {
        "what": f"the same by the engine, secrets hidden and folded, {words}",
        "unit": "events/s",
        "cockpit": rate["engine"],
        "rivals": {},
        "floor": rate["floor"],
        "ratios": {"to floor": rate["engine"] / rate["floor"]},
        "goal": "",
        "met": True,
    }


def _batches(batch: int, times: int) -> list[list[object]]:
    coming = told(batch * times + 1)
    return [[next(coming) for _ in range(batch)] for _ in range(times)]


def _timed(batch: int, times: int, record: Callable[[int], object]) -> float:
    began = time.perf_counter()
    for number in range(times):
        record(number)
    return batch * times / (time.perf_counter() - began)


def _journal(folder: Path, batch: int, times: int) -> float:
    some = _batches(batch, times)
    journal = JournalFile(folder / "journal.jsonl", PLAN)
    rate = _timed(batch, times, lambda n: journal.append_all("ops", 1.8e9, some[n]))
    journal.close()
    return rate


def _lines(folder: Path, batch: int, times: int) -> list[bytes]:
    """What the journal writes of these events, batch by batch."""
    journal = JournalFile(folder / "pattern.jsonl", PLAN)
    journal.append_all("ops", 1.8e9, [one for some in _batches(batch, times) for one in some])
    journal.close()
    lines = (folder / "pattern.jsonl").read_bytes().splitlines(keepends=True)
    return [b"".join(lines[at : at + batch]) for at in range(0, len(lines), batch)]


def _bare(folder: Path, batch: int, times: int) -> float:
    some = _lines(folder, batch, times)
    file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def record(number: int) -> None:
        os.write(file, some[number])
        os.fsync(file)

    rate = _timed(batch, times, record)
    os.close(file)
    return rate


def _sqlite(folder: Path, batch: int, times: int) -> float:
    some = [one.splitlines() for one in _lines(folder, batch, times)]
    database = sqlite3.connect(folder / "rival.sqlite")
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = full")
    database.execute("create table events(seq integer primary key, line blob)")

    def record(number: int) -> None:
        with database:
            rows = ((line,) for line in some[number])
            database.executemany("insert into events(line) values (?)", rows)

    rate = _timed(batch, times, record)
    database.close()
    return rate


def _engine(folder: Path, batch: int, times: int) -> float:
    redactor = Redactor()
    for number in range(5):
        redactor.learn(f"secret_{number}", f"secret-{number}/with+signs={number}")
    ledger = Ledger(JournalFile(folder / "journal.jsonl", PLAN), "run", redactor)
    some = _batches(batch, times)
    rate = _timed(batch, times, lambda n: ledger.tell_all(some[n]))
    ledger.close()
    return rate


# -- a long run ---------------------------------------------------------------------------------


def _long(long: RunDirectory, short: RunDirectory, events: int) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[Rates]] = {}
    for _ in range(TURNS):
        for way in ("fold", "open"):
            for name, directory in (("long", long), ("short", short)):
                found.setdefault((way, name), []).append(_said(way, directory))
    figures = {
        key: {what: statistics.median(one[what] for one in some) for what in some[0]}
        for key, some in found.items()
    }
    shutil.rmtree(long.lab, ignore_errors=True)
    fold, before = figures["fold", "long"], figures["fold", "short"]
    opened, at_once = figures["open", "long"], figures["open", "short"]
    held = f"of {SHORT} events"
    return [
        _row(f"{events} events: read, proved and folded", "s", fold["s"], before["s"], 2.0),
        _row(f"{events} events: memory for it", "MiB", fold["mib"], before["mib"], 64.0),
        _row(f"{events} events: its screen opened", "s", opened["s"], at_once["s"], 2.0),
        _row(f"{events} events: peak memory of the viewer", "MiB", opened["mib"], at_once["mib"]),
        {
            "what": f"the state after one more event, behind {events} and behind {SHORT}",
            "unit": "us",
            "cockpit": fold["next_us"],
            "rivals": {held: before["next_us"]},
            "floor": None,
            "ratios": {f"to the run {held}": fold["next_us"] / before["next_us"]},
            "goal": "<= 1.5 times",
            "met": fold["next_us"] <= 1.5 * before["next_us"],
        },
    ]


def _row(
    what: str, unit: str, ours: float, short: float, limit: float | None = None
) -> dict[str, Any]:
    return {
        "what": what,
        "unit": unit,
        "cockpit": ours,
        "rivals": {f"a run of {SHORT} events": short},
        "floor": None,
        "ratios": {},
        "goal": "" if limit is None else f"<= {limit:g} {unit}",
        "met": limit is None or ours <= limit,
    }


def _said(way: str, directory: RunDirectory) -> Rates:
    command = (sys.executable, "-m", "benchmarks.journal_run", way, str(directory.path))
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: Rates = json.loads(done.stdout)
    return figures


def versions() -> dict[str, str]:
    """What was measured on."""
    folder = tempfile.gettempdir()
    named = ("findmnt", "-no", "FSTYPE,SOURCE", "--target", folder)
    disk = subprocess.run(named, capture_output=True, text=True, check=False).stdout.strip()
    return {
        "disk": disk or folder,
        "sqlite": sqlite3.sqlite_version,
        "load": f"{os.getloadavg()[0]:.1f}",
    }
