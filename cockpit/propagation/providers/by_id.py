"""What providers have in common whose API knows records by id, lists them, and has no sets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from cockpit.propagation.classify import canonical
from cockpit.propagation.providers.base import Effort, RecordSet, as_kept
from cockpit.propagation.providers.rest import GONE, Declined, Rest
from cockpit.propagation.providers.settle import Pair, Record, set_of, updates
from cockpit.runbook.targets import DnsTarget
from cockpit.secrets import Secrets


class ById(ABC):
    """A zone in an account."""

    name_key: ClassVar[str]
    """The parameter that lists the records of one name."""
    record_key: ClassVar[str]
    """Where a single record stands in a body."""

    def __init__(self, target: DnsTarget, secrets: Secrets, effort: Effort | None = None) -> None:
        self._target = target
        self._secrets = secrets
        self._effort = effort or Effort()
        self._zone = canonical(target.zone)

    @abstractmethod
    def _records(self) -> AbstractAsyncContextManager[Rest]:
        """The API below the zone's records."""

    @abstractmethod
    def _pages(self, rest: Rest, wanted: Mapping[str, str]) -> AsyncIterator[Record]:
        """The records that are wanted, page by page."""

    @abstractmethod
    def _record(self, one: Any) -> Record:
        """A record as the API gives it; TargetError where it cannot be read."""

    async def read(self, names: Sequence[str]) -> tuple[RecordSet, ...]:
        """The record sets as the account has them."""
        kind = self._target.record_type
        async with self._records() as rest:
            return tuple([set_of(name, kind, await self._at(rest, name)) for name in names])

    async def all(self) -> tuple[RecordSet, ...]:
        """Every record of the zone, each as a set of its own."""
        async with self._records() as rest:
            found = [one async for one in self._pages(rest, {})]
        return tuple(as_kept(one.name, one.type, [one.value], one.ttl) for one in found)

    async def _pairs(
        self, rest: Rest, before: Sequence[RecordSet], after: Sequence[RecordSet]
    ) -> list[Pair]:
        """What is to be updated, in the order of names, where all are still as before."""
        return [
            pair
            for old, new in zip(before, after, strict=True)
            for pair in updates(await self._at(rest, old.name), old, new)
        ]

    async def _look(self, rest: Rest, record: Record) -> Record | None:
        try:
            body = await rest.get(f"/{record.id}")
        except Declined as error:
            if error.status == GONE:
                return None
            raise
        return self._record(body.get(self.record_key))

    async def _at(self, rest: Rest, name: str) -> list[Record]:
        """All records of a name, of any type."""
        wanted = canonical(name)
        pages = self._pages(rest, {self.name_key: wanted.rstrip(".")})
        return [one async for one in pages if canonical(one.name) == wanted]


def value_of(kind: str, value: str) -> str:
    """A value in the form in which it is compared, where it is an address or a name."""
    return canonical(value) if kind in ("A", "AAAA", "CNAME") else value
