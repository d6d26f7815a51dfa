"""Real name servers: BIND and Knot as authorities, Unbound, dnsmasq and dnsdist as resolvers."""

from __future__ import annotations

import base64
import re
import secrets as random_bytes
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

import dns.exception
import dns.message
import dns.query

from cockpit.redact import Redactor
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from cockpit.runbook.words import SecretId
from cockpit.secrets import Secrets
from tests.lab.fix_servers import certify, free_port, loopback, running

ZONE = "freshtrackpro.test."
NAMES = (ZONE, f"www.{ZONE}", f"api.{ZONE}")
OLD, NEW, LIE = "192.0.2.10", "192.0.2.20", "203.0.113.66"
BIND = "127.0.0.1"
"""BIND binds only addresses that an interface really has."""
CLAMP_S = 18
CAP_S = 2
ALLOW = "access-control: 127.0.0.0/8 allow"
ANCHOR = f"{ZONE} DS 12345 13 2 {'ab' * 32}"
RESOLVERS: Mapping[str, tuple[str, ...]] = {
    "one": (ALLOW,),
    "two": (ALLOW,),
    "three": (ALLOW,),
    "clamping": (ALLOW, f"cache-min-ttl: {CLAMP_S}"),
    "capping": (ALLOW, f"cache-max-ttl: {CAP_S}"),
    "stale": (ALLOW, "serve-expired: yes", "serve-expired-reply-ttl: 30"),
    "refusing": ("access-control: 127.0.0.0/8 refuse",),
    "silent": ("access-control: 127.0.0.0/8 deny",),
    "nothing": (ALLOW, f'local-zone: "{ZONE}" always_nxdomain'),
    "bogus": (ALLOW, 'module-config: "validator iterator"', f'trust-anchor: "{ANCHOR}"'),
}
"""Lines of each Unbound's configuration; `failing` asks the refusing one, so it fails."""

ZONE_FILE = f"""\
$$ORIGIN {ZONE}
$$TTL $ttl
@ IN SOA ns1.{ZONE} hostmaster.{ZONE} 2026010101 3600 600 604800 60
@ IN NS ns1.{ZONE}
@ IN NS ns2.{ZONE}
ns1 IN A {BIND}
ns2 IN A $second
@ IN A {OLD}
www IN A {OLD}
api IN A {OLD}
shop IN CNAME www
mail IN A {OLD}
@ IN MX 10 mail
@ IN TXT "v=spf1 ip4:{OLD} -all"
@ IN HTTPS 1 . alpn=h2 ipv4hint={OLD}
@ IN CAA 0 issue "letsencrypt.org"
*.wild IN A {OLD}
"""
NAMED = Template("""\
key "cutover" { algorithm hmac-sha256; secret "$key"; };
options { directory "$folder"; pid-file "$folder/named.pid";
  session-keyfile "$folder/session.key";
  listen-on port $port { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; notify no;
  allow-query { 127.0.0.0/8; }; allow-transfer { key "cutover"; };
  dnssec-validation no; minimal-responses yes; };
controls { };
$zone
""")
PRIMARY = Template("""\
zone "freshtrackpro.test" { type primary; file "$folder/zone.db"; notify explicit;
  also-notify { $second port 5300 key "cutover"; };
  update-policy { grant cutover zonesub A AAAA CNAME TXT HTTPS; }; };
""")
LAGGING = Template("""\
zone "freshtrackpro.test" { type secondary; file "$folder/zone.db"; notify no;
  masterfile-format text; min-refresh-time 3; max-refresh-time 3;
  primaries { 127.0.0.1 port $primary key "cutover"; }; };
""")
KNOT_HEAD = """\
server:
    rundir: "$folder"
    listen: $address@5300
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "$folder"
    journal-db-max-size: 20M
    kasp-db-max-size: 10M
    timer-db-max-size: 10M
key:
  - id: cutover
    algorithm: hmac-sha256
    secret: $key
"""
KNOT = Template(f"""\
{KNOT_HEAD}\
remote:
  - id: primary
    address: 127.0.0.1@$primary
    key: cutover
acl:
  - id: told
    key: cutover
    action: [notify, transfer]
zone:
  - domain: freshtrackpro.test
    storage: "$folder"
    master: primary
    acl: told
    journal-content: none
    zonefile-sync: -1
""")
UNBOUND = Template("""\
server:
  interface: $address@5300
  port: 5300
  outgoing-interface: $address
  chroot: ""
  username: ""
  directory: "$folder"
  pidfile: "$folder/pid"
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
  so-rcvbuf: 0
  infra-host-ttl: 5
  ede: yes
$lines
remote-control:
  control-enable: yes
  control-interface: $folder/ctl.sock
  control-use-cert: no
stub-zone:
  name: "freshtrackpro.test"
  stub-addr: $authority
  stub-prime: no
""")
DNSDIST = Template("""\
setSecurityPollSuffix("")
setLocal("$address:5300")
addLocal("$address:5301")
addLocal("$address:5302")
addLocal("$address:5303")
addTLSLocal("$address:853", "$certificate", "$key")
addDOHLocal("$address:443", "$certificate", "$key", "/dns-query")
$caches
newServer({address="127.0.0.1:$authority", pool="authority", healthCheckMode="up"})
getPool("authority"):setCache(newPacketCache(1000))
setServerPolicy(roundrobin)
addAction(AndRule{DSTPortRule(5301), TCPRule(false)}, TCAction())
addAction(DSTPortRule(5302), SpoofAction("$lie"))
addAction(DSTPortRule(5303), PoolAction("authority"))
""")


