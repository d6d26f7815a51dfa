"""Work in a process beside this one, which goes on meanwhile."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from cockpit.errors import CockpitError

T = TypeVar("T")


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin some work in a copy of this process; what is given back waits for its result.

    For a process without other threads. What the work imports stays out of this process.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            with os.fdopen(theirs, "wb") as told:
                told.write(_done(work))
        finally:
            os._exit(0)
    os.close(theirs)

    def result() -> T:
        with os.fdopen(ours, "rb") as told:
            said = told.read()
        os.waitpid(pid, 0)
        if not said:
            raise CockpitError("opening the run was cut short", mend="try again")
        value, error = pickle.loads(said)  # noqa: S301  our own copy wrote it, into our own pipe
        if error is not None:
            raise error
        made: T = value
        return made

    return result


def _done(work: Callable[[], Any]) -> bytes:
    """What the work gave, or the error that it ended with."""
    try:
        return pickle.dumps((work(), None))
    except (CockpitError, PermissionError) as error:
        return pickle.dumps((None, error))
    except Exception as error:  # noqa: BLE001  told to the process that waits, with its trace
        unforeseen = RuntimeError(f"{type(error).__name__}: {error}")
        unforeseen.add_note(traceback.format_exc())
        return pickle.dumps((None, unforeseen))
