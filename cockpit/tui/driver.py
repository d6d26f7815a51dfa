"""The terminal's driver: frames are paced by its answers, keys are known by when they were read.

Textual's own writer blocks the event loop once thirty writes wait, so a stalled SSH link would
stop every key and timer; a terminal that hung up would be read for ever; and nobody could tell a
key from the heap that it came in.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import sys
import termios
import threading
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from functools import partial
from typing import Any

from textual import events
from textual._parser import ParseError
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from cockpit.tui.first import hand_over
from cockpit.tui.pace import MARKS, SILENT_S, Pace
from cockpit.tui.presses import PASTE, Presses
from cockpit.tui.terminal import watchdog
from cockpit.tui.writer import Writer

OTHER_SCREEN = "\x1b[?1049h"
LAST_WORDS_S = 0.4
"""Real seconds that writing the last sequences may take."""
LAST_ANSWERS_S = 0.35
"""Real seconds in which answers under way are still taken: the shell would show them."""
GONE_S = 0.5
"""Real seconds in which a viewer whose terminal is gone is gone, too."""
READ_S = 0.1
"""Real seconds after which a lone escape is looked at, and the end of reading."""
ROW = 2
"""Where the cursor stands when it is asked for; a key of some terminals looks like row 1."""


def _out() -> int:
    """The descriptor that Textual draws on."""
    return sys.__stderr__.fileno() if sys.__stderr__ else 2


class PacedDriver(LinuxDriver):
    """Textual's driver with a writer that never blocks, and a watch on the terminal's end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._writer = Writer(_out())
        self._hung_up = False
        self._is_taken = False
        self._is_on = False
        self._watcher = self._new_watcher()
        self._heard = -1
        self._free: Callable[[], object] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._shown: list[tuple[int, Callable[[float], object]]] = []
        self.presses: Presses = getattr(self._app, "presses", Presses(time.monotonic))
        self.pace = Pace(time.monotonic)
        self.answered: Callable[[float], object] = lambda _seconds: None
        """Told in the loop how long an answer took."""
        self.overwritten: Callable[[], object] = lambda: None
        """Told in the loop that somebody else had the terminal meanwhile."""

    # -- frames ---------------------------------------------------------------------------------

    @property
    def is_free(self) -> bool:
        """Whether a frame may go: the last one is written, and shown as far as can be known."""
        return not self._writer.is_busy and not self.pace.wait_s

    def send_frame(self, frame: str) -> None:
        """Write a frame, and ask behind it where the cursor stands."""
        mark = self.pace.frame()
        self._writer.write(f"{frame}\x1b[{ROW};{mark + 1}H\x1b[6n")

    def when_free(self, tell: Callable[[], object]) -> None:
        """Call this in the loop once another frame may go."""
        self._free = tell
        self._look()

    def when_shown(self, tell: Callable[[float], object]) -> None:
        """Call this in the loop with the moment at which all that was sent is known to be shown."""
        self._shown.append((self.pace.sent, tell))
        self._look()

    def _look(self) -> None:
        """See what may be told now, and look again when that may change."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writer.is_busy:
            self._writer.when_idle(self._soon(self._look))
            return
        now = time.monotonic()
        due = [tell for number, tell in self._shown if self.pace.is_shown(number)]
        self._shown = [one for one in self._shown if not self.pace.is_shown(one[0])]
        for tell in due:
            tell(now)
        if self._free is not None and not self.pace.wait_s:
            free, self._free = self._free, None
            free()
        waits = [self.pace.wait_s] if self._free is not None else []
        waits += [SILENT_S] if self._shown and not self.pace.answers else []
        if waits and self._timer is None:
            self._timer = self._loop.call_later(max(min(waits), 0.01), self._look)

    def _answered(self, mark: int, at: float) -> None:
        took = self.pace.answer(mark, at)
        if took is not None:
            self._look()
            self.answered(took)

    def _soon(self, do: Callable[[], object]) -> Callable[[], None]:
        """A function for other threads that does something in the loop."""
        loop = self._loop

        def hand() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing is to be shown
                loop.call_soon_threadsafe(do)

        return hand

    def write(self, data: str) -> None:
        """Write without waiting."""
        if data == OTHER_SCREEN and self._is_taken:
            # The first frame stands there: switching once more would clear it on some terminals.
            self._is_taken = False
            return
        self._writer.write(data)

    # -- the terminal taken and given back ------------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the terminal, and watch for its end."""
        if self._is_on:
            # The process was stopped and goes on; the terminal was never given back.
            self._soon(self.overwritten)()
            return
        if not self._writer.takes:
            self._writer = Writer(_out())
            self._writer.start()
        # What was told of frames that another program wiped is told of the first one after it.
        self._shown = [(1, tell) for _, tell in self._shown]
        self.pace = Pace(time.monotonic)
        self._is_taken = hand_over()
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual leaves it so
        self._is_on = True
        self._soon(self.overwritten)()
        if not self._watcher.is_alive():
            self._watcher = self._new_watcher()
            self._watcher.start()

    def stop_application_mode(self) -> None:
        """Give the terminal back, with no answer left that would be typed into the shell."""
        self._is_on = False
        enough = time.monotonic() + min(LAST_ANSWERS_S, 2 * self.pace.round_trip_s + 0.05)
        while self._awaits_answer() and time.monotonic() < enough:
            time.sleep(0.005)
        super().stop_application_mode()

    def _awaits_answer(self) -> bool:
        # The loop does not run here: answers are counted by the thread that reads them.
        newest = self.pace.sent % MARKS
        unheard = bool(self.pace.unanswered) and self._heard != newest
        return self.pace.answers and not self._hung_up and unheard

    def close(self) -> None:
        """Write the last sequences, where the terminal still takes them."""
        super().close()
        self._writer.stop(LAST_WORDS_S)

    # -- reading --------------------------------------------------------------------------------

    @property
    def has_unread(self) -> bool:
        """Whether something came in that nobody has read yet."""
        try:
            return bool(select.select([self.fileno], [], [], 0)[0])
        except (OSError, ValueError):
            return False

    def run_input_thread(self) -> None:
        """Read keys until told to end; the end of the file means that the terminal is gone."""
        parser, decode = XTermParser(), getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        while not self.exit_event.is_set():
            text = ""
            if poll.poll(READ_S * 1000):
                data = os.read(self.fileno, 4096)
                if not data:
                    self._gone()
                    return
                self.presses.reading()
                text = decode(data)
            try:
                for message in [*(parser.feed(text) if text else ()), *parser.tick()]:
                    self.process_message(message)
            except (ParseError, ValueError):
                # Bytes that are no key of any terminal; what follows them may be one again.
                parser = XTermParser()

    def process_message(self, message: Message) -> None:
        """Take answers out, and note each key by the reading that it came in."""
        if isinstance(message, events.CursorPosition):
            if message.y + 1 == ROW:
                self._heard = message.x
                self._soon(partial(self._answered, message.x, time.monotonic()))()
            return
        if isinstance(message, events.Key):
            self.presses.add(message, message.key)
            self.pace.key_at = time.monotonic()
        elif isinstance(message, events.Paste):
            self.presses.add(message, PASTE)
        super().process_message(message)

    def _run_input_thread(self) -> None:
        """Read keys; an error in reading means that the terminal is gone."""
        try:
            self.run_input_thread()
        except (OSError, termios.error):
            self._gone()

    def _new_watcher(self) -> threading.Thread:
        return threading.Thread(target=self._watch, daemon=True, name="terminal-end")

    def _watch(self) -> None:
        """Wait for the other end of the terminal to hang up."""
        poll = select.poll()
        try:
            poll.register(self.fileno, 0)
            while not self.exit_event.is_set() and not self._hung_up:
                if any(what & (select.POLLHUP | select.POLLERR) for _, what in poll.poll(500)):
                    self._gone()
        except (OSError, ValueError):
            self._gone()

    def _gone(self) -> None:
        if self._hung_up:
            return
        self._hung_up = True
        # Reading a terminal that is gone returns at once for ever: stop reading.
        self.exit_event.set()
        watchdog(None, GONE_S)
        self._soon(getattr(self._app, "leave", self._app.exit))()
