from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cockpit.actions.dns import describe
from cockpit.errors import ActionFailed, CockpitError, NotInstalled, Refused
from cockpit.propagation.providers.base import Changed, Unheard, record_set
from cockpit.propagation.providers.library import MODULES, Library, require
from cockpit.redact import Redactor
from cockpit.runbook.providers import OPTIONS
from cockpit.secrets import Secrets
from tests.fakes.api_server import serving
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import NEW, OLD, ZONE
from tests.fakes.powerdns import TOKEN, PowerDnsZone
from tests.fakes.provider_runs import BACK, LOWER, RESTORE, TO_NEW, Steps, steps_at

WWW = f"www.{ZONE}"


@pytest.fixture
def zone() -> PowerDnsZone:
    plain = (
        (ZONE, "A", [OLD]),
        (WWW, "A", [OLD]),
        (f"ftp.{ZONE}", "A", [OLD, "192.0.2.77"]),
        (f"blog.{ZONE}", "CNAME", ["elsewhere.example.net."]),
        (ZONE, "MX", [f"10 mail.{ZONE}"]),
        (ZONE, "TXT", ['"v=spf1 ip4:192.0.2.10 -all"']),
        (ZONE, "SOA", [f"ns1.{ZONE} host.{ZONE} 1 3600 600 604800 900"]),
    )
    return PowerDnsZone(
        ZONE,
        [
            {
                "name": name,
                "type": kind,
                "ttl": 3600,
                "records": [{"content": one, "disabled": False} for one in values],
            }
            for name, kind, values in plain
        ],
    )


@pytest.fixture
async def steps(zone: PowerDnsZone, tmp_path: Path) -> AsyncIterator[Steps]:
    with serving(zone.api) as url:
        options = {"host": "127.0.0.1", "port": url.rpartition(":")[2]}
        async with steps_at(zone, tmp_path, "powerdns", TOKEN, options=options) as steps:
            yield steps


def provider(steps: Steps) -> Library:
    return Library(steps.target, Secrets({"token": steps.folder / "token"}, Redactor()))


async def test_record_sets_are_read_and_an_alias_is_told(steps: Steps) -> None:
    apex, ftp, blog, gone = await provider(steps).read(
        (ZONE, f"ftp.{ZONE}", f"blog.{ZONE}", f"gone.{ZONE}")
    )
    assert apex == record_set(ZONE, "A", [OLD], 3600)
    assert ftp.values == (OLD, "192.0.2.77")
    assert (blog.values, blog.odd) == ((), "a CNAME to elsewhere.example.net.")
    assert (gone.values, gone.odd) == ((), "")
    assert {one.type for one in await provider(steps).all()} == {"A", "CNAME", "MX", "TXT"}


async def test_both_names_are_replaced_in_one_request_and_all_is_put_back(
    zone: PowerDnsZone, steps: Steps
) -> None:
    before = zone.sets()
    assert await steps.take(LOWER) == ""
    assert await steps.take(TO_NEW) == ""
    assert [{one["name"] for one in write.body["rrsets"]} for write in zone.api.writes()] == [
        {ZONE, WWW},
        {ZONE, WWW},
    ]
    assert zone.sets()[WWW, "A"] == (60, frozenset([NEW]))
    for action in (BACK, RESTORE):
        assert await steps.take(action) == ""
    assert zone.sets() == before


async def test_a_set_that_is_no_longer_as_it_was_read_is_left_alone(
    zone: PowerDnsZone, steps: Steps
) -> None:
    found = await provider(steps).read((WWW,))
    zone.records[1]["ttl"] = 1200
    with pytest.raises(Changed, match="TTL 1200"):
        await provider(steps).change(found, [replace(found[0], values=(NEW,))])
    assert not zone.api.writes()


async def test_a_plan_that_holds_more_than_the_change_is_refused(
    zone: PowerDnsZone, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    (old,) = await provider(steps).read((WWW,))
    new = replace(old, values=(NEW,))
    from octodns.provider.base import BaseProvider
    from octodns.record import Delete

    plain = BaseProvider.plan

    def more(self: Any, desired: Any, **rest: Any) -> Any:
        plan = plain(self, desired, **rest)
        plan.changes.append(Delete(next(iter(desired.records))))
        return plan

    monkeypatch.setattr(BaseProvider, "plan", more)
    with pytest.raises(ActionFailed, match="octoDNS would also do this: Delete"):
        await provider(steps).change([old], [new])
    assert not zone.api.writes()


async def test_a_key_that_is_not_accepted_is_told_without_itself(steps: Steps) -> None:
    (steps.folder / "token").write_text("pdns_of_somebody_else")
    with pytest.raises(CockpitError, match="unauthorized") as failure:
        await provider(steps).read((WWW,))
    assert "somebody_else" not in str(failure.value)


async def test_a_version_that_nobody_read_is_refused(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", lambda _: "2.0.0")
    with pytest.raises(Refused, match=r"how octodns-powerdns 2\.0\.0 updates records was not read"):
        await provider(steps).read((WWW,))


async def test_a_module_that_is_not_installed_is_named_with_the_command_for_it(
    steps: Steps,
) -> None:
    steps.target = replace(steps.target, provider="route53", options={})
    with pytest.raises(NotInstalled) as missing:
        await provider(steps).read((WWW,))
    assert missing.value.mend == "pip install 'cockpit[dns]' 'octodns-route53>=1,<2'"


def test_no_module_that_deletes_first_is_offered() -> None:
    deletes_first = {"digitalocean", "dnsimple", "gandi", "ovh", "easydns", "dnsmadeeasy"}
    assert set(MODULES) == set(OPTIONS)
    assert not deletes_first & set(MODULES)
    assert MODULES["hetzner"].fixed == {"backend": "hcloud"}, "its other way deletes first"


def test_the_confirmation_says_that_octodns_does_it(steps: Steps) -> None:
    assert "by powerdns through octoDNS, token from token (hidden)" in describe(
        TO_NEW, runbook_of(steps.target)
    )


def test_what_octodns_logs_is_not_mixed_into_a_steps_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    logging.getLogger("Record").error("a traceback")
    assert capsys.readouterr().err != "", "without that, it is"
    require("powerdns")
    logging.getLogger("Record").error("a traceback")
    assert capsys.readouterr().err == ""


class Said(Exception):
    """An error of some provider's library, with what it keeps of the answer."""

    def __init__(self, **kept: object) -> None:
        super().__init__("no")
        self.__dict__ |= kept


@pytest.mark.parametrize(
    ("error", "is_refusal"),
    [
        (Said(response=SimpleNamespace(status_code=403)), True),
        (Said(response=SimpleNamespace(status_code=429)), False),
        (Said(response={"ResponseMetadata": {"HTTPStatusCode": 403}}), True),
        (Said(response={"ResponseMetadata": {"HTTPStatusCode": 503}}), False),
        (Said(response={}), False),
        (Said(code=400), True),
        (Said(code=503), False),
        (Said(response=None, status_code=412), True),
        (Said(code="forbidden"), True),
        (Said(code="service_error"), False),
        (Said(), False),
    ],
)
def test_what_an_api_refused_is_known_not_to_have_happened_and_a_failure_is_not(
    steps: Steps, error: Exception, *, is_refusal: bool
) -> None:
    assert type(provider(steps)._lost(error)) is (ActionFailed if is_refusal else Unheard)
