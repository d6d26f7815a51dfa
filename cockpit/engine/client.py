"""The interface that the screen uses: what is, and what the operator wants.

A client reads the journal and the live view and writes intents; it holds no truth, imports no
driver, and may be killed at any moment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cockpit.called import called
from cockpit.clock import NS, boot_id, boot_ns, wall_s
from cockpit.durable import open_kept
from cockpit.engine import doorbell, heads, intents
from cockpit.engine.lastword import NOT_UP
from cockpit.engine.layout import RunDirectory
from cockpit.engine.processes import this_process
from cockpit.engine.single import holder
from cockpit.errors import CockpitError
from cockpit.journal.file import JournalReader
from cockpit.journal.fold import fold
from cockpit.journal.state import RunState
from cockpit.redact import Redactor, printable
from cockpit.runbook.frozen import quick
from cockpit.runbook.model import Runbook
from cockpit.secrets import for_profile
from cockpit.telemetry.codec import read as read_live
from cockpit.telemetry.codec import read_look
from cockpit.telemetry.live import Live
from cockpit.telemetry.look import Look

FREE_TEXTS = ("text", "note")
"""The parts of an intent in which people write what they like."""
OLD_AFTER_S = 5.0
"""Real seconds after which what the engine sees is called old."""
GONE_AFTER_S = 1.0
"""Real seconds without a live view after which a look at the engine's process is worth it."""


@dataclass(frozen=True, slots=True)
class View:
    """All that a screen shows, at one moment."""

    runbook: Runbook
    state: RunState
    live: Live | None
    boot_ns: int
    """The boot clock when it was read."""
    viewer: str = ""
    """This viewer's id."""
    output: tuple[str, ...] = ()
    """The last lines of the running or newest attempt."""
    output_of: str = ""
    """`step/attempt` whose output it is."""
    seat_comes: bool = False
    """This viewer asked for the seat, and the engine has not answered yet."""
    engine_gone: bool = False
    owner: str = ""
    """Whose the run is, where it is another user's: only they start its engine."""
    look: Look | None = None
    """What is seen of the service that this viewer looks at."""

    @property
    def now(self) -> float:
        """The run clock."""
        return self.state.clock.at(self.boot_ns)

    @property
    def age_s(self) -> float | None:
        """Real seconds since the engine last wrote what it sees; None where it never did."""
        return None if self.live is None else (self.boot_ns - self.live.boot_ns) / NS

    @property
    def is_silent(self) -> bool:
        """Whether the engine lives, and has not been heard of for too long."""
        return not self.engine_gone and self.age_s is not None and self.age_s > OLD_AFTER_S

    @property
    def is_driver(self) -> bool:
        """Whether this viewer holds the seat."""
        seat = self.state.seat
        return seat is not None and not seat.vacant and seat.viewer == self.viewer

    @property
    def is_over(self) -> bool:
        """Whether the run has ended and nobody watches: only its record is left, to be read."""
        watched = self.live is not None and not self.engine_gone
        return bool(self.state.ended) and not watched and not self.state.damage

    @property
    def restarts(self) -> str:
        """Who starts an engine that is gone, in words."""
        if self.state.newer:
            return "only the newer cockpit can start it again"
        if self.owner:
            return f"only {self.owner} can start it again"
        if self.live is not None and self.live.trouble.startswith(NOT_UP):
            return f"mend what its last word says, then `{called()} attach` again"
        return f"`{called()} attach` starts it again"

    @property
    def seat(self) -> int:
        """The seat's number where this viewer holds it, else 0."""
        return self.state.seat.number if self.is_driver and self.state.seat else 0


