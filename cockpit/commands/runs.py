"""`cockpit runs [import FILE]`: the runs on this host; take in a record from another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cockpit import record
from cockpit.engine import heads, layout
from cockpit.engine.layout import RunDirectory
from cockpit.engine.start import was_ended
from cockpit.errors import CockpitError
from cockpit.exits import BAD, GOOD, answer
from cockpit.journal.state import RunState
from cockpit.redact import printable
from cockpit.report import archive
from cockpit.status import RUN
from cockpit.timewords import moment

OPEN = ("running", "held", "rolling_back", "calling_off")
"""The states of a run that has not ended by its own steps."""


def run() -> int:
    """List every run, oldest first; 1 where one cannot be read."""
    directories = layout.every_run()
    if not directories:
        answer(f"no run lies in {layout.runs()}")
        return GOOD
    problems = [problem for _, problem in map(_read, directories) if problem]
    answer("\n".join(_lines(directories)))
    return BAD if problems else GOOD


def take_in(file: Path) -> int:
    """Take in the record of a run from another host, verified."""
    answer(f"taken in, its proof holds: {archive.take_in(file).name}")
    return GOOD


def _lines(directories: list[RunDirectory]) -> Iterator[str]:
    width = max(len(one.name) for one in directories)
    for directory in directories:
        state, problem = _read(directory)
        words = problem
        if state is not None:
            words = f"{_shown(directory, state):<20} began {moment(state.started_at)}"
            # A damage is a state of its own, whose words stand on the run's own page.
            words += f"; {problem}" if problem and not state.damage else ""
        yield f"{directory.name:<{width}}  {printable(words)}"


def _shown(directory: RunDirectory, state: RunState) -> str:
    if word(state) in OPEN and was_ended(directory):
        return RUN["let_go"].shown()
    return shown(state)


def _read(directory: RunDirectory) -> tuple[RunState | None, str]:
    try:
        state = record.read(directory).state
    except CockpitError as error:
        return None, str(error)
    except OSError as error:
        return None, f"{error.filename}: it cannot be read: {error.strerror}"
    return state, state.damage or "; ".join(heads.unreadable(directory))


def shown(state: RunState) -> str:
    """The state of a run as it is shown."""
    return RUN[word(state)].shown()


def word(state: RunState) -> str:
    """The state of a run: a key of `status.RUN`."""
    if state.damage:
        return "damaged"
    if state.ended:
        return state.ended
    if state.mode != "forward":
        return {"roll_back": "rolling_back", "call_off": "calling_off"}[state.mode]
    return "running" if state.held is None else "held"
