"""Caching resolvers: ten operators that keep, raise or ignore TTLs as real ones do."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import dns.asyncquery
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.packets import NameServer, Way, room
from cockpit.rehearsal.scenarios import Scenario
from cockpit.rehearsal.spec import DNS_PORT, LabSpec

CLAMP_S = 900
"""The TTL, in run seconds, to which a clamping resolver raises smaller ones."""
OVERSTAY_S = 1800.0
"""Run seconds for which a violating resolver holds on too long."""
FAILURE_S = 5.0
"""Run seconds for which a failed resolution is kept (RFC 9520, 3.2: 1 s to 5 min)."""
ASK_S = 1.5
"""Real seconds that a resolver waits for an authority."""

Behaviour = Literal["honest", "clamps", "fails", "violates", "stuck"]
Question = tuple[dns.name.Name, dns.rdatatype.RdataType]


@dataclass(frozen=True, slots=True)
class Operator:
    """A resolver's place in the lab."""

    host: int
    name: str
    behaviour: Behaviour
    users: int
    """Of all simulated users, how many ask it."""
    rtt_ms: float
    caches: int = 1
    """Caches behind the address, chosen by the asker's port."""


OPERATORS = (
    Operator(101, "Cloudflare", "honest", 13, 4.0, caches=4),
    Operator(102, "Google", "honest", 12, 6.0, caches=3),
    Operator(103, "Quad9", "honest", 4, 7.0),
    Operator(104, "OpenDNS", "honest", 3, 9.0),
    Operator(105, "Vodafone", "honest", 7, 3.0),
    Operator(106, "Orange", "honest", 5, 3.5),
    Operator(107, "Swisscom", "honest", 6, 2.5),
    Operator(108, "Telekom", "clamps", 6, 3.0),
    Operator(109, "Office", "fails", 1, 1.0),
    Operator(110, "Hotel", "violates", 3, 12.0),
)
STUCK = "Vodafone"
"""Which honest resolver never lets go, in the scenario that plants it."""


@dataclass(slots=True)
class Entry:
    """What a cache holds for one question."""

    rcode: dns.rcode.Rcode
    answer: list[dns.rrset.RRset]
    authority: list[dns.rrset.RRset]
    ttl: int
    """Run seconds for which it may be kept, as this resolver sees it."""
    expires_at: float
    """The run clock at which it goes."""
    overstays: bool = False


@dataclass(slots=True)
class Cache:
    """One cache behind a resolver's address."""

    label: str
    entries: dict[Question, Entry] = field(default_factory=dict)
    pending: dict[Question, asyncio.Task[Entry]] = field(default_factory=dict)


