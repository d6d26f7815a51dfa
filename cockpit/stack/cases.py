"""Follows a shell's line through `case`: the patterns of its branches are no commands."""

from __future__ import annotations

from collections.abc import Sequence

from cockpit.stack.shell import MARKS


class Cases:
    """Where in a line, and in which of its `case`s, a reader of its words is."""

    def __init__(self) -> None:
        self._depth = 0
        self._is_pattern = False

    def passes_over(self, word: str, command: Sequence[str]) -> bool:
        """Whether the next word belongs to a pattern; `command` is what was read before it."""
        is_mark = not word.strip(MARKS)
        if self._is_pattern:
            self._leave(word)
            return True
        if word == "in" and len(command) == 2 and command[0] == "case":
            self._depth += 1
            self._is_pattern = True
        elif word == "esac" and not command:
            self._depth = max(0, self._depth - 1)
        elif is_mark and self._depth:
            self._is_pattern = _ends_branch(word)
        return False

    def _leave(self, word: str) -> None:
        if word == "esac":
            self._depth -= 1
            self._is_pattern = False
        elif ")" in word and not word.strip(MARKS):
            self._is_pattern = _ends_branch(word)  # a branch that does nothing


def _ends_branch(mark: str) -> bool:
    return ";;" in mark or ";&" in mark
