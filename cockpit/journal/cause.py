"""Why a run went back: what an operator wrote down once its rollback had begun."""

from __future__ import annotations

from cockpit.journal import events as e
from cockpit.journal.draft import replace
from cockpit.journal.events import Event
from cockpit.journal.state import RunState

SHARED = "shared with the group "
"""How the note begins that the cockpit itself writes when a run is shared: it is no cause."""


def noted(state: RunState, _event: Event, data: e.Noted) -> RunState:
    """A note of a run that rolls back, or has, is its cause; the newest counts."""
    counts = state.mode == "roll_back" and not data.text.startswith(SHARED)
    return replace(state, cause=data.text) if counts else state
