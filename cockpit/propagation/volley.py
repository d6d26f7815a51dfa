"""Many questions at once over a few shared UDP sockets, in the time of the slowest answer.

A socket for each question, as in `ask`, costs ten times the processor and runs out of descriptors.
Here an answer is matched by socket, sender, id and the exact question, whose letters are in random
case (0x20): that makes up for the port that several questions share. Who does not keep the case,
cuts its answer short or fails is asked again by `ask`. Queries are sent first, answers matched at
once, and new ones parsed in slices, so neither the sending nor the screen waits for a parser.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cockpit.clock import Clock
from cockpit.propagation.ask import DAMAGE, Server, ask, query_of, unchecked
from cockpit.propagation.classify import Reply
from cockpit.propagation.memo import Memo

SOCKETS = 8
BUFFER = 4 << 20
"""Bytes of receive buffer that are asked for; the kernel grants what it allows."""
DATAGRAM = 832
"""Bytes of that buffer that a small answer takes."""
BATCH = 32
"""Datagrams sent or read before the loop gets its turn."""
SLICE_S = 0.002
"""Real seconds of parsing before the loop gets its turn."""
SECOND_TRY = 0.4
"""The share of the deadline after which what is still unanswered is asked once more."""
LUCK = 8192
"""Random bytes drawn at a time: a call of the kernel's for each packet costs a twentieth."""
PACE = 5000.0
"""Queries a second beyond loopback: small routers drop what comes faster."""
FOLLOW_UPS = 100
"""Questions that `ask` repeats at a time, each with a socket of its own."""
_IP_RECVERR, _IPV6_RECVERR, _ERRORS = 11, 25, getattr(socket, "MSG_ERRQUEUE", 0x2000)

Question = tuple[Server, str, str]
"""Whom, which name, which record type."""


class _Record(NamedTuple):
    """One question's wire form, the same for every server."""

    tail: bytes
    """Flags and counts: what stands between the id and the question."""
    question: bytes
    number: int
    """The question as a number."""
    letters: int
    """Bit 5 of each byte that is a letter of the name."""
    rest: bytes
    memo: Memo


@dataclass(slots=True)
class _Asked:
    at: int
    """Its place in the list."""
    record: _Record
    question: bytes = b""
    sent: float = 0.0
    done: bool = False


