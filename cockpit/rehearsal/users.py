"""Simulated sensors and people, who find the service by DNS as real ones do.

Each asks its resolver, keeps the answer for its TTL and its connection for some minutes, and so
moves from the old side to the new one when the caches between them run out.
"""

from __future__ import annotations

import asyncio
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import msgspec

from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.data import SENSORS, celsius, email_of
from cockpit.rehearsal.data import USERS as ACCOUNTS
from cockpit.rehearsal.faults import Faults
from cockpit.rehearsal.resolvers import OPERATORS
from cockpit.rehearsal.scenarios import SCENARIOS
from cockpit.rehearsal.spec import DNS_PORT, WEB_PORT, LabSpec, loopback
from cockpit.rehearsal.tasks import end

COUNT = sum(operator.users for operator in OPERATORS)
"""How many users there are."""
SENSOR_USERS = round(0.7 * COUNT)
"""How many of them are sensors: they post readings and do nothing else."""
CONNECTION_S = (120.0, 360.0)
"""Run seconds for which a connection is used, at least and at most."""
PATIENCE_S = 5.0
"""Real seconds that a user waits for an answer."""
DROP_S = 60.0
"""Run seconds of lateness beyond which a request is dropped: nobody catches up a whole night."""
_ERRANDS = ("GET /api/readings", "GET /api/alerts", "POST /api/login")
_ERRAND_SHARES = (20, 5, 5)
_STRANGERS = 0.03
"""The share of logins by somebody whom the service does not know."""


@dataclass(slots=True)
class Tally:
    """What all users together saw."""

    requests: int = 0
    failed: int = 0
    """Of these, how many got no answer or one of 500 and above."""
    by_address: Counter[str] = field(default_factory=Counter)
    """Requests by the address that they went to."""


class User:
    """One sensor or person."""

    def __init__(
        self, spec: LabSpec, number: int, resolvers: Sequence[str], new_side: Faults
    ) -> None:
        self.late_s = 0.0
        """Run seconds by which the last request was behind its schedule."""
        self._rng = spec.rng(f"user {number}")
        self._clock = new_side.clock
        self._resolvers = resolvers
        self._new, self._faults = spec.new, new_side
        self._is_sensor = number < SENSOR_USERS
        self._name = spec.names[-1] if self._is_sensor else self._rng.choice(spec.names[:2])
        self._gap_s = 60.0 * COUNT / spec.requests_per_minute
        self._lease = Lease()
        self._line: Line | None = None

    async def live(self, tally: Tally) -> None:
        """Make requests until cancelled."""
        jumps, due = self._clock.jumps, self._clock.now()
        due += self._rng.random() * self._gap_s
        try:
            while True:
                await self._clock.until(due)
                if jumps != self._clock.jumps:
                    jumps, due = self._clock.jumps, self._clock.now()
                else:
                    self.late_s = self._clock.now() - due
                    due = max(due, self._clock.now() - DROP_S)
                    await self._request(tally)
                due += self._rng.expovariate(1 / self._gap_s)
        finally:
            self._hang_up()

    async def _request(self, tally: Tally) -> None:
        tally.requests += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                line = await self._connect()
                if self._is_sensor and line.address == self._new and self._faults.silences():
                    raise ConnectionAbortedError("the way to the new side is blocked for sensors")
                tally.by_address[line.address] += 1
                status = await line.ask(*self._errand(), self._name.rstrip("."))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, dns.exception.DNSException):
            self._hang_up()
            status = 0
        if status == 0 or status >= 500:
            tally.failed += 1

    def _errand(self) -> tuple[str, bytes]:
        """The next request: its method and path, and its body."""
        if self._is_sensor:
            sensor = self._rng.randint(1, SENSORS)
            degrees, humidity = celsius(sensor, self._rng), round(self._rng.uniform(35, 80), 1)
            body = {"sensor": sensor, "celsius": degrees, "humidity": humidity}
            return "POST /api/readings", msgspec.json.encode(body)
        (errand,) = self._rng.choices(_ERRANDS, _ERRAND_SHARES)
        if not errand.startswith("POST"):
            return errand, b""
        is_stranger = self._rng.random() < _STRANGERS
        email = "stranger@freshtrackpro.test" if is_stranger else self._account()
        return errand, msgspec.json.encode({"email": email})

    def _account(self) -> str:
        return email_of(self._rng.randint(1, ACCOUNTS))

    async def _connect(self) -> Line:
        """The connection in use, or a new one to where the name leads now."""
        now = self._clock.now()
        if self._line and now < self._line.until and self._line.is_open:
            return self._line
        self._hang_up()
        if now >= self._lease.until:
            self._lease = await self._resolve()
        reader, writer = await asyncio.open_connection(loopback(self._lease.address), WEB_PORT)
        lasts = self._rng.uniform(*CONNECTION_S)
        self._line = Line(self._lease.address, now + lasts, reader, writer)
        return self._line

    async def _resolve(self) -> Lease:
        """Ask the own resolver, then the next where it does not know."""
        query = dns.message.make_query(self._name, dns.rdatatype.A)
        for resolver in self._resolvers:
            query.id = self._rng.randrange(1 << 16)
            reply = await dns.asyncquery.udp(query, resolver, port=DNS_PORT)
            for rrset in reply.answer:
                if rrset.rdtype == dns.rdatatype.A:
                    address = self._rng.choice(list(rrset)).to_text()
                    return Lease(address, self._clock.now() + rrset.ttl)
        raise OSError("no resolver knows the name")

    def _hang_up(self) -> None:
        if self._line:
            self._line.writer.close()
            self._line = None


@dataclass(frozen=True, slots=True)
class Lease:
    """An address, and the run clock until which it may be kept."""

    address: str = ""
    until: float = 0.0


@dataclass(slots=True)
class Line:
    """One open connection."""

    address: str
    until: float
    """The run clock at which its user is done with it."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def is_open(self) -> bool:
        """Whether the other end has not closed it."""
        return not (self.reader.at_eof() or self.writer.is_closing())

    async def ask(self, errand: str, body: bytes, host: str) -> int:
        """The status of one request; the answer's body is read and thrown away."""
        head = f"{errand} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode("ascii") + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        _, _, rest = answer.lower().partition(b"content-length:")
        size = int(rest.partition(b"\r\n")[0])
        await self.reader.readexactly(size)
        return int(answer[9:12])


class Users:
    """All of them."""

    def __init__(self, spec: LabSpec, clock: JournalClock) -> None:
        self.tally = Tally()
        rng = spec.rng("users")
        homes = [operator for operator in OPERATORS for _ in range(operator.users)]
        rng.shuffle(homes)
        faults = Faults(SCENARIOS[spec.scenario], "new", clock, rng, spec.delay_s)
        others = [spec.at(operator.host) for operator in OPERATORS[:2]]
        self._users = [
            User(spec, number, (spec.at(home.host), rng.choice(others)), faults)
            for number, home in enumerate(homes)
        ]

    @property
    def lag_s(self) -> float:
        """Run seconds by which the middle one of the users is behind its schedule."""
        return statistics.median(user.late_s for user in self._users)

    async def live(self) -> None:
        """Let them all make requests until cancelled."""
        tasks = [asyncio.create_task(user.live(self.tally)) for user in self._users]
        try:
            await asyncio.gather(*tasks)
        finally:
            await end(tasks)
