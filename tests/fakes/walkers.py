"""An operator at the real screen: presses keys, reads what is shown, waits for the run."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from textual.pilot import Pilot

from cockpit.commands.rehearse import begin_rehearsal
from cockpit.engine.client import Client
from cockpit.engine.layout import RunDirectory
from cockpit.engine.start import launch_engine, wait_for_engine
from cockpit.outlook import StepLine
from cockpit.rehearsal import launch
from cockpit.resources import shipped
from cockpit.tui import follow
from cockpit.tui.app import CockpitApp
from cockpit.tui.dialogs.confirm import Confirm
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.dialogs.typed import Typed
from cockpit.tui.lines.scene import Scene

READS = 5.0
"""How much faster than a person this operator reads."""
LOOKS_S = 0.05
"""Real seconds between two looks of this operator's viewer: who reads faster looks more often."""
UNHURRIED, HURRIED = 30.0, 60.0
"""Speeds of the run clock: before the switch time is jumped over, after it it must go by."""


@dataclass
class Walker:
    """One operator before one screen."""

    app: CockpitApp
    pilot: Pilot[None]

    @property
    def scene(self) -> Scene:
        return self.app.scene

    async def until(self, what: str, holds: Callable[[], object], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            log = "\n".join(line.text for line in self.scene.state.log[-10:])
            assert time.monotonic() < deadline, f"{what} did not come; the newest lines:\n{log}"
            await asyncio.sleep(0.03)
        await self.pilot.pause()

    async def walk(self, until: str = "") -> list[str]:
        """Press Enter and c for every step that comes next, until one, or the end."""
        done: list[str] = []
        while (line := self.scene.outlook.next) is not None and line.step.id != until:
            await self.do(line)
            done.append(line.step.id)
        return done

    async def do(self, line: StepLine) -> None:
        """Open a step until its gates are open, confirm it, and see it done."""
        step = line.step.id
        attempts = len(self.scene.state.step(step).attempts)
        deadline = time.monotonic() + 150.0
        while len(self.scene.state.step(step).attempts) == attempts:
            assert time.monotonic() < deadline, self.scene.proposal(step)
            dialog = await self._open_dialog(step)
            if await self._confirmable(dialog):
                await self._confirm(dialog, attempts)
            elif self._dialogs():
                await self.pilot.press("escape")
                await self.until("the dialog's end", lambda: not self._dialogs())
                await self._jump(step)
        await self.until(f"the end of {step}", lambda: self._has_ended(step), 120.0)
        status = self.scene.state.step(step).status
        assert status == "done", self.scene.state.step(step).last

    async def _confirm(self, dialog: Confirm, attempts: int) -> None:
        """Press the key, or type the word; what the dialog then says is read by the caller."""
        shown = self.scene.proposal(dialog.step)
        if shown is not None and shown.typed_word:
            dialog.query_one(Typed).focus()
            dialog.query_one(Typed).value = ""
            await self.pilot.press(*shown.typed_word)
            await asyncio.sleep(0.8 / READS)
            await self.pilot.press("enter")
        else:
            await self.pilot.press("c")
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline and dialog in self.app.screen_stack:
            begun = len(self.scene.state.step(dialog.step).attempts) > attempts
            if begun or (dialog.refused and not dialog.sent_at):
                return
            await asyncio.sleep(0.03)

    def _has_ended(self, step: str) -> bool:
        ended = self.scene.state.step(step).status in ("done", "failed", "in_doubt")
        following = self.scene.outlook.next
        return ended and not self._dialogs() and (following is None or following.step.id != step)

    async def _open_dialog(self, step: str) -> Confirm:
        """The step's confirmation: the one that is open, or a new one."""
        if not self._dialogs():
            await self.pilot.press("enter")
        await self.until(f"the confirmation of {step}", self._dialogs)
        found = self._dialogs()
        # On a busy machine its minute may be over before it is looked at.
        return found[0] if found else await self._open_dialog(step)

    def _dialogs(self) -> list[Confirm]:
        return [screen for screen in self.app.screen_stack if isinstance(screen, Confirm)]

    async def _confirmable(self, dialog: Confirm) -> bool:
        """Whether it can be confirmed, once all gates have answered; False where time must pass."""
        deadline = time.monotonic() + 40.0
        while dialog.refusal() or dialog.arming.readable_in is None:
            if dialog not in self.app.screen_stack:
                return False  # a minute of this operator's time is over
            if "unread" in dialog.refusal():
                await self.pilot.press("pageup" if "above" in dialog.refusal() else "pagedown")
            if dialog.refused:
                await self.pilot.press("g")
                await asyncio.sleep(0.5)
            found = self.scene.proposal(dialog.step)
            if found and not found.asking and found.closed and self._opens_later(dialog.step):
                return False
            assert time.monotonic() < deadline, f"{dialog.step}: {dialog.refusal()}"
            await asyncio.sleep(0.05)
        # The key that opened the dialog must be a calm moment ago.
        await asyncio.sleep(0.8 / READS)
        return True

    def _opens_later(self, step: str) -> bool:
        found = self.scene.proposal(step)
        gates = found.gates if found else ()
        kinds = {self.scene.runbook.check(one.check).kind for one in gates if not one.holds}
        return bool(kinds & {"not_before", "soak"})

    async def _jump(self, step: str) -> None:
        before = self.scene.now
        await self.pilot.press("j")
        await self.until(f"the jump for {step}", lambda: self.scene.now > before + 240.0)

    async def hurry(self) -> None:
        """Let the run clock go faster: from here on the night itself is waited for."""
        # More than once where the lab fell behind before, and slowed it.
        while (speed := self.scene.state.clock.speed) < HURRIED:
            await self.pilot.press("plus")
            await self.until("the speed", lambda: self.scene.state.clock.speed > speed)

    async def write_reason(self, words: str) -> None:
        """Answer the dialog that wants a reason, and press the key that does it."""
        await asyncio.sleep(0.3)
        await self.pilot.press(*["space" if one == " " else one for one in words], "enter")
        dialog = self.app.screen
        assert isinstance(dialog, Reason)
        await self.until("the end of the typing", lambda: dialog.said is not None)
        while "line" in (unread := dialog.unread()):
            await self.pilot.press("pageup" if "above" in unread else "pagedown")
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.5 / READS)
        await self.pilot.press("c")


