"""One scalar to one typed value, or what is wrong with it and how to mend it."""

from __future__ import annotations

import math
import re
import typing
from collections.abc import Mapping
from typing import Any, Literal

from cockpit.runbook.hints import alternatives, is_record
from cockpit.runbook.literals import looks_secret
from cockpit.runbook.nodes import ListNode, MapNode, Node, ScalarNode
from cockpit.runbook.problems import listed, meant, nearest
from cockpit.runbook.scalars import ID, WORDS, core
from cockpit.runbook.sources import Folder

Wrong = tuple[str, str]
"""What is wrong, and how to mend it."""

REFERENCES = ("StepId", "CheckId", "TargetId", "SecretId", "SignalId", "ProbeId")
"""The words that name something else of the runbook."""


def bind_single(hint: Any, node: ScalarNode, name: str, folder: Folder) -> Any:
    """The value of a scalar for a type without parts; `Wrong` where it does not fit."""
    choices = alternatives(hint)
    if is_empty(node):
        if type(None) in choices:
            return None
        return f"`{name}` is empty", f"write {expected(hint)}"
    wrong: Wrong = ("", "")
    for choice in choices:
        if choice is type(None):
            continue
        value = _one(choice, node, name, folder)
        if not isinstance(value, tuple):
            return value
        wrong = value
    return wrong if len(choices) == 1 or type(None) in choices else _unfit(hint, node, name)


def guessed(hint: Any, node: ScalarNode) -> str | None:
    """The word of a choice that a misspelt one most likely means."""
    words = [
        word
        for choice in alternatives(hint)
        if typing.get_origin(choice) is Literal
        for word in typing.get_args(choice)
        if isinstance(word, str)
    ]
    return nearest(node.text, words) if node.origin == "written" else None


def suits(hint: Any, node: Node, folder: Folder) -> bool:
    """Whether a node has the form of a type, and fits it where it is a single value."""
    choices = [one for one in alternatives(hint) if one is not type(None)]
    origins = [typing.get_origin(one) for one in choices]
    if isinstance(node, ListNode):
        return tuple in origins
    if isinstance(node, MapNode):
        return Mapping in origins or any(map(is_record, choices))
    if node.origin == "open":
        return True
    is_single = not any(is_record(one) for one in choices) and not {tuple, Mapping} & {*origins}
    return is_single and not isinstance(bind_single(hint, node, "", folder), tuple)


def shown(node: ScalarNode) -> str:
    """A scalar for a message: short, and never a secret."""
    if is_empty(node):
        return "empty"
    if looks_secret(node.text):
        return "a text that looks like a secret"
    text = " ".join(node.text.split())
    return f"`{text[:40]}…`" if len(text) > 40 else f"`{text}`"


def expected(hint: Any) -> str:
    """What an author may write for a type."""
    choices = [one for one in alternatives(hint) if one is not type(None)]
    return " or ".join(_expected(one) for one in choices) if len(choices) < 4 else "its keys"


def _expected(hint: Any) -> str:
    name = getattr(hint, "__name__", "")
    if name in WORDS:
        return WORDS[name].write
    if typing.get_origin(hint) is Literal:
        words = [_written(one) for one in typing.get_args(hint)]
        return f"`{words[0]}`" if len(words) == 1 else f"one of {listed(words)}"
    if typing.get_origin(hint) is tuple:
        return "a list"
    if typing.get_origin(hint) is not None or is_record(hint):
        return "its keys beneath it"
    return _PLAIN.get(name, "a word of letters, digits and `_`")


_PLAIN = {
    "str": "a text",
    "Written": "a value",
    "int": "a whole number",
    "float": "a number",
    "bool": "`true` or `false`",
    "FileName": "the name of a file beside the runbook",
    "SecretId": "the name of a secret that the profile declares",
    "StepId": "the id of a step",
    "CheckId": "the id of a check",
    "TargetId": "the name of a target",
    "SignalId": "the id of a signal",
    "ProbeId": "the id of a probe",
}


def is_empty(node: ScalarNode) -> bool:
    """Whether a value says nothing: no text, `~` or `null`."""
    return node.plain and core(node.text) is None


def _written(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _unfit(hint: Any, node: ScalarNode, name: str) -> Wrong:
    return f"`{name}` is {shown(node)}", f"write {expected(hint)}"


def _one(hint: Any, node: ScalarNode, name: str, folder: Folder) -> Any:
    word = getattr(hint, "__name__", "")
    if typing.get_origin(hint) is Literal:
        return _literal(hint, node, name)
    if word in WORDS:
        value = WORDS[word].read(node.text)
        return _unfit(hint, node, name) if value is None else value
    if word == "FileName":
        return _file(node, name, folder)
    if word == "Id" or word in REFERENCES:
        return _identifier(hint, node, name)
    if word == "Written":
        return node.text
    return _number_or_text(hint, node, name)


def _number_or_text(hint: Any, node: ScalarNode, name: str) -> Any:
    value = core(node.text) if node.plain else node.text
    if hint is str:
        return _text(node, value, name)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else _unfit(hint, node, name)
    if hint is bool and isinstance(value, bool):
        return value
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    return _unfit(hint, node, name)


def _text(node: ScalarNode, value: object, name: str) -> str | Wrong:
    if isinstance(value, str) or node.origin == "filled":
        return node.text
    kind = "a truth value" if isinstance(value, bool) else "a number"
    return f"`{name}` is {kind} ({shown(node)}), not a text", f'put it in quotes: "{node.text}"'


def _literal(hint: Any, node: ScalarNode, name: str) -> Any:
    value = core(node.text) if node.plain and node.origin == "written" else node.text
    for word in typing.get_args(hint):
        if type(word) is type(value) and word == value:
            return word
    if node.origin == "filled" and node.text in typing.get_args(hint):
        return node.text
    words = [_written(one) for one in typing.get_args(hint)]
    what = f"`{name}` is {shown(node)}"
    return what, meant(node.text, words, f"write {expected(hint)}")


def _file(node: ScalarNode, name: str, folder: Folder) -> str | Wrong:
    if node.origin != "written":
        return f"`{name}` comes from a variable", "write the file's name out: it is digested"
    why = folder.take_named(node.text)
    if why:
        return (
            f"`{name}: {node.text[:60]}`: {why}",
            "name a file beside the runbook or in a folder there",
        )
    return node.text


def _identifier(hint: Any, node: ScalarNode, name: str) -> str | Wrong:
    if node.origin != "written":
        return f"`{name}` comes from a variable", "write it out: a profile cannot change steps"
    if re.fullmatch(ID, node.text) and len(node.text) <= 60:
        return node.text
    if hint.__name__ == "SecretId":
        return (
            f"`{name}` is not the name of a secret",
            "declare the secret's file under `secrets:` in the profile and write its name here",
        )
    return (
        f"`{name}` is {shown(node)}",
        "write lower-case letters, digits and `_`, a letter first, at most 60",
    )
