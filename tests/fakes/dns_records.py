"""A zone in which everything that can be watched beside the names is declared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cockpit.runbook.targets import Authority, DnsTarget, Resolver, WatchedRecord
from tests.fakes.dns_lab import DnsLab
from tests.fakes.dns_servers import OLD, ZONE, Zone, own_net, serving
from tests.fakes.dns_targets import dns_target

BESIDE = (
    WatchedRecord(name=ZONE, type="AAAA"),
    WatchedRecord(name=f"www.{ZONE}", type="HTTPS", old=(f"1 . ipv4hint={OLD}",), new=()),
    WatchedRecord(name=f"shop.{ZONE}", type="CNAME", old=(f"www.{ZONE}",)),
    WatchedRecord(name=ZONE, type="CAA", old=("0 issue letsencrypt.org",)),
    WatchedRecord(name=ZONE, type="MX", old=(f"10 mail.{ZONE}",)),
    WatchedRecord(name=ZONE, type="TXT", old=("v=spf1 mx -all",)),
)


@asynccontextmanager
async def with_records(lab: DnsLab) -> AsyncIterator[tuple[Zone, DnsTarget]]:
    """One authority that also stands as a resolver, with everything that `BESIDE` declares."""
    net, zone = own_net(), Zone.at(OLD, 60)
    for name, kind, text in (
        (f"www.{ZONE}", "HTTPS", f'1 . ipv4hint="{OLD}"'),
        (f"shop.{ZONE}", "CNAME", f"www.{ZONE}"),
        (ZONE, "CAA", '0 issue "letsencrypt.org"'),
        (ZONE, "MX", f"10 mail.{ZONE}"),
        (ZONE, "TXT", '"v=spf1 " "mx -all"'),
    ):
        zone.records[name, kind] = 600, frozenset([text])
    async with (
        serving(f"{net}.1", zone.answer) as ns,
        serving(f"{net}.2", zone.answer) as port,
    ):
        yield (
            zone,
            dns_target(
                secret=lab.target.secret,
                authorities=(Authority(name="ns1", address=f"{net}.1", port=ns),),
                resolvers=(Resolver(name="one", address=f"{net}.2", port=port),),
                records=BESIDE,
                names=(ZONE,),
                provider="rfc2136",
            ),
        )
