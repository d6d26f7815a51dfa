"""The newest lines of a log, cleaned before anything else has them, and bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from cockpit.redact import printable
from cockpit.secrets import Secrets
from cockpit.stack.logstream import Entry
from cockpit.telemetry.look import LOG_LINES

MOST = 128 * 1024
"""Characters that are kept."""
HOLD_S = 1.0
"""Real seconds for which a line waits for the next one, whose beginning may end a secret."""
LONGEST = 2000
"""Characters of a line."""
CUT = " [cut]"


class LogLines:
    """What is kept of a log; a line whose end may begin a secret waits a while for the next."""

    def __init__(self, secrets: Secrets, real: Callable[[], float]) -> None:
        self._secrets = secrets
        self._real = real
        self._held_since = 0.0
        self._kept: deque[tuple[float, str]] = deque(maxlen=LOG_LINES)
        self._held: list[tuple[float, str]] = []
        self._size = 0

    @property
    def kept(self) -> tuple[tuple[float, str], ...]:
        """The lines, oldest first."""
        if self._held and self._real() - self._held_since > HOLD_S:
            self.flush()
        return tuple(self._kept)

    def take(self, entries: Iterable[Entry]) -> None:
        """Keep more lines."""
        if not self._held:
            self._held_since = self._real()
        self._held += [(one.at, printable(one.text)) for one in entries]
        text = self._text()
        self._release(len(text) if len(text) > MOST else self._sure(text))

    def flush(self) -> None:
        """Show what is held: nothing follows that would make a secret of it."""
        self._release(len(self._text()))

    def say(self, at: float, words: str) -> None:
        """A line of the cockpit's own between those of the log."""
        self.flush()
        self._keep(at, words)

    def leave_out(self, at: float, words: str) -> None:
        """The same where lines are passed over: what waits for one may be half a secret."""
        self._held.clear()
        self._keep(at, words)

    def _text(self) -> str:
        return "".join(f"{text}\n" for _, text in self._held)

    def _sure(self, text: str) -> int:
        """Where whole lines end that hold no part of a secret, and that no secret joins."""
        hide = self._secrets.hide
        whole = hide(text)
        end = text.rfind("\n", 0, self._secrets.settled(text)) + 1
        while end and hide(text[:end]) + hide(text[end:]) != whole:
            end = text.rfind("\n", 0, end - 1) + 1
        return end

    def _release(self, end: int) -> None:
        text = self._text()[:end]
        count = text.count("\n")
        if not count:
            return
        moments = [at for at, _ in self._held[:count]]
        del self._held[:count]
        self._held_since = self._real()
        lines = self._secrets.hide(text).removesuffix("\n").split("\n")
        # A secret that was broken into lines is one word now: which moment was whose is lost.
        same = len(lines) == count
        for index, line in enumerate(lines):
            self._keep(moments[index if same else 0], line)

    def _keep(self, at: float, text: str) -> None:
        shown = text if len(text) <= LONGEST else text[:LONGEST] + CUT
        if len(self._kept) == LOG_LINES:
            self._size -= len(self._kept.popleft()[1])
        self._kept.append((at, shown))
        self._size += len(shown)
        while self._size > MOST:
            self._size -= len(self._kept.popleft()[1])
