"""Cloudflare's records: one batch of updates in place, in one transaction of its database.

The batch has no precondition, so every record is read by id right before, with the time of its
last change. A proxied record is answered with Cloudflare's own addresses: a switch of it shows at
no name server, so it is never made here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from cockpit.errors import TargetError
from cockpit.propagation.classify import canonical
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

API = "https://api.cloudflare.com/client/v4"
PAGE = 100
PAGES = 1000
AUTOMATIC = 1
"""The TTL that stands for one of Cloudflare's choosing."""
AUTOMATIC_S = 300
LEAST_TTL = 60
LEAST_TTL_ENTERPRISE = 30
REQUESTS = 2
"""To change one record besides the batch itself: compare, read back."""
_EDIT = "#dns_records:edit"


class Cloudflare(ById):
    """A zone in a Cloudflare account."""

    name_key = "name.exact"
    record_key = "result"

    async def terms(self) -> Terms:
        """By the zone's plan, and by what the token may do."""
        async with self._rest() as rest:
            zone = await self._find(rest)
        plan = inside(zone, "plan", "legacy_id")
        least = LEAST_TTL_ENTERPRISE if plan == "enterprise" else LEAST_TTL
        return Terms(least, _refusal(zone))

    def given_ttl(self, ttl: int) -> int:
        """As it is kept, but for the automatic one."""
        return AUTOMATIC_S if ttl == AUTOMATIC else ttl

    async def change(self, before: Sequence[RecordSet], after: Sequence[RecordSet]) -> None:
        """Update all records in place in one batch, where all are still as before."""
        # What the plan allows between the two is Cloudflare's to refuse; one batch, so as a whole.
        given = [replace(new, ttl=self.given_ttl(new.ttl)) for new in after]
        refuse_impossible(before, given, LEAST_TTL_ENTERPRISE)
        async with self._records() as rest:
            pairs = await self._pairs(rest, before, after)
            rest.enough(REQUESTS * len(pairs) + 1)
            await settle(pairs, partial(self._look, rest), partial(_write, rest))

    async def _pages(self, rest: Rest, wanted: Mapping[str, str]) -> AsyncIterator[Record]:
        for page in range(1, PAGES):
            body = await rest.get("", {**wanted, "per_page": PAGE, "page": page})
            found = listed(body, "result", rest.base)
            for one in found:
                yield self._record(one)
            pages = inside(body, "result_info", "total_pages")
            if not found or (isinstance(pages, int) and page >= pages):
                return
        raise TargetError("the API lists records without an end", where=rest.base)

    def _record(self, one: Any) -> Record:
        try:
            kind = str(one["type"])
            value = str(one.get("content", ""))
            return Record(
                str(one["id"]),
                canonical(str(one["name"])),
                kind,
                value_of(kind, value),
                int(one["ttl"]),
                str(one.get("modified_on", "")),
                self._odd(one),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise TargetError("a record of the account cannot be read", where=self._zone) from error

    def _odd(self, one: Mapping[str, Any]) -> str:
        if one.get("proxied"):
            return "proxied"
        apex = canonical(str(one["name"])) == self._zone
        flat = apex or inside(one, "settings", "flatten_cname")
        return "flattened" if one["type"] == "CNAME" and flat else ""

    @asynccontextmanager
    async def _records(self) -> AsyncIterator[Rest]:
        """The API below the zone's records."""
        async with self._rest() as rest:
            zone = await self._find(rest)
            rest.base = f"{API}/zones/{zone['id']}/dns_records"
            yield rest

    async def _find(self, rest: Rest) -> Body:
        name = self._zone.rstrip(".")
        for zone in listed(await rest.get("/zones", {"name": name}), "result", rest.base):
            if isinstance(zone, dict) and zone.get("name") == name and zone.get("id"):
                return zone
        raise TargetError(
            f"the token sees no zone {name}",
            where=rest.base,
            mend="give it the permissions Zone Read and DNS Edit for this zone",
        )

    @asynccontextmanager
    async def _rest(self) -> AsyncIterator[Rest]:
        token = self._secrets.value(secret_of(self._target))
        async with asking(API, token, _words, self._secrets.hide, self._effort) as rest:
            yield rest


async def _write(rest: Rest, wanted: Sequence[Record]) -> None:
    patches = [
        {
            "id": one.id,
            "type": one.type,
            "name": one.name.rstrip("."),
            "content": one.value.rstrip("."),
            "ttl": one.ttl,
            "proxied": False,
        }
        for one in wanted
    ]
    await rest.send("POST", "/batch", {"patches": patches})


def _refusal(zone: Body) -> str:
    granted = zone.get("permissions")
    if isinstance(granted, list) and granted and _EDIT not in granted:
        return "the token may read the zone's records and not change them"
    if zone.get("type") == "secondary":
        return "the zone is a secondary one: its records are changed at its primary"
    if zone.get("status") not in (None, "active"):
        return f"the zone is {zone['status']} there, not active: its name servers are not asked"
    return ""


def _words(body: Body) -> str:
    errors = body.get("errors")
    told = [one for error in (errors if isinstance(errors, list) else ()) for one in _chain(error)]
    return "; ".join(f"{one.get('message', '')} ({one.get('code', '?')})" for one in told)


def _chain(error: Any) -> list[Body]:
    """An error with those that led to it."""
    causes = inside(error, "error_chain")
    both = [error, *(causes if isinstance(causes, list) else ())]
    return [one for one in both if isinstance(one, dict)]
