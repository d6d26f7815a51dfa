from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.actions.dns import describe
from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.provider import dns_provider
from cockpit.checks.zone import dns_old_address
from cockpit.clock import live_clock
from cockpit.errors import Refused, TargetError
from cockpit.journal.state import RunState
from cockpit.propagation.providers.choose import changer_for
from cockpit.redact import Redactor
from cockpit.runbook.checks import DnsProviderCheck, DnsZoneCheck
from cockpit.runbook.targets import Authority
from cockpit.runbook.words import Duration, Id
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live
from tests.fakes.dns_lab import runbook_of
from tests.fakes.dns_servers import NEW, OLD, ZONE, Zone, own_net, serving, silent
from tests.fakes.provider_runs import LOWER, RESTORE, TO_NEW, TO_OLD, Sets, Steps, steps_at

WWW = f"www.{ZONE}"
KEEPS_60 = DnsProviderCheck(
    id=Id("keeps"), title="", kind="dns_provider", target=LOWER.target, ttl=Duration(60.0)
)
HITS = DnsZoneCheck(id=Id("hits"), title="", kind="dns_old_address", target=LOWER.target)


class Form:
    """A provider without an API: what a person entered."""

    def __init__(self) -> None:
        self.records = Zone.at(OLD, 3600).records
        self.serial = 1

    def sets(self) -> Sets:
        return self.records

    def enter(self, address: str, ttl: int) -> None:
        self.records = Zone.at(address, ttl).records
        self.serial += 1


@pytest.fixture
def form() -> Form:
    return Form()


@pytest.fixture
async def steps(form: Form, tmp_path: Path) -> AsyncIterator[Steps]:
    async with steps_at(form, tmp_path, "manual", "no token is needed", secret=None) as steps:
        yield steps


def checking(steps: Steps) -> CheckContext:
    return CheckContext(
        runbook=runbook_of(steps.target),
        clock=live_clock(),
        secrets=Secrets({}, Redactor()),
        state=RunState(),
        live=Live(engine_pid=0, boot_ns=0),
        run_directory=None,
    )


async def until_asked(steps: Steps) -> None:
    for _ in range(500):
        if any("every name server is asked" in line for line in steps.said):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(steps.said)


async def entered(steps: Steps, form: Form, action: object, address: str, ttl: int) -> str:
    """A person who does what the step says, after it has said it."""
    steps.said.clear()
    attempt = asyncio.create_task(steps.take(action))  # type: ignore[arg-type]  # any of the actions
    await until_asked(steps)
    assert not attempt.done()
    form.enter(address, ttl)
    return await attempt


async def test_the_step_says_what_to_enter_and_ends_when_every_name_server_gives_it(
    form: Form, steps: Steps
) -> None:
    assert await entered(steps, form, TO_NEW, NEW, 3600) == ""
    told = "\n".join(steps.said)
    assert f"name @   type A   value {NEW}   TTL 3600" in told
    assert f"name www   type A   value {NEW}   TTL 3600" in told
    assert f"{WWW} A {OLD} -> {NEW}, TTL 3600 stays" in told
    assert "do not delete one" in told
    assert "gives it" in told


async def test_a_ttl_is_lowered_the_sides_switched_and_all_of_it_taken_back_by_hand(
    form: Form, steps: Steps
) -> None:
    for action, address, ttl in (
        (LOWER, OLD, 60),
        (TO_NEW, NEW, 60),
        (TO_OLD, OLD, 60),
        (RESTORE, OLD, 3600),
    ):
        assert await entered(steps, form, action, address, ttl) == "", steps.said
    assert f"name www   type A   value {OLD}   TTL 3600" in "\n".join(steps.said)


async def test_nothing_is_claimed_when_the_deadline_comes_first(form: Form, steps: Steps) -> None:
    steps.timeout_s = 2.0
    failure = await steps.take(TO_NEW)
    assert "not every authority gives the change: ns1" in failure
    assert f"gives {OLD}, TTL 3600" in failure
    assert "to_new" not in steps.recorded


