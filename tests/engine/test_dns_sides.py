from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.checks import registry
from cockpit.checks.sides import dns_certificate, dns_serves
from cockpit.errors import TargetError
from cockpit.propagation.answers import Grid
from cockpit.runbook.checks import DnsCertificateCheck, DnsServesCheck
from cockpit.runbook.targets import Resolver
from cockpit.runbook.words import Duration, Id, TargetId
from tests.engine.test_dns_zone_checks import add
from tests.fakes.dns_lab import DnsLab, dns_lab
from tests.fakes.dns_servers import is_for, own_net, reply_to, serving

ZONE = TargetId("zone")
SERVES = DnsServesCheck(
    id=Id("serves"), title="", kind="dns_serves", target=ZONE, path="/health", tls=False
)
PROVES = DnsCertificateCheck(
    id=Id("proves"), title="", kind="dns_certificate", target=ZONE, valid_for=Duration(86400.0)
)
FOREIGN = "lb.hoster.test."


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[DnsLab]:
    async with dns_lab(tmp_path, speed=1.0, resolvers=False) as running:
        yield running


async def http_at(address: str, status: str) -> tuple[asyncio.Server, int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, address, 0)
    return server, server.sockets[0].getsockname()[1]


async def test_both_addresses_must_answer_for_every_name(lab: DnsLab) -> None:
    net = own_net()
    good, port = await http_at(f"{net}.1", "200 OK")
    async with good:
        target = replace(lab.target, old=f"{net}.1", new=f"{net}.1")
        check = replace(SERVES, port=port)
        finding = await dns_serves(check, lab.checking(target=target))
        assert finding == ("pass", "both addresses answer 200 for 3 names")
        finding = await dns_serves(check, lab.checking(target=replace(target, new=f"{net}.2")))
        assert finding.said == "fail"
        assert f"new {lab.spec.zone.rstrip('.')}" in finding.evidence
    bad, port = await http_at(f"{net}.3", "503 No")
    async with bad:
        target = replace(lab.target, old=f"{net}.3", new=f"{net}.3")
        finding = await dns_serves(replace(SERVES, port=port), lab.checking(target=target))
        assert "503" in finding.evidence


async def test_a_certificate_is_asked_of_the_new_address_by_name(lab: DnsLab) -> None:
    assert (await dns_certificate(replace(PROVES, tls=False, port=1), lab.checking())).said == (
        "not_rehearsed"
    )
    finding = await dns_certificate(replace(PROVES, port=1), lab.checking())
    assert finding.said == "fail"
    assert "nothing listens" in finding.evidence


async def test_a_server_that_hangs_up_is_said_so(lab: DnsLab) -> None:
    address = f"{own_net()}.1"

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    target = replace(lab.target, new=address)
    server = await asyncio.start_server(hang_up, address, 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        proves = await dns_certificate(replace(PROVES, port=port), lab.checking(target=target))
    assert proves == ("unknown", f"{address} port {port}: the connection broke off")


def certify(folder: Path, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for these names, and its key, that this process believes in."""
    both, made = folder / "both.pem", folder / "made.pem"
    alternatives = ",".join(f"DNS:{one.rstrip('.')}" for one in names)
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "4000"]
    words += ["-subj", "/CN=test", "-addext", f"subjectAltName={alternatives}"]
    words += ["-keyout", str(both), "-out", str(made)]
    subprocess.run(words, check=True, capture_output=True)
    both.write_bytes(both.read_bytes() + made.read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    return both


@asynccontextmanager
async def proving(both: Path, *addresses: str) -> AsyncIterator[int]:
    """Servers at one port of these addresses, which speak TLS and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    port, servers = 0, []
    for address in addresses:
        servers.append(await asyncio.start_server(talk, address, port, ssl=context))
        port = servers[0].sockets[0].getsockname()[1]
    try:
        yield port
    finally:
        for one in servers:
            one.close()
            await one.wait_closed()


async def test_the_certificate_of_a_new_side_that_is_a_name_is_asked_of_all_its_addresses(
    lab: DnsLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, name = own_net(), f"stack.{lab.spec.zone}"
    add(lab, f"{name} 60 IN A {net}.1", f"{name} 60 IN A {net}.2")
    target = replace(lab.target, record_type="CNAME", new=name)
    both = certify(tmp_path, target.names, monkeypatch)
    async with proving(both, f"{net}.1", f"{net}.2") as port:
        finding = await dns_certificate(replace(PROVES, port=port), lab.checking(target=target))
        assert finding.said == "pass"
        assert f"{name} is {net}.1, {net}.2; each of 2 addresses proves all 3" in finding.evidence
    async with proving(both, f"{net}.1") as port:
        finding = await dns_certificate(replace(PROVES, port=port), lab.checking(target=target))
        assert finding.said == "fail"
        assert f"nothing listens at {net}.2 port {port}" in finding.evidence
    other = certify(tmp_path, ("elsewhere.test",), monkeypatch)
    async with proving(other, f"{net}.1", f"{net}.2") as port:
        finding = await dns_certificate(replace(PROVES, port=port), lab.checking(target=target))
        assert finding.said == "fail"
        assert f"{net}.1 does not prove to be {target.names[0]}" in finding.evidence


async def test_a_foreign_name_is_asked_of_resolvers_and_in_a_pause_what_was_heard_counts(
    lab: DnsLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, asked = own_net(), 0

    def resolve(wire: bytes) -> bytes:
        nonlocal asked
        asked += 1
        return reply_to(wire, *([f"{net}.1"] if is_for(wire, FOREIGN, "A") else [])).to_wire()

    add(lab, f"stack.{lab.spec.zone} 60 IN CNAME {FOREIGN}")
    both = certify(tmp_path, lab.target.names, monkeypatch)
    async with proving(both, f"{net}.1") as port, serving(f"{net}.2", resolve) as dns_port:
        one = Resolver(name="one", address=f"{net}.2", port=dns_port)
        target = replace(lab.target, new=f"stack.{lab.spec.zone}", resolvers=(one,))
        check = replace(PROVES, port=port)
        paused = lab.checking(Grid(target.names, (), paused="T-0 is near"), target)
        answer = await registry.ask(check, paused)
        assert answer.said == "unknown"
        assert "nobody asked where it leads, nor asks now: T-0 is near" in answer.evidence
        assert asked == 0
        open_ = lab.checking(target=target)
        finding = await dns_certificate(check, open_)
        assert finding.said == "pass"
        assert f"is {net}.1; {net}.1 proves all 3 names" in finding.evidence
        before = asked
        lab.jump(120.0)
        finding = await dns_certificate(check, replace(paused, courtesy=open_.courtesy))
        assert f"is {net}.1 as heard 2 min" in finding.evidence
        assert "proves all 3 names" in finding.evidence
        assert asked == before


async def test_a_side_that_nobody_can_tell_leaves_the_other_one_judged(lab: DnsLab) -> None:
    net = own_net()
    good, port = await http_at(f"{net}.1", "200 OK")
    async with good:
        check = replace(SERVES, port=port)
        target = replace(lab.target, old=FOREIGN, new=f"{net}.1", resolvers=())
        finding = await dns_serves(check, lab.checking(target=target))
        assert finding.said == "unknown"
        assert finding.evidence.startswith("old ")
        assert "has no address that anybody tells" in finding.evidence
        finding = await dns_serves(check, lab.checking(target=replace(target, new=f"{net}.2")))
        assert finding.said == "fail"
        with pytest.raises(TargetError, match="has no address that anybody tells"):
            await dns_certificate(PROVES, lab.checking(target=replace(target, new=FOREIGN)))
