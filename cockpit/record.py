"""A run as its directory holds it: the journal, verified and folded, and the plan it ran."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

from cockpit.engine import heads
from cockpit.engine.layout import RunDirectory
from cockpit.journal.chain import Row, rows_of
from cockpit.journal.events import Event
from cockpit.journal.file import JournalReader
from cockpit.journal.fold import fold
from cockpit.journal.state import RunState
from cockpit.redact import printable
from cockpit.runbook.model import Runbook
from cockpit.runbook.plan import thaw

WRITTEN_S = 0.5
"""Real seconds in which an engine that works is through with the line that it writes."""
TAIL = 20
"""How many last lines of an attempt's output a report shows."""
TAIL_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """One run, as read at one moment."""

    directory: RunDirectory
    state: RunState
    events: tuple[tuple[Event, str], ...]
    """Each with its hash; nothing behind the first damage."""
    offset: int = 0
    """Bytes of the journal that they fill."""
    torn: int = 0
    """Bytes behind them of a last line whose writing was cut off, and which stays so."""

    @property
    def cut_off(self) -> str:
        """That the last line has no end, in words; empty where it has.

        An engine sets such a line aside, and names it, when it starts.
        """
        if not self.torn:
            return ""
        return (
            f"its last line was cut off: {self.torn} bytes behind event {len(self.events) - 1} "
            "have no end, and what they told is not counted"
        )

    def runbook(self) -> Runbook:
        """The plan that the journal names, read from its frozen copy: a tenth of a second."""
        return thaw(self.directory.plan(self.state.plan)).runbook

    def tail(self, step: str, attempt: int) -> tuple[str, ...]:
        """The last lines of an attempt's output; none where it wrote none."""
        try:
            with (self.directory.attempt(step, attempt) / "output").open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
                text = file.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ()
        return tuple(deque(printable(text).splitlines(), TAIL))


def read(directory: RunDirectory) -> Record:
    """Read a run; a damaged journal is read up to its damage, which the state names."""
    wanted = heads.carried(directory)
    reader = JournalReader(directory.journal, directory.about().plan)
    events, torn = _events(reader)
    reader.damage = reader.damage or heads.missing(wanted, events)
    state = reader.named(fold(RunState(newer=directory.newer), events), directory.name)
    marked = reader.mark(state) if reader.damage else state
    return Record(directory, marked, events, reader.offset, 0 if reader.damage else torn)


def _events(reader: JournalReader) -> tuple[tuple[tuple[Event, str], ...], int]:
    """The events, and the bytes of a last line without its end, if they stay that."""
    events = reader.read()
    was = reader.beginnings, reader.offset, reader.torn
    deadline = time.monotonic() + WRITTEN_S
    while reader.torn and not reader.damage and time.monotonic() < deadline:
        time.sleep(0.02)
        begun, fresh = reader.beginnings, reader.read()
        events = events + fresh if reader.beginnings == begun else fresh
        if was != (reader.beginnings, reader.offset, reader.torn):
            return tuple(events), 0  # it is being written
    return tuple(events), len(reader.torn)


def behind(found: Record) -> tuple[Row, ...]:
    """The lines behind a damage, whatever they are worth; none where the journal holds."""
    if not found.state.damage:
        return ()
    return tuple(rows_of(found.directory.journal.read_bytes()[found.offset :]))
