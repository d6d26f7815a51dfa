"""Samples in SQLite: raw for a day, then a mean a minute; not chained, capped, never in the way.

Beside them the counters that signals are measured by, for as long as a window remembers them: an
engine that starts again takes its windows from there.

What cannot be written is dropped and said in `problem`: a full disk costs history, not the run.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cockpit import beat
from cockpit.durable import fit

CAP = 500_000_000
"""Bytes beyond which the oldest samples go."""
RAW_S = 86_400.0
"""Run seconds for which every sample is kept."""
WAITING = 20_000
"""Samples that wait for a disk; beyond, the oldest are dropped."""
COMPACT_EVERY = 60
"""Batches between two compactions."""
_SCHEMA = """
create table if not exists samples(at real, source text, name text, value real);
create table if not exists minutes(at real, source text, name text, value real);
create table if not exists totals(source text, at real, gap real, counts text);
create index if not exists totals_by_source on totals(source, at);
create index if not exists samples_by_source on samples(source, name, at);
create index if not exists minutes_by_source on minutes(source, name, at);
"""
_COMPACT = """
insert into minutes
select cast(at / 60 as integer) * 60.0, source, name, avg(value)
  from samples where at < :until group by 1, 2, 3
"""
SERIES = """
select at, value from minutes where source = :source and name = :name and at >= :since
union all
select at, value from samples where source = :source and name = :name and at >= :since
order by 1
"""
_LATEST = """
with found as (select at, name, value from samples where source = :source
               union all select at, name, value from minutes where source = :source)
select name, value from found where at = (select max(at) from found)
"""
_TOTALS = "select at, gap, counts from totals where source = :source and at >= :since order by at"
_log = logging.getLogger(__name__)


class Point(NamedTuple):
    """One sample."""

    at: float
    source: str
    name: str
    value: float


class Totals(NamedTuple):
    """Counters as they stood at one moment."""

    at: float
    source: str
    gap: float
    """The longest run time to the sample before with which they belong together."""
    counts: Mapping[str, float]


Waiting = Point | Totals


class Samples:
    """The samples of one run; one writer."""

    def __init__(self, path: Path, cap: int = CAP) -> None:
        self.path = path
        self.cap = cap
        self.problem = ""
        """Why samples are not kept just now; empty where they are."""
        self._waiting: deque[Waiting] = deque(maxlen=WAITING)
        self._kept: dict[str, float] = {}
        """Run seconds for which a source's totals are wanted."""
        self._connection: sqlite3.Connection | None = None
        self._batches = 0
        self._lock = threading.Lock()

    def record(self, at: float, source: str, name: str, value: float) -> None:
        """Remember a sample for the next batch; `at` is the run clock."""
        self._waiting.append(Point(at, source, name, value))

    def count(self, totals: Totals, keep: float) -> None:
        """Remember counters for `keep` run seconds."""
        self._kept[totals.source] = keep
        self._waiting.append(totals)

    async def keep(self) -> None:
        """Write a batch a second, beside the loop, until cancelled."""
        try:
            while True:
                await asyncio.sleep(beat.rest(1.0, asyncio.get_running_loop().time()))
                if self._waiting:
                    await asyncio.to_thread(self.flush)
        finally:
            self.close()

    def flush(self) -> None:
        """Write what waits, in one transaction; says in `problem` where it cannot."""
        with self._lock:
            batch = list(self._waiting)
            try:
                self._write(batch)
            except (sqlite3.Error, OSError) as error:
                self._report(error)
                return
            for _ in batch:
                self._waiting.popleft()
            self.problem = ""

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        self.flush()
        with self._lock:
            self._disconnect()

    def series(self, source: str, name: str, since: float = 0.0) -> list[tuple[float, float]]:
        """The values of one figure with their times, oldest first; minutes where days old."""
        return self._asked(SERIES, {"source": source, "name": name, "since": since})

    def totals(self, source: str, since: float = 0.0) -> list[Totals]:
        """The counters of a source as they stood, oldest first."""
        found = self._asked(_TOTALS, {"source": source, "since": since})
        return [
            Totals(at, source, gap, msgspec.json.decode(counts, type=dict[str, float]))
            for at, gap, counts in found
        ]

    def latest(self, source: str) -> dict[str, float]:
        """All values of a source's newest moment."""
        return dict(self._asked(_LATEST, {"source": source}))

    def _asked(self, query: str, values: dict[str, str | float]) -> list[Any]:
        self.flush()
        with self._lock:
            try:
                return list(self._connected().execute(query, values))
            except (sqlite3.Error, OSError) as error:
                self._report(error)
                return []

    def _write(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        connection = self._connected()
        points = [one for one in batch if isinstance(one, Point)]
        totals = [
            (one.source, one.at, one.gap, msgspec.json.encode(one.counts).decode())
            for one in batch
            if isinstance(one, Totals)
        ]
        with connection:
            connection.executemany("insert into samples values (?, ?, ?, ?)", points)
            connection.executemany("insert into totals values (?, ?, ?, ?)", totals)
        self._batches += 1
        if self._batches % COMPACT_EVERY == 1:
            now = batch[-1].at
            with connection:
                _compact(connection, now)
                for source, keep in self._kept.items():
                    old = (source, now - keep)
                    connection.execute("delete from totals where source = ? and at < ?", old)
                _shrink(connection, self.cap)

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self.path, timeout=5, check_same_thread=False)
            self._connection = connection
            connection.execute("pragma synchronous = normal")
            connection.executescript(_SCHEMA)
            self.path.chmod(0o600)
            fit(self.path)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _report(self, error: sqlite3.Error | OSError) -> None:
        if not self.problem:
            _log.warning("telemetry is not kept: %s", error)
        self.problem = f"samples are not kept: {error}"
        self._disconnect()
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        ):
            # A damaged file holds nothing that a run rests on: it is kept aside, a new one begun.
            self._set_aside()

    def _set_aside(self) -> None:
        try:
            self.path.replace(self.path.with_name(f"{self.path.name}.damaged"))
        except OSError as error:
            _log.warning("the damaged telemetry stays where it is: %s", error)


def _compact(connection: sqlite3.Connection, now: float) -> None:
    until = (now - RAW_S) // 60 * 60
    connection.execute(_COMPACT, {"until": until})
    connection.execute("delete from samples where at < ?", (until,))


def _shrink(connection: sqlite3.Connection, cap: int) -> None:
    pages, size, free = (
        connection.execute(f"pragma {name}").fetchone()[0]
        for name in ("page_count", "page_size", "freelist_count")
    )
    if (pages - free) * size <= cap:
        return
    for table in ("minutes", "samples"):
        first, last = connection.execute(f"select min(at), max(at) from {table}").fetchone()  # noqa: S608 - the two names above
        if first is not None:
            older = first + (last - first) / 4
            connection.execute(f"delete from {table} where at <= ?", (older,))  # noqa: S608 - the two names above
