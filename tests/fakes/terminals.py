"""A program in a pseudo-terminal, and what it draws, read from an emulated screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyte

_CUT = re.compile(rb"\x1b(?:\[[0-9;<>=?$]*)?\Z")
"""The beginning of a sequence whose end is not read yet."""
_PRIVATE = re.compile(rb"\x1b\[[<>=?][0-9;]*[a-zA-Z]|\x1b\[[0-9;]*\$[a-z]")
"""Modes and queries that the emulator does not know."""


class _Screen(pyte.Screen):
    def __init__(self, columns: int, lines: int, answer: Callable[[str], None]) -> None:
        super().__init__(columns, lines)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        """What the terminal says by itself."""
        self._answer(data)


@dataclass
class Terminal:
    """One program, its keyboard and its screen."""

    process: subprocess.Popen[bytes]
    master: int
    columns: int
    lines: int
    answers: bool = True
    """Whether it answers where its cursor stands, as nearly every terminal does."""
    unanswered: str = ""
    """What it would have said while it does not answer."""
    written: bytearray = field(default_factory=bytearray)
    """All that the program has written."""
    _screen: pyte.Screen = field(init=False)
    _stream: pyte.ByteStream = field(init=False)
    _cut: bytes = b""
    _cpu_s: float = 0.0

    def __post_init__(self) -> None:
        self._screen = _Screen(self.columns, self.lines, self._answer)
        self._stream = pyte.ByteStream(self._screen)

    def _answer(self, data: str) -> None:
        self.unanswered += data
        if self.answers and self.master >= 0:
            os.write(self.master, self.unanswered.encode())
            self.unanswered = ""

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self._screen.display)

    def read(self, seconds: float = 0.05) -> None:
        """Take what the program has written."""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                chunk = os.read(self.master, 65536)
            except OSError:
                return
            self.written += chunk
            whole = self._cut + chunk
            cut = _CUT.search(whole)
            self._cut = cut[0] if cut else b""
            self._stream.feed(_PRIVATE.sub(b"", whole.removesuffix(self._cut)))
            seconds = 0.0

    def press(self, keys: str) -> None:
        """Type, all at once."""
        os.write(self.master, keys.encode())

    def hold(self, key: str, seconds: float, every: float = 0.033) -> None:
        """Hold a key down."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.press(key)
            self.watch(every)

    def watch(self, seconds: float) -> str:
        """Read for so long; gives what is on the screen then."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.read(left)
        return self.text

    def answer(self) -> None:
        """Answer from now on, first what was asked meanwhile."""
        self.answers = True
        self._answer("")

    def until(self, what: str, holds: Callable[[str], object], seconds: float = 30.0) -> str:
        """Read until the screen shows something."""
        deadline = time.monotonic() + seconds
        while not holds(self.text):
            assert time.monotonic() < deadline, f"{what} never came; the screen:\n{self.text}"
            self.read()
        return self.text

    def says(self, words: str, seconds: float = 30.0) -> str:
        """Read until the screen shows these words."""
        return self.until(repr(words), lambda text: words in text, seconds)

    def ended(self, seconds: float = 5.0) -> int:
        """Wait for the program's end, its terminal read on; gives its exit status."""
        deadline = time.monotonic() + seconds
        while not self._reaped():
            assert time.monotonic() < deadline, f"it did not end; the screen:\n{self.text}"
            if self.master >= 0:
                self.read(0.02)
            else:
                time.sleep(0.02)
        return self.process.returncode

    def _reaped(self) -> bool:
        if self.process.returncode is None:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self._cpu_s = usage.ru_utime + usage.ru_stime
        return self.process.returncode is not None

    @property
    def cpu_s(self) -> float:
        """The seconds of a processor that it has used."""
        if self.process.returncode is None:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
            self._cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return self._cpu_s

    @property
    def memory(self) -> int:
        """The bytes of memory that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    def close(self) -> None:
        """Close the terminal, as a dropped link does."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


@contextmanager
def terminal(
    argv: Sequence[str],
    environment: Mapping[str, str],
    size: tuple[int, int] = (120, 40),
    *,
    answers: bool = True,
    controls: bool = True,
) -> Iterator[Terminal]:
    """Run a program as the leader of a session of its own, in a terminal of this size.

    A terminal that does not control the session sends no SIGHUP when it is closed.
    """
    master, slave = pty.openpty()
    columns, lines = size
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def lead() -> None:
        os.setsid()
        if controls:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        argv,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        # A test runner may have set the size of its own terminal.
        env={name: said for name, said in environment.items() if name not in ("COLUMNS", "LINES")},
        preexec_fn=lead,  # noqa: PLW1509  the test process has no thread that holds a lock here
    )
    os.close(slave)
    shown = Terminal(process, master, columns, lines, answers)
    try:
        yield shown
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        shown.close()


def read_whole(shown: Terminal, seconds: float = 40.0) -> None:
    """Scroll through a confirmation, where it is longer than the screen, until its key acts."""

    def is_read(text: str) -> bool:
        if re.search(r"below (is|are) unread", text):
            shown.press("\x1b[6~")
            shown.watch(0.3)
        return bool(re.search(r"\bc confirms what is shown", text))

    shown.until("the key", is_read, seconds)
