"""The last lines of what other programs say: hidden first and cut then.

A secret may be folded over many lines, as base64 and keys are: of half of it nobody could tell.
"""

from __future__ import annotations

import re

from cockpit.redact import Redactor, Stream

BATCH = 64 * 1024
"""Characters that are looked through at once."""
LONGEST = 2000
"""Characters of a line that is repeated."""
CUT = " [cut]"
_END = re.compile(r"\r\n?")


class Tail:
    """Takes what a program says, and gives its last lines without secrets."""

    def __init__(self, redactor: Redactor, count: int) -> None:
        self._stream = Stream(redactor)
        self._count = count
        self._fresh: list[str] = []
        self._size = 0
        self._shown = ""

    def add(self, text: str) -> None:
        """Take a line, or several."""
        self._fresh.append(text)
        self._size += len(text)
        if self._size > BATCH:
            self._look()

    def lines(self) -> tuple[str, ...]:
        """The last lines, when nothing more comes."""
        self._look()
        self._keep(self._stream.end())
        return tuple(map(_bounded, self._shown.splitlines()[-self._count :]))

    def _look(self) -> None:
        text = "".join(f"{one}\n" for one in self._fresh)
        self._fresh, self._size = [], 0
        self._keep(self._stream.feed(_END.sub("\n", text).encode("utf-8", "replace")))

    def _keep(self, hidden: str) -> None:
        # One more than is wanted: the last may be without its end.
        kept = (self._shown + hidden).splitlines(keepends=True)[-self._count - 1 :]
        self._shown = "".join(kept)


def _bounded(line: str) -> str:
    return line if len(line) <= LONGEST else line[:LONGEST] + CUT
