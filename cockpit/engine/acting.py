"""What a step began keeps other runs off its targets until it ends, though nobody follows it.

The locks of the targets end with engine and runner; where both are killed, a program of the step
may act on. So the runner locks one more file a target, of this run alone, and the step's programs
inherit that: the kernel frees it when the last of them has ended. Other runs look for it once they
have the target itself. This run's next engine does not: it names what is left, and settles it.

A step that ended well gives it back for all that it began: what it leaves running is a service.
Not seen is what closes the descriptors that it inherits (`sudo` and `ssh` do), `docker compose`,
and what somebody else starts for the step: a Docker engine, systemd, another host.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cockpit.engine.attempt_files import Order
from cockpit.engine.intents import login
from cockpit.engine.lock_files import is_of, open_at, opened, place
from cockpit.engine.processes import Process, every_process, named
from cockpit.redact import printable

_WAITS_S = 2.0
"""Real seconds in which another who looks at such a file is done with it."""
_BEYOND = 50
"""Scripts number their own descriptors below: they would close these, and not know it."""


@dataclass(frozen=True, slots=True)
class Acting:
    """The files that a runner locked for its step."""

    held: Mapping[Path, int]

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What the step's programs inherit."""
        return tuple(self.held.values())

    def let_go(self) -> None:
        """Give them back for every process that has them; remove what nobody else needs."""
        for path, descriptor in self.held.items():
            if _locked(descriptor):
                _remove(path, descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def begin(order: Order) -> Acting:
    """Lock the files of a step before it acts; OSError, or Refused, where that cannot be."""
    user = login(os.geteuid())
    words = f"step {order.step}, attempt {order.attempt} of {user}, {order.run_directory}"
    run = Path(order.run_directory)
    return Acting({path: _shared(path, words) for path in _own(order.targets, run)})


def of_others(identity: str, run: Path) -> str:
    """What of another run's step still acts on a target, in words; empty where nothing does."""
    (own,) = _own((identity,), run)
    for path in sorted(own.parent.glob(f"{_prefix(identity)}*")):
        if path != own and (found := _told(path)):
            return found
    return ""


def _own(identities: Iterable[str], run: Path) -> Iterator[Path]:
    """The files of this run: who they belong to is in their names, whatever stands in them."""
    name = _short(str(run.resolve()))
    for identity in identities:
        yield place() / f"{_prefix(identity)}{name}"


def _prefix(identity: str) -> str:
    return f"cockpit-acting-{_short(identity)}-"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _shared(path: Path, words: str) -> int:
    deadline = time.monotonic() + _WAITS_S
    while True:
        descriptor = opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            # Whoever looks, or removes it, is done at once.
            os.close(descriptor)
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
            continue
        if is_of(path, descriptor):
            with suppress(OSError):  # a full disk takes the words, and not the lock
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, words.encode(), 0)
            return _out_of_the_way(descriptor)
        os.close(descriptor)


def _out_of_the_way(descriptor: int) -> int:
    try:
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _BEYOND)
    except OSError:
        return descriptor
    os.close(descriptor)
    return moved


def _told(path: Path) -> str:
    """Who holds it; what nobody holds any more is removed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if _locked(descriptor):
                _remove(path, descriptor)
                return ""
            words = printable(file.read(4096).decode("utf-8", "replace")).strip()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"whether a step still does is unknown: {path}: {error.strerror}"
    who = named(_holders(path)) or "a process of another user"
    return f"{words}; nobody follows it any more, still alive: {who}"


def _locked(descriptor: int) -> bool:
    """Whether nobody has it, and this process has it alone now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holders(path: Path) -> list[Process]:
    found = []
    for one in every_process():
        # What has ended meanwhile, and what is another user's, shows nothing of it.
        with suppress(OSError):
            if any(open_at(one.pid, path)):
                found.append(one)
    return found


def _remove(path: Path, descriptor: int) -> None:
    """Remove a file that is locked against everybody; where it is another user's, it stays."""
    with suppress(OSError):
        if is_of(path, descriptor):
            path.unlink()
