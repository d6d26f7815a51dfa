"""A stop that its runner does not carry out: the engine ends the step itself, and says so."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from cockpit.engine.core import Core
from cockpit.engine.processes import named
from cockpit.engine.supervisor import GRACE_S, LINGER_S
from cockpit.journal.events import Noted
from cockpit.journal.state import AttemptState, StepState
from cockpit.outlook import step_names

RUNNER_S = GRACE_S + 1.0
"""Real seconds after a stop in which a runner that works has ended its step's processes."""
RECORDS_S = LINGER_S + GRACE_S + 2.0
"""Real seconds after their end in which it has recorded that, where the disk takes it."""
NAME = "stop"
"""Under which the trouble is kept."""


@dataclass
class _Stop:
    """A stop under way, in real seconds; 0 where it has not happened."""

    step: str
    attempt: int
    seen_at: float
    asked_at: float = 0.0
    """When the engine itself asked the processes to end."""
    ended_at: float = 0.0
    """When none of them was left."""


class Insistence:
    """What one engine knows of a stop under way."""

    def __init__(self) -> None:
        self._stop: _Stop | None = None

    def look(self, core: Core) -> None:
        """End what a runner that was told to stop should have ended by now; say what lives on."""
        step = _stopping(core)
        if step is None or step.last is None:
            self._stop = None
            core.troubles.pop(NAME, None)
            return
        key, now = (step.id, step.last.number), core.ledger.clock.real()
        if self._stop is None or (self._stop.step, self._stop.attempt) != key:
            self._stop = _Stop(*key, seen_at=now)
        if now - self._stop.seen_at > RUNNER_S:
            _insist(core, self._stop, step.last, now)


def _stopping(core: Core) -> StepState | None:
    """The step that was asked to end, whether the journal could take the word of it or not."""
    step = core.ledger.state.active
    if step is None or step.last is None or step.status not in ("running", "stopping"):
        return None
    asked = step.status == "stopping" or (step.id, step.last.number) in core.stopped
    return step if asked else None


def _insist(core: Core, stop: _Stop, attempt: AttemptState, now: float) -> None:
    left = core.attempts.group(stop.step, stop.attempt)
    title = step_names(core.runbook, core.state).get(stop.step, stop.step)
    if not left:
        stop.ended_at = stop.ended_at or now
        if stop.asked_at or now - stop.ended_at > RECORDS_S:
            words = "has ended, and its runner, pid {}, does not record how: its end leaves a doubt"
            core.troubles[NAME] = f"{title} {words.format(attempt.pid)}"
        # A runner that did end its step may wait for a full disk: it is left alone.
        if stop.asked_at and now - stop.ended_at > RECORDS_S:
            core.attempts.stop(attempt, signal.SIGKILL)
        return
    stop.ended_at = 0.0
    words = f"the runner of {title}, pid {attempt.pid}, does not stop it: still alive: "
    core.troubles[NAME] = words + named(left)
    if not stop.asked_at:
        stop.asked_at = now
        try:
            told = f"{words}{named(left)}; the engine ends that itself"
            core.ledger.tell(Noted(told))
        finally:
            # A full disk may not take the word of it: it is ended all the same.
            core.attempts.stop_group(stop.step, stop.attempt, signal.SIGTERM)
    elif now - stop.asked_at > GRACE_S:
        core.attempts.stop_group(stop.step, stop.attempt, signal.SIGKILL)
