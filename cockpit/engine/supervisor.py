"""The part of a runner that watches the child that acts: its output, its time, its end."""

from __future__ import annotations

import os
import select
import signal
import time
from dataclasses import dataclass, field
from types import FrameType
from typing import Literal

import msgspec

from cockpit.clock import boot_id
from cockpit.engine.attempt_files import Exit, Identity
from cockpit.engine.performer import Result
from cockpit.engine.processes import descendants, inherit_orphans, signal_name
from cockpit.journal.events import Ended
from cockpit.jsonread import read_json
from cockpit.redact import Redactor, Stream

GRACE_S = 5.0
"""Real seconds between asking a step's process group to end and killing it."""
LINGER_S = 1.0
"""Real seconds for which the output of a program that was left behind is still taken."""
MOST = 64 << 20
"""Characters of output that are kept: a step that floods must not fill the journal's disk."""
_BEAT_S = 0.1


@dataclass
class Supervisor:
    """Watches one child to its end."""

    redactor: Redactor
    timeout_s: float
    output: int
    """Where its output comes from."""
    result: int
    """Where it tells how it went."""
    kept: int
    """Where its output is kept, redacted."""
    _asked: Literal["", "stopped", "timed_out"] = ""
    _asked_at: float = 0.0
    _over: bool = False
    """The child has ended: a stop comes too late to change how."""
    _signalled: set[signal.Signals] = field(default_factory=set)
    _result: bytes = b""
    _size: int = 0
    _heard_at: float = 0.0
    _silent_s: float = 0.0
    _untold: dict[str, str] = field(default_factory=dict)
    """What could not be recorded, and why."""

    def prepare(self) -> None:
        """Before the child is there: take stops, and be the parent of whatever outlives its own."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)
        inherit_orphans()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        # Only noted here: the child may not be there yet, and the watch looks ten times a second.
        if not self._over:
            self._asked = self._asked or "stopped"

    def watch(self, child: int) -> Exit:
        """Follow the child to its end."""
        began = self._heard_at = time.monotonic()
        status = self._follow(child, began)
        self._heard()
        left = self._left_behind()
        code = os.waitstatus_to_exitcode(status)
        told = self._told()
        recorded = told.recorded if told else {}
        return Exit(
            exit=code,
            ended=self._ended(code, told),
            took_s=time.monotonic() - began,
            message=self._message(code, told),
            recorded={key: self.redactor.hide_in(one) for key, one in recorded.items()},
            survivors=left,
            silent_s=self._silent_s,
        )

    def _heard(self) -> None:
        """There is output, or nothing more comes: a silence is over."""
        now = time.monotonic()
        self._silent_s = max(self._silent_s, now - self._heard_at)
        self._heard_at = now

    # -- following ------------------------------------------------------------------------------

    def _follow(self, child: int, began: float) -> int:
        stream = Stream(self.redactor)
        sources = {self.output, self.result}
        status: int | None = None
        over_by = 0.0
        while status is None or (time.monotonic() < over_by and (sources or self._hunts(child))):
            self._look_at_time(child, began)
            self._read(sources, stream)
            if status is None and (status := _reaped(child)) is not None:
                # A program left behind may keep the pipe open: its output is not waited for.
                over_by = time.monotonic() + LINGER_S + (GRACE_S if self._asked else 0.0)
                self._over = True
        self._write(stream.end())
        _sync(self.kept)
        return status

    def _read(self, sources: set[int], stream: Stream) -> None:
        if not sources:
            time.sleep(_BEAT_S)
        for source in select.select(sources, [], [], _BEAT_S)[0] if sources else ():
            chunk = os.read(source, 65536)
            if not chunk:
                sources.remove(source)
            elif source == self.result:
                self._result += chunk
            else:
                self._heard()
                self._write(stream.feed(chunk))

    def _write(self, text: str) -> None:
        """Keep output; a full disk loses it and says so, and the step goes on."""
        self._size += len(text)
        if self._size > MOST:
            self._untold["most"] = f"output beyond {MOST >> 20} MiB is left out"
            return
        try:
            left = memoryview(text.encode())
            while left:
                left = left[os.write(self.kept, left) :]
        except OSError as error:
            self._trouble("output was lost", error)

    def _trouble(self, what: str, error: OSError) -> None:
        """Something of the attempt could not be recorded; the step goes on, and it is said."""
        self._untold[what] = f"{what}: {error.strerror}"

    # -- ending ---------------------------------------------------------------------------------

    def _look_at_time(self, child: int, began: float) -> None:
        if not self._asked and not self._over and time.monotonic() - began > self.timeout_s:
            self._asked = "timed_out"
        if not self._asked:
            return
        self._asked_at = self._asked_at or time.monotonic()
        self._signal(child, signal.SIGTERM)
        if time.monotonic() - self._asked_at > GRACE_S:
            self._signal(child, signal.SIGKILL)

    def _signal(self, group: int, number: signal.Signals) -> None:
        if number not in self._signalled:
            self._signalled.add(number)
            try:
                os.killpg(group, number)
            except (ProcessLookupError, PermissionError):
                # Gone, or all of another user's: whoever lives on is named at the end.
                return

    def _hunts(self, group: int) -> bool:
        """Whether a stopped step's group still has members."""
        return bool(self._asked) and any(one.group == group for one in descendants(os.getpid()))

    # -- telling --------------------------------------------------------------------------------

    def _told(self) -> Result | None:
        try:
            return read_json(self._result, Result)
        except msgspec.MsgspecError:
            return None

    def _ended(self, code: int, told: Result | None) -> Ended:
        if self._asked:
            return self._asked
        return "killed" if told is None or told.killed or code < 0 else "exited"

    def _message(self, code: int, told: Result | None) -> str:
        words = self.redactor.clean(told.message) if told else ""
        if code < 0 and not self._asked:
            words = f"its process was ended by {signal_name(-code)}"
        return "; ".join(word for word in (words, *self._untold.values()) if word)

    def _left_behind(self) -> list[Identity]:
        boot = boot_id()
        try:
            return [Identity(one.pid, one.started, boot) for one in descendants(os.getpid())]
        except OSError as error:
            self._trouble("what it left running could not be told", error)
            return []


def _reaped(child: int) -> int | None:
    """Bury the dead; the child's status where it is among them."""
    found = None
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == child:
                found = status
            if not pid:
                return found
    except ChildProcessError:
        return found


def _sync(file: int) -> None:
    try:
        os.fsync(file)
    except OSError:
        # The disk is full or gone: what was written is written, and the exit record waits for it.
        return
