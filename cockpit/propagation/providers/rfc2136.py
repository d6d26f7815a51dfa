"""Signed dynamic updates (RFC 2136, RFC 8945): all names in one message, all or nothing."""

from __future__ import annotations

import asyncio
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address

import dns.asyncbackend
import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone

from cockpit.clock import live_clock
from cockpit.errors import ActionFailed, Refused, TargetError
from cockpit.propagation.ask import Server
from cockpit.propagation.classify import Reply
from cockpit.propagation.providers.base import (
    Changed,
    Effort,
    RecordSet,
    Terms,
    Unheard,
    as_kept,
    record_set,
    refuse_impossible,
    secret_of,
)
from cockpit.propagation.sweep import ask_each
from cockpit.runbook.targets import DnsTarget
from cockpit.secrets import Secrets

DEADLINE_S = 10.0
"""Real seconds for one update."""
LOOK_S = 2.0
"""Real seconds for one look at the primary."""
WRITES = 4
"""How often an update is made anew: where its answer was lost, or the zone moved elsewhere."""
_CHANGED = (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN)
_REFUSALS: Mapping[int, str] = {
    dns.rcode.REFUSED: "the server does not let this key change these records",
    dns.rcode.NOTAUTH: "the server is not the zone's primary, or does not know the key",
    dns.rcode.NOTZONE: "a name lies outside the zone",
    dns.rcode.FORMERR: "the server does not understand the update",
    dns.rcode.NOTIMP: "the server takes no dynamic updates",
}
_BAD_TIME = "the server's clock and this host's differ by more than five minutes"
_BAD_KEY = "the server does not accept the key"


