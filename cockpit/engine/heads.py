"""A journal cut short at the end of a line still holds its chain: others remember its heads."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from cockpit.engine.attempt_files import AttemptFolder
from cockpit.engine.layout import RunDirectory
from cockpit.errors import Unreadable
from cockpit.journal.events import Event
from cockpit.jsonread import read_json

_HEAD = re.compile(r"\bhead ([0-9a-f]{64})\b")


@dataclass(frozen=True, slots=True)
class _Told:
    """What carries a head."""

    head: str = ""


@dataclass(frozen=True, slots=True)
class _Report:
    """What of `report.json` matters here."""

    state: _Told


def carried(directory: RunDirectory) -> Mapping[str, str]:
    """The journal's heads that others carry, each with what stood in the journal there."""
    return dict(_carried(directory))


def _carried(directory: RunDirectory) -> Iterator[tuple[str, str]]:
    for path in directory.path.glob("attempts/*/*/order.json"):
        one = path.parent
        words = f"the confirmation of {one.parent.name}, attempt {one.name}"
        with suppress(Unreadable):  # a head the less; `unreadable` names it
            yield AttemptFolder(one).order().head, words
    try:
        report = read_json((directory.path / "report" / "report.json").read_bytes(), _Report)
        yield report.state.head, "what its report was made from"
    except (OSError, msgspec.MsgspecError):
        pass  # none was made, or it says no head
    try:
        live = read_json(directory.live.read_bytes(), _Told)
        yield live.head, "what the screen showed last"
    except (OSError, msgspec.MsgspecError):
        pass  # it may be lost at any moment
    try:
        page = _HEAD.search(directory.way_back.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        page = None
    if page is not None:
        yield page[1], "what way-back.md was written from"


def unreadable(directory: RunDirectory) -> tuple[str, ...]:
    """What of the attempts' files, which vouch for the journal, cannot be read, in words."""
    folders = sorted(directory.path.glob("attempts/*/*/"))
    return tuple(words for one in folders if (words := AttemptFolder(one).unreadable()))


class Missing:
    """Which heads a journal lacks; they must have been read before it, since it goes on growing."""

    def __init__(self, heads: Mapping[str, str]) -> None:
        self._left = {head: words for head, words in heads.items() if head}

    def among(self, told: Iterable[tuple[Event, str]]) -> Iterator[tuple[Event, str]]:
        """The events as they are gone through, looked at on the way."""
        for event, digest in told:
            self._left.pop(digest, None)
            if event.type == "damage_accepted":
                for head in _list(event.plain.get("heads")):
                    self._left.pop(str(head), None)
            yield event, digest

    @property
    def words(self) -> str:
        """What the journal lacks, in words; empty where every head was in it."""
        lost = list(self._left.values())
        return f"it was cut short: it lacks {lost[0]}" if lost else ""


def missing(heads: Mapping[str, str], told: Iterable[tuple[Event, str]]) -> str:
    """What a journal lacks, in words; empty where every head is in it."""
    looking = Missing(heads)
    deque(looking.among(told), 0)
    return looking.words


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
