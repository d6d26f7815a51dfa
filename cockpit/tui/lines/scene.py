"""What the panels draw from: one view, and the outlook on it."""

from __future__ import annotations

from dataclasses import dataclass

from cockpit.engine.client import OLD_AFTER_S, View
from cockpit.journal.state import RunState
from cockpit.outlook import Outlook, outlook
from cockpit.runbook.model import Runbook
from cockpit.telemetry.live import Live, Proposal


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment, as every panel sees it."""

    view: View
    outlook: Outlook
    ascii: bool = False
    """Whether only ASCII may be drawn."""

    @property
    def state(self) -> RunState:
        """What the journal says."""
        return self.view.state

    @property
    def live(self) -> Live | None:
        """What the engine sees."""
        return self.view.live

    @property
    def runbook(self) -> Runbook:
        """The plan."""
        return self.view.runbook

    @property
    def now(self) -> float:
        """The run clock."""
        return self.view.now

    @property
    def environment(self) -> str:
        """Where the run acts."""
        return self.state.environment or self.runbook.environment

    @property
    def age_s(self) -> float | None:
        """Real seconds since the engine last wrote; None where it never did."""
        return self.view.age_s

    @property
    def is_old(self) -> bool:
        """Whether what the engine sees is too old to be trusted."""
        age = self.age_s
        return self.view.engine_gone or age is None or age > OLD_AFTER_S

    def proposal(self, step: str) -> Proposal | None:
        """The proposal of that step, where one is open."""
        found = self.live.proposal if self.live else None
        return found if found and found.step == step else None


def scene_of(view: View, *, ascii_only: bool = False) -> Scene:
    """The scene of a view."""
    return Scene(view, outlook(view.runbook, view.state, view.now), ascii_only)
