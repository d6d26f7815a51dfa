"""One engine a run: a kernel lock that frees itself when its holder dies, and who holds it."""

from __future__ import annotations

import fcntl
import os

import msgspec

from cockpit.clock import boot_id
from cockpit.durable import open_kept
from cockpit.engine.attempt_files import Identity
from cockpit.engine.layout import RunDirectory
from cockpit.engine.processes import is_alive, this_process
from cockpit.errors import Refused
from cockpit.jsonread import read_json


def lock(directory: RunDirectory) -> int:
    """Be this run's engine until this process ends; Refused where another is."""
    descriptor = open_kept(directory.lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Refused("this run has an engine already", where=str(directory.lock)) from None
    told = msgspec.json.encode(Identity(*this_process(), boot_id()))
    # In the place of the former holder's: a full disk takes that, and not what needs room anew.
    os.pwrite(descriptor, told, 0)
    os.ftruncate(descriptor, len(told))
    return descriptor


def holder(directory: RunDirectory) -> int | None:
    """The pid of the engine that lives; None where none does."""
    try:
        told = read_json(directory.lock.read_bytes(), Identity)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return told.pid if is_alive(told.pid, told.start_time, told.boot_id) else None
