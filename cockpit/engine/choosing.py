"""Choosing the run of a runbook and environment: one is begun, however many ask at once."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cockpit.durable import make_folder, open_kept
from cockpit.engine.layout import RunDirectory, runs
from cockpit.engine.start import unfinished
from cockpit.errors import CockpitError, Refused

WAITS_S = 20.0
"""Real seconds in which another that begins a run must be through with it."""


def going_or_begun(
    runbook: str, environment: str, begin: Callable[[], RunDirectory]
) -> tuple[RunDirectory, bool]:
    """The unfinished run, else one that is begun now; and whether it was."""
    # One that is there is found without the lock: who may not write here may resume it.
    if (going := unfinished(runbook, environment)) is not None:
        return going, False
    with alone(runbook, environment):
        if (going := unfinished(runbook, environment)) is not None:
            return going, False
        return begin(), True


@contextmanager
def alone(runbook: str, environment: str) -> Iterator[None]:
    """Be the only one who begins a run of that runbook and environment here."""
    path = runs() / environment / f".{runbook}.choosing"
    try:
        make_folder(path.parent)
        descriptor = open_kept(path, os.O_RDWR)
    except OSError as error:
        raise CockpitError(
            f"the run directory cannot be made: {error.strerror}",
            where=str(path.parent),
            mend="set COCKPIT_HOME to a folder that you may write",
        ) from error
    try:
        _lock(descriptor, str(path))
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, where: str) -> None:
    deadline = time.monotonic() + WAITS_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Refused(
                    "somebody else begins a run of this runbook, and is not through with it",
                    where=where,
                    mend="try again: the run that they began is then opened",
                ) from None
            time.sleep(0.02)
        else:
            return