@dataclass
class Client:
    """One viewer's connection to one run."""

    directory: RunDirectory
    viewer: str = field(default_factory=lambda: "{}:{}".format(*this_process()))
    finishes: bool = False
    """Whether this viewer asked for the end of a rehearsal."""
    _seat_wish: Path | None = None
    """The file by which this viewer asked for the seat."""
    _reader: JournalReader | None = None
    _beginnings: int = 0
    _believed: str = ""
    _state: RunState = RunState()
    _plan: tuple[str, Runbook] | None = None
    _live: Live | None = None
    _live_stamp: tuple[int, int] = (0, 0)
    _look_at: str = ""
    _look: Look | None = None
    _look_stamp: tuple[int, int] = (0, 0)

    def come_over(self) -> None:
        """Be this process's viewer: another one has read the run so far."""
        self.viewer = "{}:{}".format(*this_process())

    def arrive(self) -> None:
        """Be counted among those who look on; CockpitError where the run cannot be written to."""
        try:
            self.directory.viewers.mkdir(mode=0o700, exist_ok=True)
            self.directory.intents.mkdir(mode=0o700, exist_ok=True)
            (self.directory.viewers / self.viewer).touch(mode=0o600)
        except OSError as error:
            raise CockpitError(
                f"the run cannot be opened: {error.strerror}",
                where=str(self.directory.path),
                mend="`cockpit status` and `cockpit report` only read",
            ) from error

    def look_at(self, probe: str) -> None:
        """Ask the engine to follow a service, or none; it does while this viewer is there."""
        self._look_at, self._look, self._look_stamp = probe, None, (0, 0)
        # The engine reads it, also where it is another user's of the run's group.
        file = open_kept(self.directory.viewers / self.viewer, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(file, "w", encoding="utf-8") as words:
            words.write(probe)

    def view(self) -> View:
        """What is, just now; reads only what is new."""
        # Looked for first: where its file is gone, the journal holds the answer already.
        comes = self._seat_wish is not None and self._seat_wish.exists()
        self._follow_journal()
        self._follow_live()
        key, lines = self._output()
        now = self._moment()
        return View(
            runbook=self.runbook,
            state=self._state,
            live=self._live,
            boot_ns=now,
            viewer=self.viewer,
            output=lines,
            output_of=key,
            seat_comes=comes,
            engine_gone=self._engine_gone(now),
            owner=self._owner,
            look=self._follow_look(),
        )

    @cached_property
    def _owner(self) -> str:
        return self.directory.foreign

    def _moment(self) -> int:
        """The boot clock; after a reboot, until an engine sets the clock anew, the former one's."""
        state = self._state
        if state.clock_boot in ("", boot_id()):
            return boot_ns()
        then = datetime.fromisoformat(state.clock_utc).timestamp()
        return state.clock.boot_ns + round((wall_s() - then) * NS)

    @property
    def runbook(self) -> Runbook:
        """The plan that the journal names, from its frozen copy."""
        digest = self._state.plan or self.directory.about().plan
        if self._plan is None or self._plan[0] != digest:
            self._plan = (digest, runbook_of(self.directory.plan(digest)))
        return self._plan[1]

    def send(self, kind: intents.Kind, **details: str | float) -> str:
        """Ask something of the engine; gives the intent's id.

        What was typed lies in the run's directory until the engine reads it: without secrets.
        """
        self.finishes = self.finishes or kind == "finish"
        seat = self._state.seat
        mine = seat is not None and not seat.vacant and seat.viewer == self.viewer
        intent = intents.Intent(
            kind=kind,
            viewer=self.viewer,
            seat=seat.number if mine and seat else 0,
            tty=_tty(),
            **self._hidden(details),  # type: ignore[arg-type]  # checked by the dataclass
        )
        name = intents.send(self.directory.intents, intent)
        if kind == "take_seat":
            self._seat_wish = self.directory.intents / f"{name}.json"
        doorbell.ring(self.directory.doorbell)
        return name

    def _hidden(self, details: Mapping[str, str | float]) -> Mapping[str, str | float]:
        """What people typed freely, without the secrets that this user can read."""
        if not any(details.get(name) for name in FREE_TEXTS):
            return details
        redactor = Redactor()
        for_profile(self.runbook, redactor).learn_all()
        return {
            name: redactor.hide(str(told)) if name in FREE_TEXTS else told
            for name, told in details.items()
        }

    def _follow_journal(self) -> None:
        if self._reader is None:
            self._reader = JournalReader(self.directory.journal, self.directory.about().plan)
        reader, beginnings = self._reader, self._beginnings
        told = reader.follow()
        if beginnings == reader.beginnings:
            self._state = fold(self._state, told)
        else:
            # The first reading, or a mended journal, which is another file.
            self._beginnings = reader.beginnings
            missing = heads.Missing(heads.carried(self.directory))
            self._state = fold(RunState(newer=self.directory.newer), missing.among(told))
            reader.damage = reader.damage or missing.words
        if self._reader.damage and not self._state.damage:
            self._state = self._reader.mark(self._state)
        if not self._state.run:
            self._state = self._reader.named(self._state, self.directory.name)

    def _follow_live(self) -> None:
        try:
            found = self.directory.live.stat()
        except FileNotFoundError:
            return
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._live_stamp:
            self._live = read_live(self.directory.live) or self._live
            self._live_stamp = stamp
        self._believe(self._live.damage.what if self._live and self._live.damage else "")

    def _follow_look(self) -> Look | None:
        path = self.directory.looks / f"{self._look_at}.json"
        try:
            found = path.stat() if self._look_at else None
        except FileNotFoundError:
            found = None
        if found is None:
            return self._look
        if (stamp := (found.st_ino, found.st_mtime_ns)) != self._look_stamp:
            self._look = read_look(path) or self._look
            self._look_stamp = stamp
        return self._look

    def _believe(self, damage: str) -> None:
        """What was altered behind what this viewer has read, only the engine has seen."""
        if damage and not self._state.damage:
            self._state = replace(self._state, damage=damage)
            self._believed = damage
        elif not damage and self._believed:
            if self._state.damage == self._believed:
                self._state = replace(self._state, damage="")
            self._believed = ""

    def _engine_gone(self, now: int) -> bool:
        # A view of a former boot carries a clock that may be ahead of this one's.
        if self._live is None or abs(now - self._live.boot_ns) / NS < GONE_AFTER_S:
            return False
        return holder(self.directory) is None

    def _output(self, lines: int = 400) -> tuple[str, tuple[str, ...]]:
        newest = max(
            (
                (attempt.confirmed_at, step.id, attempt.number, attempt.exit is None)
                for step in self._state.steps.values()
                for attempt in step.attempts[-1:]
            ),
            default=None,
        )
        if newest is None:
            return "", ()
        _, step, number, goes_on = newest
        path = self.directory.attempt(step, number) / "output"
        return f"{step}/{number}", _tail(path, lines, goes_on=goes_on)


def runbook_of(folder: Path) -> Runbook:
    """The runbook of a frozen plan; its YAML is only parsed where nothing quicker is believed."""
    found = quick(folder)
    if found is None:
        from cockpit.runbook.plan import thaw

        found = thaw(folder).runbook
    return found


def _tail(path: Path, lines: int, *, goes_on: bool, most: int = 64 * 1024) -> tuple[str, ...]:
    """The last lines of a file that another process appends to; the last says if its end lacks.

    The end of a line is kept back while it may be the beginning of a secret: half of a number is
    not the number.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ()
    is_half = goes_on and not text.endswith(("\n", "\r")) and text != ""
    return tuple(printable(text + "…" if is_half else text).splitlines()[-lines:])


def _tty() -> str:
    try:
        return os.ttyname(0)
    except OSError:
        return ""
