from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import dns.zone
import pytest

from cockpit.actions.dns import describe, run
from cockpit.engine.proposals import draft
from cockpit.errors import ActionFailed
from cockpit.journal.state import AttemptState, RunState, StepState
from cockpit.propagation.answers import Row
from cockpit.propagation.providers.rfc2136 import DynamicUpdates
from cockpit.propagation.sweep import authority_rows
from cockpit.rehearsal.spec import prepare
from cockpit.rehearsal.zone import read_zone, serial_of, write_zone
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.targets import Authority
from cockpit.runbook.words import Duration, StepId, TargetId
from tests.fakes.dns_lab import DnsLab, dns_lab, lab_target, runbook_of
from tests.fakes.small_runbooks import step

ZONE = TargetId("zone")
LOWER = DnsAction(kind="dns", target=ZONE, change="ttl", ttl=Duration(60.0))
TO_NEW = DnsAction(kind="dns", target=ZONE, change="to_new")
TO_OLD = DnsAction(kind="dns", target=ZONE, change="to_old")
RESTORE = DnsAction(kind="dns", target=ZONE, change="restore_ttl", of=StepId("lower"))


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, resolvers=False) as running:
        yield running


async def given(lab: DnsLab) -> set[tuple[tuple[str, ...], int | None]]:
    rows: tuple[Row, ...] = await authority_rows(lab.target, lab.clock)
    return {(cell.answers, cell.ttl) for row in rows for cell in row.cells}


def changed(lab: DnsLab, address: str) -> dns.zone.Zone:
    text = write_zone(lab.authorities.primary.zone)
    return read_zone(text.replace(lab.spec.old, address), lab.spec.zone)


async def test_lowering_the_ttl_records_the_former_one_and_is_seen_at_every_authority(
    lab: DnsLab,
) -> None:
    recorded = await run(LOWER, lab.acting(LOWER))
    assert await given(lab) == {((lab.spec.old,), 60)}
    former = recorded["former"]
    assert isinstance(former, list)
    assert former[0] == {
        "name": "freshtrackpro.test.",
        "type": "A",
        "values": [lab.spec.old],
        "ttl": 3600,
    }
    assert recorded["serial"] == serial_of(lab.authorities.primary.zone)
    assert sum("gives it" in line for line in lab.said) == 2


async def test_switching_moves_all_names_at_once_and_keeps_the_present_ttl(lab: DnsLab) -> None:
    await run(LOWER, lab.acting(LOWER))
    before = serial_of(lab.authorities.primary.zone)
    await run(TO_NEW, lab.acting(TO_NEW))
    assert await given(lab) == {((lab.spec.new,), 60)}
    assert serial_of(lab.authorities.primary.zone) == before + 1


async def test_the_way_back_restores_address_and_ttl(lab: DnsLab) -> None:
    lowered = await run(LOWER, lab.acting(LOWER, step="lower"))
    await run(TO_NEW, lab.acting(TO_NEW))
    await run(TO_OLD, lab.acting(TO_OLD))
    await run(RESTORE, lab.acting(RESTORE, recorded={"lower": lowered}))
    assert await given(lab) == {((lab.spec.old,), 3600)}


async def test_a_record_that_is_not_what_the_step_replaces_stays_untouched(lab: DnsLab) -> None:
    stranger = replace(lab.target, old="192.0.2.77")
    zone = lab.authorities.primary.zone
    with pytest.raises(ActionFailed, match=r"expected 192\.0\.2\.77 or .*; nothing was changed"):
        await run(TO_NEW, lab.acting(TO_NEW, target=stranger))
    assert lab.authorities.primary.zone is zone


async def test_a_zone_changed_between_look_and_update_refuses_as_a_whole(
    lab: DnsLab,
) -> None:
    changer = DynamicUpdates(lab.target, lab.secrets)
    found = await changer.read(lab.target.names)
    stale = [replace(one, values=("192.0.2.99",)) if "api" in one.name else one for one in found]
    aims = [replace(one, values=(lab.spec.new,)) for one in found]
    with pytest.raises(ActionFailed, match="changed meanwhile"):
        await changer.change(stale, aims)
    assert await given(lab) == {((lab.spec.old,), 3600)}


async def test_authorities_that_disagree_stop_a_way_forward_before_any_change(lab: DnsLab) -> None:
    lab.authorities.secondary.zone = changed(lab, "192.0.2.66")
    with pytest.raises(ActionFailed, match=r"ns2 .* gives 192\.0\.2\.66.*nothing was changed"):
        await run(TO_NEW, lab.acting(TO_NEW))


async def test_a_way_back_mends_a_switch_that_only_one_server_followed(lab: DnsLab) -> None:
    lab.authorities.primary.zone = changed(lab, lab.spec.new)
    await run(TO_OLD, lab.acting(TO_OLD))
    assert await given(lab) == {((lab.spec.old,), 3600)}


