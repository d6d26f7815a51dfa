"""`python -m cockpit.engine RUN_DIRECTORY`: the engine of one run, as a process of its own.

`python -m cockpit.engine --unfinished RUNBOOK ENVIRONMENT` is what a unit calls after a reboot:
the engine of the run that has not ended, where there is one.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from cockpit.clock import ClockMap, boot_id, boot_ns, wall_s
from cockpit.engine import detach, heads, program
from cockpit.engine.advisory import AdvisoryLocks
from cockpit.engine.attempts import Attempts
from cockpit.engine.core import Core
from cockpit.engine.formats import migrate
from cockpit.engine.lastword import NOT_UP, leave_word
from cockpit.engine.layout import OTHER_VERSION, RunDirectory
from cockpit.engine.ledger import Ledger
from cockpit.engine.logs import log_to
from cockpit.engine.loop import Engine
from cockpit.engine.mend import examine
from cockpit.engine.processes import leave_no_core, shed, this_process
from cockpit.engine.single import holder, lock
from cockpit.engine.start import unfinished
from cockpit.engine.world import World
from cockpit.errors import CockpitError, Refused
from cockpit.journal.events import EngineStarted, Held, LineSetAside, Noted
from cockpit.redact import Redactor
from cockpit.runbook.plan import thaw
from cockpit.secrets import Secrets, for_profile

AGAIN_S = 1.0
"""Real seconds between two looks for room on a full disk."""


def core_of(directory: RunDirectory, redactor: Redactor) -> Core:
    """All that an engine holds, from its run directory."""
    about = directory.about()
    ledger = Ledger.opened(directory, redactor)
    if newer := ledger.state.newer:
        ledger.close()
        words = f"a newer cockpit wrote this run: {newer}"
        raise Refused(words, where=str(directory.path), mend=OTHER_VERSION)
    runbook = thaw(directory.plan(ledger.state.plan or about.plan)).runbook
    secrets = for_profile(runbook, redactor)
    secrets.learn_all()
    shed(secrets.hide)
    now = program.label()
    damaged = examine(directory, ledger.state.damage) if ledger.state.damage else None
    opening: deque[Callable[[], None]] = deque()
    if damaged is None:
        facts = (*_beginning(ledger, now), *_warnings(directory, secrets))
        opening.append(partial(_anchor_after_reboot, ledger))
        opening.extend(partial(ledger.tell, fact) for fact in facts)
    _anchor(ledger)
    return Core(
        directory=directory,
        about=about,
        runbook=runbook,
        ledger=ledger,
        attempts=Attempts(directory, ledger),
        secrets=secrets,
        world=World(directory, runbook, ledger, secrets),
        advisory=AdvisoryLocks(_unlike_any_other(directory)),
        program=now,
        damage=damaged,
        opening=opening,
        seen_at=ledger.clock.real(),
    )


def _unlike_any_other(directory: RunDirectory) -> str:
    """A run's name for people of other hosts; its last part tells folders of one name apart."""
    place = hashlib.sha256(f"{boot_id()} {directory.path}".encode()).hexdigest()
    return f"{directory.name} on {socket.gethostname()} {place[:6]}"


def _beginning(ledger: Ledger, now: str) -> Iterator[object]:
    """That an engine begins, and what it found, as it is to be recorded."""
    pid, started = this_process()
    former = ledger.state.program
    if program.differ(former, now):
        # Before the start that names the new program: an engine killed in between holds again.
        yield Held(f"the program was changed from {former} to {now}: release it to go on")
    yield EngineStarted(pid, started, now, detach.unit())
    for path in ledger.unsaid:
        torn = path.read_bytes()
        yield LineSetAside(path.name, len(torn), hashlib.sha256(torn).hexdigest())


def _warnings(directory: RunDirectory, secrets: Secrets) -> Iterator[Noted]:
    for exposure in secrets.exposures() if secrets.lenient else ():
        yield Noted(f"warning: {exposure}; outside rehearsals it is refused")
    for words in heads.unreadable(directory):
        yield Noted(f"warning: {words}")


def _anchor_after_reboot(ledger: Ledger) -> None:
    """After a reboot the boot clock began anew: record where the run clock stands now."""
    if (run_s := _rebooted(ledger)) is not None:
        ledger.set_clock(run_s, ledger.clock.speed, "reboot")


def _anchor(ledger: Ledger) -> None:
    """The same in mind alone: a disk that takes no word of it stops no clock."""
    if (run_s := _rebooted(ledger)) is not None:
        ledger.clock.map = ClockMap(boot_ns(), run_s, ledger.clock.speed)


def _rebooted(ledger: Ledger) -> float | None:
    """Where the run clock stands by the wall clock; None where the boot clock went on."""
    last = ledger.last
    if last is None or last.boot_id == boot_id():
        return None
    asleep = wall_s() - datetime.fromisoformat(last.utc).timestamp()
    return last.run_s + max(asleep, 0.0)


def main(arguments: list[str]) -> int:
    """Run the engine; gives its exit status."""
    leave_no_core()
    if arguments[0] == "--unfinished":
        return _after_reboot(*arguments[1:])
    return _run(RunDirectory(Path(arguments[0])))


def _after_reboot(runbook: str, environment: str) -> int:
    """Watch the run that has not ended; what is said here goes to the host's own journal."""
    try:
        directory = unfinished(runbook, environment)
    except CockpitError as error:
        sys.stderr.write(f"cockpit: {error}\n")
        return 1
    # A process that begins anew is its own predecessor.
    if directory is None or holder(directory) not in (None, os.getpid()):
        none = directory is None
        why = "no run is unfinished" if none else "its engine works already"
        sys.stderr.write(f"cockpit: {runbook} in {environment}: {why}, nothing to watch\n")
        return 0
    return _run(directory)


def _when_there_is_room(directory: RunDirectory, redactor: Redactor) -> Core:
    """What an engine holds; a disk that is full is waited for, and that is said."""
    while True:
        try:
            return core_of(directory, redactor)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            logging.getLogger("cockpit").exception("it waits for room on the disk")
            leave_word(directory.live, f"the engine waits for room on the disk: {error.strerror}")
            time.sleep(AGAIN_S)


def _run(directory: RunDirectory) -> int:
    redactor = Redactor()
    log_to(directory.log, redactor)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    held = -1
    try:
        held = lock(directory)
        migrate(directory)
        again = asyncio.run(Engine(_when_there_is_room(directory, redactor)).run())
        os.close(held)
    except (CockpitError, OSError) as error:
        logging.getLogger("cockpit").error("%s", error)  # noqa: TRY400  told in words
        if held >= 0:
            leave_word(directory.live, redactor.clean(f"{NOT_UP}: {error}"))
        return 1
    except Exception as error:
        logging.getLogger("cockpit").exception("an error that nobody foresaw")
        if held >= 0:
            words = f"it ended by an unforeseen error ({type(error).__name__}): {error}"
            leave_word(directory.live, redactor.clean(f"{words}; {directory.log} tells it whole"))
        return 1
    if again:
        # The same process, so that whoever watches it sees it live on; its locks are taken anew.
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606  the same program again
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
