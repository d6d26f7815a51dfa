"""The child of a runner: it loads the plan's frozen copy and runs the step's action."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cockpit.actions import registry
from cockpit.actions.base import ActionContext
from cockpit.engine.attempt_files import AttemptFolder, Order
from cockpit.engine.layout import RunDirectory
from cockpit.errors import ActionKilled, CockpitError
from cockpit.journal.clock import JournalClock
from cockpit.journal.events import Json
from cockpit.journal.file import JournalReader
from cockpit.redact import Redactor
from cockpit.runbook.plan import thaw
from cockpit.secrets import for_profile

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What the child tells its runner."""

    ok: bool = False
    message: str = ""
    recorded: dict[str, Json] = field(default_factory=dict)
    killed: bool = False
    """Its program was ended by a signal: nobody knows how far it came."""


def perform(
    order: Order, folder: AttemptFolder, redactor: Redactor, acting: tuple[int, ...] = ()
) -> Result:
    """Act, and say how it went in the operator's words."""
    try:
        _watch_children_without_threads()
        recorded = asyncio.run(_run(order, folder, redactor, acting))
    except ActionKilled as error:
        say(str(error))
        return Result(message=str(error), killed=True)
    except CockpitError as error:
        say(str(error))
        return Result(message=str(error))
    except Exception:  # noqa: BLE001  the boundary of the process: logged whole, told in words
        # The boundary: whatever nobody foresaw goes to the log whole, and to the operator in words.
        _LOG.exception("the action ended by an unforeseen error")
        return Result(message=f"an unforeseen error; {folder.path / 'runner.log'} has its trace")
    return Result(ok=True, recorded=recorded)


def _watch_children_without_threads() -> None:
    """Where the host gives no more threads, a program's end must be noticed all the same."""
    if sys.version_info < (3, 12):  # from there on it is asyncio's own way
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


async def _run(
    order: Order, folder: AttemptFolder, redactor: Redactor, acting: tuple[int, ...]
) -> dict[str, Json]:
    directory = RunDirectory(Path(order.run_directory))
    runbook = thaw(directory.plan(order.plan)).runbook
    step = runbook.step(order.step)
    clock = JournalClock(JournalReader(directory.journal, directory.about().plan))
    state = clock.state
    context = ActionContext(
        runbook=runbook,
        step=step,
        attempt=order.attempt,
        folder=folder.path,
        run_directory=directory.path,
        clock=clock,
        secrets=for_profile(runbook, redactor),
        say=say,
        recorded={one.id: one.recorded for one in state.steps.values()},
        lab=order.lab,
        acting=acting,
    )
    return dict(await registry.run(step.action, context))


def say(line: str) -> None:
    """One line of output; the runner redacts it."""
    sys.stdout.write(line.rstrip("\n") + "\n")
    sys.stdout.flush()
