"""A line of bars on a fixed scale; where there was no value it says so."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"


def spark(values: Sequence[float | None], width: int, top: float | None = None) -> str:
    """The newest values, one a column, from zero to `top`, or to the highest of them."""
    shown = list(values)[-width:]
    known = [value for value in shown if value is not None]
    scale = top or max(known, default=0.0)
    cells = [GAP if value is None else _bar(value, scale) for value in shown]
    return GAP * (width - len(cells)) + "".join(cells)


def _bar(value: float, scale: float) -> str:
    if scale <= 0:
        return BARS[0]
    return BARS[max(0, min(len(BARS) - 1, int(value / scale * len(BARS))))]
