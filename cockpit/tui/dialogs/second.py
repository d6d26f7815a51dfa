"""The second person's confirmation: what the driver has open, on a screen of one's own."""

from __future__ import annotations

from dataclasses import replace

from cockpit.telemetry.live import NOBODY_YET, Proposal
from cockpit.tui.allowed import why_not
from cockpit.tui.dialogs.confirm import Confirm
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import proposal
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.sheets import Sheet
from cockpit.tui.screens.base import app_of


class Second(Confirm):
    """The same page and the same care; it begins nothing by itself."""

    def refusal(self) -> str:
        """Why it may not be confirmed yet; empty where it may."""
        scene = app_of(self).scene
        if refused := why_not(scene, "second"):
            return refused
        found = scene.proposal(self.step)
        if found is None or found.asking:
            return "the driver has closed it"
        others = [reason for reason in found.closed if reason != NOBODY_YET]
        if others:
            return others[0]
        return self.unread() or self.refused

    def action_ask_again(self) -> None:
        """Another minute; the gates are the driver's to ask."""
        self.arming.renewed()
        self.refused = ""
        self._tick()

    def _send(self, found: Proposal, typed: str) -> None:
        app = app_of(self)
        self.sent_at = app.scene.state.seq
        app.ask("second", step=found.step, attempt=found.attempt, digest=found.digest, typed=typed)
        self._tick()

    def _is_over(self, scene: Scene) -> bool:
        """Whether it was taken, or there is nothing left to confirm."""
        told = scene.state.second
        if self.sent_at is not None and told is not None and told.step == self.step:
            app_of(self).tell("confirmed as second person: the driver begins it", "plain")
            self.dismiss()
            return True
        if scene.state.step(self.step).status not in ("open", "failed"):
            self.dismiss()
            return True
        return super()._is_over(scene)

    def _close(self, words: str) -> None:
        # The proposal is the driver's: leaving this page takes nothing back.
        if self.sent_at is None:
            app_of(self).tell(words, "plain")
        self.dismiss()

    def _sheet(self, scene: Scene, width: int) -> Sheet:
        line = scene.outlook.line(self.step)
        if line is None:
            return Sheet(Picture("Second person", (), ((("it is not in the list", "dim"),),)))
        return Sheet(proposal(scene, line, replace(self._asked(), second=True), width))
