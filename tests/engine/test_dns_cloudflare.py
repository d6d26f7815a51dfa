from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.provider import dns_provider
from cockpit.clock import live_clock
from cockpit.errors import ActionFailed, CockpitError, TargetError
from cockpit.journal.state import RunState
from cockpit.propagation.providers import cloudflare
from cockpit.propagation.providers.base import Changed, record_set
from cockpit.propagation.providers.cloudflare import Cloudflare
from cockpit.redact import Redactor
from cockpit.runbook.checks import DnsProviderCheck
from cockpit.runbook.words import Duration, Id, StepId
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live
from tests.fakes.api_server import Asked, Said, serving
from tests.fakes.cloudflare import AUTOMATIC, TOKEN, CloudflareZone
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import NEW, OLD, ZONE
from tests.fakes.provider_runs import BACK, LOWER, RESTORE, TO_NEW, Steps, steps_at

BARE = ZONE.rstrip(".")
WWW = f"www.{ZONE}"
KEEPS_60 = DnsProviderCheck(
    id=Id("keeps"), title="", kind="dns_provider", target=LOWER.target, ttl=Duration(60.0)
)


@pytest.fixture
def zone() -> CloudflareZone:
    records: list[dict[str, Any]] = [
        {"id": f"rec{n:029}", "type": kind, "name": name, "content": content, "ttl": ttl}
        for n, (kind, name, content, ttl) in enumerate(
            (
                ("A", BARE, OLD, 3600),
                ("A", f"www.{BARE}", OLD, AUTOMATIC),
                ("A", f"ftp.{BARE}", OLD, 3600),
                ("MX", BARE, f"mail.{BARE}", 3600),
                ("CNAME", f"blog.{BARE}", "elsewhere.example.net", 3600),
            )
        )
    ]
    return CloudflareZone(BARE, records)


