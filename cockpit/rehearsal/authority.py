"""The authoritative servers: ns1 takes signed updates, ns2 takes over its zone some time later."""

from __future__ import annotations

import asyncio
import base64
import time
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update
from dns.rdtypes.ANY.SOA import SOA

from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.packets import NameServer, Way, room
from cockpit.rehearsal.spec import KEY, LabSpec, write_aside
from cockpit.rehearsal.zone import (
    Zone,
    first_zone,
    origin_of,
    read_zone,
    soa_of,
    update,
    write_zone,
)

SECONDARY_S = 5.0
"""Run seconds after which the secondary has taken over a change."""
SECONDARY_REAL_S = 0.05
"""Real seconds that this takes at least, however fast the run clock goes."""
_NO_TRANSFER = frozenset((dns.rdatatype.AXFR, dns.rdatatype.IXFR))


class Authority:
    """One authoritative server's answers."""

    def __init__(self, zone: Zone, key: dns.tsig.Key, *, is_primary: bool) -> None:
        self.zone = zone
        self.changed = asyncio.Event()
        """Set when an update changed the zone."""
        self._keyring = {key.name: key}
        self._is_primary = is_primary

    async def answer(self, packet: bytes, _port: int, way: Way) -> bytes | None:
        """The answer to one packet; None where not even its header can be read."""
        try:
            query = dns.message.from_wire(packet, keyring=self._keyring)
        except (dns.message.UnknownTSIGKey, dns.tsig.BadKey, dns.tsig.BadAlgorithm):
            return _not_signed(packet, dns.rcode.BADKEY)
        except dns.tsig.BadSignature:
            return _not_signed(packet, dns.rcode.BADSIG)
        except dns.tsig.BadTime:
            return _not_signed(packet, dns.rcode.BADTIME)
        except dns.exception.DNSException:
            return _malformed(packet)
        if query.flags & dns.flags.QR:
            return None
        reply = dns.message.make_response(query)
        self._fill(query, reply)
        return reply.to_wire(max_size=room(query, way), prefer_truncation=way == "udp")

    def _fill(self, query: dns.message.Message, reply: dns.message.Message) -> None:
        if isinstance(query, dns.update.UpdateMessage):
            reply.set_rcode(self._update(query))
        elif query.opcode() != dns.opcode.QUERY:
            reply.set_rcode(dns.rcode.NOTIMP)
        elif len(query.question) != 1:
            reply.set_rcode(dns.rcode.FORMERR)
        else:
            self._look_up(query.question[0], reply)

    def _update(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        if not message.zone or message.zone[0].name != self.zone.origin:
            return dns.rcode.NOTAUTH
        if not self._is_primary or not message.had_tsig:
            return dns.rcode.REFUSED
        rcode, zone = update(self.zone, message)
        if zone is not self.zone:
            self.zone = zone
            self.changed.set()
        return rcode

    def _look_up(self, question: dns.rrset.RRset, reply: dns.message.Message) -> None:
        name, rdtype = question.name, question.rdtype
        if rdtype == dns.rdatatype.AXFR and name == self.zone.origin and reply.had_tsig:
            # One message holds this small zone; a transfer begins and ends with the SOA.
            soa = soa_of(self.zone)
            reply.flags |= dns.flags.AA
            reply.answer = [soa, *_but_soa(self.zone), soa]
            return
        if not name.is_subdomain(origin_of(self.zone)) or rdtype in _NO_TRANSFER:
            reply.set_rcode(dns.rcode.REFUSED)
            return
        reply.flags |= dns.flags.AA
        found = self.zone.get_rrset(name, rdtype)
        alias = self.zone.get_rrset(name, dns.rdatatype.CNAME)
        if found is None and alias is not None:
            reply.answer.append(alias)
            found = self.zone.get_rrset(alias[0].to_text(), rdtype)
        if found is not None:
            reply.answer.append(found)
        elif alias is None:
            reply.authority.append(_denial(self.zone))
            if not self._exists(name):
                reply.set_rcode(dns.rcode.NXDOMAIN)

    def _exists(self, name: dns.name.Name) -> bool:
        return any(here.is_subdomain(name) for here in self.zone)


class Authorities:
    """Both servers of a lab, and the zone on disk."""

    def __init__(self, spec: LabSpec, clock: JournalClock) -> None:
        self._file = spec.path / "zone.db"
        self._clock = clock
        zone = _stored(self._file, spec)
        key = dns.tsig.Key(KEY, base64.b64decode(spec.secret("dns_key")), dns.tsig.HMAC_SHA256)
        self.primary = Authority(zone, key, is_primary=True)
        self.secondary = Authority(zone, key, is_primary=False)
        self._servers = (
            NameServer(spec.at(53), self._primary_answer),
            NameServer(spec.at(54), self.secondary.answer),
        )

    async def start(self) -> None:
        """Bind the sockets of both."""
        for server in self._servers:
            await server.start()

    async def stop(self) -> None:
        """Close them."""
        for server in self._servers:
            await server.stop()

    async def transfer(self) -> None:
        """Let the secondary follow the primary until cancelled."""
        while True:
            await self.primary.changed.wait()
            self.primary.changed.clear()
            await self._clock.sleep(SECONDARY_S, SECONDARY_REAL_S)
            self.secondary.zone = self.primary.zone

    async def _primary_answer(self, packet: bytes, port: int, way: Way) -> bytes | None:
        before = self.primary.zone
        answer = await self.primary.answer(packet, port, way)
        if self.primary.zone is not before:
            write_aside(self._file, write_zone(self.primary.zone).encode())
        return answer


def _stored(file: Path, spec: LabSpec) -> Zone:
    if file.exists():
        return read_zone(file.read_text(encoding="utf-8"), spec.zone)
    zone = first_zone(spec)
    write_aside(file, write_zone(zone).encode())
    return zone


def _but_soa(zone: Zone) -> list[dns.rrset.RRset]:
    return [
        dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        for name, rdataset in zone.iterate_rdatasets()
        if rdataset.rdtype != dns.rdatatype.SOA
    ]


def _denial(zone: Zone) -> dns.rrset.RRset:
    """The SOA that says how long an absence may be kept (RFC 2308, 3)."""
    soa = soa_of(zone)
    minimum = soa[0].minimum if isinstance(soa[0], SOA) else soa.ttl
    return dns.rrset.from_rdata(soa.name, min(soa.ttl, minimum), soa[0])


def _malformed(packet: bytes) -> bytes | None:
    if len(packet) < 12 or packet[2] & 0x80:
        return None
    reply = dns.message.Message(id=int.from_bytes(packet[:2]))
    reply.flags = dns.flags.QR | (int.from_bytes(packet[2:4]) & 0x7900)
    reply.set_rcode(dns.rcode.FORMERR)
    return reply.to_wire()


def _not_signed(packet: bytes, error: dns.rcode.Rcode) -> bytes | None:
    """NOTAUTH with the TSIG error and no signature of ours (RFC 8945, 5.2)."""
    query = dns.message.from_wire(packet, keyring=False)
    asked = query.tsig
    if asked is None:
        return _malformed(packet)
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.NOTAUTH)
    now = int(time.time())
    other = now.to_bytes(6) if error == dns.rcode.BADTIME else b""
    said = asked[0].replace(
        mac=b"",
        error=int(error),
        other=other,
        time_signed=asked[0].time_signed if other else now,
    )
    reply.tsig = dns.rrset.from_rdata(asked.name, 0, said)
    return reply.to_wire()
