from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.actions import paper_dns
from cockpit.actions import registry as actions
from cockpit.actions.paper import Sheet
from cockpit.database.canary import canaries
from cockpit.database.freeze import freeze, reopen
from cockpit.journal.events import Json
from cockpit.runbook.actions import (
    Action,
    CopyAction,
    DnsAction,
    ExportAction,
    HttpAction,
    NotifyAction,
    ReadOnlyAction,
    ReconcileAction,
    RestoreAction,
    SqlAction,
)
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import (
    DnsTarget,
    HttpTarget,
    PostgresTarget,
    SecretFile,
    WebhookNotifier,
)
from cockpit.runbook.words import Duration, SecretId, StepId, TargetId
from tests.engine.fix_postgres import TABLES, Pair, pair, postgres
from tests.fakes import api_server, cloudflare, digitalocean
from tests.fakes.cloudflare import CloudflareZone
from tests.fakes.digitalocean import Account
from tests.fakes.dns_lab import DnsLab, dns_lab, runbook_of
from tests.fakes.small_runbooks import World, runbook, serving, step

__all__ = ["pair", "postgres"]

OLD, NEW, ZONE = TargetId("old_db"), TargetId("new_db"), TargetId("zone")
NIGHT: Mapping[str, Action] = {
    "close_new": ReadOnlyAction(kind="read_only", target=NEW, mode="freeze"),
    "copy_all": CopyAction(kind="copy", source=OLD, target=NEW, what="all", tables=TABLES),
    "close_old": ReadOnlyAction(kind="read_only", target=OLD, mode="freeze"),
    "copy_rest": CopyAction(kind="copy", source=OLD, target=NEW, what="rest", tables=TABLES),
    "sequences": CopyAction(kind="copy", source=OLD, target=NEW, what="sequences"),
    "compare": ReconcileAction(kind="reconcile", source=OLD, target=NEW, tables=TABLES),
    "open_new": ReadOnlyAction(kind="read_only", target=NEW, mode="open", other=OLD),
    "change": SqlAction(
        kind="sql",
        target=NEW,
        statements=("update users set name = 'Zoë' where id = 2", "delete from alerts"),
    ),
    "back_open": ReadOnlyAction(kind="read_only", target=OLD, mode="open", other=NEW),
    "back_export": ExportAction(kind="export", target=NEW, tables=TABLES, against=OLD),
    "back_carry": RestoreAction(
        kind="restore", target=OLD, of=StepId("back_export"), tables=TABLES
    ),
}
LOWER = DnsAction(kind="dns", target=ZONE, change="ttl", ttl=Duration(60.0))
TO_NEW = DnsAction(kind="dns", target=ZONE, change="to_new")
RESTORE = DnsAction(kind="dns", target=ZONE, change="restore_ttl", of=StepId("lower"))
TO_OLD = DnsAction(kind="dns", target=ZONE, change="to_old", of=StepId("lower"))


