"""What earlier runs of a runbook on this host took: the measure of what comes now."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cockpit import record
from cockpit.engine.layout import RunDirectory, every_run
from cockpit.errors import CockpitError
from cockpit.journal.state import RunState

_LOG = logging.getLogger(__name__)
RUNS = 8
"""How many runs are looked back on."""
SHOWN = 2
"""How many times of a step are kept, the newest ones."""


@dataclass(frozen=True, slots=True)
class Took:
    """How long a step took once, where it was done."""

    seconds: float
    """Real seconds."""
    environment: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier runs took; empty where there is none."""

    steps: Mapping[str, tuple[Took, ...]] = field(default_factory=dict)
    """By step, the newest first; at most `SHOWN` each."""
    rollback_s: float | None = None
    """Seconds from the choice to go back to its end, in the newest run that was rolled back.

    A lab's rollback tells nothing: its clock runs faster than the hands that press its keys.
    """


def directories(runbook: str, own: Path) -> tuple[RunDirectory, ...]:
    """The newest other runs of a runbook, in any environment, newest first."""
    found = (one for one in reversed(every_run()) if one.path != own and _is_of(one, runbook))
    return tuple(itertools.islice(found, RUNS))


def _is_of(directory: RunDirectory, runbook: str) -> bool:
    try:
        return directory.about().runbook == runbook
    except CockpitError:
        return False  # a folder that is no readable run tells nothing


def look_back(runs: Iterable[RunDirectory]) -> Earlier:
    """What these runs took, given newest first; one that cannot be read tells nothing."""
    states = list(_states(runs))
    steps: dict[str, list[Took]] = {}
    for state in states:
        for step, took in _done(state):
            known = steps.setdefault(step, [])
            if len(known) < SHOWN:
                known.append(took)
    backs = (_back(state) for state in states)
    return Earlier(
        {step: tuple(times) for step, times in steps.items()},
        next((one for one in backs if one is not None), None),
    )


def _states(runs: Iterable[RunDirectory]) -> Iterator[RunState]:
    for directory in runs:
        try:
            state = record.read(directory).state
        except (CockpitError, OSError):
            continue
        except Exception:  # noqa: BLE001  another run may break nothing here: logged, and no measure
            _LOG.exception("%s tells nothing of what earlier runs took", directory.path)
            continue
        if not state.damage:
            yield state


def _done(state: RunState) -> Iterator[tuple[str, Took]]:
    for step in state.steps.values():
        for attempt in reversed(step.attempts):
            if attempt.status == "done" and attempt.took_s is not None and attempt.exit == 0:
                yield step.id, Took(attempt.took_s, state.environment)
                break


def _back(state: RunState) -> float | None:
    if state.ended != "rolled_back" or state.environment == "rehearsal":
        return None
    if state.turned_at is None or state.ended_at is None:
        return None
    return state.ended_at - state.turned_at


def in_words(times: tuple[Took, ...]) -> str:
    """As a person reads it: `1.9 s and 3.2 s in staging`; empty where there are none."""
    counted = Counter(one.environment for one in times)
    parts = (
        " and ".join(f"{one.seconds:.1f} s" for one in times if one.environment == where)
        + f" in {where}"
        for where in counted
    )
    return ", ".join(parts)
