"""Attempts under way: starting their runners, and reading what became of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cockpit import systemd
from cockpit.clock import boot_id
from cockpit.engine import detach
from cockpit.engine.attempt_files import (
    AttemptFolder,
    Identity,
    Locks,
    Order,
    Told,
)
from cockpit.engine.detach import Started
from cockpit.engine.layout import RunDirectory
from cockpit.engine.ledger import Ledger
from cockpit.engine.locks import can_be_shared
from cockpit.engine.processes import (
    MARK,
    Process,
    find,
    is_alive,
    marked,
    named,
    send_signal,
    session_members,
    this_process,
)
from cockpit.engine.recovery import Class, classify
from cockpit.errors import Refused
from cockpit.journal.events import (
    AttemptEnded,
    AttemptInDoubt,
    AttemptStarted,
    ConfirmationVoid,
    StepFinished,
)
from cockpit.journal.state import AttemptState, StepState
from cockpit.telemetry.live import Left


class Attempts:
    """Knows of every attempt what its folder and its process say."""

    def __init__(self, directory: RunDirectory, ledger: Ledger) -> None:
        self._directory = directory
        self._ledger = ledger
        self._children: dict[Path, Started] = {}
        self._units = systemd.can_start_units() and can_be_shared()
        """Whether runners are services of their own."""

    def folder(self, step: str, number: int) -> AttemptFolder:
        """An attempt's folder."""
        return AttemptFolder(self._directory.attempt(step, number))

    def start(self, order: Order, locks: Iterable[int]) -> None:
        """Start a runner for a confirmed attempt; OSError where it cannot be.

        The runner shares the locks of the targets: they hold until both engine and runner ended.
        """
        folder, log = self.folder(order.step, order.attempt), self._directory.log
        argv = detach.python("cockpit.engine.runner", str(folder.path))
        held = tuple(locks)
        environment = {**self._environment(), MARK: folder.mark}
        if self._units:
            folder.give_order(replace(order, locks=Locks(*this_process(), held)))
            name = ("cockpit", self._directory.name, order.step, str(order.attempt))
            self._children[folder.path] = detach.in_unit(name, argv, log, environment)
        else:
            folder.give_order(order)
            self._children[folder.path] = detach.in_session(argv, log, held, environment)

    def _environment(self) -> dict[str, str]:
        """What the operator's shell exports may hold a secret: a runner reads its file."""
        hide = self._ledger.hide
        return {name: value for name, value in os.environ.items() if hide(value) == value}

    def class_of(self, step: StepState, attempt: AttemptState) -> Class:
        """What became of an attempt, from the disk and the processes."""
        folder = self.folder(step.id, attempt.number)
        identity = self.told(step.id, attempt.number).identity
        alive = identity is not None and is_alive(
            identity.pid, identity.start_time, identity.boot_id
        )
        # The exit is read after the look at the process: it may end in between.
        told = folder.told(identity)
        return classify(
            confirmed=attempt.status != "open",
            identity=identity,
            alive=alive,
            ended=told.ended,
            unreadable=bool(told.unreadable),
        )

    def told(self, step: str, number: int) -> Told:
        """What an attempt's files say, and the journal where one of them cannot be read."""
        attempts = self._ledger.state.step(step).attempts
        begun = (one for one in attempts if one.number == number and one.pid)
        known = next((Identity(one.pid, one.start_time, one.boot_id) for one in begun), None)
        return self.folder(step, number).told(known)

    def recover(self) -> None:
        """After an engine's start: void what never began, attach to what runs, stop it again."""
        self.follow()
        step = self._ledger.state.active
        # The engine may have been killed between the journaled stop and its signal.
        if step is not None and step.last is not None and step.status == "stopping":
            self.stop(step.last)

    def follow(self) -> bool:
        """Journal what is new of the attempt under way; says whether anything was."""
        for child in self._children.values():
            child.reap()
        step = self._ledger.state.active
        attempt = step.last if step else None
        if step is None or attempt is None or attempt.status == "unverified":
            return False
        before = self._ledger.head
        self._rules[self.class_of(step, attempt)](step, attempt)
        return self._ledger.head != before

    @property
    def _rules(self) -> Mapping[Class, Callable[[StepState, AttemptState], None]]:
        """What is journaled of an attempt of each class."""
        return {
            "clean": self._voided,
            "not_begun": self._never_began,
            "running": self._began,
            "in_doubt": self._ended,
            "unverified": self._ended,
            "failed": self._ended,
        }

    def _voided(self, step: StepState, attempt: AttemptState) -> None:
        """The claim that voids a confirmation was won, and the word of it not yet journaled."""
        identity = self.told(step.id, attempt.number).identity
        reason = identity.void if identity else ""
        self._ledger.tell(ConfirmationVoid(step.id, attempt.number, reason))

    def _never_began(self, step: StepState, attempt: AttemptState) -> None:
        """A runner that ended before it claimed its attempt, or is another engine's: void."""
        child = self._children.get(self.folder(step.id, attempt.number).path)
        if child is None:
            self.void(step.id, attempt.number, "the engine was started again before a runner began")
        elif child.is_over:
            self.void(step.id, attempt.number, f"its runner ended before it began{self._so(child)}")

    def _so(self, child: Started) -> str:
        """What follows where a runner did not come up as a service of its own."""
        if not child.unit:
            return ""
        self._units = False
        why = "systemd started no unit for it" if child.was_refused else "as a unit of its own"
        return f": {why}; the next attempt gets a session of its own"

    def _began(self, step: StepState, attempt: AttemptState) -> None:
        identity = self.told(step.id, attempt.number).identity
        if attempt.status == "confirmed" and identity is not None:
            self._ledger.tell(
                AttemptStarted(
                    step.id, attempt.number, identity.pid, identity.start_time, identity.boot_id
                )
            )

    def _ended(self, step: StepState, attempt: AttemptState) -> None:
        self._began(step, attempt)
        told = self.told(step.id, attempt.number)
        ended = told.ended
        if ended is None or told.unreadable:
            how = told.unreadable or "nobody recorded how it ended"
            reason = f"its runner is gone, and {how}" if told.identity else how
            reason += _still_alive(self.left_behind(step.id, attempt.number))
            self._ledger.tell(AttemptInDoubt(step.id, attempt.number, reason))
            return
        message = ended.message + _still_alive(self.left_behind(step.id, attempt.number))
        self._ledger.tell(
            AttemptEnded(
                step=step.id,
                attempt=attempt.number,
                exit=ended.exit,
                ended=ended.ended,
                took_s=ended.took_s,
                message=message.removeprefix("; "),
                recorded=ended.recorded,
                head=ended.head,
                silent_s=ended.silent_s,
            )
        )
        if ended.ended == "exited" and ended.exit != 0:
            reason = ended.message or f"exit {ended.exit}"
            self._ledger.tell(StepFinished(step.id, attempt.number, "failed", reason))

    def void(self, step: str, number: int, reason: str) -> None:
        """Void a confirmation that no runner has claimed; one that a runner claims is left."""
        folder = self.folder(step, number)
        if folder.claim(Identity(os.getpid(), 0, boot_id(), void=reason)):
            self._ledger.tell(ConfirmationVoid(step, number, reason))

    # -- what a step leaves behind --------------------------------------------------------------

    def left_behind(self, step: str, number: int) -> list[Process]:
        """What an attempt began and what lives on without its runner."""
        told = self.told(step, number)
        identity, ended = told.identity, told.ended
        by_mark = f"{MARK}={self.folder(step, number).mark}"
        if identity is None:
            # Where nobody can tell who claimed it, the runner itself may live on, too.
            return marked(by_mark) if told.unreadable else []
        if identity.void or identity.boot_id != boot_id():
            return []
        # A runner leads its session: what the step began is in it, unless it left of itself:
        # then it still has the variable, unless it shed that as well.
        members = session_members(identity.pid)
        if any(one.pid == identity.pid and one.started != identity.start_time for one in members):
            members = []  # the number was given anew, to a session of somebody else
        named = ended.survivors if ended else []
        if identity.unit:
            # Nothing leaves its unit, and a unit's name is given once.
            members += [one for one in map(find, systemd.members(identity.unit)) if one]
        alive = [find(one.pid) for one in named if is_alive(one.pid, one.start_time, one.boot_id)]
        found = {one.pid: one for one in (*members, *marked(by_mark), *alive) if one is not None}
        found.pop(identity.pid, None)
        return list(found.values())

    def group(self, step: str, number: int) -> list[Process]:
        """What a stop ends: what the attempt began and what stayed in its runner's session."""
        identity = self.told(step, number).identity
        found = self.left_behind(step, number)
        return [one for one in found if identity is not None and one.session == identity.pid]

    def left(self) -> Iterator[Left]:
        """What may still act of each step that did not end well."""
        for step in self._ledger.state.steps.values():
            if step.last is not None and step.status in ("in_doubt", "failed", "skipped"):
                who = named(self.left_behind(step.id, step.last.number))
                if who:
                    yield Left(step.id, step.last.number, who)

    def must_be_quiet(self) -> None:
        """Refused while a step that did not end well has processes that may still act."""
        for left in self.left():
            raise Refused(
                f"{left.step} is not over; still alive: {left.who}",
                mend="wait for their end, or k ends them",
            )

    def stop(self, attempt: AttemptState, how: signal.Signals = signal.SIGTERM) -> bool:
        """Ask an attempt's runner to end its step; False where the runner is gone."""
        return send_signal(attempt.pid, attempt.start_time, attempt.boot_id, how)

    def stop_group(self, step: str, number: int, how: signal.Signals) -> None:
        """Signal what a runner should have ended."""
        for one in self.group(step, number):
            send_signal(one.pid, one.started, boot_id(), how)

    def stop_left_behind(self, step: str, number: int, how: signal.Signals) -> None:
        """Signal what lives on without its runner."""
        for one in self.left_behind(step, number):
            send_signal(one.pid, one.started, boot_id(), how)


def _still_alive(processes: list[Process]) -> str:
    return f"; still alive: {named(processes)}" if processes else ""
