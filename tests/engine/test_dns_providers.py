from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from cockpit.actions.dns import run
from cockpit.errors import ActionFailed, CockpitError, Refused
from cockpit.propagation.providers import digitalocean, rest
from cockpit.propagation.providers.base import Changed, Effort, RecordSet, record_set
from cockpit.propagation.providers.digitalocean import DigitalOcean
from cockpit.propagation.providers.rfc2136 import DynamicUpdates
from cockpit.redact import Redactor
from cockpit.rehearsal.spec import prepare
from cockpit.runbook.actions import DnsAction
from cockpit.runbook.targets import Authority, DnsTarget
from cockpit.runbook.words import SecretId, TargetId
from cockpit.secrets import Secrets
from tests.fakes.api_server import Asked, Said, serving
from tests.fakes.digitalocean import TOKEN, Account, error
from tests.fakes.dns_lab import dns_lab, lab_target
from tests.fakes.dns_servers import KEY, KEY_NAME, NAMES, NEW, OLD, ZONE, Zone, own_net
from tests.fakes.dns_servers import serving as serving_dns

TO_NEW = DnsAction(kind="dns", target=TargetId("zone"), change="to_new")
WWW, APEX = f"www.{ZONE}", ZONE


def records() -> list[dict[str, object]]:
    return [
        {"id": number, "type": "A", "name": name, "data": OLD, "ttl": 3600}
        for number, name in enumerate(("@", "www", "api"), start=1)
    ] + [{"id": 9, "type": "A", "name": "ftp", "data": OLD, "ttl": 1800}]


@pytest.fixture
def account() -> Account:
    return Account(ZONE.rstrip("."), records())