class DynamicUpdates:
    """A zone's primary that takes signed updates."""

    def __init__(self, target: DnsTarget, secrets: Secrets, effort: Effort | None = None) -> None:
        self._target = target
        self._secrets = secrets
        self._effort = effort or Effort()
        self._server = _server(target.server)

    async def read(self, names: Sequence[str]) -> tuple[RecordSet, ...]:
        """The record sets as the primary gives them."""
        kind = self._target.record_type
        kinds = (kind,) if kind == "CNAME" else (kind, "CNAME")
        replies = iter(await self._ask([(name, one) for name in names for one in kinds]))
        found = []
        for name in names:
            own, *others = [next(replies) for _ in kinds]
            alias = next((value for other in others for value in other.values), "")
            if alias:
                # What the alias leads to is another name's record: this one has none.
                kept = replace(record_set(name, kind, (), 0), odd=f"a CNAME to {alias}")
            else:
                kept = record_set(name, kind, own.values, own.ttl or 0)
            found.append(kept)
        return tuple(found)

    async def _ask(self, questions: Sequence[tuple[str, str]]) -> list[Reply]:
        """The primary's replies; what it keeps silent about is asked again."""
        asked = [(self._server, name, kind) for name, kind in questions]
        pause = self._effort.pause_s
        for left in reversed(range(self._effort.tries)):
            time_s = min(LOOK_S, self._effort.request_s, max(self._effort.left_s, 0.1))
            replies = [
                one or Reply("timeout") for one in await ask_each(asked, live_clock(), time_s)
            ]
            bad = [one for one in zip(questions, replies, strict=True) if not _told(one[1])]
            if not bad:
                break
            (name, kind), reply = bad[0]
            why = "gave no answer" if reply.outcome == "timeout" else f"said {reply.outcome}"
            if not left or self._effort.left_s <= pause:
                raise TargetError(
                    f"the primary did not tell {name} {kind}: {reply.note or why}",
                    where=self._where,
                )
            await asyncio.sleep(pause)
            pause *= 2
        return replies

    async def all(self) -> tuple[RecordSet, ...]:
        """Every record set, by a signed transfer from the primary."""
        zone = dns.zone.Zone(self._target.zone, relativize=False)
        query, _ = dns.xfr.make_query(
            zone, serial=None, keyring=self._keyring(), keyalgorithm=dns.tsig.HMAC_SHA256
        )
        try:
            await dns.asyncquery.inbound_xfr(
                self._server.address,
                zone,
                query=query,
                port=self._server.port,
                timeout=DEADLINE_S,
                lifetime=DEADLINE_S,
                backend=dns.asyncbackend.get_backend("asyncio"),
            )
        except (OSError, EOFError, dns.exception.DNSException) as error:
            why = str(error) or type(error).__name__
            raise TargetError(
                f"the primary does not transfer the zone: {why}", where=self._where
            ) from error
        return tuple(
            as_kept(
                name.to_text(),
                dns.rdatatype.to_text(found.rdtype),
                [one.to_text() for one in found],
                found.ttl,
            )
            for name, found in zone.iterate_rdatasets()
        )

    async def terms(self) -> Terms:
        """The protocol has no lowest TTL, and nothing but an update tells what a key may do."""
        return Terms(1)

    def given_ttl(self, ttl: int) -> int:
        """As it is kept."""
        return ttl

    async def change(self, before: Sequence[RecordSet], after: Sequence[RecordSet]) -> None:
        """Send one message that holds for all names or for none.

        It holds for one version of the zone: a prerequisite compares no TTL (RFC 2136 s3.2.5), so
        the SOA is one as well. Where only that moved, the message is made anew.
        """
        refuse_impossible(before, after, least_ttl=1)
        self._keyring()  # what is no key is told before anybody is asked
        names = [one.name for one in before]
        lost: Unheard | None = None
        for _ in range(WRITES):
            soa, now = await self._version(names, lost)
            if list(now) == list(after):
                return
            if list(now) != list(before):
                raise _changed(self._where, now, before)
            try:
                await self._send(self._message(soa, before, after))
            except Unheard as error:
                lost = error
            except Changed:
                continue
            else:
                return
        _, now = await self._version(names, lost)
        if list(now) != list(after):
            raise lost or _changed(self._where, now, before)

    async def _version(
        self, names: Sequence[str], lost: Unheard | None
    ) -> tuple[str, tuple[RecordSet, ...]]:
        """The zone's SOA and the sets of one and the same version of it."""
        try:
            for _ in range(self._effort.tries):
                (first,) = await self._ask([(self._target.zone, "SOA")])
                found = await self.read(names)
                (second,) = await self._ask([(self._target.zone, "SOA")])
                if first.values == second.values and first.values:
                    return first.values[0], found
        except TargetError as error:
            if lost is None:
                raise
            raise Unheard(f"{lost.what}; then {error.what}", where=self._where) from error
        raise TargetError("the zone changes faster than it can be read", where=self._where)

    async def _send(self, message: dns.update.UpdateMessage) -> None:
        time_s = min(DEADLINE_S, self._effort.request_s, self._effort.left_s)
        if time_s <= 0:
            raise self._failed("no time is left to send the update")
        try:
            reply = await dns.asyncquery.tcp(
                message,
                self._server.address,
                timeout=time_s,
                port=self._server.port,
                backend=dns.asyncbackend.get_backend("asyncio"),
            )
        except dns.tsig.PeerError as error:
            late = isinstance(error, dns.tsig.PeerBadTime)
            raise self._failed(_BAD_TIME if late else _BAD_KEY) from error
        except ConnectionRefusedError as error:
            raise self._failed("nothing listens there") from error
        except (OSError, EOFError, dns.exception.DNSException) as error:
            raise Unheard("the primary did not answer the update", where=self._where) from error
        self._judge(reply.rcode())

    def _judge(self, code: dns.rcode.Rcode) -> None:
        if code == dns.rcode.NOERROR:
            return
        if code in _CHANGED:
            raise Changed("the zone was changed meanwhile", where=self._where)
        if code == dns.rcode.SERVFAIL:
            # It may have failed after it wrote, in telling of it.
            raise Unheard("the primary failed at the update", where=self._where)
        raise self._failed(_REFUSALS.get(code, f"the server said {dns.rcode.to_text(code)}"))

    def _failed(self, why: str) -> ActionFailed:
        return ActionFailed(why, where=self._where)

    def _message(
        self, soa: str, before: Sequence[RecordSet], after: Sequence[RecordSet]
    ) -> dns.update.UpdateMessage:
        message = dns.update.UpdateMessage(
            self._target.zone, keyring=self._keyring(), keyalgorithm=dns.tsig.HMAC_SHA256
        )
        # By values, not as rdatasets: a prerequisite's TTL must be 0 (RFC 2136 s3.2.5).
        message.present(dns.name.from_text(self._target.zone), "SOA", soa)
        for kept in before:
            message.present(dns.name.from_text(kept.name), kept.type, *kept.values)
        for wanted in after:
            message.replace(
                dns.name.from_text(wanted.name), wanted.ttl, wanted.type, *wanted.values
            )
        return message

    def _keyring(self) -> dict[dns.name.Name, dns.tsig.Key]:
        secret = secret_of(self._target)
        try:
            keyring: dict[dns.name.Name, dns.tsig.Key] = dns.tsigkeyring.from_text(
                {self._target.key_name: self._secrets.value(secret)}
            )
        except (binascii.Error, UnicodeEncodeError):
            raise Refused(
                f"the secret {secret} is not a TSIG key in base64",
                where=str(self._secrets.path(secret)),
                mend="put the key's secret alone into the file, as the server's config has it",
            ) from None
        return keyring

    @property
    def _where(self) -> str:
        return self._target.server


def _told(reply: Reply) -> bool:
    return reply.outcome in ("answer", "no_name")


def _changed(where: str, now: Sequence[RecordSet], before: Sequence[RecordSet]) -> Changed:
    """What the zone has instead, the first of these."""
    other = next((pair for pair in zip(now, before, strict=True) if pair[0] != pair[1]), None)
    told = f"{other[0]}, not {other[1]}" if other else "another version at every try"
    return Changed(
        f"the zone was changed meanwhile: it has {told}",
        where=where,
        mend="find out who else changes the zone, then look at the step again",
    )


def _server(text: str) -> Server:
    address, _, port = text.rpartition(":")
    try:
        return Server(str(ip_address(address.strip("[]"))), int(port), authoritative=True)
    except ValueError:
        raise Refused(
            f"the server that takes updates is no address with a port: {text or 'none is named'}",
            mend="write it as 192.0.2.53:53, or [2001:db8::53]:53",
        ) from None