_ADDRESS = re.compile(r"^(\S+)\t(\d+)\tIN\tA\t(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class RealDns:
    """Running servers, and how the cockpit knows them."""

    target: DnsTarget
    secrets: Secrets
    key_file: Path
    net: str
    primary: int
    """BIND's port."""
    lagging: int
    """The port of a BIND secondary that hears of no change and asks every 3 s."""
    certificate: Path
    """Of the authority that signed the balancer's certificate, for DoT and DoH."""

    @property
    def balancer(self) -> str:
        """Port 5300: three caches in turn; 5301: truncates; 5302: lies; 5303: caches BIND."""
        return f"{self.net}.200"

    def held(self, name: str) -> dict[str, dict[str, int]]:
        """What one Unbound has in its cache: for each name the addresses with the seconds left."""
        folder = self.key_file.parent / name
        words = ("unbound-control", "-c", folder / "unbound.conf", "dump_cache")
        dump = subprocess.run(words, check=True, capture_output=True, text=True, timeout=10)
        records = dump.stdout.partition("START_MSG_CACHE")[0]
        found: dict[str, dict[str, int]] = {owner: {} for owner in NAMES}
        for owner, left, address in _ADDRESS.findall(records):
            if owner in found:
                found[owner][address] = int(left)
        return found


def asked(address: str, port: int, name: str = ZONE) -> dns.message.Message | None:
    """What a server says; None where it says nothing.

    A server that starts up answers late, to a port that is another question's by then: what does
    not belong to this one is ignored.
    """
    query = dns.message.make_query(name, "A")
    try:
        return dns.query.udp(query, address, 0.5, port, ignore_unexpected=True, ignore_errors=True)
    except (dns.exception.Timeout, OSError):
        return None


def answers(address: str, port: int, name: str = ZONE) -> bool:
    return asked(address, port, name) is not None


def holds_zone(address: str, port: int) -> bool:
    reply = asked(address, port)
    return reply is not None and bool(reply.answer)


def made_key(folder: Path) -> Path:
    """A new TSIG key, as only its owner may read it."""
    key_file = folder / "dns_key"
    key_file.write_text(base64.b64encode(random_bytes.token_bytes(32)).decode(), encoding="ascii")
    key_file.chmod(0o600)
    return key_file


def knot(stack: ExitStack, folder: Path, template: Template, address: str, **given: object) -> None:
    """Knot with this configuration, up."""
    text = template.substitute(folder=folder, address=address, **given)
    (folder / "knot.conf").write_text(text, encoding="ascii")
    stack.enter_context(up(("/usr/sbin/knotd", "-c", folder / "knot.conf"), folder, address, 5300))


@contextmanager
def real_dns(folder: Path, ttl: int = 3600) -> Iterator[RealDns]:
    """Authorities, resolvers and a balancer, up."""
    key_file = made_key(folder)
    net, port, lagging = loopback(), free_port(BIND), free_port(BIND)
    addresses = {name: f"{net}.{101 + at}" for at, name in enumerate((*RESOLVERS, "failing"))}
    key = key_file.read_text(encoding="ascii")
    with ExitStack() as stack:
        records = Template(ZONE_FILE).substitute(second=f"{net}.54", ttl=ttl)
        _authorities(stack, folder, net, (port, lagging), key, records)
        for name, address in addresses.items():
            asks, lines = _asks(name, addresses, port), RESOLVERS.get(name, (ALLOW,))
            stack.enter_context(unbound(folder, name, address, asks, lines))
        stack.enter_context(_dnsmasq(folder, f"{net}.150", port))
        certificate = stack.enter_context(_balancer(folder, net, addresses, port))
        yield RealDns(
            _target(port, net, addresses),
            Secrets({"dns_key": key_file}, Redactor()),
            key_file,
            net,
            port,
            lagging,
            certificate,
        )


def _asks(name: str, addresses: Mapping[str, str], port: int) -> str:
    return f"{addresses['refusing']}@5300" if name == "failing" else f"{BIND}@{port}"


def _authorities(
    stack: ExitStack, folder: Path, net: str, ports: tuple[int, int], key: str, records: str
) -> None:
    port, lagging = ports
    second = f"{net}.54"
    stack.enter_context(
        _named(
            folder / "primary",
            port,
            key,
            PRIMARY.substitute(folder=folder / "primary", second=second),
            records,
        )
    )
    slow = LAGGING.substitute(folder=folder / "lagging", primary=port)
    stack.enter_context(_named(folder / "lagging", lagging, key, slow))
    own = folder / "knot"
    own.mkdir()
    knot(stack, own, KNOT, second, key=key, primary=port)


@contextmanager
def _named(own: Path, port: int, key: str, zone: str, records: str = "") -> Iterator[None]:
    own.mkdir()
    if records:
        (own / "zone.db").write_text(records, encoding="ascii")
    text = NAMED.substitute(key=key, folder=own, port=port, zone=zone)
    (own / "named.conf").write_text(text, encoding="ascii")
    with up(("/usr/sbin/named", "-g", "-c", own / "named.conf"), own, BIND, port):
        yield


@contextmanager
def up(words: tuple[str | Path, ...], own: Path, address: str, port: int) -> Iterator[None]:
    """An authority, once it gives the zone."""
    with running(words, own / "log", lambda: holds_zone(address, port)):
        yield


@contextmanager
def unbound(
    folder: Path, name: str, address: str, authority: str, lines: tuple[str, ...]
) -> Iterator[None]:
    """A resolver that asks one authority for the zone."""
    own = folder / name
    own.mkdir()
    more = "\n".join(f"  {line}" for line in lines)
    text = UNBOUND.substitute(folder=own, address=address, authority=authority, lines=more)
    (own / "unbound.conf").write_text(text, encoding="ascii")
    words = ("/usr/sbin/unbound", "-d", "-c", own / "unbound.conf")

    def is_ready() -> bool:
        # A resolver that answers nobody is known to be up by its pid file alone.
        return (own / "pid").exists() and (name == "silent" or answers(address, 5300, "up.test."))

    with running(words, own / "log", is_ready):
        yield


@contextmanager
def _dnsmasq(folder: Path, address: str, authority: int) -> Iterator[None]:
    words = (
        *("/usr/sbin/dnsmasq", "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "-u", "root"),
        *("--pid-file=", "--bind-interfaces", f"--listen-address={address}", "-p", "5300"),
        f"--server=/freshtrackpro.test/{BIND}#{authority}",
    )
    with running(words, folder / "dnsmasq.log", lambda: answers(address, 5300, "up.test.")):
        yield


@contextmanager
def _balancer(
    folder: Path, net: str, addresses: Mapping[str, str], authority: int
) -> Iterator[Path]:
    own, address = folder / "dnsdist", f"{net}.200"
    own.mkdir()
    signed = certify(own, address)
    caches = "\n".join(
        f'newServer({{address="{addresses[name]}:5300", healthCheckMode="up"}})'
        for name in ("one", "two", "three")
    )
    text = DNSDIST.substitute(
        address=address,
        authority=authority,
        caches=caches,
        certificate=signed.server_certificate,
        key=signed.server_key,
        lie=LIE,
    )
    (own / "dnsdist.conf").write_text(text, encoding="ascii")
    words = ("/usr/bin/dnsdist", "--supervised", "--disable-syslog", "-C", own / "dnsdist.conf")
    with running(words, own / "log", lambda: answers(address, 5302)):
        yield signed.certificate


def _target(port: int, net: str, addresses: Mapping[str, str]) -> DnsTarget:
    def resolver(name: str) -> Resolver:
        if name == "clamping":
            return Resolver(
                name=name, address=addresses[name], port=5300, behaviour="clamps", clamp=CLAMP_S
            )
        return Resolver(name=name, address=addresses[name], port=5300)

    others = (("dnsmasq", 150, 5300), ("truncating", 200, 5301), ("lying", 200, 5302))
    return DnsTarget(
        kind="dns",
        zone=ZONE,
        names=NAMES,
        old=OLD,
        new=NEW,
        provider="rfc2136",
        server=f"{BIND}:{port}",
        key_name="cutover",
        secret=SecretId("dns_key"),
        authorities=(
            Authority(name="ns1", address=BIND, port=port),
            Authority(name="ns2", address=f"{net}.54", port=5300),
        ),
        resolvers=(
            *map(resolver, addresses),
            *(Resolver(name=name, address=f"{net}.{host}", port=at) for name, host, at in others),
        ),
    )
