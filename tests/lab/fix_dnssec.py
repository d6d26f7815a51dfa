"""A zone that is truly signed, by Knot or by hand, and real resolvers that check its signatures."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

import dns.dnssec
import dns.message
import dns.query
import dns.rrset

from cockpit.redact import Redactor
from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from cockpit.runbook.words import SecretId
from cockpit.secrets import Secrets
from tests.lab.fix_dns import ALLOW, ANCHOR, KNOT_HEAD, NEW, OLD, ZONE, knot, made_key, unbound
from tests.lab.fix_servers import loopback

Damage = Literal["", "expired", "removed"]
LONG_S = 40 * 86400
TTL_S = 1
"""So that a cache soon asks again for what was damaged."""
ZONE_FILE = Template(f"""\
$$ORIGIN {ZONE}
$$TTL {TTL_S}
@ IN SOA ns1.{ZONE} hostmaster.{ZONE} $serial 3600 600 604800 1
@ IN NS ns1.{ZONE}
ns1 IN A $address
@ IN A $value
""")
KNOT = Template(f"""\
{KNOT_HEAD}\
acl:
  - id: changes
    key: cutover
    action: [update, transfer]
policy:
  - id: automatic
    algorithm: ecdsap256sha256
    single-type-signing: on
    rrsig-lifetime: 3d
    rrsig-refresh: 1d
zone:
  - domain: freshtrackpro.test
    storage: "$folder"
    file: zone.db
    acl: changes
    zonefile-load: $load
    $signing
""")
SIGNING = "dnssec-signing: on\n    dnssec-policy: automatic"
VALIDATES = (
    ALLOW,
    'module-config: "validator iterator"',
    "val-sig-skew-min: 0",
    "val-sig-skew-max: 0",
    "val-bogus-ttl: 1",
)


@dataclass(frozen=True)
class SignedDns:
    """A signed zone at one authority; a resolver that proves it, one with a wrong anchor, one that
    checks nothing."""

    target: DnsTarget
    secrets: Secrets
    key_file: Path
    address: str

    def sign(
        self, *, ends_in_s: int = LONG_S, keys_end_in_s: int = LONG_S, damage: Damage = ""
    ) -> None:
        """Sign the zone by hand, and let the authority serve it."""
        folder = self.key_file.parent / "knot"
        sign(folder, self.address, ends_in_s, keys_end_in_s, damage)
        knotc(folder, "zone-reload", ZONE)


def knotc(folder: Path, *words: str) -> None:
    command = ("/usr/sbin/knotc", "-b", "-c", str(folder / "knot.conf"), *words)
    subprocess.run(command, check=True, capture_output=True, timeout=20)


def make_keys(folder: Path) -> None:
    """A key that signs the keys, and one that signs the rest."""
    for more in (("-f", "KSK"), ()):
        words = ("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", folder, *more, ZONE)
        subprocess.run(words, check=True, capture_output=True, timeout=20)


def sign(
    folder: Path,
    address: str,
    ends_in_s: int = LONG_S,
    keys_end_in_s: int = LONG_S,
    damage: Damage = "",
) -> None:
    """The zone's file, signed until then."""
    plain, signed = folder / "plain.db", folder / "zone.db"
    serial = time.time_ns() // 10**8 % 2**31
    text = ZONE_FILE.substitute(serial=serial, address=address, value=OLD)
    plain.write_text(text, encoding="ascii")
    now = int(time.time())
    ends = [now - 60] * 2 if damage == "expired" else [now + ends_in_s, now + keys_end_in_s]
    span = ("-s", _stamp(now - LONG_S), "-e", _stamp(ends[0]), "-X", _stamp(ends[1]))
    # Without its own check at the end (-P), which what is damaged on purpose would not pass.
    words = ("dnssec-signzone", "-q", "-P", "-S", "-K", folder, "-o", ZONE, "-O", "full", *span)
    # It writes the parent's records, too, to where it works unless a folder is named.
    where = ("-d", folder, "-f", signed, plain)
    subprocess.run((*words, *where), check=True, capture_output=True, timeout=20)
    if damage == "removed":
        lines = signed.read_text(encoding="ascii").splitlines(keepends=True)
        kept = [line for line in lines if not re.search(r"\sRRSIG\s+A\s", line)]
        assert len(kept) < len(lines)
        signed.write_text("".join(kept), encoding="ascii")


def _stamp(when: int) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(when))


def anchors(address: str) -> list[str]:
    """What a resolver has to trust: the digests of the keys that the zone gives."""
    query = dns.message.make_query(ZONE, "DNSKEY")
    (keys,) = dns.query.tcp(query, address, port=5300, timeout=5).answer
    return [f"{ZONE} DS {dns.dnssec.make_ds(keys.name, key, 'SHA256')}" for key in keys]


@contextmanager
def signed_dns(folder: Path, *, by_itself: bool) -> Iterator[SignedDns]:
    """Knot with a zone that it signs by itself at each change, or that is signed by hand."""
    key_file = made_key(folder)
    net, own = loopback(), folder / "knot"
    address = f"{net}.53"
    own.mkdir()
    if by_itself:
        plain = ZONE_FILE.substitute(serial=1, address=address, value=OLD)
        (own / "zone.db").write_text(plain, encoding="ascii")
    else:
        make_keys(own)
        sign(own, address)
    with ExitStack() as stack:
        knot(
            stack,
            own,
            KNOT,
            address,
            key=key_file.read_text(encoding="ascii"),
            load="difference" if by_itself else "whole",
            signing=SIGNING if by_itself else "",
        )
        trusted = tuple(f'trust-anchor: "{one}"' for one in anchors(address))
        kinds = {
            "proving": (*VALIDATES, *trusted),
            "misled": (*VALIDATES, f'trust-anchor: "{ANCHOR}"'),
            "plain": (ALLOW,),
        }
        for at, (name, lines) in enumerate(kinds.items()):
            asked = unbound(folder, name, f"{net}.{101 + at}", f"{address}@5300", lines)
            stack.enter_context(asked)
        yield SignedDns(
            _target(net, tuple(kinds)),
            Secrets({"dns_key": key_file}, Redactor()),
            key_file,
            address,
        )


def _target(net: str, resolvers: tuple[str, ...]) -> DnsTarget:
    return DnsTarget(
        kind="dns",
        zone=ZONE,
        names=(ZONE,),
        old=OLD,
        new=NEW,
        provider="rfc2136",
        server=f"{net}.53:5300",
        key_name="cutover",
        secret=SecretId("dns_key"),
        authorities=(Authority(name="ns1", address=f"{net}.53", port=5300),),
        resolvers=tuple(
            Resolver(name=name, address=f"{net}.{101 + at}", port=5300)
            for at, name in enumerate(resolvers)
        ),
    )
