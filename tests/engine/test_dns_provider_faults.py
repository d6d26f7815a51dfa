from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from cockpit.propagation.providers import cloudflare, digitalocean
from cockpit.runbook.actions import DnsAction
from tests.fakes.api_server import KINDS, Fault, Kind, Place, serving, settled
from tests.fakes.cloudflare import TOKEN as CF_TOKEN
from tests.fakes.cloudflare import CloudflareZone
from tests.fakes.digitalocean import TOKEN as DO_TOKEN
from tests.fakes.digitalocean import Account
from tests.fakes.dns_servers import NEW, OLD, ZONE
from tests.fakes.powerdns import TOKEN as PD_TOKEN
from tests.fakes.powerdns import PowerDnsZone
from tests.fakes.provider_runs import (
    BACK,
    TO_NEW,
    TO_OLD,
    Sets,
    Steps,
    impatient,
    steps_at,
)

BARE = ZONE.rstrip(".")
FOREVER = 10**6
CLAIMS = (
    "nothing was changed",
    "names are changed",
    "as before",
    "not known",
    "not every authority",
)
"""One of these stands in every failure: what the operator may take for true."""
Keeper = Account | CloudflareZone | PowerDnsZone


class Provider(NamedTuple):
    """A provider of these tests: how it is made, and where its client finds it."""

    name: str
    token: str
    make: Callable[[int], Keeper]
    module: ModuleType | None
    """Where its client keeps the API's address; None where the profile names it."""


def account(ttl: int) -> Account:
    names = enumerate(("@", "www", "ftp"))
    records = [
        {"id": 300 + n, "type": "A", "name": name, "data": OLD, "ttl": ttl} for n, name in names
    ]
    return Account(BARE, records)


def zone(ttl: int) -> CloudflareZone:
    names = enumerate((BARE, f"www.{BARE}", f"ftp.{BARE}"))
    records = [
        {"id": f"rec{n:029}", "type": "A", "name": name, "content": OLD, "ttl": ttl}
        for n, name in names
    ]
    return CloudflareZone(BARE, records)


def power(ttl: int) -> PowerDnsZone:
    names = (ZONE, f"www.{ZONE}", f"ftp.{ZONE}")
    kept = [{"content": OLD, "disabled": False}]
    records = [{"name": name, "type": "A", "ttl": ttl, "records": kept} for name in names]
    return PowerDnsZone(ZONE, records)


PROVIDERS = (
    Provider("digitalocean", DO_TOKEN, account, digitalocean),
    Provider("cloudflare", CF_TOKEN, zone, cloudflare),
    Provider("powerdns", PD_TOKEN, power, None),
)


@pytest.fixture(params=PROVIDERS, ids=lambda one: one.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.param
    return found


@asynccontextmanager
async def running(
    provider: Provider, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Keeper, Steps]]:
    """The provider with its name server, and the steps on it."""
    folder.mkdir()
    keeper = provider.make(3600)
    with serving(keeper.api) as url:
        more = {}
        if provider.module is None:
            more = {"options": {"host": "127.0.0.1", "port": url.rpartition(":")[2]}}
        else:
            monkeypatch.setattr(provider.module, "API", url)
        async with steps_at(keeper, folder, provider.name, provider.token, **more) as steps:
            yield keeper, steps


def kept(keeper: Keeper) -> list[tuple[object, ...]]:
    """What a person sees at the provider: ids, values and TTLs."""
    if isinstance(keeper, PowerDnsZone):
        return [(one["name"], one["ttl"], one["records"]) for one in keeper.records]
    value = "data" if isinstance(keeper, Account) else "content"
    return [(one["id"], one["name"], one[value], one["ttl"]) for one in keeper.records]


def in_place(keeper: Keeper) -> None:
    """Nothing is ever deleted or made anew."""
    for one in keeper.api.writes():
        assert one.method == "PATCH" or set(one.body) == {"patches"}, one
        for patch in one.body.get("patches", one.body.get("rrsets", [one.body])):
            assert "ttl" in patch, one


def judge(failure: str, before: Sets, aim: Sets, now: Sets) -> None:
    """Whether what a failure says of the zone is true."""
    if not failure:
        assert now == aim
        return
    assert any(claim in failure for claim in CLAIMS), failure
    if "nothing was changed" in failure or "all is as before" in failure:
        assert now == before, failure
    for names in re.findall(r"names are changed: ([^;()]*)", failure):
        for name in names.split(", "):
            assert now[name.strip(), "A"] == aim[name.strip(), "A"], failure
    for names in re.findall(r"[;:] as before: ([^;()]*)", failure):
        for name in names.split(", "):
            assert now[name.strip(), "A"] == before[name.strip(), "A"], failure


async def stumble(keeper: Keeper, steps: Steps, action: DnsAction, aim: Sets, fault: Fault) -> bool:
    """Run an attempt with a fault, and judge what it says; whether the fault was met."""
    before, first = keeper.sets(), len(keeper.api.asked)
    keeper.api.fault = fault._replace(at=first + fault.at)
    with impatient():
        failure = await steps.take(action)
    at_once = keeper.sets()
    keeper.api.fault = None
    await asyncio.to_thread(settled, keeper.api)
    # What was said may rest on the moment, or on what a late request made of it, and then says so.
    now = keeper.sets() if "may still take effect" not in failure else at_once
    judge(failure, before, aim, now)
    return len(keeper.api.asked) - first >= fault.at


def aimed(before: Sets, address: str, ttl: int) -> Sets:
    """The sets when both names are changed; the third is none of the step's."""
    own = {(name, "A"): (ttl, frozenset([address])) for name in (ZONE, f"www.{ZONE}")}
    return {**before, **own}


@pytest.mark.parametrize(
    ("kind", "lasts"),
    [*((kind, 1) for kind in KINDS), ("reset", FOREVER), ("429", FOREVER), ("timeout", FOREVER)],
    ids=lambda one: {1: "once", FOREVER: "for long"}.get(one, one),
)
@pytest.mark.parametrize("place", ["before", "after"])
async def test_whatever_fails_at_any_request_is_told_truly_and_can_be_finished_or_undone(
    provider: Provider,
    kind: Kind,
    place: Place,
    lasts: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(provider, tmp_path / "all", monkeypatch) as (keeper, steps):
        records, initial = deepcopy(keeper.records), kept(keeper)
        aim = aimed(keeper.sets(), NEW, 3600)
        number, met = 0, True
        while met:
            number += 1
            keeper.records[:] = deepcopy(records)
            steps.afresh()
            met = await stumble(keeper, steps, TO_NEW, aim, Fault(number, place, kind, lasts))
            halfway = deepcopy(keeper.records)
            undone = await steps.take(BACK if steps.wrote("to_new") else TO_OLD)
            assert (undone, kept(keeper)) == ("", initial)
            keeper.records[:] = halfway
            assert await steps.take(TO_NEW) == ""
            assert keeper.sets() == aim
            in_place(keeper)
        assert number > 6, "every request of the step was met"
