from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import dns.asyncquery
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest

from cockpit.rehearsal.authority import Authorities
from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.spec import DNS_PORT, KEY, LabSpec
from cockpit.rehearsal.zone import serial_of
from tests.fakes.dns_servers import by_udp
from tests.fakes.rehearsals import HandJournal, eventually, lab_spec

ZONE = "freshtrackpro.test."
WWW = f"www.{ZONE}"


class World:
    def __init__(self, spec: LabSpec, authorities: Authorities) -> None:
        self.spec = spec
        self.authorities = authorities
        self.key = dns.tsig.Key(KEY, base64.b64decode(spec.secret("dns_key")), dns.tsig.HMAC_SHA256)

    async def ask(self, name: str, kind: str = "A", host: int = 53) -> dns.message.Message:
        query = dns.message.make_query(name, kind)
        return await by_udp(query, self.spec.at(host), DNS_PORT)

    async def address(self, host: int = 53) -> tuple[str, int]:
        (rrset,) = (await self.ask(WWW, host=host)).answer
        return rrset[0].to_text(), rrset.ttl

    def update(self, zone: str = ZONE, key: dns.tsig.Key | None = None) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(zone, keyring=key or self.key)

    async def send(self, message: dns.message.Message, host: int = 53) -> dns.rcode.Rcode:
        where = self.spec.at(host)
        reply = await dns.asyncquery.tcp(message, where, timeout=2, port=DNS_PORT)
        return reply.rcode()

    @property
    def serial(self) -> int:
        return serial_of(self.authorities.primary.zone)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    journal = HandJournal(tmp_path / "journal.jsonl")
    journal.go(10.0)
    spec = lab_spec(tmp_path, journal)
    clock = JournalClock(journal.path)
    clock.poll()
    authorities = Authorities(spec, clock)
    await authorities.start()
    transfer = asyncio.create_task(authorities.transfer())
    yield World(spec, authorities)
    transfer.cancel()
    await authorities.stop()


async def test_both_servers_answer_with_authority(world: World) -> None:
    for host in (53, 54):
        reply = await world.ask(WWW, host=host)
        assert reply.flags & dns.flags.AA
        assert not reply.flags & dns.flags.RA
        assert await world.address(host) == (world.spec.old, 3600)


async def test_an_absent_name_and_an_absent_type_come_with_the_soa(world: World) -> None:
    for name, kind, rcode in (
        (f"nobody.{ZONE}", "A", dns.rcode.NXDOMAIN),
        (WWW, "AAAA", dns.rcode.NOERROR),
    ):
        reply = await world.ask(name, kind)
        assert (reply.rcode(), reply.answer) == (rcode, [])
        assert [(rrset.rdtype, rrset.ttl) for rrset in reply.authority] == [
            (dns.rdatatype.SOA, 900)
        ]


@pytest.mark.parametrize(("name", "kind"), [("example.org.", "A"), (ZONE, "AXFR")])
async def test_other_zones_and_transfers_are_refused(world: World, name: str, kind: str) -> None:
    query = dns.message.make_query(name, kind)
    assert await world.send(query) == dns.rcode.REFUSED


async def test_a_signed_update_changes_the_zone_and_raises_the_serial(world: World) -> None:
    before = world.serial
    message = world.update()
    message.present(dns.name.from_text(WWW), "A", world.spec.old)
    message.replace(dns.name.from_text(WWW), 60, "A", world.spec.new)
    assert await world.send(message) == dns.rcode.NOERROR
    assert await world.address() == (world.spec.new, 60)
    assert world.serial == before + 1


async def test_an_update_that_changes_nothing_leaves_the_serial(world: World) -> None:
    before = world.serial
    message = world.update()
    message.replace("www", 3600, "A", world.spec.old)
    assert await world.send(message) == dns.rcode.NOERROR
    assert world.serial == before


@pytest.mark.parametrize(
    ("name", "secret", "refusal"),
    [
        (KEY, b"another secret of thirty-two by.", dns.tsig.PeerBadSignature),
        ("stranger", b"another secret of thirty-two by.", dns.tsig.PeerBadKey),
    ],
)
async def test_an_update_with_a_wrong_key_is_told_so(
    world: World, name: str, secret: bytes, refusal: type[Exception]
) -> None:
    before = world.serial
    message = world.update(key=dns.tsig.Key(name, secret, dns.tsig.HMAC_SHA256))
    message.replace("www", 60, "A", world.spec.new)
    with pytest.raises(refusal):
        await world.send(message)
    assert world.serial == before