class Volley:
    """One round of questions; `run` gives the replies."""

    def __init__(
        self,
        questions: Sequence[Question],
        places: Sequence[_Place],
        clock: Clock,
        deadline_s: float,
        pace: float | None,
    ) -> None:
        self._questions = questions
        self._places = places
        self._clock = clock
        self._deadline_s = deadline_s
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._replies: list[Reply | None] = [None] * len(questions)
        self._left = len(questions)
        self._ports = min(SOCKETS, len(questions))
        self._over = self._loop.create_future()
        self._under_way = 0
        self._room = 0
        self._drained: asyncio.Future[None] | None = None
        self._luck, self._drawn = b"", 0
        self._pending: dict[tuple[int, int, tuple[str, int]], _Asked] = {}
        self._new: deque[tuple[_Asked, bytes, float, float]] = deque()
        self._turn = asyncio.Semaphore(FOLLOW_UPS)
        self._again: list[asyncio.Task[None]] = []
        self._end = self._loop.time() + deadline_s
        self._sockets: list[socket.socket] = []
        self._records: dict[tuple[str, str, bool], _Record] = {}

    async def run(self) -> list[Reply | None]:
        """Ask, wait, ask once more what is left, and give a reply for each; silence is one too."""
        asked = [_Asked(at, self._record(*one)) for at, one in enumerate(self._questions)]
        # Record by record: no server gets all of its questions in one burst.
        asked.sort(key=lambda one: id(one.record))
        self._open()
        try:
            began = self._loop.time()
            await self._send_all(asked)
            slow = self._loop.time() - began if self._pace else 0.0
            self._end = began + slow + self._deadline_s
            await self._until(began + slow + self._deadline_s * SECOND_TRY)
            await self._send_all([one for one in asked if not one.done])
            await self._until(self._end)
            await asyncio.gather(*self._again)
        finally:
            self._close()
        now = self._clock.now()
        return [reply or Reply("timeout", at=now) for reply in self._replies]

    # -- sending --------------------------------------------------------------------------------

    def _record(self, server: Server, name: str, record_type: str) -> _Record:
        key = name, record_type, server.authoritative
        if key not in self._records:
            wire = query_of(server, name.lower(), record_type).to_wire()
            end = wire.index(0, 12) + 5
            question = wire[12:end]
            letters = bytes(0x20 if 97 <= one <= 122 else 0 for one in question[:-4]) + b"\0" * 4
            memo = Memo(question, authoritative=server.authoritative)
            number, mask = int.from_bytes(question), int.from_bytes(letters)
            record = _Record(wire[2:12], question, number, mask, wire[end:], memo)
            self._records[key] = record
        return self._records[key]

    def _open(self) -> None:
        versions = {one.version for one in self._places}
        for version in sorted(versions):
            family = socket.AF_INET if version == 4 else socket.AF_INET6
            for _ in range(self._ports):
                one = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                self._sockets.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
                if version == 4:
                    one.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
                else:
                    one.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
                one.bind(("", 0))
        granted = [one.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for one in self._sockets]
        self._room = max(BATCH, sum(granted[: self._ports]) // DATAGRAM)
        for at, one in enumerate(self._sockets):
            # By number: asked for an object that it does not know yet, the loop describes it first.
            self._loop.add_reader(one.fileno(), self._readable, at)

    def _close(self) -> None:
        for one in self._sockets:
            self._loop.remove_reader(one.fileno())
            one.close()

    async def _send_all(self, asked: Sequence[_Asked]) -> None:
        for start in range(0, len(asked), BATCH):
            for one in asked[start : start + BATCH]:
                if not one.done:
                    self._send(one)
            await asyncio.sleep(BATCH / self._pace if self._pace else 0)
            await self._until_room()

    async def _until_room(self) -> None:
        """Let no more be under way than the receive buffers hold, but never wait for the dead."""
        if self._under_way <= self._room:
            return
        self._drained = self._loop.create_future()
        await asyncio.wait((self._drained,), timeout=self._deadline_s * SECOND_TRY)
        self._drained = None

    def _send(self, one: _Asked) -> None:
        place, record = self._places[one.at], one.record
        length = len(record.question)
        if len(self._luck) < self._drawn + length + 3:
            self._luck, self._drawn = os.urandom(LUCK), 0
        luck = self._luck[self._drawn : self._drawn + length + 3]
        self._drawn += length + 3
        other = len(self._sockets) - self._ports if place.version == 6 else 0
        number = luck[2] % self._ports + other
        where = (place.text, self._questions[one.at][0].port)
        key = number, luck[0] << 8 | luck[1], where
        if key in self._pending:  # another question to this server has that id: draw again
            self._send(one)
            return
        self._pending[key] = one
        self._under_way += not one.sent
        if not one.question:
            # The same letters at the second try, so that a late answer to the first still counts.
            cased = record.number ^ (int.from_bytes(luck[3:]) & record.letters)
            one.question = cased.to_bytes(length)
        one.sent = self._clock.real()
        packet = luck[:2] + record.tail + one.question + record.rest
        for _ in range(2):
            try:
                self._sockets[number].sendto(packet, where)
            except OSError as error:
                # What an earlier packet met is told at the next one: read it, and send again.
                if not self._read_errors(number):
                    self._finish(one, _silence(error.errno or 0, self._clock.now()))
                    return
            else:
                return

    # -- receiving ------------------------------------------------------------------------------

    def _readable(self, number: int) -> None:
        here, pending = self._sockets[number], self._pending
        real, now = self._clock.real(), self._clock.now()
        for _ in range(BATCH):
            try:
                wire, where = here.recvfrom(4096)
            except BlockingIOError:
                return
            except OSError:
                self._read_errors(number)
                continue
            one = pending.get((number, wire[0] << 8 | wire[1], where[:2])) if wire[2:] else None
            if one is not None and not one.done:
                self._match(one, wire, real, now)

    def _match(self, one: _Asked, wire: bytes, real: float, now: float) -> None:
        """Take a packet for the answer only where it is one, to this very question."""
        end = 12 + len(one.question)
        if len(wire) < end or not wire[2] & 0x80 or wire[2] & 0x78 or wire[4:6] != b"\0\1":
            return
        if wire[12:end] != one.question:
            same = wire[12 : end - 4].lower() == one.record.question[:-4]
            if same and wire[end - 4 : end] == one.question[-4:]:
                self._leave(one, None)
            return
        if wire[2] & 0x02:
            self._leave(one, None)
            return
        known = one.record.memo.recall(wire)
        if known is not None:
            self._answered(one, *known, real, now)
            return
        if not self._new:
            self._loop.call_soon(self._parse_some)
        self._new.append((one, wire, real, now))

    def _parse_some(self) -> None:
        until = time.perf_counter() + SLICE_S
        while self._new and time.perf_counter() < until:
            one, wire, real, now = self._new.popleft()
            if one.done:
                continue
            memo = one.record.memo
            try:
                known = memo.recall(wire) or memo.parse(wire)
            except DAMAGE:
                continue  # damaged or forged: the true one may still come
            self._answered(one, *known, real, now)
        if self._new:
            self._loop.call_soon(self._parse_some)

    def _answered(
        self, one: _Asked, reply: Reply, ttl: int | None, real: float, now: float
    ) -> None:
        took = (real - one.sent) * 1000
        made = Reply(
            reply.outcome,
            reply.values,
            ttl,
            now,
            took,
            reply.serial,
            reply.note,
            reply.site,
            reply.links,
        )
        if made.outcome == "servfail" and not self._questions[one.at][0].authoritative:
            self._leave(one, made)
        else:
            self._finish(one, made)

    def _read_errors(self, number: int) -> bool:
        """Read which packet met a closed port or an unreachable host; whether there was one."""
        try:
            packet, notes, _, where = self._sockets[number].recvmsg(2048, 512, _ERRORS)
        except OSError:
            return False
        one = self._pending.get((number, int.from_bytes(packet[:2]), where[:2]))
        code = int.from_bytes(notes[0][2][:4], "little") if notes else 0
        if one is not None and not one.done:
            self._finish(one, _silence(code, self._clock.now()))
        return True

    # -- the end --------------------------------------------------------------------------------

    def _leave(self, one: _Asked, failed: Reply | None) -> None:
        """Leave a question to `ask`, beside the others."""
        self._again.append(self._loop.create_task(self._follow_up(one.at, failed)))
        self._finish(one, failed)

    def _finish(self, one: _Asked, reply: Reply | None) -> None:
        one.done = True
        self._under_way -= 1
        if self._drained and self._under_way <= self._room and not self._drained.done():
            self._drained.set_result(None)
        self._replies[one.at] = reply
        self._left -= 1
        if not self._left and not self._over.done():
            self._over.set_result(None)

    async def _until(self, moment: float) -> None:
        """Wait for the last answer, or that moment of the loop's clock."""
        if self._left:
            await asyncio.wait((self._over,), timeout=max(0.0, moment - self._loop.time()))

    async def _follow_up(self, at: int, failed: Reply | None) -> None:
        question = self._questions[at]
        async with self._turn:
            # What is left of the deadline; as much as a second try has, where the answer was late.
            least = self._deadline_s * (1.0 - SECOND_TRY)
            left = max(self._end - self._loop.time(), least)
            self._replies[at] = (
                await ask(*question, self._clock, left)
                if failed is None
                else await unchecked(failed, question, self._clock, left)
            )


def _silence(code: int, now: float) -> Reply:
    refused = code == errno.ECONNREFUSED
    why = "nothing listens there" if refused else (os.strerror(code) if code else "").lower()
    return Reply("timeout", at=now, note=why)


async def volley(
    questions: Sequence[Question], clock: Clock, deadline_s: float, pace: float | None = None
) -> list[Reply | None]:
    """A reply to each question, in order; the deadline is in real seconds for all of them.

    `pace` is in queries a second; without it, loopback gets them as fast as they can be sent.
    """
    places = [_place(server.address) for server, *_ in questions]
    if pace is None and not all(one.is_loopback for one in places):
        pace = PACE
    return await Volley(questions, places, clock, deadline_s, pace).run() if questions else []


class _Place(NamedTuple):
    """An address as the kernel writes it."""

    text: str
    version: int
    is_loopback: bool


@lru_cache(8192)
def _place(address: str) -> _Place:
    # Ten times as quick as `ipaddress`, which for 500 resolvers stalls the loop.
    if ":" in address:
        packed = socket.inet_pton(socket.AF_INET6, address)
        text = socket.inet_ntop(socket.AF_INET6, packed)
        return _Place(text, 6, packed == bytes(15) + b"\1")
    packed = socket.inet_pton(socket.AF_INET, address)
    return _Place(socket.inet_ntop(socket.AF_INET, packed), 4, packed[0] == 127)