@pytest.fixture
def api(zone: CloudflareZone, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving(zone.api) as url:
        monkeypatch.setattr(cloudflare, "API", url)
        yield


@pytest.fixture
async def steps(zone: CloudflareZone, api: None, tmp_path: Path) -> AsyncIterator[Steps]:
    async with steps_at(zone, tmp_path, "cloudflare", TOKEN) as steps:
        yield steps


@pytest.fixture
def provider(steps: Steps) -> Cloudflare:
    return Cloudflare(steps.target, secrets(steps))


def secrets(steps: Steps) -> Secrets:
    return Secrets({"token": steps.folder / "token"}, Redactor())


async def asked(steps: Steps, check: DnsProviderCheck = KEEPS_60) -> Finding:
    context = CheckContext(
        runbook=runbook_of(steps.target),
        clock=live_clock(),
        secrets=secrets(steps),
        state=RunState(),
        live=Live(engine_pid=0, boot_ns=0),
        run_directory=None,
    )
    return await dns_provider(check, context)


async def test_all_pages_are_read_and_other_types_are_told_apart(provider: Cloudflare) -> None:
    assert await provider.read((ZONE, WWW)) == (
        record_set(ZONE, "A", [OLD], 3600),
        record_set(WWW, "A", [OLD], AUTOMATIC),
    )
    assert len(await provider.all()) == 5
    (blog,) = await provider.read((f"blog.{ZONE}",))
    assert (blog.values, blog.odd) == ((), "a CNAME to elsewhere.example.net.")


async def test_all_names_are_changed_in_one_batch_in_place_with_their_ttl(
    zone: CloudflareZone, steps: Steps
) -> None:
    assert await steps.take(TO_NEW) == ""
    (write,) = zone.api.writes()
    assert write.path.endswith("/batch")
    assert {(one["name"], one["content"], one["ttl"]) for one in write.body["patches"]} == {
        (BARE, NEW, 3600),
        (f"www.{BARE}", NEW, AUTOMATIC),
    }
    assert any(f"{WWW} A {OLD} -> {NEW}, TTL 1 stays" in line for line in steps.said)


async def test_an_automatic_ttl_is_lowered_and_put_back_as_automatic(
    zone: CloudflareZone, steps: Steps
) -> None:
    before = [dict(one) for one in zone.records]
    for action in (LOWER, TO_NEW, replace(BACK, of=StepId("to_new")), RESTORE):
        assert await steps.take(action) == ""
    plain = [{**one, "modified_on": ""} for one in before]
    assert [{**one, "modified_on": ""} for one in zone.records] == plain


async def test_a_record_that_another_writer_touched_is_left_alone(
    zone: CloudflareZone, provider: Cloudflare
) -> None:
    found = await provider.read((WWW,))
    zone.touch(zone.records[1], comment="mine")
    with pytest.raises(Changed, match="somebody else wrote"):
        await provider.change(found, [replace(found[0], values=(NEW,))])
    assert not zone.api.writes()


async def test_a_write_between_the_look_and_the_batch_is_not_overwritten_at_a_second_try(
    zone: CloudflareZone, provider: Cloudflare
) -> None:
    found = await provider.read((WWW,))
    answer = zone.api.answer

    def meddled(one: Asked) -> Said:
        if one.method == "POST":
            zone.touch(zone.records[1], content="192.0.2.99")
            return Said(500, {})
        return answer(one)

    zone.api.answer = meddled
    with pytest.raises(Changed, match=r"192\.0\.2\.99"):
        await provider.change(found, [replace(found[0], values=(NEW,))])
    assert zone.records[1]["content"] == "192.0.2.99"


async def test_a_proxied_record_is_never_changed_and_the_gate_says_why(
    zone: CloudflareZone, steps: Steps
) -> None:
    zone.records[1]["proxied"] = True
    failure = await steps.take(TO_NEW)
    assert f"{WWW} is proxied" in failure
    assert "nothing was changed" in failure
    assert "DNS only" in failure
    assert not zone.api.writes()
    finding = await asked(steps)
    assert finding == ("fail", f"{WWW} is proxied: a switch would be seen at no name server")


async def test_a_record_that_is_proxied_after_the_look_is_left_alone(
    zone: CloudflareZone, provider: Cloudflare
) -> None:
    found = await provider.read((WWW,))
    zone.records[1]["proxied"] = True
    with pytest.raises(Changed, match="proxied"):
        await provider.change(found, [replace(found[0], values=(NEW,))])
    assert not zone.api.writes()


async def test_a_flattened_alias_is_told_by_the_gate(zone: CloudflareZone, steps: Steps) -> None:
    zone.records[0].update(type="CNAME", content="pages.example.net")
    finding = await asked(steps)
    assert finding.said == "fail"
    assert "it is a CNAME to pages.example.net.: a change of type" in finding.evidence
    alias = replace(steps.target, record_type="CNAME", old="pages.example.net", names=(ZONE,))
    (found,) = await Cloudflare(alias, secrets(steps)).read((ZONE,))
    assert found.odd == "flattened"


@pytest.mark.parametrize(
    ("more", "said", "words"),
    [
        ({}, "pass", "TTLs down to 60 s are possible"),
        ({"plan": "enterprise"}, "pass", "TTLs down to 30 s are possible"),
        ({"permissions": ["#dns_records:read"]}, "fail", "may read the zone's records and not"),
        ({"status": "pending"}, "fail", "the zone is pending there, not active"),
    ],
)
async def test_what_the_plan_and_the_token_allow_is_told_before_the_change(
    zone: CloudflareZone, steps: Steps, more: dict[str, Any], said: str, words: str
) -> None:
    for name, value in more.items():
        setattr(zone, name, value)
    finding = await asked(steps)
    assert (finding.said, words in finding.evidence) == (said, True), finding


async def test_a_ttl_below_the_plans_is_told_by_the_gate_and_refused_as_a_whole(
    zone: CloudflareZone, steps: Steps
) -> None:
    low = Duration(40.0)
    finding = await asked(steps, replace(KEEPS_60, ttl=low))
    assert finding == ("fail", "cloudflare keeps no TTL below 60 s")
    failure = await steps.take(replace(LOWER, ttl=low))
    assert "TTL must be between 60 and 86400 seconds" in failure
    assert "nothing was changed" in failure
    assert {one["ttl"] for one in zone.records} == {3600, AUTOMATIC}


async def test_a_token_that_is_not_known_or_sees_no_such_zone_is_told_without_itself(
    zone: CloudflareZone, steps: Steps
) -> None:
    zone.name = "another.test"
    with pytest.raises(TargetError, match=r"sees no zone freshtrackpro\.test") as failure:
        await Cloudflare(steps.target, secrets(steps)).read((WWW,))
    assert "Zone Read and DNS Edit" in failure.value.mend
    (steps.folder / "token").write_text("cf_of_somebody_else")
    with pytest.raises(CockpitError, match=r"Invalid access token \(9109\)") as refused:
        await Cloudflare(steps.target, secrets(steps)).read((WWW,))
    assert "somebody_else" not in str(refused.value)


async def test_a_limit_is_obeyed_in_its_newer_form(
    zone: CloudflareZone, provider: Cloudflare
) -> None:
    found = await provider.read((WWW,))
    zone.api.allowed = 3
    with pytest.raises(ActionFailed, match=r"allows 1 more requests .* needs 3"):
        await provider.change(found, [replace(found[0], values=(NEW,))])
    assert not zone.api.writes()
    zone.api.allowed = 0
    assert await provider.read((WWW,)) == found