async def pasted(lines: tuple[str, ...], folder: Path, **variables: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "bash",
        cwd=folder,
        env={"PATH": "/usr/bin:/bin:/usr/sbin", "LANG": "C.UTF-8", **variables},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate("\n".join(lines).encode())
    return process.returncode or 0, said.decode()


class Hand:
    """A person who has the paper and no cockpit."""

    def __init__(self, pair: Pair, folder: Path) -> None:
        self.pair, self.folder = pair, folder
        passwords = pair.server.passwords.items()
        world = World(
            folder,
            targets={"old_db": pair.old, "new_db": pair.new},
            secrets={f"{role}_password": value for role, value in passwords},
        )
        book = runbook(world)
        steps = tuple(step(action, name) for name, action in NIGHT.items())
        phase = replace(book.procedure.phases[0], steps=steps)
        self.book = replace(book, procedure=replace(book.procedure, phases=(phase,)))

    def paper(self, name: str) -> tuple[str, ...]:
        return actions.paper(NIGHT[name], Sheet(self.book, step(NIGHT[name], name)))

    async def does(self, *names: str, **variables: str) -> str:
        for name in names:
            status, said = await pasted(self.paper(name), self.folder, **variables)
            assert status == 0, f"{name}: {said}"
        return said

    async def refused(self, target: PostgresTarget) -> set[str]:
        return {one.said for one in await canaries(target, self.pair.secrets)}


@pytest.fixture
def hand(pair: Pair, tmp_path: Path) -> Hand:
    return Hand(pair, tmp_path)


async def test_a_cutover_and_its_way_back_can_be_done_from_the_paper_alone(hand: Hand) -> None:
    pair = hand.pair
    await hand.does("close_new", "copy_all")
    await pair.sql(
        pair.old,
        "update users set name = 'late \\ \"x\"' || chr(9) || chr(10) where id = 1",
        "delete from sensor_readings where id = 3000",
    )
    said = await hand.does("close_old", "copy_rest")
    since = said.split()[-3]
    said = await hand.does("sequences", "compare")
    assert said.count("the same rows") == 4
    await hand.does("open_new")
    assert await hand.refused(pair.old) == {"refused"}
    assert await hand.refused(pair.new) == {"accepted"}
    assert int((await pair.sql(pair.new, "select nextval('users_id_seq')"))[0][0]) > 1040
    await hand.does("change")
    await hand.does("close_new", "back_open")
    assert await hand.refused(pair.new) == {"refused"}
    assert await hand.refused(pair.old) == {"accepted"}
    await pair.sql(pair.old, "update users set name = 'by the old side' where id = 3")
    await hand.does("back_export", SINCE=since)
    await hand.does("back_carry")
    names = await pair.sql(pair.old, "select name from users where id in (2, 3) order by id")
    assert names == [("Zoë",), ("by the old side",)]


async def test_what_was_frozen_by_hand_the_cockpit_opens_and_the_other_way_round(
    hand: Hand,
) -> None:
    pair = hand.pair
    rights = (
        "select array_agg(concat(relname, a.*) order by relname, a::text) from pg_class,"
        " aclexplode(relacl) a where relnamespace = 'public'::regnamespace"
    )
    before = await pair.value(pair.old, rights)
    await hand.does("close_old")
    assert await hand.refused(pair.old) == {"refused"}
    await hand.does("close_old")
    assert await reopen(pair.old, pair.secrets) > 0
    assert await pair.value(pair.old, rights) == before
    await freeze(pair.old, pair.secrets)
    await freeze(pair.new, pair.secrets)
    await hand.does("back_open")
    assert await pair.value(pair.old, rights) == before
    assert await hand.refused(pair.old) == {"accepted"}


async def test_by_hand_too_no_side_is_opened_while_the_other_takes_writes(hand: Hand) -> None:
    await hand.does("close_new")
    status, said = await pasted(hand.paper("open_new"), hand.folder)
    assert status != 0
    assert "NOT CLOSED: authenticated may write to users" in said
    assert await hand.refused(hand.pair.new) == {"refused"}


def test_no_password_is_on_the_paper(hand: Hand) -> None:
    words = "\n".join(line for name in NIGHT for line in hand.paper(name))
    assert not any(one in words for one in hand.pair.server.passwords.values())


@pytest.fixture
async def zone(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, resolvers=False) as running:
        yield running


def by_hand(lab: DnsLab, action: DnsAction, recorded: Mapping[str, Json]) -> tuple[str, ...]:
    book: Runbook = runbook_of(lab.target)
    key = SecretFile(file=str(lab.spec.path / "secrets" / "dns_key"))
    profile = replace(book.profile, environment="staging", secrets={"dns_key": key})
    name = "lower" if action is LOWER else "only"
    sheet = Sheet(replace(book, profile=profile), step(action, name), {"lower": recorded})
    return actions.paper(action, sheet)


async def test_names_are_moved_there_and_back_by_hand_with_the_ttl_that_was_recorded(
    zone: DnsLab,
) -> None:
    recorded = await actions.run(LOWER, zone.acting(LOWER, step="lower"))
    for action, address, ttl in ((TO_NEW, zone.spec.new, 60), (TO_OLD, zone.spec.old, 3600)):
        lines = by_hand(zone, action, recorded)
        status, said = await pasted(lines, zone.folder)
        assert status == 0, said
        at_primary = [line.split() for line in said.splitlines() if line.startswith("www.")]
        assert at_primary[0] == [f"www.{zone.spec.zone}", str(ttl), "IN", "A", address]


async def test_without_a_run_each_name_gets_the_ttl_back_that_the_paper_s_own_step_found(
    zone: DnsLab,
) -> None:
    www, api = (f"{name}.{zone.spec.zone}" for name in ("www", "api"))
    _, said = await pasted(by_hand(zone, RESTORE, {}), zone.folder)
    assert f'by_hand/lower/former lacks a line "{zone.spec.zone} TTL VALUE"' in said
    for action in (LOWER, LOWER, TO_NEW):
        status, said = await pasted(by_hand(zone, action, {}), zone.folder)
        assert status == 0, said
    kept = zone.folder / "by_hand" / "lower" / "former"
    lines = [line.split() for line in kept.read_text().splitlines()]
    assert [line for line in lines if line[0] == www] == [[www, "3600", zone.spec.old]]
    kept.write_text(kept.read_text().replace(f"{api} 3600", f"{api} 1800"))
    status, said = await pasted(by_hand(zone, TO_OLD, {}), zone.folder)
    assert status == 0, said
    at_primary = [line.split()[:2] for line in said.splitlines() if "\tIN\tA\t" in line][:3]
    assert [www, "3600"] in at_primary
    assert [api, "1800"] in at_primary


async def test_a_record_that_somebody_else_changed_is_not_changed_by_hand(zone: DnsLab) -> None:
    stranger = replace(zone, target=replace(zone.target, old="192.0.2.1", new="192.0.2.2"))
    _, said = await pasted(by_hand(stranger, TO_NEW, {}), zone.folder)
    assert f"is {zone.spec.old}: find out who changed it" in said
    assert "192.0.2.2" not in said.partition("find out who changed it")[2]


async def test_requests_and_notices_are_sent_by_hand_with_the_token_of_a_file(
    tmp_path: Path,
) -> None:
    http = HttpAction(kind="http", target=TargetId("web"), method="POST", path="/go", body="{'ü'}")
    notice = NotifyAction(kind="notify", to="users", subject="It moves", body="Don't $PANIC")
    with serving({"/go": (200, "went"), "/said": (200, "")}) as (url, asked):
        world = World(
            tmp_path,
            targets={"web": HttpTarget(kind="http", url=url, bearer=SecretId("token"))},
            secrets={"token": "a-token-for-tests"},
            notifiers={
                "users": WebhookNotifier(
                    kind="webhook", url=f"{url}/said", bearer=SecretId("token"), prefix="[STAGING] "
                )
            },
        )
        for action in (http, notice):
            lines = actions.paper(action, Sheet(runbook(world, action), step(action)))
            assert "a-token-for-tests" not in "\n".join(lines)
            status, said = await pasted(lines, tmp_path)
            assert status == 0, said
        wrong = replace(http, path="/nowhere")
        lines = actions.paper(wrong, Sheet(runbook(world, wrong), step(wrong)))
        assert (await pasted(lines, tmp_path))[0] != 0
    assert asked[0].body == "{'ü'}"
    assert asked[1].json == {"subject": "[STAGING] It moves", "body": "Don't $PANIC"}
    assert {one.headers["Authorization"] for one in asked} == {"Bearer a-token-for-tests"}


def at(provider: str) -> DnsTarget:
    return DnsTarget(
        kind="dns",
        zone="example.com.",
        names=("example.com.", "www.example.com."),
        old="192.0.2.1",
        new="192.0.2.2",
        provider=provider,  # type: ignore[arg-type]  # one of its words
        secret=SecretId("token"),
        authorities=(),
    )


async def moved(target: DnsTarget, token: str, folder: Path, *changes: DnsAction) -> None:
    world = World(folder, targets={"zone": target}, secrets={"token": token})
    for action in changes:
        name = "lower" if action is LOWER else "only"
        lines = actions.paper(action, Sheet(runbook(world, action), step(action, name)))
        assert token not in "\n".join(lines)
        status, said = await pasted(lines, folder)
        assert status == 0, said


async def test_names_at_digitalocean_are_moved_by_hand_and_get_their_own_ttl_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        {"id": number, "type": "A", "name": name, "data": "192.0.2.1", "ttl": 1800 * number}
        for number, name in enumerate(("@", "www"), 1)
    ]
    account = Account("example.com", records)
    with api_server.serving(account.api) as url:
        monkeypatch.setattr(paper_dns, "DIGITALOCEAN", f"{url}/v2/domains")
        await moved(at("digitalocean"), digitalocean.TOKEN, tmp_path, LOWER, LOWER, TO_NEW)
        assert set(account.sets().values()) == {(60, frozenset({"192.0.2.2"}))}
        await moved(at("digitalocean"), digitalocean.TOKEN, tmp_path, TO_OLD)
    old = frozenset({"192.0.2.1"})
    assert list(account.sets().values()) == [(1800, old), (3600, old)]


