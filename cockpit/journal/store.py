"""What keeps a journal: the JSON lines file today, a PostgreSQL table for teams later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from cockpit.journal.events import Event


class Store(Protocol):
    """A durable, append-only, chained list of events with one writer."""

    def append(self, by: str, run_s: float, data: object, intent: str = "") -> Event:
        """Record one event; it is on the disk when this returns. OSError where it cannot be."""
        ...

    def append_all(
        self, by: str, run_s: float, told: Iterable[object], intent: str = ""
    ) -> Sequence[tuple[Event, str]]:
        """Record what happens at once, each with its hash; all of it is on the disk then."""
        ...

    def read(self) -> Sequence[tuple[Event, str]]:
        """Events not yet read, each with its hash, in order."""
        ...

    def follow(self) -> Iterator[tuple[Event, str]]:
        """The same one by one, for those who need not keep them."""
        ...
