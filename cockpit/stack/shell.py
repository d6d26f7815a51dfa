"""A shell's line in a health check: whether it can end badly at all."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#[^\n\"']*$")
MARKS = "();<>|&"
"""What parts a shell's words without a blank."""
_SUCCESSES = frozenset(("true", ":", "/bin/true", "/usr/bin/true", "echo", "printf"))
_SWALLOWS = frozenset(("cat", "tee", "head", "tail", "echo", "true", "wc", "sort"))
_ENDS_BADLY = re.compile(
    r"\b(?:exit|return)\s+(?:[1-9]|\$)|\bfalse\b|\bset\s+-\w*e|\bset\s+-o\s+errexit"
)


class Part(NamedTuple):
    """One command of a line, and what joins it to the one before."""

    joint: str
    words: tuple[str, ...]

    @property
    def succeeds(self) -> bool:
        """Whether it ends well whatever was."""
        ended = self.words[:2] in (("exit", "0"), ("return", "0"))
        return ended or (self.words[:1] != () and self.words[0] in _SUCCESSES)


def parts(line: str) -> list[Part]:
    """The commands of a line in order, groups taken apart; none where it cannot be read."""
    plain = _COMMENT.sub("", line).strip().replace("\n", " ; ")
    lexer = shlex.shlex(plain, posix=True, punctuation_chars=MARKS)
    lexer.whitespace_split, lexer.commenters = True, ""
    found, joint, words = [], "", list[str]()
    try:
        for word in lexer:
            if word.strip(MARKS) or word[0] in "<>":
                words += [word] if word not in ("{", "}") else []
            elif mark := word.strip("()"):
                found.append(Part(joint, tuple(words)))
                joint, words = mark, []
    except ValueError:
        return []  # an unbalanced quote: the shell will say so
    found.append(Part(joint, tuple(words)))
    return found


def why_never_fails(line: str) -> str:
    """Why a line ends in success whatever was found; empty where it can fail."""
    found = parts(line)
    while len(found) > 1 and not found[-1].words:
        if found[-1].joint == "&":
            return "ends in the background, where nobody sees how"
        found.pop()
    while len(found) > 1 and found[-1].joint == "&&" and found[-1].succeeds:
        found.pop()
    if not found:
        return ""
    last = found[-1]
    if len(found) == 1:
        return "always succeeds" if last.succeeds else ""
    if last.joint == "|" and last.words[0] in _SWALLOWS and "pipefail" not in line:
        return f"pipes into {last.words[0]}, which succeeds whatever came"
    if last.succeeds and last.joint in ("||", ";") and not _ENDS_BADLY.search(line):
        return "ends in success whatever was"
    return ""