async def test_a_dead_secondary_stops_a_switch_and_not_a_way_back(lab: DnsLab) -> None:
    await run(TO_NEW, lab.acting(TO_NEW))
    dead = Authority(name="ns2", address=lab.spec.at(99), port=5300)
    target = replace(lab.target, authorities=(lab.target.authorities[0], dead))
    await run(TO_OLD, lab.acting(TO_OLD, target=target))
    assert any("is not waited for" in line for line in lab.said)
    with pytest.raises(ActionFailed, match=r"ns2 .* does not answer; nothing was changed"):
        await run(TO_NEW, lab.acting(TO_NEW, target=target))


async def test_an_authority_that_never_follows_fails_the_step_and_names_itself(
    lab: DnsLab,
) -> None:
    lab.clock.map = replace(lab.clock.map, speed=0.001)
    with pytest.raises(ActionFailed, match="not every authority gives the change: ns2") as failure:
        await run(TO_NEW, lab.acting(TO_NEW, timeout_s=1.0))
    assert "may have had its effect" in failure.value.mend
    assert "within 3600 s: run the step again then" in failure.value.mend


async def test_running_a_switch_again_changes_nothing_and_ends_well(lab: DnsLab) -> None:
    await run(TO_NEW, lab.acting(TO_NEW))
    serial = serial_of(lab.authorities.primary.zone)
    await run(TO_NEW, lab.acting(TO_NEW, attempt=2))
    assert serial_of(lab.authorities.primary.zone) == serial
    assert any("already as it should be" in line for line in lab.said)


async def test_the_former_ttl_survives_an_attempt_that_failed_after_its_effect(
    lab: DnsLab,
) -> None:
    clock = lab.clock.map
    lab.clock.map = replace(clock, speed=0.001)
    with pytest.raises(ActionFailed):
        await run(LOWER, lab.acting(LOWER, step="lower", timeout_s=0.8))
    lab.clock.map = clock
    again = await run(LOWER, lab.acting(LOWER, step="lower", attempt=2))
    former = again["former"]
    assert isinstance(former, list)
    assert {one["ttl"] for one in former if isinstance(one, dict)} == {3600}
    await run(RESTORE, lab.acting(RESTORE, recorded={"lower": {}}))
    assert await given(lab) == {((lab.spec.old,), 3600)}


async def test_a_wrong_key_changes_nothing_and_is_named_without_its_secret(lab: DnsLab) -> None:
    wrong = base64.b64encode(b"another key altogether, no really").decode()
    (lab.spec.path / "secrets" / "dns_key").write_text(wrong)
    with pytest.raises(ActionFailed, match="does not accept the key") as failure:
        await run(TO_NEW, lab.acting(TO_NEW))
    assert wrong not in str(failure.value)
    assert await given(lab) == {((lab.spec.old,), 3600)}


async def test_a_server_that_is_not_the_primary_refuses(lab: DnsLab) -> None:
    target = replace(lab.target, server=f"{lab.spec.at(54)}:5300")
    with pytest.raises(ActionFailed, match="nothing was changed"):
        await run(TO_NEW, lab.acting(TO_NEW, target=target))


def test_the_description_says_what_changes_by_whom_and_hides_the_key(tmp_path: Path) -> None:
    spec = prepare(tmp_path / "lab", "127.83.12", 1, "calm", tmp_path / "journal")
    runbook = runbook_of(lab_target(spec))
    assert describe(TO_NEW, runbook) == (
        "freshtrackpro.test. A 127.83.12.10 -> 127.83.12.20, TTL stays",
        "www.freshtrackpro.test. A 127.83.12.10 -> 127.83.12.20, TTL stays",
        "api.freshtrackpro.test. A 127.83.12.10 -> 127.83.12.20, TTL stays",
        "by one signed update (RFC 2136) to 127.83.12.53:5300, key cutover from dns_key (hidden)",
        "only where every record is still 127.83.12.10 or 127.83.12.20",
        "read back at ns1 (127.83.12.53), ns2 (127.83.12.54)",
    )
    assert describe(LOWER, runbook)[0] == "freshtrackpro.test. A TTL -> 60 s, value stays"
    assert "what lower found" in describe(RESTORE, runbook)[0]


async def test_the_confirmation_says_the_former_ttl_as_soon_as_it_is_recorded(lab: DnsLab) -> None:
    context = lab.checking()
    before = draft(step(RESTORE, "restore"), context)
    assert before.lines[0] == f"{lab.spec.zone} A TTL -> what lower found, value stays"
    recorded = dict(await run(LOWER, lab.acting(LOWER, step="lower")))
    attempt = AttemptState(1, "done", "", "ana", confirmed_at=0.0, recorded=recorded)
    lowered = StepState("lower", "done", (attempt,))
    context = replace(context, state=RunState(steps={"lower": lowered}))
    after = draft(step(RESTORE, "restore"), context)
    words = "TTL -> 3600 s, as recorded by lower"
    assert after.lines[0] == f"{lab.spec.zone} A {words}, value stays"
    back = replace(TO_OLD, of=StepId("lower"))
    new, old = lab.spec.new, lab.spec.old
    assert draft(step(back), context).lines[0] == f"{lab.spec.zone} A {new} -> {old}, {words}"
