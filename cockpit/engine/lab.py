"""The embedded lab seen from the engine of a rehearsal: started, watched, started again."""

from __future__ import annotations

import asyncio
import subprocess

from cockpit.engine.layout import RunDirectory
from cockpit.engine.ledger import Ledger
from cockpit.journal.events import LabTurned
from cockpit.rehearsal import launch
from cockpit.rehearsal.progress import LabStatus
from cockpit.rehearsal.spec import LabSpec, load
from cockpit.telemetry.live import LabView

BEHIND_S = 20.0
"""Run seconds behind its schedule from which the lab slows the run clock."""
SLOWEST = 5.0
"""The speed below which a lab that is behind is not slowed further."""


class LabKeeper:
    """Keeps the lab of one rehearsal alive."""

    def __init__(self, directory: RunDirectory, ledger: Ledger) -> None:
        self._folder = directory.lab
        self._ledger = ledger
        self._process: subprocess.Popen[bytes] | None = None
        self.spec: LabSpec = load(self._folder)
        self.view = LabView("starting", "the lab is being started", self.spec.scenario)

    @property
    def url(self) -> str:
        """Where the lab takes operations."""
        return f"http://{self.spec.control}:8000"

    @property
    def is_up(self) -> bool:
        """Whether its servers answer."""
        return self.view.state == "up"

    async def look(self) -> None:
        """Start the lab where it is gone, and journal what changed."""
        said = await asyncio.to_thread(launch.status, self._folder)
        if said.state == "down":
            self._process = await asyncio.to_thread(launch.start, self.spec)
            said = await asyncio.to_thread(launch.status, self._folder)
        if self._process is not None:
            self._process.poll()
        self._tell(said)
        self.view = LabView(
            "starting" if said.state == "starting" else "up" if said.state == "up" else "down",
            said.detail,
            said.scenario,
            said.lag_s,
            said.requests,
        )
        self._slow_down(said)

    def _tell(self, said: LabStatus) -> None:
        if said.state != self._ledger.state.lab:
            self._ledger.tell(LabTurned(said.state, said.detail))

    def _slow_down(self, said: LabStatus) -> None:
        clock = self._ledger.clock
        if said.state == "up" and said.lag_s > BEHIND_S and clock.speed > SLOWEST:
            self._ledger.set_clock(clock.now(), max(SLOWEST, clock.speed / 2), "lag")

    async def end(self) -> None:
        """End the lab in order, and delete its databases: the record does not rest on them."""
        await asyncio.to_thread(launch.remove, self._folder)