async def test_what_was_entered_before_the_step_is_found_and_nothing_is_asked_for(
    form: Form, steps: Steps
) -> None:
    form.enter(NEW, 3600)
    assert await steps.take(TO_NEW) == ""
    assert any("gives it already" in line for line in steps.said)
    assert not any("enter by hand" in line for line in steps.said)


async def test_a_foreign_answer_stops_the_step_before_anybody_is_asked(
    form: Form, steps: Steps
) -> None:
    form.enter("192.0.2.99", 3600)
    failure = await steps.take(TO_NEW)
    assert "is 192.0.2.99, expected" in failure
    assert "nothing was changed" in failure
    assert not any("enter by hand" in line for line in steps.said)


async def test_a_name_server_that_followed_alone_is_waited_for_and_not_taken_for_all(
    form: Form, steps: Steps
) -> None:
    ahead, address = Zone.at(NEW, 3600), f"{own_net()}.55"
    async with serving(address, ahead.answer) as port:
        second = Authority(name="ns2", address=address, port=port)
        both = (*steps.target.authorities, second)
        steps.target = replace(steps.target, authorities=both)
        steps.timeout_s = 3.0
        failure = await steps.take(TO_NEW)
        assert "ns1" in failure
        assert "ns2" not in failure
        assert f"{WWW} A {OLD} -> {NEW}" in "\n".join(steps.said)
        failure = await steps.take(LOWER)
        assert "name servers differ on" in failure


async def test_a_way_forward_does_not_begin_while_a_name_server_is_silent(
    form: Form, steps: Steps
) -> None:
    address = f"{own_net()}.55"
    async with serving(address, silent) as port:
        second = Authority(name="ns2", address=address, port=port)
        both = (*steps.target.authorities, second)
        steps.target = replace(steps.target, authorities=both)
        failure = await steps.take(TO_NEW)
        assert "ns2" in failure
        assert "does not answer; nothing was changed" in failure
        form.enter(NEW, 3600)
        assert await entered(steps, form, TO_OLD, OLD, 3600) == ""


async def test_the_gate_is_open_only_with_a_lowest_ttl_that_somebody_wrote_down(
    form: Form, steps: Steps
) -> None:
    finding = await dns_provider(KEEPS_60, checking(steps))
    assert finding.said == "unknown"
    assert "write `least_ttl:` in the profile" in finding.evidence
    steps.target = replace(steps.target, least_ttl=Duration(60.0))
    assert await dns_provider(KEEPS_60, checking(steps)) == Finding(
        "pass",
        "2 records are served alike, and are changed by hand; TTLs down to 60 s are possible",
    )
    steps.target = replace(steps.target, least_ttl=Duration(300.0))
    assert (await dns_provider(KEEPS_60, checking(steps))).said == "fail"


async def test_the_whole_zone_is_searched_in_the_exported_file(
    form: Form, steps: Steps, tmp_path: Path
) -> None:
    with pytest.raises(TargetError, match="no name server gives the whole zone away"):
        await dns_old_address(HITS, checking(steps))
    file = tmp_path / "zone.txt"
    lines = ("$TTL 3600", f"@ IN A {OLD}", f"www IN A {OLD}", f"mail IN A {OLD}")
    file.write_text("\n".join(lines) + "\n")
    steps.target = replace(steps.target, export=str(file))
    finding = await dns_old_address(HITS, checking(steps))
    assert finding.said == "fail"
    assert "mail.freshtrackpro.test." in finding.evidence
    file.write_text("no zone file")
    with pytest.raises(TargetError, match="is no zone file"):
        await dns_old_address(HITS, checking(steps))
    file.unlink()
    with pytest.raises(TargetError, match="cannot be read"):
        await dns_old_address(HITS, checking(steps))


def test_the_confirmation_says_that_a_person_does_it(steps: Steps) -> None:
    lines = describe(TO_NEW, runbook_of(steps.target))
    assert f"{WWW} A {OLD} -> {NEW}, TTL stays" in lines
    assert any("by a person at the provider" in line for line in lines)
    assert any("read back at ns1" in line for line in lines)


def test_nothing_can_change_such_a_zone_but_a_person(steps: Steps) -> None:
    with pytest.raises(Refused, match="changed by hand"):
        changer_for(steps.target, Secrets({}, Redactor()))
