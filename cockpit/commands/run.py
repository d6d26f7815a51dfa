"""`cockpit run` and `cockpit attach`: a run's engine and its screen."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cockpit.called import called
from cockpit.clock import wall_s
from cockpit.commands.beside import beside
from cockpit.engine import sharing
from cockpit.engine.choosing import going_or_begun
from cockpit.engine.client import Client
from cockpit.engine.layout import RunDirectory, find
from cockpit.engine.start import begin, launch_engine, run_started
from cockpit.errors import CockpitError, RunbookError, UsageError
from cockpit.journal.cause import SHARED
from cockpit.timewords import said_moment

if TYPE_CHECKING:
    from cockpit.runbook.plan import Plan


def run(directory: Path, environment: str, t0: str | None, share: str | None = None) -> int:
    """Start or resume the run of a runbook in an environment, and open the screen."""
    if environment == "rehearsal":
        mend = f"`cockpit rehearse {directory}`"
        raise UsageError("a rehearsal has a command of its own", mend=mend)
    return open_screen(partial(_shared, share, partial(_run_of, directory, environment, t0)))


def _shared(
    group: str | None, choose: Callable[[], tuple[RunDirectory, bool]]
) -> tuple[RunDirectory, bool]:
    """The run that is chosen, open to a group where one is named: that is looked at first."""
    if group is None:
        return choose()
    gid = sharing.group_of(group)
    sharing.must_reach(gid)
    directory, begins = choose()
    sharing.share(directory, gid)
    told = f"{SHARED}{group}: `cockpit attach {directory.path}`"
    Client(directory).send("note", text=told)
    return directory, begins


def _run_of(directory: Path, environment: str, t0: str | None) -> tuple[RunDirectory, bool]:
    """The run to show, and whether it begins just now."""
    from cockpit.runbook.plan import load_plan  # the screen's own process parses no YAML

    plan = load_plan(directory, environment, {})
    name = plan.runbook.name
    return going_or_begun(name, environment, partial(_begun, plan, t0))


def _begun(plan: Plan, t0: str | None) -> RunDirectory:
    if t0 is None:
        raise UsageError("a new run needs its planned T-0", mend="--t0 2026-11-23T02:00:00+01:00")
    moment = parse_t0(t0)
    first = min(phase.offset for phase in plan.runbook.procedure.phases)
    if moment + first < wall_s() - 7 * 86400:
        raise RunbookError("that T-0 lies in the past", where=t0, mend="give the coming one")
    return begin(plan, {}, run_started(plan, moment))


def attach(run: str) -> int:
    """Look on at a run."""
    return open_screen(lambda: (find(run), False), looks_on=True)


def open_screen(choose: Callable[[], tuple[RunDirectory, bool]], *, looks_on: bool = False) -> int:
    """Show a run until the viewer leaves; its engine is started where it does not work.

    The run is found or begun, its engine started and its journal read beside this process, which
    loads the screen meanwhile. Whoever begins a run has its seat. Who only looks on at another
    user's run sees that its engine is gone; one that has ended needs none.
    """
    if not all(map(os.isatty, (0, 1, 2))):
        raise UsageError(
            "the screen needs a terminal, for its keys and for what it shows",
            mend="run it in one, `ssh -t` from afar; `cockpit status` and `report` need none",
        )
    chosen = beside(partial(_working, choose, looks_on=looks_on))
    from cockpit.tui.run import load  # Textual loads for a screen alone
    from cockpit.tui.run import run as show

    load()
    client, begins = chosen()
    client.come_over()
    client.arrive()
    if begins:
        client.send("take_seat")
    code = show(client)
    _last_words(client)
    return code


def _last_words(client: Client) -> None:
    """Tell a terminal that may be gone, or stand still: it is not waited for."""
    with contextlib.suppress(OSError, CockpitError):
        text = f"{farewell(client)}\n"
        was = os.get_blocking(1)
        os.set_blocking(1, False)
        try:
            os.write(1, text.encode(sys.stdout.encoding, "replace"))
        finally:
            os.set_blocking(1, was)


def farewell(client: Client) -> str:
    """How the screen is opened again, and where the record lies, once the viewer has left."""
    directory = client.directory
    ended = client.view().state.ended
    word = "goes on without this screen"
    if ended:
        word = f"is {ended.replace('_', ' ')}"
    elif client.finishes:
        word = "was asked to end, engine and lab"
    again = "brings it back" if client.finishes and not ended else "opens it again"
    return (
        f"{directory.name} {word}: `{called()} attach {directory.name}` {again}; "
        f"its record is {directory.path}"
    )


def _working(
    choose: Callable[[], tuple[RunDirectory, bool]], *, looks_on: bool
) -> tuple[Client, bool]:
    """A client that has read what was recorded, and whether its run begins just now.

    A run that has ended is only read: no engine writes into its record once more.
    """
    directory, begins = choose()
    client = Client(directory)
    state = client.view().state
    is_read = looks_on and directory.foreign
    if not is_read and (state.damage or not state.ended):
        launch_engine(directory)
    return client, begins


def parse_t0(text: str) -> float:
    """A moment with its zone, RFC 3339, as seconds since the Unix epoch."""
    return said_moment(text).timestamp()
