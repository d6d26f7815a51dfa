"""What the run under way, or the last one, knows of a zone that a command looks at."""

from __future__ import annotations

from pathlib import Path

from cockpit.clock import Clock
from cockpit.engine.dns_memory import DnsMemory, resume, zone_that_moves
from cockpit.engine.pause import pause
from cockpit.journal.clock import JournalClock
from cockpit.journal.state import RunState
from cockpit.propagation import recall
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.model import Runbook


class Known:
    """What is known without a run: nothing, and nothing forbids to ask."""

    def pause(self) -> str:
        """Why no resolver is asked now; empty where they are."""
        return ""

    def tell(self, watch: PropagationWatch) -> None:
        """Let a watch that is to begin know it."""


class KnownToRun(Known):
    """What a run's engine wrote down, and what its journal shows."""

    def __init__(self, runbook: Runbook, clock: JournalClock, path: Path) -> None:
        self._runbook = runbook
        self._clock = clock
        self._path = path

    def pause(self) -> str:
        """Why no resolver is asked now, nor by anybody else; empty where they are."""
        return pause(self._runbook, self._clock.state)

    def tell(self, watch: PropagationWatch) -> None:
        """Let it know, where the run watches the same zone."""
        if watch.target.zone == zone_that_moves(self._runbook).zone:
            DnsMemory(self._path, self._clock).load(watch)
            resume(watch, self._runbook, self._clock.state, self._clock.now())


class KnownToEnded(Known):
    """What the last run left behind: which side it ended on, and what its engine wrote down."""

    def __init__(self, runbook: Runbook, clock: Clock, state: RunState, path: Path) -> None:
        self._runbook = runbook
        self._clock = clock
        self._state = state
        self._path = path

    def tell(self, watch: PropagationWatch) -> None:
        """Let it know, unless other values are asked about by now: then another switch is meant."""
        known = recall.read(self._path)
        is_other = known is not None and known.about != watch.remembered().about
        if is_other or watch.target.zone != zone_that_moves(self._runbook).zone:
            return
        if known is not None:
            watch.recall(known)
        resume(watch, self._runbook, self._state, self._clock.now())
