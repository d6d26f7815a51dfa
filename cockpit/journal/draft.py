"""A state under way: one private copy that a fold changes in place, instead of one an event."""

from __future__ import annotations

import dataclasses
from collections import deque
from operator import attrgetter
from typing import Any, TypeVar

from cockpit.journal.state import LogLine, RunState

T = TypeVar("T")
_FIELDS = tuple(one.name for one in dataclasses.fields(RunState))
_values = attrgetter(*_FIELDS)


class Draft(RunState):
    """A state that nobody else has yet: `replace` changes it where it is."""

    __slots__ = ("lines",)
    lines: deque[LogLine]
    """The newest lines of "What happened"; `log` itself stands still until the end."""


def draft_of(state: RunState, lines: int) -> Draft:
    """A private copy, whose log keeps so many lines."""
    draft = object.__new__(Draft)
    for name, value in zip(_FIELDS, _values(state), strict=True):
        object.__setattr__(draft, name, value)
    object.__setattr__(draft, "lines", deque(state.log, maxlen=lines))
    return draft


def frozen(draft: Draft) -> RunState:
    """The state that a draft has become."""
    state = object.__new__(RunState)
    for name, value in zip(_FIELDS, _values(draft), strict=True):
        object.__setattr__(state, name, value)
    object.__setattr__(state, "log", tuple(draft.lines))
    return state


def replace(one: T, **changes: Any) -> T:
    """`dataclasses.replace`, but for a draft, which is changed itself and given back."""
    if type(one) is not Draft:
        return dataclasses.replace(one, **changes)  # type: ignore[type-var]  # any dataclass
    for name, value in changes.items():
        object.__setattr__(one, name, value)
    return one
