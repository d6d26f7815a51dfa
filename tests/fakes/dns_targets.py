"""A DNS target over servers of a test."""

from __future__ import annotations

from typing import Any

from cockpit.runbook.targets import Authority, DnsTarget, Resolver
from tests.fakes.dns_servers import NAMES, NEW, OLD, ZONE


def dns_target(
    authorities: tuple[Authority, ...], resolvers: tuple[Resolver, ...], **more: Any
) -> DnsTarget:
    """The zone of the tests, moved from its old address to its new one by hand."""
    told = {"names": NAMES, "provider": "manual", **more}
    return DnsTarget(
        kind="dns",
        zone=ZONE,
        old=OLD,
        new=NEW,
        authorities=authorities,
        resolvers=resolvers,
        **told,
    )
