"""Watches: recurring read-only checks that need no keypress, at their own time on the run clock."""

from __future__ import annotations

from cockpit.checks import registry as checks
from cockpit.engine.core import Core
from cockpit.journal.events import WatchAnswered
from cockpit.journal.state import RunState
from cockpit.runbook.model import Watch


class Watches:
    """When each watch was last asked."""

    def __init__(self) -> None:
        self._asked: dict[str, float] = {}

    async def look(self, core: Core) -> None:
        """Ask the watches whose time has come, and journal what they answered."""
        for watch in core.runbook.procedure.watches:
            if self._is_due(watch, core):
                self._asked[watch.id] = core.ledger.clock.now()
                check = core.runbook.check(watch.check)
                answer = (await checks.ask_all([check], core.context()))[0]
                # The run may have turned back meanwhile: then the answer is to another question.
                if runs_now(watch, core.ledger.state):
                    core.ledger.tell(WatchAnswered(watch.id, answer))

    def _is_due(self, watch: Watch, core: Core) -> bool:
        state = core.ledger.state
        if not runs_now(watch, state):
            return False
        known = state.watches.get(watch.id)
        last = max(self._asked.get(watch.id, 0.0), known.at if known else 0.0)
        began = state.step(watch.after).done_at or 0.0
        return core.ledger.clock.now() - max(last, began) >= watch.every


def runs_now(watch: Watch, state: RunState) -> bool:
    """Whether a watch lies between the step that begins it and the one that ends it."""
    return (
        not state.ended
        and state.mode == "forward"
        and state.step(watch.after).status == "done"
        and state.step(watch.until).status != "done"
    )
