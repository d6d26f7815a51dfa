"""A provider without an API: a person enters the records, and the name servers tell what they are.

Nothing is known but what they give. The whole zone is seen by a transfer, where they allow one to
this host, or in a file that the person exported.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.rdatatype
import dns.zone

from cockpit.clock import live_clock
from cockpit.errors import TargetError
from cockpit.propagation.answers import Row
from cockpit.propagation.classify import canonical
from cockpit.propagation.convergence import TELLS_NOTHING
from cockpit.propagation.providers.base import Effort, RecordSet, Terms, as_kept, record_set
from cockpit.propagation.sweep import authority_rows
from cockpit.runbook.targets import Authority, DnsTarget
from cockpit.secrets import Secrets

TRANSFER_S = 5.0
"""Real seconds for a transfer."""


class ByHand:
    """The records as the name servers give them."""

    def __init__(self, target: DnsTarget, _secrets: Secrets, effort: Effort | None = None) -> None:
        self._target = target
        self._effort = effort or Effort()

    async def read(self, names: Sequence[str]) -> tuple[RecordSet, ...]:
        """What every name server that answers gives alike; TargetError where they differ."""
        rows = await authority_rows(self._target, live_clock())
        at = {canonical(name): index for index, name in enumerate(self._target.names)}
        return tuple(self._one(name, at[canonical(name)], rows) for name in names)

    def _one(self, name: str, at: int, rows: Sequence[Row]) -> RecordSet:
        cells = [row.cells[at] for row in rows if row.cells[at].at]
        told = [cell for cell in cells if cell.state not in TELLS_NOTHING]
        if not told:
            raise TargetError(f"no name server tells {name}", where=self._target.zone)
        given = {tuple(sorted(map(canonical, cell.answers))) for cell in told}
        if len(given) > 1:
            words = " and ".join(sorted(", ".join(one) or "nothing" for one in given))
            raise TargetError(f"name servers differ on {name}: {words}", where=self._target.zone)
        # A name server that is itself a cache counts down: the highest is nearest to what is kept.
        ttl = max(cell.ttl or 0 for cell in told)
        return record_set(name, self._target.record_type, given.pop(), ttl)

    async def all(self) -> tuple[RecordSet, ...]:
        """Every record set, by a transfer or from the exported file."""
        for authority in self._target.authorities:
            zone = await self._transferred(authority)
            if zone is not None:
                return _sets(zone)
        if not self._target.export:
            raise TargetError(
                "no name server gives the whole zone away, and the provider has no API",
                where=self._target.zone,
                mend="export the zone at the provider; name the file as `export:` in the profile",
            )
        return _sets(self._exported())

    async def _transferred(self, authority: Authority) -> dns.zone.Zone | None:
        zone = dns.zone.Zone(self._target.zone, relativize=False)
        try:
            await dns.asyncquery.inbound_xfr(
                authority.address,
                zone,
                port=authority.port,
                timeout=TRANSFER_S,
                lifetime=TRANSFER_S,
                backend=dns.asyncbackend.get_backend("asyncio"),
            )
        except (OSError, EOFError, dns.exception.DNSException):
            return None  # refused to strangers, as is usual
        return zone

    def _exported(self) -> dns.zone.Zone:
        file = Path(self._target.export)
        try:
            text = file.read_text(encoding="utf-8")
            return dns.zone.from_text(
                text, origin=self._target.zone, relativize=False, check_origin=False
            )
        except OSError as error:
            raise TargetError(
                f"the exported zone cannot be read: {error.strerror}", where=str(file)
            ) from error
        except (UnicodeDecodeError, dns.exception.DNSException) as error:
            raise TargetError(f"the exported zone is no zone file: {error}", where=str(file)) from (
                error
            )

    async def terms(self) -> Terms:
        """What the profile says that the provider's documents say."""
        least = self._target.least_ttl
        return Terms(None if least is None else round(least))

    def given_ttl(self, ttl: int) -> int:
        """As it is given: nothing else is known."""
        return ttl


def _sets(zone: dns.zone.Zone) -> tuple[RecordSet, ...]:
    return tuple(
        as_kept(
            name.to_text(),
            dns.rdatatype.to_text(found.rdtype),
            [one.to_text() for one in found],
            found.ttl,
        )
        for name, found in zone.iterate_rdatasets()
    )
