"""An operator without a screen: reads what a viewer reads, and sends what its keys send."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cockpit.clock import boot_ns
from cockpit.engine.client import Client, View
from cockpit.outlook import outlook
from cockpit.runbook.checks import NotBeforeCheck, SoakCheck
from cockpit.runbook.model import Step
from cockpit.telemetry.live import Proposal


class Stuck(AssertionError):
    """What was waited for did not come."""


@dataclass
class Operator:
    """One person at a run."""

    client: Client
    said: list[str] = field(default_factory=list)

    def view(self) -> View:
        return self.client.view()

    def wait(self, what: str, holds: Callable[[View], bool], seconds: float = 30.0) -> View:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            view = self.view()
            if holds(view):
                return view
            time.sleep(0.05)
        log = "\n".join(line.text for line in self.view().state.log[-12:])
        raise Stuck(f"{what} did not come in {seconds:g} s; the newest lines:\n{log}")

    def take_seat(self) -> None:
        self.client.arrive()
        self.client.send("take_seat")
        self.wait("the seat", lambda view: view.is_driver)

    def proposal(self, step: str) -> Proposal:
        sent = boot_ns()
        self.client.send("propose", step=step)

        def ready(view: View) -> bool:
            shown = view.live.proposal if view.live else None
            fresh = shown is not None and shown.step == step and shown.boot_ns >= sent
            return fresh and shown is not None and not shown.asking

        live = self.wait(f"the proposal of {step}", ready, 60.0).live
        assert live is not None
        assert live.proposal is not None
        return live.proposal

    def confirm(self, shown: Proposal, digest: str | None = None) -> None:
        self.client.send(
            "confirm",
            step=shown.step,
            attempt=shown.attempt,
            digest=shown.digest if digest is None else digest,
            typed=shown.typed_word,
        )

    def settled(self, step: str, seconds: float = 90.0) -> str:
        def ended(view: View) -> bool:
            return view.state.step(step).status in ("done", "failed", "in_doubt")

        return self.wait(f"the end of {step}", ended, seconds).state.step(step).status

    def do(self, step: Step, patience: float = 90.0) -> str:
        """Open a step, wait until its gates are open, confirm it, and see how it ends."""
        deadline = time.monotonic() + patience
        shown = self.proposal(step.id)
        while shown.closed:
            if time.monotonic() > deadline:
                raise Stuck(f"{step.id} stays closed: {shown.closed}")
            self.hurry(step)
            time.sleep(0.3)
            shown = self.proposal(step.id)
        self.confirm(shown)
        return self.settled(step.id)

    def hurry(self, step: Step) -> None:
        """Jump to the moment for which a step's gates wait, where they wait for one."""
        opens = self.opens_at(step)
        if opens > self.view().now:
            self.client.send("jump", value=opens)
            self.wait("the jump", lambda view: view.now >= opens)

    def opens_at(self, step: Step) -> float:
        view, opens = self.view(), 0.0
        for gate in step.gates:
            check = view.runbook.check(gate)
            if isinstance(check, NotBeforeCheck):
                opens = max(opens, view.state.t0 + check.offset)
            if isinstance(check, SoakCheck):
                after = view.state.step(check.after).done_at
                opens = max(opens, (after or 0.0) + check.duration)
        return opens

    def walk(self, until: str = "", patience: float = 90.0) -> None:
        """Do every step that comes next, until one is reached, or the run ends."""
        while True:
            view = self.view()
            coming = outlook(view.runbook, view.state, view.now).next
            if coming is None or coming.step.id == until:
                return
            began = time.monotonic()
            how = self.do(coming.step, patience)
            self.said.append(f"{coming.step.id} {how} {time.monotonic() - began:.1f}")
            if how != "done":
                attempt = self.view().state.step(coming.step.id).last
                raise Stuck(f"{coming.step.id} {how}: {attempt}")
