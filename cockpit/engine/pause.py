"""When no resolver may be asked: from the step before the switch until the switch is seen."""

from __future__ import annotations

from cockpit.journal.state import RunState
from cockpit.runbook.model import Runbook

WHY = "no resolver is asked just before the switch: it would keep the old answer"


def pause(runbook: Runbook, state: RunState) -> str:
    """Why no resolver is asked now; empty where they are.

    A query just before the switch would put the old answer into a cache for its whole TTL. This
    holds for whoever asks: the engine, its checks, and `cockpit dns` beside it. An attempt ends it
    no sooner than an authority is seen to give the new answer: a person may still be typing, and
    one that changed nothing leaves the switch to be made.
    """
    t0 = runbook.t0_step
    before = runbook.needs(t0)
    ready = bool(before) and all(state.step(one).status == "done" for one in before)
    made = state.t0_actual is not None or state.step(t0.id).status in ("done", "skipped")
    return WHY if ready and not made and state.mode == "forward" else ""
