"""What the model's classes say of their fields: type, default, help, and a noun for messages."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import re
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple


class FieldHint(NamedTuple):
    """One field of a class of the model."""

    name: str
    hint: Any
    required: bool
    default: Any
    """What it is without a key in YAML; meaningless where it is required."""


@functools.cache
def fields_of(cls: type) -> tuple[FieldHint, ...]:
    """The fields of a class of the model, in order."""
    hints = typing.get_type_hints(cls)
    return tuple(
        FieldHint(one.name, hints[one.name], _is_required(one), _default(one))
        for one in dataclasses.fields(cls)
    )


def _is_required(one: dataclasses.Field[Any]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def _default(one: dataclasses.Field[Any]) -> Any:
    if one.default_factory is not dataclasses.MISSING:
        return one.default_factory()
    return None if one.default is dataclasses.MISSING else one.default


def field_help(cls: type, name: str) -> str:
    """The string beneath a field of a class, on one line; empty where there is none."""
    return _field_docs(cls).get(name, "")


def class_help(cls: type) -> str:
    """The docstring of a class, on one line."""
    return " ".join((inspect.getdoc(cls) or "").split())


@functools.cache
def _field_docs(cls: type) -> Mapping[str, str]:
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        docs |= _class_bodies(base.__module__).get(base.__name__, {})
    return docs


@functools.cache
def _class_bodies(module: str) -> Mapping[str, Mapping[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: _docs_in(node.body) for node in tree.body if isinstance(node, ast.ClassDef)}


def _docs_in(body: list[ast.stmt]) -> Mapping[str, str]:
    docs: dict[str, str] = {}
    for one, after in itertools.pairwise(body):
        if (
            isinstance(one, ast.AnnAssign)
            and isinstance(one.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            docs[one.target.id] = " ".join(inspect.cleandoc(after.value.value).split())
    return docs


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types of a union, None last if it is among them; one type for anything else."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return typing.get_args(hint)
    return (hint,)


def is_record(hint: Any) -> bool:
    """Whether a type is a class of the model."""
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def kinds_of(cls: type) -> tuple[str, ...]:
    """The words under `kind:` that choose a class."""
    found = next((one for one in fields_of(cls) if one.name == "kind"), None)
    return tuple(map(str, typing.get_args(found.hint))) if found else ()


_FAMILIES = ("Action", "Check", "Target", "Notifier")


def family_of(classes: tuple[Any, ...]) -> str:
    """What a union chooses between: `action`, `check`, `target`, `notifier`."""
    name = classes[-1].__name__ if classes else ""
    common = [one for one in _FAMILIES if any(cls.__name__.endswith(one) for cls in classes)]
    return (common[0] if common else name).lower()


def family(cls: type) -> str:
    """The name under which the ids of a class are told apart from others: one for all checks."""
    return next((one.__name__ for one in cls.__mro__ if one.__name__ == "CheckBase"), cls.__name__)


class Held(NamedTuple):
    """What a value of a type may hold."""

    families: frozenset[str]
    """The families of things with an id."""
    keys: frozenset[str]
    """The keys of everything in it."""
    words: frozenset[str]
    """The typed words, `StepId` and others."""


@functools.cache
def held(hint: Any) -> Held:
    """What a value of a type may hold, at any depth."""
    parts = list(alternatives(hint))
    families: set[str] = set()
    keys: set[str] = set()
    words: set[str] = set()
    while parts:
        one = parts.pop()
        if is_record(one):
            parts += [field.hint for field in fields_of(one)]
            keys |= {field.name for field in fields_of(one)}
            families |= {family(one) for field in fields_of(one) if field.name == "id"}
        elif isinstance(one, typing.NewType):
            words.add(one.__name__)
        elif typing.get_origin(one) is not Literal:
            parts += typing.get_args(one)
    return Held(frozenset(families), frozenset(keys), frozenset(words))


def noun(cls: type, kind: str = "") -> str:
    """What a message calls one of a class: `a step`, `a dns action`."""
    family = next((one for one in _FAMILIES if cls.__name__.endswith(one)), "")
    if family:
        word = kind or kinds_of(cls)[0]
        return f"{article(word)} `{word}` {family.lower()}"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__).lower()
    plain = {"procedure": "runbook.yaml", "profile": "a profile"}
    return plain.get(words, f"{article(words)} {words}")


def article(word: str) -> str:
    """`a` or `an`, as it is spoken."""
    return "an" if word[0] in "aeio" or word == "http" else "a"