@pytest.fixture
def api(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving(account.api) as url:
        monkeypatch.setattr(digitalocean, "API", url)
        yield


@pytest.fixture
def provider(api: None, tmp_path: Path) -> DigitalOcean:
    return DigitalOcean(target(), kept(tmp_path, TOKEN))


def target(**more: object) -> DnsTarget:
    plain = DnsTarget(
        kind="dns",
        zone=ZONE,
        names=NAMES,
        old=OLD,
        new=NEW,
        provider="digitalocean",
        secret=SecretId("token"),
        authorities=(),
    )
    return replace(plain, **more)  # type: ignore[arg-type]  # fields by name


def kept(folder: Path, secret: str) -> Secrets:
    file = folder / "token"
    file.touch(0o600)
    file.write_text(secret)
    return Secrets({"token": file}, Redactor())


def switched(found: tuple[RecordSet, ...], **more: object) -> list[RecordSet]:
    return [replace(one, values=(NEW,), **more) for one in found]  # type: ignore[arg-type]


async def test_the_account_is_read_by_name_and_type(provider: DigitalOcean) -> None:
    assert await provider.read((APEX, WWW, f"gone.{ZONE}")) == (
        record_set(APEX, "A", [OLD], 3600),
        record_set(WWW, "A", [OLD], 3600),
        record_set(f"gone.{ZONE}", "A", [], 0),
    )


async def test_the_whole_domain_is_listed_over_pages(
    provider: DigitalOcean, account: Account
) -> None:
    found = await provider.all()
    assert len(found) == len(account.records) > account.page
    assert {one.name for one in found} >= {"freshtrackpro.test.", "www.freshtrackpro.test."}


async def test_records_are_updated_in_place_with_their_ttl_and_read_back(
    provider: DigitalOcean, account: Account
) -> None:
    found = await provider.read(NAMES)
    await provider.change(found, switched(found, ttl=60))
    assert {(one["name"], one["data"], one["ttl"]) for one in account.records} == {
        ("@", NEW, 60),
        ("www", NEW, 60),
        ("api", NEW, 60),
        ("ftp", OLD, 1800),
    }
    assert {one.method for one in account.api.asked} == {"GET", "PATCH"}
    assert all("ttl" in one.body for one in account.api.writes())


async def test_every_record_of_a_set_is_found_over_pages_and_changed(
    provider: DigitalOcean, account: Account
) -> None:
    account.records += [
        {"id": 20 + n, "type": "A", "name": "www", "data": f"192.0.2.{30 + n}", "ttl": 3600}
        for n in range(4)
    ]
    (found,) = await provider.read((WWW,))
    assert len(found.values) == 5
    aim = record_set(WWW, "A", [NEW, *found.values[1:]], 60)
    await provider.change([found], [aim])
    assert await provider.read((WWW,)) == (aim,)


async def test_an_account_that_changed_since_the_look_is_left_alone(
    provider: DigitalOcean, account: Account
) -> None:
    found = await provider.read(NAMES)
    account.records[0]["data"] = "192.0.2.99"
    with pytest.raises(Changed, match=r"now has .*192\.0\.2\.99"):
        await provider.change(found, switched(found))
    assert not account.api.writes()


async def test_a_ttl_that_the_account_ignores_is_noticed(
    provider: DigitalOcean, account: Account
) -> None:
    account.keeps_ttl = True
    found = await provider.read((WWW,))
    with pytest.raises(ActionFailed, match=r"took the change and has .*TTL 3600, not .* TTL 60"):
        await provider.change(found, [replace(found[0], ttl=60)])


async def test_what_cannot_be_done_in_place_is_refused_before_anything_is_written(
    provider: DigitalOcean, account: Account
) -> None:
    found = await provider.read((WWW,))
    with pytest.raises(ActionFailed, match="can be updated in place"):
        await provider.change(found, [record_set(WWW, "A", [OLD, NEW], 60)])
    with pytest.raises(ActionFailed, match="a TTL below 30"):
        await provider.change(found, [replace(found[0], ttl=20)])
    with pytest.raises(ActionFailed, match="left without a record"):
        await provider.change(found, [replace(found[0], values=())])
    with pytest.raises(ActionFailed, match=r"would become www.*CNAME"):
        await provider.change(found, [record_set(WWW, "CNAME", ["new.example.net"], 60)])
    assert not account.api.writes()


async def test_a_record_that_somebody_deleted_and_made_anew_is_left_alone(
    provider: DigitalOcean, account: Account
) -> None:
    found = await provider.read((WWW,))
    account.records[1]["id"] = 4711
    with pytest.raises(Changed, match="somebody else wrote"):
        await provider.change(found, switched(found))
    assert not account.api.writes()


async def test_a_value_that_changes_between_the_list_and_the_write_is_left_alone(
    provider: DigitalOcean, account: Account
) -> None:
    found = await provider.read((APEX, WWW))
    answer = account.api.answer

    def meddled(asked: Asked) -> Said:
        if asked.method == "PATCH":
            account.records[1]["data"] = "192.0.2.99"
        return answer(asked)

    account.api.answer = meddled
    with pytest.raises(Changed, match=r"now has www.* 192\.0\.2\.99"):
        await provider.change(found, switched(found))
    assert account.records[1]["data"] == "192.0.2.99"
    assert len(account.api.writes()) == 1


async def test_a_name_that_is_an_alias_is_told_and_not_taken_for_a_missing_one(
    provider: DigitalOcean, account: Account
) -> None:
    account.records[1].update(type="CNAME", data="elsewhere.example.net.")
    (found,) = await provider.read((WWW,))
    assert (found.values, found.odd) == ((), "a CNAME to elsewhere.example.net.")


async def test_a_wait_that_the_api_asks_for_is_waited_and_said(
    account: Account, api: None, tmp_path: Path
) -> None:
    said: list[str] = []
    patient = DigitalOcean(target(), kept(tmp_path, TOKEN), Effort(say=said.append, pause_s=0.01))
    account.api.allowed = 1
    assert (await patient.read((WWW,)))[0].values == (OLD,)
    assert not said
    account.api.allowed = 0
    assert (await patient.read((WWW,)))[0].values == (OLD,)
    assert said == ["too many requests: the API asks to wait 0 s"]


async def test_a_wait_that_is_longer_than_the_step_is_told_at_once(
    account: Account, api: None, tmp_path: Path
) -> None:
    account.api.answer = lambda _: Said(429, error(429), {"retry-after": "1800"})
    hurried = DigitalOcean(target(), kept(tmp_path, TOKEN))
    began = time.monotonic()
    with pytest.raises(ActionFailed, match="lets nobody in for 30 min"):
        await hurried.read((WWW,))
    assert time.monotonic() - began < 5.0


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "29"}, 29.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0.0),
        ({"retry-after": "soon"}, 1.0),
        ({"ratelimit-reset": "7"}, 7.0),
        ({"ratelimit-reset": "1444931833"}, 0.0),
        ({"Ratelimit": '"default";r=0;t=30, "burst";r=2;t=4'}, 30.0),
        ({}, 1.0),
    ],
)
def test_every_form_of_a_wait_is_understood(headers: dict[str, str], wait_s: float) -> None:
    assert rest.wait_s(httpx.Headers(headers)) == wait_s


