"""How long a step may take, and be silent, before a person should look; pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from cockpit.runbook.model import Step
from cockpit.timewords import lasting

FACTOR = 2.0
"""How much longer than usual is long."""
LEAST_S = 10.0
"""Real seconds of silence that are never worth a word."""


class Usual(NamedTuple):
    """What is usual, and what says so."""

    limit_s: float
    """Real seconds beyond which a person should look."""
    words: str


def soft_s(step: Step) -> float:
    """Real seconds after which a step takes long."""
    chosen = FACTOR * step.estimate if step.soft_timeout is None else step.soft_timeout
    return min(chosen, step.timeout)


def usual_time(step: Step) -> Usual:
    """How long a step may take before the screen says that it takes long."""
    tail = f"planned {lasting(step.estimate)}, ended after {lasting(step.timeout)}"
    return Usual(soft_s(step), tail)


def usual_silence(step: Step, silences: Iterable[float]) -> Usual:
    """How long a step may write nothing, by its runbook, by former attempts, by its estimate."""
    if step.silence is not None:
        return Usual(step.silence, f"usual are {lasting(step.silence)} at most")
    longest = max(silences, default=None)
    if longest is None:
        return Usual(max(LEAST_S, step.estimate), f"it should take {lasting(step.estimate)} in all")
    return Usual(max(LEAST_S, FACTOR * longest), f"its longest so far was {lasting(longest)}")
