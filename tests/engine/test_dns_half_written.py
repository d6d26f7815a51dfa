from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cockpit.actions.dns import describe
from cockpit.errors import TargetError
from cockpit.propagation.providers import cloudflare, digitalocean
from cockpit.propagation.providers.choose import reader_for
from cockpit.redact import Redactor
from cockpit.secrets import Secrets
from tests.fakes.api_server import KINDS, Api, Asked, Fault, Kind, Said, serving
from tests.fakes.cloudflare import TOKEN as CF_TOKEN
from tests.fakes.cloudflare import CloudflareZone
from tests.fakes.digitalocean import TOKEN, Account, error
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import NEW, OLD, ZONE
from tests.fakes.provider_runs import (
    BACK,
    LOWER,
    RESTORE,
    TO_NEW,
    TO_OLD,
    Steps,
    impatient,
    steps_at,
)

BARE = ZONE.rstrip(".")
WWW = f"www.{ZONE}"


@pytest.fixture
def account() -> Account:
    return Account(
        BARE,
        [
            {"id": 1, "type": "A", "name": "@", "data": OLD, "ttl": 3600},
            {"id": 2, "type": "A", "name": "www", "data": OLD, "ttl": 1800},
            {"id": 3, "type": "MX", "name": "@", "data": "mail.", "ttl": 3600, "priority": 10},
        ],
    )


@pytest.fixture
async def steps(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Steps]:
    with serving(account.api) as url:
        monkeypatch.setattr(digitalocean, "API", url)
        async with steps_at(account, tmp_path, "digitalocean", TOKEN) as steps:
            yield steps


def refusing(api: Api, path: str) -> None:
    """No update of that record any more, until the answer is set again."""
    answer = api.answer

    def refuse(asked: Asked) -> Said:
        if asked.method == "PATCH" and asked.path.endswith(path):
            return Said(422, error(422))
        return answer(asked)

    api.answer = refuse


async def test_a_set_that_stopped_halfway_names_what_is_changed_and_what_is_not(
    account: Account, steps: Steps
) -> None:
    refusing(account.api, "/2")
    failure = await steps.take(TO_NEW)
    assert "the API does not accept the record: cannot be processed" in failure
    assert f"1 of 2 names are changed: {ZONE}; as before: {WWW}" in failure
    assert "run the step again" in failure
    assert "its way back puts every name back as it was" in failure


async def test_a_half_written_set_is_found_by_the_next_attempt_and_finished(
    account: Account, steps: Steps
) -> None:
    account.records[0]["data"] = NEW
    assert await steps.take(TO_NEW) == ""
    assert any("1 of 2 names already are as they should be" in line for line in steps.said)
    (write,) = account.api.writes()
    assert write.path.endswith("/2")


async def test_a_half_written_set_is_taken_back_to_what_was_there_with_each_ttl(
    account: Account, steps: Steps
) -> None:
    before = [dict(one) for one in account.records]
    answer = account.api.answer
    refusing(account.api, "/2")
    assert await steps.take(LOWER) != ""
    assert [one["ttl"] for one in account.records] == [60, 1800, 3600]
    account.api.answer = answer
    assert await steps.take(RESTORE) == ""
    assert account.records == before


async def test_the_way_back_may_name_the_step_whose_ttl_it_puts_back(
    account: Account, steps: Steps
) -> None:
    for action in (LOWER, TO_NEW):
        assert await steps.take(action) == ""
    for one in account.records[:2]:
        one["ttl"] = 900
    assert await steps.take(BACK) == ""
    assert {(one["data"], one["ttl"]) for one in account.records[:2]} == {(OLD, 60)}
    assert f"{WWW} A {NEW} -> {OLD}, TTL as to_new found it" in describe(
        BACK, runbook_of(steps.target)
    )


async def test_a_record_that_becomes_neither_while_the_set_is_written_is_shown_as_it_is(
    account: Account, steps: Steps
) -> None:
    answer = account.api.answer

    def meddled(asked: Asked) -> Said:
        said = answer(asked)
        if asked.method == "PATCH" and asked.path.endswith("/1"):
            account.records[1]["data"] = "192.0.2.99"
        return said

    account.api.answer = meddled
    failure = await steps.take(TO_NEW)
    assert f"1 of 2 names are changed: {ZONE}" in failure
    assert f"neither as before nor as wanted: {WWW} A 192.0.2.99, TTL 1800" in failure
    assert "expected" in await steps.take(TO_OLD)
    assert account.records[1]["data"] == "192.0.2.99", "another writer's record is not overwritten"


async def test_a_token_that_may_only_read_changes_nothing_and_says_so(
    account: Account, steps: Steps
) -> None:
    answer = account.api.answer
    account.api.answer = lambda asked: (
        answer(asked) if asked.method == "GET" else Said(403, error(401))
    )
    failure = await steps.take(TO_NEW)
    assert "the token may not do this" in failure
    assert "nothing was changed" in failure


NONSENSE: tuple[Any, ...] = (
    {},
    [],
    "yes",
    {"domain_records": {"id": 1}},
    {"domain_records": [1, None]},
    {"domain_records": [{"id": 1, "name": "@", "type": "A", "data": None, "ttl": "soon"}]},
    {"domain_records": [], "links": ["next"], "domain_record": "gone"},
    {"domain_record": {"id": 2, "name": "www", "type": "A", "data": NEW}},
)


async def test_an_answer_that_makes_no_sense_is_never_taken_for_a_state_of_the_zone(
    account: Account, steps: Steps
) -> None:
    answer = account.api.answer
    before = [dict(one) for one in account.records]
    for body in NONSENSE:
        for number in range(1, 13):
            account.records[:] = [dict(one) for one in before]
            first = len(account.api.asked)

            def babble(asked: Asked, at: int = first + number, body: Any = body) -> Said:
                said = answer(asked)
                return Said(200, body) if len(account.api.asked) >= at else said

            account.api.answer = babble
            with impatient():
                failure = await steps.take(TO_NEW)
            account.api.answer = answer
            changed = account.records != before
            assert failure, "a step of twelve requests does not end in nonsense"
            assert "unforeseen" not in failure
            assert not (changed and "nothing was changed" in failure), failure


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lasts", [1, 10**6], ids=["once", "for long"])
async def test_a_reading_tells_what_is_there_or_that_it_cannot(
    account: Account, steps: Steps, kind: Kind, lasts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [BARE, f"www.{BARE}", f"ftp.{BARE}"]
    zone = CloudflareZone(
        BARE,
        [
            {"id": f"rec{n:029}", "type": "A", "name": name, "content": OLD, "ttl": 3600}
            for n, name in enumerate(names)
        ],
    )
    (steps.folder / "cf").touch(0o600)
    (steps.folder / "cf").write_text(CF_TOKEN)
    with serving(zone.api) as url:
        monkeypatch.setattr(cloudflare, "API", url)
        for keeper, provider in ((account, "digitalocean"), (zone, "cloudflare")):
            await readings(keeper.api, steps, provider, Fault(1, "before", kind, lasts))


async def readings(api: Api, steps: Steps, provider: str, fault: Fault) -> None:
    files = {"token": steps.folder / ("cf" if provider == "cloudflare" else "token")}
    fields: dict[str, Any] = {"provider": provider}
    target = replace(steps.target, **fields)
    secrets = Secrets(files, Redactor())
    for work in ("all", "terms"):
        whole = await getattr(reader_for(target, secrets), work)()
        for number in range(1, 5):
            api.fault = fault._replace(at=len(api.asked) + number)
            with impatient(), suppress(TargetError):
                assert await getattr(reader_for(target, secrets), work)() == whole
            api.fault = None
