from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from cockpit.clock import live_clock
from cockpit.propagation.answers import Grid
from cockpit.propagation.ask import Server
from cockpit.propagation.far import ask_far
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.targets import Authority, DnsTarget, Resolver, WatchedRecord
from tests.fakes.dns_servers import (
    NEW,
    OLD,
    ZONE,
    Zone,
    failing,
    own_net,
    reply_to,
    serving,
    silent,
)
from tests.lab.fix_servers import free_port, loopback, running

SSHD = """\
Port {port}
ListenAddress {address}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/user.pub
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
LogLevel ERROR
"""
SSH = """\
Host *
  HostName {address}
  Port {port}
  User {user}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  GlobalKnownHostsFile /dev/null
Host office
  UserKnownHostsFile {folder}/known
Host stranger
  UserKnownHostsFile {folder}/nobody
"""


@dataclass(frozen=True)
class Office:
    config: str
    """An ssh configuration that knows the host `office`, and not the key of `stranger`."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder, address = tmp_path_factory.mktemp("office"), f"{loopback()}.1"
    port = free_port(address)
    for name in ("host", "user"):
        made = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        subprocess.run(made, check=True, timeout=30)
    key = (folder / "host.pub").read_text(encoding="utf-8").split()[:2]
    (folder / "known").write_text(f"[{address}]:{port} {' '.join(key)}\n", encoding="utf-8")
    places = {"folder": folder, "address": address, "port": port, "user": getpass.getuser()}
    (folder / "sshd_config").write_text(SSHD.format(**places), encoding="utf-8")
    (folder / "config").write_text(SSH.format(**places), encoding="utf-8")
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(exist_ok=True)
    server = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    assert server is not None, "install openssh-server"

    def is_ready() -> bool:
        with socket.socket() as one:
            one.settimeout(1.0)
            return one.connect_ex((address, port)) == 0 and one.recv(4) == b"SSH-"

    words = (server, "-D", "-e", "-f", str(folder / "sshd_config"))
    with running(words, folder / "log", is_ready):
        yield Office(str(folder / "config"))


def target(office: Office, net: str, ns: int, *resolvers: Resolver) -> DnsTarget:
    return DnsTarget(
        kind="dns",
        zone=ZONE,
        names=(ZONE, f"www.{ZONE}"),
        old=OLD,
        new=NEW,
        provider="manual",
        authorities=(Authority(name="ns1", address=f"{net}.1", port=ns),),
        resolvers=resolvers,
        records=(WatchedRecord(name=ZONE, type="AAAA"), WatchedRecord(name=ZONE, type="MX")),
        ssh_config=office.config,
    )


def row_of(grid: Grid, name: str) -> list[str]:
    (row,) = (one for one in grid.rows if one.name == name)
    return [cell.state for cell in (*row.cells, *row.beside)]


async def test_an_offices_resolver_is_asked_there_and_marked_as_seen_through_its_host(
    office: Office,
) -> None:
    net, zone = own_net(), Zone.at(OLD, 60)
    zone.records[ZONE, "MX"] = 600, frozenset([f"10 mail.{ZONE}"])
    async with serving(f"{net}.1", zone.answer) as ns, serving(f"{net}.2", zone.answer) as port:
        one = Resolver(name="Office", address=f"{net}.2", port=port, through="office")
        watch = PropagationWatch(target(office, net, ns, one), live_clock())
        first = await watch.look()
        assert row_of(first, "Office") == ["unasked"] * 4, "no look waits for ssh"
        await watch.finish()
        grid = await watch.look()
        assert row_of(grid, "Office") == ["old", "old", "kept", "other"]
        (row,) = (one for one in grid.rows if one.name == "Office")
        assert (row.through, row.left_out) == ("office", "")
        cell = row.cells[0]
        assert (cell.answers, cell.ttl) == ((OLD,), 60)
        assert cell.rtt_ms is not None
        assert cell.rtt_ms < 1000, "the round trip is dig's own, without ssh"
        assert (grid.following, grid.counted) == (0, 2)


async def test_failures_are_told_apart_there_too(office: Office) -> None:
    net = own_net()
    async with (
        serving(f"{net}.1", failing(dns.rcode.SERVFAIL)) as fails,
        serving(f"{net}.2", failing(dns.rcode.REFUSED)) as refuses,
        serving(f"{net}.3", silent) as dumb,
        serving(f"{net}.4", bogus) as doubted,
    ):
        servers = [
            Server(f"{net}.{at}", port, through="office", ssh_config=office.config)
            for at, port in enumerate((fails, refuses, dumb, doubted), start=1)
        ]
        replies = await ask_far([(one, ZONE, "A") for one in servers], live_clock())
    assert [one.outcome for one in replies] == ["servfail", "refused", "timeout", "servfail"]
    assert "with checking disabled it answers" not in replies[0].note
    assert "with checking disabled it answers" in replies[3].note


def bogus(wire: bytes) -> bytes:
    """A validating resolver that cannot prove a name, and gives it to who does not ask for it."""
    query = dns.message.from_wire(wire)
    if query.flags & dns.flags.CD:
        return reply_to(wire, OLD).to_wire()
    refusal = failing(dns.rcode.SERVFAIL)(wire)
    assert isinstance(refusal, bytes)
    return refusal


async def test_a_host_whose_key_is_not_known_is_not_asked_and_says_so(office: Office) -> None:
    server = Server("127.0.0.1", 9, through="stranger", ssh_config=office.config)
    (reply,) = await ask_far([(server, ZONE, "A")], live_clock())
    assert reply.outcome == "timeout"
    assert reply.note == "ssh: Host key verification failed."
