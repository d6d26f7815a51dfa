"""A runner: one attempt of one step in a process of its own session, or its own unit.

It gets everything ready, the child that will act included, then claims the attempt, and only then
lets the child act. It takes the child's output by pipe and redacts it, holds the hard timeout even
when the engine is gone, and records the end last. `python -m cockpit.engine.runner ATTEMPT_FOLDER`.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from cockpit import systemd
from cockpit.clock import boot_id
from cockpit.durable import open_kept
from cockpit.engine import locks
from cockpit.engine.acting import Acting, begin
from cockpit.engine.attempt_files import AttemptFolder, Exit, Identity, Order
from cockpit.engine.logs import log_to
from cockpit.engine.performer import perform
from cockpit.engine.processes import die_with, leave_no_core, this_process
from cockpit.engine.supervisor import Supervisor
from cockpit.errors import CockpitError
from cockpit.redact import Redactor
from cockpit.runbook.plan import thaw
from cockpit.secrets import for_profile

AGAIN_S = 1.0
"""Real seconds between two tries to record an end on a disk that does not take it."""
_MAY_PASS = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENFILE))


@dataclass(frozen=True, slots=True)
class Ready:
    """All that an attempt needs, before it is claimed: from here nothing is missing."""

    order: Order
    supervisor: Supervisor
    child: int
    """It waits until `gate` opens; where it closes instead, it ends without having acted."""
    gate: int
    acting: Acting


def run(path: Path) -> int:
    """Run one attempt; gives the exit status of the runner itself."""
    folder = AttemptFolder(path)
    leave_no_core()
    try:
        ready = _ready(folder)
    except (CockpitError, OSError) as error:
        # Nothing was begun, so nothing is in doubt: the confirmation is void, and says why.
        folder.claim(
            Identity(*this_process(), boot_id(), void=f"nothing was begun: {_words(error)}")
        )
        return 1
    unit = systemd.unit_of() if ready.order.locks else ""
    if not folder.claim(Identity(*this_process(), boot_id(), unit=unit)):
        return 0
    os.write(ready.gate, b"!")
    ended = ready.supervisor.watch(ready.child)
    _record(folder, replace(ended, head=ready.order.head))
    if (ended.ended, ended.exit) == ("exited", 0):
        # What it leaves running is meant to: it keeps no other run waiting.
        ready.acting.let_go()
    return 0


def _words(error: CockpitError | OSError) -> str:
    return str(error) if isinstance(error, CockpitError) else error.strerror or str(error)


def _ready(folder: AttemptFolder) -> Ready:
    order = folder.order()
    if order.locks is not None:
        # Held until this process ends, as those are that a child inherits.
        locks.take(order.locks)
    runbook = thaw(Path(order.run_directory) / "plan" / order.plan).runbook
    redactor = Redactor()
    log_to(folder.path / "runner.log", redactor)
    # Every secret is known before the first line of output, whichever of them the step uses.
    for_profile(runbook, redactor).learn_all()
    acting = begin(order)
    with ExitStack() as undo:
        kept = open_kept(folder.output, os.O_WRONLY | os.O_APPEND)
        undo.callback(os.close, kept)
        output, output_end = _pipe(undo)
        result, result_end = _pipe(undo)
        wait, gate = _pipe(undo)
        supervisor = Supervisor(redactor, order.timeout_s, output, result, kept)
        supervisor.prepare()
        runner = os.getpid()
        child = os.fork()
        if child == 0:
            os.close(gate)
            ends = Ends(runner, wait, output_end, result_end, acting.descriptors)
            _act(order, folder, redactor, ends)
        undo.pop_all()
    # Both sides do it: whichever comes first, no stop finds the group missing.
    os.setpgid(child, child)
    for end in (wait, output_end, result_end):
        os.close(end)
    return Ready(order, supervisor, child, gate, acting)


def _pipe(undo: ExitStack) -> tuple[int, int]:
    """A pipe that is closed again where anything else is lacking: words need a descriptor too."""
    ends = os.pipe()
    for end in ends:
        undo.callback(os.close, end)
    return ends


class Ends(NamedTuple):
    """What the child has of its runner."""

    runner: int
    wait: int
    output: int
    result: int
    acting: tuple[int, ...]


def _act(order: Order, folder: AttemptFolder, redactor: Redactor, ends: Ends) -> None:
    """The child's life: it waits, acts and tells, in a group of its own, and never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        die_with(ends.runner)
        if os.read(ends.wait, 1):
            os.dup2(ends.output, 1)
            os.dup2(ends.output, 2)
            told = perform(order, folder, redactor, ends.acting)
            os.write(ends.result, msgspec.json.encode(told))
            code = 0 if told.ok else 1
    finally:
        # No clean-up of the parent's: this is a copy of it.
        os._exit(code)


def _record(folder: AttemptFolder, ended: Exit) -> None:
    """Write down how it ended, as soon as the disk takes it; until then the runner lives on."""
    while True:
        try:
            folder.end(ended)
        except OSError as error:
            if error.errno not in _MAY_PASS:
                raise
            time.sleep(AGAIN_S)
        else:
            return


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