async def test_a_change_that_the_limit_would_stop_halfway_is_not_begun(
    provider: DigitalOcean, account: Account
) -> None:
    found = await provider.read(NAMES)
    account.api.allowed = 8
    with pytest.raises(ActionFailed, match="would stop halfway") as failure:
        await provider.change(found, switched(found))
    assert "allows 5 more requests just now and the change needs 9" in str(failure.value)
    assert not account.api.writes()


async def test_every_refusal_of_the_api_is_told_in_its_own_words(
    provider: DigitalOcean, account: Account
) -> None:
    answer = account.api.answer
    for status, words in (
        (422, "does not accept the record: cannot be processed"),
        (403, "the token may not do this"),
        (418, "answered 418"),
    ):

        def refuse(asked: Asked, status: int = status) -> Said:
            return answer(asked) if asked.method == "GET" else Said(status, error(422))

        account.api.answer = refuse
        found = await provider.read((WWW,))
        with pytest.raises(ActionFailed, match=words):
            await provider.change(found, switched(found))
    assert account.records[1]["data"] == OLD


async def test_a_refused_token_is_told_without_the_token(api: None, tmp_path: Path) -> None:
    wrong = DigitalOcean(target(), kept(tmp_path, "dop_v1_of_somebody_else"))
    with pytest.raises(CockpitError, match="the token is not accepted") as failure:
        await wrong.read(NAMES)
    assert "somebody_else" not in str(failure.value)


async def test_an_api_that_is_not_there_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr(digitalocean, "API", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(CockpitError, match="cannot be reached"):
        await DigitalOcean(target(), kept(tmp_path, TOKEN), Effort(tries=2, pause_s=0.01)).read(
            NAMES
        )


async def test_a_provider_without_a_secret_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="needs a secret and the profile names none"):
        await DigitalOcean(target(secret=None), kept(tmp_path, TOKEN)).read(NAMES)


async def test_an_update_whose_answer_was_lost_is_settled_by_the_authorities(
    tmp_path: Path,
) -> None:
    zone, address = Zone.at(OLD, 60), f"{own_net()}.53"

    def swallow(wire: bytes) -> bytes:
        zone.answer(wire)
        raise EOFError

    async with (
        dns_lab(tmp_path, resolvers=False) as lab,
        serving_dns(address, zone.answer, swallow) as port,
    ):
        (lab.spec.path / "secrets" / "dns_key").write_text(KEY)
        own = target(
            provider="rfc2136",
            server=f"{address}:{port}",
            key_name=KEY_NAME,
            secret=SecretId("dns_key"),
            authorities=(Authority(name="ns1", address=address, port=port),),
        )
        await run(TO_NEW, lab.acting(TO_NEW, target=own))
    assert zone.updates == 1
    assert {values for _, values in zone.records.values()} == {frozenset([NEW])}


async def test_a_key_that_is_no_key_is_refused_without_its_text(tmp_path: Path) -> None:
    spec = prepare(tmp_path / "lab", "127.83.12", 1, "calm", tmp_path / "journal")
    own = replace(lab_target(spec), secret=SecretId("token"))
    changer = DynamicUpdates(own, kept(tmp_path, "this is no base64!"))
    some = [record_set(WWW, "A", [OLD], 60)]
    with pytest.raises(Refused, match="not a TSIG key") as failure:
        await changer.change(some, some)
    assert "no base64!" not in str(failure.value)


def test_an_update_server_without_address_and_port_is_refused(tmp_path: Path) -> None:
    for server in ("", "192.0.2.53", "ns1.example.test:53"):
        with pytest.raises(Refused, match="no address with a port"):
            DynamicUpdates(target(server=server), kept(tmp_path, TOKEN))
