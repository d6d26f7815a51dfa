"""DigitalOcean's records: updated in place by id, read before and after; never deleted first.

The API has no record sets, no batch and no precondition, so each record is compared right before
it is written, and the order of names is the order of writing. The TTL is always sent: an update
without one resets it to 1800.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

from cockpit.errors import TargetError
from cockpit.propagation.providers.base import (
    RecordSet,
    Terms,
    refuse_impossible,
    secret_of,
)
from cockpit.propagation.providers.by_id import ById, value_of
from cockpit.propagation.providers.rest import (
    Body,
    Rest,
    asking,
    inside,
    listed,
)
from cockpit.propagation.providers.settle import Record, settle

API = "https://api.digitalocean.com"
PAGE = 200
PAGES = 100
LEAST_TTL = 30
REQUESTS = 3
"""To change one record: compare, write, read back."""


class DigitalOcean(ById):
    """A domain in a DigitalOcean account."""

    name_key = "name"
    record_key = "domain_record"

    async def terms(self) -> Terms:
        """The same for every account."""
        return Terms(LEAST_TTL)

    def given_ttl(self, ttl: int) -> int:
        """As it is kept."""
        return ttl

    async def change(self, before: Sequence[RecordSet], after: Sequence[RecordSet]) -> None:
        """Update each record in place, in the order of names, where all are still as before."""
        refuse_impossible(before, after, LEAST_TTL)
        async with self._records() as rest:
            pairs = await self._pairs(rest, before, after)
            rest.enough(REQUESTS * len(pairs))
            for pair in pairs:
                await settle([pair], partial(self._look, rest), partial(_write, rest))

    async def _pages(self, rest: Rest, wanted: Mapping[str, str]) -> AsyncIterator[Record]:
        for page in range(1, PAGES):
            body = await rest.get("", {**wanted, "per_page": PAGE, "page": page})
            for one in listed(body, "domain_records", rest.base):
                yield self._record(one)
            if not inside(body, "links", "pages", "next"):
                return
        raise TargetError("the API lists records without an end", where=rest.base)

    def _record(self, one: Any) -> Record:
        try:
            name, kind, value = str(one["name"]), str(one["type"]), str(one["data"])
            full = self._zone if name == "@" else f"{name}.{self._zone}"
            # The SOA has no TTL of its own in some listings; nothing here changes it.
            return Record(str(one["id"]), full, kind, value_of(kind, value), int(one["ttl"] or 0))
        except (KeyError, TypeError, ValueError) as error:
            raise TargetError("a record of the account cannot be read", where=self._zone) from error

    def _records(self) -> AbstractAsyncContextManager[Rest]:
        token = self._secrets.value(secret_of(self._target))
        base = f"{API}/v2/domains/{self._zone.rstrip('.')}/records"
        return asking(base, token, _words, self._secrets.hide, self._effort)


async def _write(rest: Rest, wanted: Sequence[Record]) -> None:
    for one in wanted:
        data = one.value.rstrip(".") + "." if one.type == "CNAME" else one.value
        await rest.send("PATCH", f"/{one.id}", {"type": one.type, "data": data, "ttl": one.ttl})


def _words(body: Body) -> str:
    return str(body.get("message", ""))
