"""What stands for the parts of a runbook that could not be read, so that every rule can be asked.

A broken record holds what of it could be read; asking for another key of it raises `Unread`. A
`Partial` list holds the items that could be read; asking it whether something is absent raises
`Unread`. So a rule speaks wherever it needs no broken part, and is silent by itself elsewhere:
what is not known is neither right nor wrong. Nothing broken leaves the loader.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Unread(AttributeError):
    """A part that could not be read was asked for; the part itself was reported."""


class Partial(tuple[T, ...]):  # noqa: SLOT001  a tuple takes no slots beside its items
    """The items of a list that could be read, and perhaps not all that were meant."""

    lines: tuple[int, ...]
    """Where each item stands."""

    def __new__(cls, items: Iterable[T] = (), lines: Iterable[int] = ()) -> Partial[T]:
        """Those items, and where each stands."""
        made = super().__new__(cls, tuple(items))
        made.lines = tuple(lines)
        return made

    def __bool__(self) -> bool:
        if any(True for _ in self):
            return True
        raise Unread("its items could not be read")

    def __len__(self) -> int:
        raise Unread("some of its items could not be read")

    def __contains__(self, item: object) -> bool:
        if any(one == item for one in self):
            return True
        raise Unread("some of its items could not be read")


class Loss(NamedTuple):
    """A part that could not be read, and what it may have named."""

    keys: frozenset[str]
    """The keys that belong there, its own among them, `undoes` for one."""
    words: frozenset[str]
    """The typed words that belong there, `CheckId` for one."""
    texts: frozenset[str]
    """What was written there."""
    is_one: bool
    """Whether one word alone belongs there."""


def broken(cls: type[T], values: Mapping[str, Any]) -> T:
    """A record of a class of the model with those of its fields that could be read."""
    made: T = object.__new__(_broken(typing.cast("type", cls)))
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def class_of(made: object) -> type:
    """The class of the model that an object is of, broken or not."""
    cls = type(made)
    return cls.__bases__[0] if "__getattr__" in vars(cls) else cls


def reads(made: object, name: str) -> bool:
    """Whether a field of a record could be read, all of it."""
    return not isinstance(getattr(made, name, Partial()), Partial)


@functools.cache
def _broken(cls: type) -> Any:
    def unread(_: object, name: str) -> Any:
        raise Unread(f"`{name}` could not be read")

    return type(cls.__name__, (cls,), {"__slots__": (), "__getattr__": unread})
