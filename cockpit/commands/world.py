"""The world that a question is about: a plan, and for a rehearsal the lab that is up just now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cockpit.engine.layout import RunDirectory
from cockpit.engine.start import unfinished
from cockpit.errors import CockpitError, Untold, UsageError
from cockpit.runbook.plan import Plan, load_plan
from cockpit.runbook.variables import REHEARSAL_GIVEN


@dataclass(frozen=True, slots=True)
class World:
    """What a command looks at."""

    plan: Plan
    going: RunDirectory | None
    """The run of it that is under way."""


def world(directory: Path, environment: str) -> World:
    """A runbook in an environment; Untold where that is a rehearsal and no lab is up."""
    if environment != "rehearsal":
        plan = load_plan(directory, environment, {})
        return World(plan, unfinished(plan.runbook.name, environment))
    name = load_plan(directory, environment, REHEARSAL_GIVEN).runbook.name
    going = unfinished(name, environment)
    if going is None:
        raise Untold(
            f"no rehearsal of {name} is under way, and `--env rehearsal` asks its lab",
            where=str(directory),
            mend=f"`cockpit rehearse {directory}` brings one up; ask again while it goes on",
        )
    _must_be_up(going, directory)
    return World(load_plan(directory, environment, going.about().given), going)


def _must_be_up(going: RunDirectory, directory: Path) -> None:
    from cockpit.rehearsal.launch import status

    lab = status(going.lab)
    if lab.state == "starting":
        mend = "ask again when the screen shows it up"
        raise Untold(f"the lab is coming up: {lab.detail}", where=going.name, mend=mend)
    if lab.state == "down":
        raise Untold(
            "the lab of the rehearsal under way is down, and `--env rehearsal` asks it",
            where=going.name,
            mend=f"`cockpit rehearse {directory}` starts it again; ask again while it goes on",
        )


@contextmanager
def telling() -> Iterator[None]:
    """Whatever keeps a question from being answered leaves it untold: neither good nor bad."""
    try:
        yield
    except (UsageError, Untold):
        raise
    except CockpitError as error:
        raise Untold(error.what, where=error.where, mend=error.mend) from error