async def test_names_at_cloudflare_are_moved_by_hand_and_get_their_own_ttl_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [
        {"id": f"r{number}", "type": "A", "name": name, "content": "192.0.2.1", "ttl": ttl}
        for number, (name, ttl) in enumerate((("example.com", 1800), ("www.example.com", 3600)), 1)
    ]
    zone = CloudflareZone("example.com", records)
    with api_server.serving(zone.api) as url:
        monkeypatch.setattr(paper_dns, "CLOUDFLARE", f"{url}/zones")
        await moved(at("cloudflare"), cloudflare.TOKEN, tmp_path, LOWER, LOWER, TO_NEW)
        assert set(zone.sets().values()) == {(60, frozenset({"192.0.2.2"}))}
        await moved(at("cloudflare"), cloudflare.TOKEN, tmp_path, TO_OLD)
    old = frozenset({"192.0.2.1"})
    assert list(zone.sets().values()) == [(1800, old), (3600, old)]


async def test_what_a_person_enters_is_kept_before_and_shown_to_be_put_back(zone: DnsLab) -> None:
    entered = replace(zone, target=replace(zone.target, provider="manual"))
    www = f"www.{zone.spec.zone}"
    _, said = await pasted(by_hand(entered, LOWER, {}), zone.folder)
    assert f"before: {www} had TTL 3600 and {zone.spec.old}" in said
    await zone.put(zone.spec.old, 60)
    _, said = await pasted(by_hand(entered, RESTORE, {}), zone.folder)
    assert f"{www} TTL 3600" in said.splitlines()
