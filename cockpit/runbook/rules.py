"""How a rule is asked: a part that could not be read silences it for that part alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from cockpit.runbook.broken import Unread
from cockpit.runbook.draft import Draft
from cockpit.runbook.problems import Problem

T = TypeVar("T")

Rule = Callable[[Draft], Iterator[Problem]]


def each(
    items: Callable[[Draft], Iterable[T]],
) -> Callable[[Callable[[Draft, T], Iterator[Problem]]], Rule]:
    """A rule about things one by one: what is broken in one does not keep it from the others."""

    def made(rule: Callable[[Draft, T], Iterator[Problem]]) -> Rule:
        @functools.wraps(rule)
        def whole(draft: Draft) -> Iterator[Problem]:
            for one in items(draft):
                yield from spoken(rule(draft, one))

        return whole

    return made


def spoken(problems: Iterator[Problem]) -> Iterator[Problem]:
    """What a rule finds until it needs a part that could not be read."""
    try:
        yield from problems
    except Unread:
        return
