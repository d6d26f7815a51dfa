"""One run a target on this host: a kernel lock a target identity, freed when its holder dies."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

from cockpit.clock import boot_id
from cockpit.engine import acting
from cockpit.engine.attempt_files import Identity, Locks
from cockpit.engine.intents import login
from cockpit.engine.lock_files import is_of, open_at, opened, place
from cockpit.engine.processes import is_alive
from cockpit.errors import Refused
from cockpit.redact import printable

_PIDFD_GETFD = 438
"""The system call's number, the same on every architecture."""
What = Literal["target", "run"]
_TAKEN: Mapping[What, str] = {
    "target": "another run acts on this target",
    "run": "another run of this runbook acts on its targets",
}
_ENGINE = re.compile(r"engine ([0-9]+) of ")


def hold(
    held: dict[str, int],
    identity: str,
    run: Path,
    runner: Identity | None = None,
    what: What = "target",
) -> None:
    """Lock a target by its identity until this process and its runners end.

    A runner of the same run, begun by an engine that was killed, may still hold the lock of that
    one: then it is shared from it. Refused names who has it otherwise; what the file says is told
    and never believed: only a descriptor of this process shows that it holds the lock.
    """
    path = place() / f"cockpit-{what}-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"
    former = held.get(identity)
    if former is not None and is_of(path, former):
        return
    words = f"engine {os.getpid()} of {login(os.geteuid())}, {run}"
    try:
        taken = _locked(path, words)
        if isinstance(taken, str) and runner is not None:
            shared = _shared_by(runner, path)
            if shared is not None:
                taken = _signed(shared, words)
    except OSError as error:
        raise Refused(
            f"the target cannot be locked: {error.strerror}",
            where=str(path),
            mend="where that file is in the way, root may remove it once nobody holds it",
        ) from error
    if isinstance(taken, str):
        if taken.endswith(f", {run}"):
            taken = "one that has not written yet who it is"
        raise Refused(
            f"{_TAKEN[what]}: {taken}{_gone(taken)}",
            where=identity if what == "target" else "",
            mend="end that run, or wait for its end",
        )
    if still := acting.of_others(identity, run):
        os.close(taken)
        raise Refused(
            f"{_TAKEN[what]}: {still}",
            where=identity if what == "target" else "",
            mend="start that run again, and k ends what is left there; or wait for its end",
        )
    held[identity] = taken
    if former is not None:
        os.close(former)


def _locked(path: Path, words: str) -> int | str:
    """A descriptor that holds the lock of that very file; or the words of who holds it."""
    while True:
        descriptor = opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 4096).decode("utf-8", "replace")
            os.close(descriptor)
            return printable(holder).strip()
        if not is_of(path, descriptor):
            os.close(descriptor)  # cleared away before it was locked: others meet at another
            continue
        return _signed(descriptor, words)


def _signed(descriptor: int, words: str) -> int:
    """The same descriptor, once its file says who has it."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, words.encode(), 0)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _gone(holder: str) -> str:
    """What to know where the engine that is named has died: what it began holds the lock."""
    named = _ENGINE.match(holder)
    if named is None:
        return ""
    try:
        os.kill(int(named[1]), 0)
    except (ProcessLookupError, OverflowError):
        return "; that engine is gone, what it began still runs"
    except PermissionError:
        pass  # it lives, and is another user's
    return ""


def _shared_by(runner: Identity, path: Path) -> int | None:
    """The lock as this run's own living runner holds it; None where it does not, or none lives."""
    try:
        process = os.pidfd_open(runner.pid)
    except ProcessLookupError:
        return None
    try:
        if not is_alive(runner.pid, runner.start_time, runner.boot_id):
            return None
        for number in open_at(runner.pid, path):
            try:
                found = _taken(process, number)
            except PermissionError:
                # Where the kernel lets no process share another's, it is had after that one's end.
                raise Refused(
                    "the runner of this run has this lock, from an engine that is gone",
                    where=str(path),
                    mend="its step goes on; once it has ended the engine has the lock again",
                ) from None
            # The lock belongs to what was opened: locking it again tells whether it has it.
            with suppress(BlockingIOError):
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return found
            os.close(found)
    finally:
        os.close(process)
    return None


def take(locks: Locks) -> list[int]:
    """Share an engine's locks, as a child would that inherits them: until this process ends too.

    OSError where they cannot be had; Refused where the engine is gone, and its locks with it.
    """
    try:
        engine = os.pidfd_open(locks.pid)
    except ProcessLookupError:
        raise Refused("its engine is gone, and the targets' locks with it") from None
    try:
        # Looked at after it was opened: from here on the number cannot mean another process.
        if not is_alive(locks.pid, locks.start_time, boot_id()):
            raise Refused("its engine is gone, and the targets' locks with it")
        return [_taken(engine, one) for one in locks.descriptors]
    finally:
        os.close(engine)


def can_be_shared() -> bool:
    """Whether this kernel lets a process share another's locks."""
    own = os.pidfd_open(os.getpid())
    try:
        os.close(_taken(own, own))
    except OSError:
        return False
    finally:
        os.close(own)
    return True


def _taken(process: int, descriptor: int) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    found = int(library.syscall(_PIDFD_GETFD, process, descriptor, 0))
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"a target's lock cannot be shared: {os.strerror(number)}")
    return found