class Resolver:
    """One resolver's answers."""

    def __init__(
        self,
        operator: Operator,
        clock: JournalClock,
        authorities: Sequence[str],
        rng: random.Random,
    ) -> None:
        self.operator = operator
        self.caches = [
            Cache(f"{operator.name.lower()}-{number}") for number in range(operator.caches)
        ]
        self._clock = clock
        self._authorities = itertools.cycle(authorities)
        self._tries = len(authorities)
        self._rng = rng
        self._spread = rng.randrange(1, 1 << 16, 2)

    async def answer(self, packet: bytes, port: int, way: Way) -> bytes | None:
        """The answer to one packet; None where it cannot be read."""
        try:
            query = dns.message.from_wire(packet)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR or len(query.question) != 1:
            return None
        await asyncio.sleep(self.operator.rtt_ms / 1000 * self._rng.uniform(0.7, 1.6))
        reply = dns.message.make_response(query, recursion_available=True, our_payload=1232)
        cache = self._cache(port)
        if query.opcode() != dns.opcode.QUERY:
            reply.set_rcode(dns.rcode.NOTIMP)
        elif self.operator.behaviour == "fails":
            _fail(query, reply)
        else:
            await self._fill(query, reply, cache)
        if query.edns >= 0:
            _identify(query, reply, cache.label)
        return reply.to_wire(max_size=room(query, way), prefer_truncation=way == "udp")

    def _cache(self, port: int) -> Cache:
        return self.caches[(port * self._spread >> 8) % len(self.caches)]

    async def _fill(
        self, query: dns.message.Message, reply: dns.message.Message, cache: Cache
    ) -> None:
        question = query.question[0].name, query.question[0].rdtype
        entry = self._held(cache, question)
        is_fresh = entry is None
        if entry is None:
            entry = await self._fetch_once(cache, question)
        left = entry.expires_at - self._clock.now()
        ttl = entry.ttl if is_fresh else max(0, int(left))
        reply.set_rcode(entry.rcode)
        if entry.rcode == dns.rcode.SERVFAIL:
            _fail(query, reply)
        reply.answer = [_with_ttl(rrset, ttl) for rrset in entry.answer]
        reply.authority = [_with_ttl(rrset, ttl) for rrset in entry.authority]

    def _held(self, cache: Cache, question: Question) -> Entry | None:
        """What the cache still gives, in this operator's manner."""
        entry = cache.entries.get(question)
        if entry is None:
            return None
        if self._clock.now() < entry.expires_at:
            return entry
        if self.operator.behaviour == "violates" and not entry.overstays and entry.answer:
            entry.overstays = True
            entry.expires_at += OVERSTAY_S
            return self._held(cache, question)
        return None

    async def _fetch_once(self, cache: Cache, question: Question) -> Entry:
        """Ask the authorities; all who wait for the same answer share one asking."""
        task = cache.pending.get(question)
        if task is None:
            task = asyncio.create_task(self._fetch(cache, question))
            cache.pending[question] = task
            task.add_done_callback(lambda _: cache.pending.pop(question, None))
        return await asyncio.shield(task)

    async def _fetch(self, cache: Cache, question: Question) -> Entry:
        reply = await self._ask(question)
        entry = self._entry(reply)
        former = cache.entries.get(question)
        if self.operator.behaviour == "stuck" and former and former.answer:
            entry.answer = former.answer
        cache.entries[question] = entry
        return entry

    async def _ask(self, question: Question) -> dns.message.Message | None:
        for _ in range(self._tries):
            query = dns.message.make_query(*question, use_edns=0, payload=1232)
            query.flags &= ~dns.flags.RD
            try:
                async with asyncio.timeout(ASK_S):
                    reply, _ = await dns.asyncquery.udp_with_fallback(
                        query, next(self._authorities), port=DNS_PORT
                    )
            except (dns.exception.DNSException, OSError, TimeoutError):
                continue
            if reply.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return reply
        return None

    def _entry(self, reply: dns.message.Message | None) -> Entry:
        now = self._clock.now()
        if reply is None:
            return Entry(dns.rcode.SERVFAIL, [], [], 0, now + FAILURE_S)
        records = reply.answer or reply.authority
        ttl = min((rrset.ttl for rrset in records), default=0)
        if self.operator.behaviour == "clamps":
            ttl = max(ttl, CLAMP_S)
        denial = [] if reply.answer else list(reply.authority)
        return Entry(reply.rcode(), list(reply.answer), denial, ttl, now + ttl)


class Resolvers:
    """All resolvers of a lab."""

    def __init__(self, spec: LabSpec, scenario: Scenario, clock: JournalClock) -> None:
        authorities = (spec.at(53), spec.at(54))
        self.all = [
            Resolver(operator, clock, authorities, spec.rng(operator.name))
            for operator in map(_planted(scenario), OPERATORS)
        ]
        self._servers = [
            NameServer(spec.at(resolver.operator.host), resolver.answer) for resolver in self.all
        ]

    async def start(self) -> None:
        """Bind the sockets of all."""
        for server in self._servers:
            await server.start()

    async def stop(self) -> None:
        """Close them."""
        for server in self._servers:
            await server.stop()


def _planted(scenario: Scenario) -> Callable[[Operator], Operator]:
    def plant(operator: Operator) -> Operator:
        if not scenario.stuck or operator.name != STUCK:
            return operator
        return Operator(operator.host, operator.name, "stuck", operator.users, operator.rtt_ms)

    return plant


def _with_ttl(rrset: dns.rrset.RRset, ttl: int) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(rrset.name, ttl, list(rrset))


def _fail(query: dns.message.Message, reply: dns.message.Message) -> None:
    reply.set_rcode(dns.rcode.SERVFAIL)
    if query.edns >= 0:
        reason = dns.edns.EDEOption(
            dns.edns.EDECode.NO_REACHABLE_AUTHORITY, "no authority answered"
        )
        reply.use_edns(0, 0, 1232, options=[reason])


def _identify(query: dns.message.Message, reply: dns.message.Message, label: str) -> None:
    """Name the cache that answered, where the asker wants to know (RFC 5001)."""
    if any(option.otype == dns.edns.OptionType.NSID for option in query.options):
        name = dns.edns.NSIDOption(label.encode())
        reply.use_edns(0, 0, 1232, options=[*reply.options, name])
