"""Which programs a command starts: its own, and those behind one that only starts another."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import dropwhile
from typing import NamedTuple

from cockpit.stack.cases import Cases
from cockpit.stack.shell import MARKS
from cockpit.stack.substituted import taken_apart

CONTROL = frozenset(("||", "&&", ";", "|", "&", "(", ")", "{", "}", "!"))
BUILT_IN = frozenset(
    (
        *("exit", "test", "[", "[[", "true", "false", ":", "echo", "printf", "cd", "read", "exec"),
        *("export", "set", "if", "then", "else", "elif", "fi", "for", "while", "until", "do"),
        *("done", "case", "esac", "in", "return", "kill", "wait", "eval", "trap", "unset"),
        *("command", ".", "source", "type", "hash", "local", "shift", "umask", "let", "declare"),
    )
)
"""What a shell knows by itself, or a few words of its grammar."""
_LEADS = frozenset(("if", "while", "until", "then", "elif", "else", "do", "exec"))
"""Words of a shell behind which a command follows."""
_SHELLS = frozenset(("sh", "bash", "ash", "dash"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


class Wrapper(NamedTuple):
    """A program that starts another one: what stands before that."""

    valued: frozenset[str] = frozenset()
    """Options that take the next word."""
    words: int = 0
    """Words of its own before the other's name."""


WRAPPERS: Mapping[str, Wrapper] = {
    "timeout": Wrapper(frozenset(("-s", "--signal", "-k", "--kill-after")), 1),
    "env": Wrapper(frozenset(("-u", "--unset", "-C", "--chdir"))),
    "nice": Wrapper(frozenset(("-n", "--adjustment"))),
    "ionice": Wrapper(frozenset(("-c", "-n", "-p"))),
    "stdbuf": Wrapper(frozenset(("-i", "-o", "-e"))),
    "su-exec": Wrapper(words=1),
    "gosu": Wrapper(words=1),
    **dict.fromkeys(("nohup", "setsid", "tini", "dumb-init"), Wrapper()),
}


def by_words(words: Sequence[str]) -> Iterator[str]:
    """The programs of a command that no shell reads."""
    if words:
        yield words[0]
        yield from _behind(words)


def by_line(line: str) -> Iterator[str]:
    """The programs of a shell's line, as far as it can be read."""
    plain, inner = taken_apart(line)
    for command in _commands(plain):
        words = list(command)
        # A number in front is the file that a redirection opens.
        while words and (words[0] in _LEADS or _ASSIGNMENT.match(words[0]) or words[0].isdigit()):
            words.pop(0)
        if words and not words[0].startswith("$"):
            if words[0] not in BUILT_IN:
                yield words[0]
            yield from _behind(words)
    for one in inner:
        yield from by_line(one)


def script(words: Sequence[str]) -> str | None:
    """The line that a shell is given to read: behind `-c`, alone or among others (`-ec`)."""
    if not words or words[0].rpartition("/")[2] not in _SHELLS:
        return None
    rest, is_given = list(words[1:]), False
    while rest and rest[0][:1] in ("-", "+"):
        option = rest.pop(0)
        if option.startswith("--"):
            continue
        is_given |= option.startswith("-") and "c" in option
        if "o" in option:  # its value is the next word
            rest = rest[1:]
    return rest[0] if is_given and rest else None


def _behind(words: Sequence[str]) -> Iterator[str]:
    name = words[0].rpartition("/")[2]
    if line := script(words):
        yield from by_line(line)
    elif name in WRAPPERS:
        yield from by_words(_inner(words[1:], WRAPPERS[name]))


def _inner(words: Sequence[str], wrapper: Wrapper) -> Sequence[str]:
    """The command that a wrapper starts."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in wrapper.valued else 1
    at += wrapper.words
    while at < len(words) and _ASSIGNMENT.match(words[at]):
        at += 1
    return [] if at < len(words) and words[at].startswith("$") else words[at:]


def _commands(line: str) -> Iterator[Sequence[str]]:
    """The words of each command, without what it is redirected to."""
    lexer = shlex.shlex(line.replace("\n", " ; "), posix=True, punctuation_chars=MARKS)
    lexer.whitespace_split = True
    words: list[str] = []
    is_place, cases = False, Cases()
    # Behind an unbalanced quote nothing can be read: the shell will say so.
    with suppress(ValueError):
        for word in lexer:
            if cases.passes_over(word, [*dropwhile(_LEADS.__contains__, words)]):
                yield words
                words = []
            elif is_place:
                is_place = False
            elif word.startswith(("<", ">")) and not word.strip(MARKS):
                is_place = True
            elif word in CONTROL or not word.strip(MARKS):
                yield words
                words = []
            else:
                words.append(word)
    yield words
