"""Commands: text that a shell reads has no variable in it, whatever stands in that one's value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from cockpit.runbook.draft import Draft
from cockpit.runbook.nodes import ListNode, MapNode, Node, ScalarNode
from cockpit.runbook.problems import Problem
from cockpit.runbook.variables import used_names

_SHELLS = frozenset(("sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "mksh", "fish"))
_RUNS_A_SHELL = frozenset(("su", "runuser", "flock", "script"))
"""Programs whose option `-c` a shell reads, and may stand behind other words."""
_COMMAND = re.compile(r"-[A-Za-z]*c[A-Za-z]*|--command")
_WITH_VALUE = re.compile(r"[-+][A-Za-z]*[oO]|--rcfile|--init-file")


def shell_texts(draft: Draft) -> Iterator[Problem]:
    """A variable in the text of `sh -c`: its value would be read as commands."""
    for file, root in draft.nodes.items():
        for whole, argv in _commands(root):
            words = [one.text if isinstance(one, ScalarNode) else "" for one in argv.items]
            for at in dict.fromkeys(_texts(words)):
                for name in sorted(used_names(words[at].encode())):
                    what = f"`${{{name[:40]}}}` stands in text that a shell reads as commands"
                    yield Problem(file, argv.items[at].line, what, _mend(whole, name))


def _mend(whole: MapNode, name: str) -> str:
    kind = whole.get("kind")
    if isinstance(kind, ScalarNode) and kind.text == "shell":
        called = name.upper()
        given = f'`environment: {{{called}: "${{{name}}}"}}`'
        return f'add {given}, and write `"${called}"` in the text'
    return f'write `"$1"` in the text, and `sh, "${{{name}}}"` behind it'


def _commands(node: Node) -> Iterator[tuple[MapNode, ListNode]]:
    """Every list of a program and its arguments, with the mapping that it stands in."""
    if isinstance(node, ListNode):
        for item in node.items:
            yield from _commands(item)
    elif isinstance(node, MapNode):
        for entry in node.entries:
            if entry.key in ("argv", "command") and isinstance(entry.value, ListNode):
                yield node, entry.value
            else:
                yield from _commands(entry.value)


def _texts(argv: Sequence[str]) -> Iterator[int]:
    """Which arguments a shell reads, behind `env`, `sudo` and the like too."""
    for at, word in enumerate(argv):
        program = PurePosixPath(word).name
        if program in _SHELLS:
            yield from _after_options(argv, at + 1)
        elif program in _RUNS_A_SHELL:
            given = (n for n in range(at + 1, len(argv)) if _COMMAND.fullmatch(argv[n]))
            yield from (n + 1 for n in given if n + 1 < len(argv))


def _after_options(argv: Sequence[str], at: int) -> Iterator[int]:
    """The first argument behind a shell's options, where `-c` is one of them."""
    is_text = False
    while at < len(argv) and re.match(r"[-+].", argv[at]):
        is_text = is_text or _COMMAND.fullmatch(argv[at]) is not None
        at += 2 if _WITH_VALUE.fullmatch(argv[at]) else 1
    if is_text and at < len(argv):
        yield at


RULES = (shell_texts,)
