"""Where runs lie on this host; known before anything heavy is imported."""

from __future__ import annotations

import os


def home() -> str:
    """$COCKPIT_HOME, else /var/lib/cockpit for root, else the XDG state folder."""
    if chosen := os.environ.get("COCKPIT_HOME"):
        return chosen
    if os.geteuid() == 0:
        return "/var/lib/cockpit"
    # An empty variable counts as unset, as the specification of these folders has it.
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(state, "cockpit")
