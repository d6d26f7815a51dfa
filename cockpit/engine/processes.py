"""Processes by pid, start time and boot id: three that together name one process for good."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cockpit.clock import boot_id

MARK = "COCKPIT_ATTEMPT"
"""The variable by which an attempt's processes are found, whatever session they went to."""
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


class Process(NamedTuple):
    """A line of /proc: one process that lives."""

    pid: int
    name: str
    parent: int
    group: int
    session: int
    started: int
    """Field 22 of /proc/PID/stat, in clock ticks since boot."""


def find(pid: int) -> Process | None:
    """The process of a pid; a zombie counts as gone: it can have no effect any more."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name may hold spaces and parentheses: fields count from the last parenthesis.
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    if fields[0] in ("Z", "X"):
        return None
    parent, group, session = map(int, fields[1:4])
    return Process(pid, head.partition("(")[2], parent, group, session, int(fields[19]))


def terminal(pid: int) -> int:
    """The number of the terminal that a process is at; 0 where it has none, or is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[4])


def every_process() -> Iterator[Process]:
    """All processes of this host."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        # Where /proc hides the processes of others, they are none of ours.
        with suppress(PermissionError):
            if (found := find(int(entry.name))) is not None:
                yield found


def start_time(pid: int) -> int | None:
    """When a process was started, in clock ticks since boot; None where there is none."""
    found = find(pid)
    return None if found is None else found.started


def is_alive(pid: int, started: int, boot: str) -> bool:
    """Whether that very process runs; a start time of 0 asks for the pid alone."""
    if boot != boot_id():
        return False
    try:
        found = start_time(pid)
    except PermissionError:
        # It is there, and another user's: that it is another process could not be told.
        return True
    return found is not None and started in (0, found)


def this_process() -> tuple[int, int]:
    """Pid and start time of the caller."""
    pid = os.getpid()
    return pid, start_time(pid) or 0


def session_members(session: int) -> list[Process]:
    """The processes of a session; its number is not given anew while one of them lives."""
    return [one for one in every_process() if one.session == session]


def marked(variable: str) -> list[Process]:
    """The processes that were started with `NAME=VALUE`, in whatever session they are now."""
    wanted, found = variable.encode(), []
    for one in every_process():
        # What has ended meanwhile, and what is another user's, shows no variables.
        with suppress(OSError):
            if wanted in Path(f"/proc/{one.pid}/environ").read_bytes().split(b"\0"):
                found.append(one)
    return found


def named(processes: list[Process]) -> str:
    """Processes as an operator finds them on the host; empty where there are none."""
    return f"pid {', '.join(f'{one.pid} ({one.name})' for one in processes)}" if processes else ""


def descendants(pid: int) -> list[Process]:
    """Children of a process, theirs, and so on."""
    children: dict[int, list[Process]] = {}
    for one in every_process():
        children.setdefault(one.parent, []).append(one)
    found: list[Process] = []
    ask = [pid]
    while ask:
        own = children.get(ask.pop(), [])
        found += own
        ask += [one.pid for one in own]
    return found


def send_signal(pid: int, started: int, boot: str, number: signal.Signals) -> bool:
    """Signal that very process, and no other that was given its pid; False where it is gone."""
    if find(pid) is None:
        return False  # also of a number that no pid can be
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not is_alive(pid, started, boot):
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def signal_name(number: int) -> str:
    """A signal as an operator may look it up, with what it may mean."""
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    if number == signal.SIGKILL:
        return f"{name}; where nobody sent it, this host ran out of memory (`journalctl -k`)"
    return name


def die_with(parent: int) -> None:
    """End this process with its parent: what nobody watches must not act on (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def inherit_orphans() -> None:
    """Become the parent of whatever outlives its own parent among the descendants (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def leave_no_core() -> None:
    """No dump of this process or of its children: its memory holds secrets."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def shed(hide: Callable[[str], str]) -> None:
    """Begin this very process anew without the variables in which `hide` finds a secret.

    /proc/PID/environ shows what a process was started with, whatever it forgets later.
    """
    kept = {name: value for name, value in os.environ.items() if hide(value) == value}
    if len(kept) < len(os.environ):
        os.execve(sys.executable, sys.orig_argv, kept)  # noqa: S606  the same program again
