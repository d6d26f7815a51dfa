"""Faults of one side's web service, as the scenario and its seed plant them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.scenarios import ONSET_S, Scenario

Side = Literal["old", "new"]


@dataclass(slots=True)
class Faults:
    """Chance and planted faults of one side."""

    scenario: Scenario
    side: Side
    clock: JournalClock
    rng: random.Random
    delay_s: float
    """Real seconds that an unharmed request takes, give or take a third."""

    def delay(self) -> float:
        """Real seconds that the next request takes."""
        slowness = self.scenario.new_slowness if self._planted() else 1.0
        return self.delay_s * slowness * self.rng.uniform(2 / 3, 4 / 3)

    def fails(self) -> bool:
        """The next request fails."""
        share = self.scenario.baseline_errors
        if self._planted() and self.scenario.new_errors is not None:
            share = self.scenario.new_errors
        return self.rng.random() < share

    def loses(self) -> bool:
        """The next accepted reading is not stored."""
        return self.side == "new" and self.rng.random() < self.scenario.lost

    def silences(self) -> bool:
        """The next reading does not reach this side at all."""
        return self.scenario.silent_sensors and self._planted()

    def has_full_disk(self) -> bool:
        """The database has no room for a row."""
        return self.scenario.full_disk and self._planted()

    def _planted(self) -> bool:
        t0 = self.clock.t0
        return self.side == "new" and t0 is not None and self.clock.now() >= t0 + ONSET_S
