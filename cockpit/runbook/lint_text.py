"""Text: secrets that stand where anybody can read them."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.runbook.draft import Draft
from cockpit.runbook.literals import is_secret_key, secret_in
from cockpit.runbook.nodes import ListNode, MapNode, Node, ScalarNode, scalars
from cockpit.runbook.problems import Problem

_MEND = "put it into a file of its own, declare it under `secrets:`, and change it: it was shown"
_FREE = ("environment", "variables")
"""Mappings whose keys the author chooses."""


def literal_secrets(draft: Draft) -> Iterator[Problem]:
    """A text that looks like a secret; it is not repeated."""
    for file, node in draft.nodes.items():
        for key, one in scalars(node):
            found = secret_in(one.text)
            if found:
                where = f"`{key}` holds" if key and not secret_in(key) else "a value holds"
                yield Problem(file, one.line, f"{where} what looks like {found}", _MEND)


def named_secrets(draft: Draft) -> Iterator[Problem]:
    """A variable of an environment that is called a password and holds a text."""
    for file, node in draft.nodes.items():
        for key, one in _free(node, inside=False):
            held = one.text and "${" not in one.text and one.text not in ("true", "false")
            if held and is_secret_key(key) and not secret_in(one.text):
                yield Problem(file, one.line, f"`{key[:60]}` holds what looks like a secret", _MEND)


def _free(node: Node, *, inside: bool) -> Iterator[tuple[str, ScalarNode]]:
    if isinstance(node, ListNode):
        for item in node.items:
            yield from _free(item, inside=False)
    elif isinstance(node, MapNode):
        for entry in node.entries:
            if inside and isinstance(entry.value, ScalarNode):
                yield entry.key, entry.value
            else:
                yield from _free(entry.value, inside=entry.key in _FREE)


RULES = (literal_secrets, named_secrets)
