"""Variables: `${name}` in a single value, replaced once; what is put in is not looked at again.

A value that is wholly one `${name}` may be a number or a truth value, with or without quotes
around it (in `{a: b}` YAML wants them); anything else with a variable in it is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cockpit.runbook.nodes import Entry, ListNode, MapNode, Node, ScalarNode
from cockpit.runbook.problems import Problem, meant

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}\n]*)(\}?)")
_NAME = re.compile(r"[a-z][a-z0-9_]*")

REHEARSAL_GIVEN = {"lab": "127.83.12", "lab_folder": "/lab"}
"""What stands for the given values where a rehearsal is only checked."""


@dataclass
class Values:
    """What `${}` can reach in one file, and which of it was used."""

    known: Mapping[str, str | None]
    """A value for each name; None where it was declared and nobody gives one."""
    secrets: frozenset[str] = frozenset()
    """Names that `${}` must not reach."""
    is_whole: bool = True
    """Whether every declaration could be read; else a name may be known all the same."""
    used: set[str] = field(default_factory=set)
    astray: set[str] = field(default_factory=set)
    """Names that were written and are not declared."""


def used_names(data: bytes) -> set[str]:
    """Every name that a file's text has in `${}`."""
    text = data.decode("utf-8", "replace")
    return {name for name, _ in _REFERENCE.findall(text) if name}


def fill(node: Node, values: Values, file: str) -> tuple[Node, list[Problem]]:
    """The same nodes with each variable replaced, and every problem with them."""
    problems: list[Problem] = []

    def scalar(one: ScalarNode) -> ScalarNode:
        return _filled(
            one, values, lambda what, mend: problems.append(Problem(file, one.line, what, mend))
        )

    return _mapped(node, scalar), problems


def _mapped(node: Node, change: Callable[[ScalarNode], ScalarNode]) -> Node:
    if isinstance(node, ScalarNode):
        return change(node)
    if isinstance(node, ListNode):
        return ListNode(tuple(_mapped(item, change) for item in node.items), node.line)
    entries, twice = (
        tuple(Entry(one.key, one.line, _mapped(one.value, change)) for one in some)
        for some in (node.entries, node.twice)
    )
    return MapNode(entries, node.line, twice)


def _filled(node: ScalarNode, values: Values, report: Callable[[str, str], None]) -> ScalarNode:
    if "${" not in node.text:
        return node
    is_open = False

    def replaced(match: re.Match[str]) -> str:
        nonlocal is_open
        if match.group() == "$${":
            return "${"
        value = _value(match, values, report)
        is_open = is_open or value is None
        return value or ""

    text = _REFERENCE.sub(replaced, node.text)
    whole = _REFERENCE.fullmatch(node.text) is not None and node.text != "$${"
    if is_open:
        return ScalarNode(text, node.line, plain=False, origin="open")
    return ScalarNode(text, node.line, plain=whole, origin="filled")


def _value(match: re.Match[str], values: Values, report: Callable[[str, str], None]) -> str | None:
    name, closed = match.groups()
    shown = f"`${{{name[:40]}{'}' if closed else ''}`"
    if not closed or not _NAME.fullmatch(name):
        report(f"{shown} is no variable", "write `${name}`, or `$${` for the characters themselves")
        return None
    if name in values.known:
        values.used.add(name)
        return values.known[name]
    if name in values.secrets:
        report(
            f"{shown} names a secret, which no variable reaches",
            "name the secret in a field that takes one, such as `password:`",
        )
    elif name in REHEARSAL_GIVEN:
        report(f"{shown} has a value in a profile of a rehearsal alone", "write the value out")
    elif values.is_whole:
        values.astray.add(name)
        otherwise = f"declare `{name}` under `variables:` in runbook.yaml"
        report(f"{shown} is not declared", meant(name, values.known, otherwise))
    return None
