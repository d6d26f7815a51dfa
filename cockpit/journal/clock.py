"""The run clock of a process that is not the engine: it follows the journal's clock events."""

from __future__ import annotations

from cockpit.clock import NS, boot_ns
from cockpit.journal.file import JournalReader
from cockpit.journal.fold import fold
from cockpit.journal.state import RunState


class JournalClock:
    """A clock that reads the journal on, whenever it is asked and the journal has grown."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader = reader
        self._state = fold(RunState(), reader.follow())
        self._beginnings = reader.beginnings
        self._read_at = boot_ns()

    @property
    def state(self) -> RunState:
        """What the journal says."""
        # A look at the file ten times a second is as good as one at every reading of the clock.
        if boot_ns() - self._read_at > NS // 10:
            told = self._reader.follow()
            if self._reader.beginnings != self._beginnings:
                # A mended journal is another file: what it says begins anew.
                self._beginnings, self._state = self._reader.beginnings, RunState()
            self._state = fold(self._state, told)
            self._read_at = boot_ns()
        return self._state

    def now(self) -> float:
        """The run clock, seconds since the Unix epoch."""
        return self.state.clock.at(boot_ns())

    def real(self) -> float:
        """Real seconds on the boot clock."""
        return boot_ns() / NS

    @property
    def speed(self) -> float:
        """Run seconds in one real second."""
        return self.state.clock.speed
