"""A run as its directory holds it: the journal, verified and folded, and the plan it ran."""

from __future__ import annotations

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
    events = tuple(reader.read())
    reader.damage = reader.damage or heads.missing(wanted, events)
    state = reader.named(fold(RunState(newer=directory.newer), events), directory.name)
    return Record(directory, reader.mark(state) if reader.damage else state, events, reader.offset)


def behind(found: Record) -> tuple[Row, ...]:
    """The lines behind a damage, whatever they are worth; none where the journal holds."""
    if not found.state.damage:
        return ()
    return tuple(rows_of(found.directory.journal.read_bytes()[found.offset :]))
