"""Beginning a run, and starting its engine as a process of its own session."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cockpit import __version__, systemd
from cockpit.clock import ClockMap, boot_ns, wall_s
from cockpit.durable import replace_file
from cockpit.engine import detach, heads, program
from cockpit.engine.intents import login
from cockpit.engine.layout import FORMAT, RunDirectory, RunFile, create, every_run
from cockpit.engine.ledger import Ledger
from cockpit.engine.single import holder
from cockpit.errors import CockpitError, Refused
from cockpit.journal.events import ClockSet, RunStarted
from cockpit.journal.file import JournalFile, JournalReader
from cockpit.journal.fold import fold
from cockpit.journal.state import RunState
from cockpit.secrets import planted_in
from cockpit.telemetry import codec

if TYPE_CHECKING:
    from cockpit.runbook.plan import Plan

READY_S = 15.0
"""Real seconds in which an engine must show a sign of life."""
ENDED = "an operator ended the rehearsal"
"""Why an engine stopped that is not wanted any more."""


def begin(plan: Plan, given: dict[str, str], start: RunStarted) -> RunDirectory:
    """Make the run directory, freeze the plan in it, and record that the run began."""
    if planted := planted_in(plan.runbook, plan.files):
        name, secret = planted
        raise Refused(
            f"it holds the secret {secret} itself",
            where=f"{plan.runbook.directory}/{name}",
            mend=f"let it read the file in ${secret.upper()}_FILE; then change the secret",
        )
    directory = create(plan.runbook.environment, plan.runbook.name, wall_s())
    with or_nothing(directory):
        fill(directory, plan, given, start)
    return directory


@contextmanager
def or_nothing(directory: RunDirectory) -> Iterator[None]:
    """Leave nothing of a run whose beginning fails, and say so where the disk does not take it."""
    try:
        yield
    except OSError as error:
        shutil.rmtree(directory.path, ignore_errors=True)
        raise CockpitError(
            f"the run cannot be begun: {error.strerror or error}",
            where=str(directory.path),
            mend="make room there, or set COCKPIT_HOME to a folder on another disk",
        ) from error
    except BaseException:
        shutil.rmtree(directory.path, ignore_errors=True)
        raise


def fill(directory: RunDirectory, plan: Plan, given: dict[str, str], start: RunStarted) -> None:
    """Freeze the plan in a fresh run directory, and record that the run began."""
    from cockpit.runbook.plan import freeze  # a viewer parses no YAML

    freeze(plan, directory.plan(plan.plan_digest))
    journal = JournalFile(directory.journal, plan.plan_digest)
    with closing(Ledger(journal, directory.name)) as ledger:
        ledger.clock.map = ClockMap(boot_ns(), wall_s(), start.speed)
        ledger.tell(ClockSet(boot_ns(), wall_s(), start.speed, "start"), start_by())
        ledger.tell(start, start_by())
    about = RunFile(
        format=FORMAT,
        runbook=plan.runbook.name,
        environment=plan.runbook.environment,
        plan=plan.plan_digest,
        given=given,
        program=__version__,
        lab=plan.runbook.environment == "rehearsal",
        source=str(plan.origin),
    )
    # Last: a directory without run.json is no run, whatever was killed in between.
    replace_file(directory.path / "run.json", msgspec.json.encode(about))


def run_started(plan: Plan, t0: float, speed: float = 1.0, **rehearsal: str | int) -> RunStarted:
    """The first words of a run's journal."""
    return RunStarted(
        runbook=plan.runbook.name,
        title=plan.runbook.procedure.title,
        environment=plan.runbook.environment,
        domain=plan.runbook.profile.domain,
        host=socket.gethostname(),
        plan=plan.plan_digest,
        procedure=plan.procedure_digest,
        t0_planned=t0,
        program=program.label(),
        speed=speed,
        seed=int(rehearsal.get("seed", 0)),
        scenario=str(rehearsal.get("scenario", "")),
    )


def start_by() -> str:
    """The login of whoever starts a run."""
    return login(os.geteuid())


def unfinished(runbook: str, environment: str) -> RunDirectory | None:
    """The run of that runbook and environment that has not ended, nor was ended by an operator.

    CockpitError where one cannot be read that may be it.
    """
    for directory in reversed(every_run()):
        try:
            about = directory.about()
        except CockpitError:
            # Nobody knows whether it has ended; of another runbook, it is nothing to this one.
            if directory.may_be_of(runbook, environment):
                raise
            continue
        if (about.runbook, about.environment) == (runbook, environment):
            state = read_state(directory)
            if not state.ended and not was_ended(directory):
                return directory
    return None


def newest(runbook: str, environment: str) -> RunDirectory | None:
    """The last run of that runbook and environment, ended or not; unreadable ones tell nothing."""
    for directory in reversed(every_run()):
        try:
            about = directory.about()
        except CockpitError:
            continue
        if (about.runbook, about.environment) == (runbook, environment):
            return directory
    return None


def was_ended(directory: RunDirectory) -> bool:
    """Whether an operator ended a rehearsal before its run had ended."""
    told = JournalReader(directory.journal, directory.about().plan).read()
    last = told[-1][0] if told else None
    return last is not None and last.type == "engine_stopped" and last.plain.get("why") == ENDED


def read_state(directory: RunDirectory) -> RunState:
    """What a run's journal says."""
    missing = heads.Missing(heads.carried(directory))
    reader = JournalReader(directory.journal, directory.about().plan)
    state = fold(
        RunState(run=directory.name, newer=directory.newer), missing.among(reader.follow())
    )
    reader.damage = reader.damage or missing.words
    return reader.mark(state) if reader.damage else state


def is_running(directory: RunDirectory) -> bool:
    """Whether a run's engine lives and has written its live view."""
    pid, live = holder(directory), codec.read(directory.live)
    return pid is not None and live is not None and live.engine_pid == pid


def launch_engine(directory: RunDirectory) -> subprocess.Popen[bytes] | None:
    """Start a run's engine unless it works already; the screen shows it coming up.

    As root under systemd it is a service of its own, which is nobody's child: then None.
    """
    if holder(directory) is not None:
        return None
    if owner := directory.foreign:
        raise Refused(
            f"the run is {owner}'s, and its engine is gone: only {owner} can start it again",
            where=str(directory.path),
            mend=f"`cockpit attach {directory.path}` looks on; steps that run go on",
        )
    argv = detach.python("cockpit.engine", str(directory.path))
    try:
        if systemd.can_start_units() and _in_unit(directory, argv):
            return None
        return detach.in_session(argv, directory.log).process
    except OSError as error:
        raise Refused(
            f"the engine cannot be started: {error.strerror}",
            where=str(directory.log),
            mend="the run can be read as it is; make its directory writable to drive it",
        ) from error


def _in_unit(directory: RunDirectory, argv: list[str]) -> bool:
    """Start the engine as a service; False where systemd does not, and its log says why."""
    name = ("cockpit", directory.name)
    asked = detach.in_unit(name, argv, directory.log, more=detach.COMES_BACK)
    try:
        return asked.process.wait(detach.STARTS_S) == 0
    except subprocess.TimeoutExpired:
        asked.process.kill()
        asked.process.wait()
        return False


def wait_for_engine(directory: RunDirectory, engine: subprocess.Popen[bytes] | None) -> None:
    """Return when a run's engine shows what it sees; Refused where it does not come up."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if is_running(directory):
            return
        if engine is not None and engine.poll() is not None:
            break
        time.sleep(0.02)
    raise Refused(
        "the engine did not come up",
        where=str(directory.log),
        mend=f"its log says why: {_last_line(directory.log)}",
    )


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "nothing was written"