@dataclass
class Staged:
    """A rehearsal and its engine."""

    directory: RunDirectory
    engine: subprocess.Popen[bytes]

    def kill_the_engine(self) -> None:
        """Kill it without a word, and start another one."""
        self.engine.kill()
        self.engine.wait(30)
        self.engine = launched(self.directory)


def launched(directory: RunDirectory) -> subprocess.Popen[bytes]:
    """An engine that works."""
    engine = launch_engine(directory)
    assert engine is not None
    try:
        wait_for_engine(directory, engine)
    except BaseException:
        engine.terminate()
        engine.wait(30)
        raise
    return engine


@contextmanager
def rehearsal(
    scenario: str, seed: int = 1, speed: float = UNHURRIED, runbook: Path | None = None
) -> Iterator[Staged]:
    """A rehearsal whose engine and lab end with the test."""
    folder = runbook or shipped("runbooks") / "freshtrack"
    directory = begin_rehearsal(folder, scenario, speed, seed)
    try:
        staged = Staged(directory, launched(directory))
        try:
            yield staged
        finally:
            staged.engine.terminate()
            staged.engine.wait(30)
    finally:
        launch.remove(directory.lab)


@asynccontextmanager
async def at_the_screen(
    directory: RunDirectory, size: tuple[int, int] = (120, 40), *, has_lab: bool = True
) -> AsyncIterator[Walker]:
    """The real screen of a run, with the seat taken."""
    client = Client(directory)
    client.arrive()
    client.send("take_seat")
    app = CockpitApp(client, real=lambda: time.monotonic() * READS)
    with patch.object(follow, "POLL_S", LOOKS_S):
        async with app.run_test(size=size) as pilot:
            walker = Walker(app, pilot)
            await walker.until("the seat", lambda: walker.scene.view.is_driver)
            if has_lab:
                await walker.until("the lab", lambda: walker.scene.state.lab == "up")
            yield walker