async def test_an_unsigned_update_is_refused(world: World) -> None:
    message = dns.update.UpdateMessage(ZONE)
    message.replace("www", 60, "A", world.spec.new)
    assert await world.send(message) == dns.rcode.REFUSED
    assert await world.address() == (world.spec.old, 3600)


async def test_only_the_primary_takes_updates_and_only_of_its_zone(world: World) -> None:
    message = world.update()
    message.replace("www", 60, "A", world.spec.new)
    assert await world.send(message, host=54) == dns.rcode.REFUSED
    assert await world.send(world.update("example.org.")) == dns.rcode.NOTAUTH


async def test_the_key_changes_addresses_and_no_delegation(world: World) -> None:
    message = world.update()
    message.replace("@", 60, "NS", "ns.elsewhere.test.")
    assert await world.send(message) == dns.rcode.REFUSED


def _value(message: dns.update.UpdateMessage, world: World) -> None:
    message.present("www", "A", world.spec.new)


def _record_set(message: dns.update.UpdateMessage, _: World) -> None:
    message.present("www", "TXT")


def _name(message: dns.update.UpdateMessage, _: World) -> None:
    message.present("nobody")


def _no_record_set(message: dns.update.UpdateMessage, _: World) -> None:
    message.absent("www", "A")


def _no_name(message: dns.update.UpdateMessage, _: World) -> None:
    message.absent("www")


@pytest.mark.parametrize(
    ("require", "rcode"),
    [
        (_value, dns.rcode.NXRRSET),
        (_record_set, dns.rcode.NXRRSET),
        (_name, dns.rcode.NXDOMAIN),
        (_no_record_set, dns.rcode.YXRRSET),
        (_no_name, dns.rcode.YXDOMAIN),
    ],
)
async def test_an_update_whose_prerequisite_fails_changes_nothing(
    world: World, require: object, rcode: dns.rcode.Rcode
) -> None:
    assert callable(require)
    message = world.update()
    require(message, world)
    message.replace("www", 60, "A", world.spec.new)
    message.delete("api")
    assert await world.send(message) == rcode
    assert await world.address() == (world.spec.old, 3600)
    assert (await world.ask(f"api.{ZONE}")).answer


async def test_single_records_whole_sets_and_names_can_be_deleted(world: World) -> None:
    message = world.update()
    message.add("www", 60, "A", world.spec.new)
    message.delete("www", "A", world.spec.old)
    message.delete("api", "A")
    message.delete("@")
    assert await world.send(message) == dns.rcode.NOERROR
    assert await world.address() == (world.spec.new, 60)
    assert (await world.ask(f"api.{ZONE}")).rcode() == dns.rcode.NXDOMAIN
    assert (await world.ask(ZONE)).rcode() == dns.rcode.NOERROR
    assert (await world.ask(ZONE, "NS")).answer


async def test_the_secondary_follows_a_little_later(world: World) -> None:
    message = world.update()
    message.replace("www", 60, "A", world.spec.new)
    assert await world.send(message) == dns.rcode.NOERROR
    assert await world.address(54) == (world.spec.old, 3600)

    async def has_followed() -> bool:
        return await world.address(54) == (world.spec.new, 60)

    await eventually(has_followed, 5)


async def test_the_zone_is_there_again_after_a_restart(world: World) -> None:
    message = world.update()
    message.replace("www", 60, "A", world.spec.new)
    assert await world.send(message) == dns.rcode.NOERROR
    again = Authorities(world.spec, JournalClock(Path(world.spec.journal)))
    assert serial_of(again.primary.zone) == world.serial == 2


async def test_a_packet_that_is_no_dns_gets_a_format_error(world: World) -> None:
    header = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    answer = await world.authorities.primary.answer(header + b"\xff\xff", 4000, "udp")
    assert answer
    assert dns.message.from_wire(answer).rcode() == dns.rcode.FORMERR
    assert await world.authorities.primary.answer(b"short", 4000, "udp") is None
