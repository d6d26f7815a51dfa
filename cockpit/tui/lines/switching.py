"""Which way the switch goes, in words."""

from __future__ import annotations

from cockpit.propagation.answers import Grid


def to_come(grid: Grid) -> str:
    """That the switch is still to come, or the one back."""
    return "not switched back yet" if grid.wanted == "old" else "not switched yet"
