"""Many questions at once over a few shared UDP sockets, in the time of the slowest answer.

A socket for each question, as in `ask`, costs ten times the processor and runs out of descriptors.
Here an answer is matched by socket, sender, id and the exact question, whose letters are in random
case (0x20): that makes up for the port that several questions share. Who does not keep the case,
cuts its answer short or fails is asked again by `ask`. Queries are sent first, answers matched at
once, and new ones parsed in slices, so neither the sending nor the screen waits for a parser.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from cockpit.clock import Clock, wall_s
from cockpit.propagation.ask import EDNS_REFUSED, Server, ask, is_bare_error, unchecked
from cockpit.propagation.candidates import Candidates
from cockpit.propagation.classify import Reply
from cockpit.propagation.memo import walk
from cockpit.propagation.ports import LONGEST, Place, Ports, Where, place
from cockpit.propagation.stamps import ROOM, took_s
from cockpit.propagation.templates import Asked, Templates
from cockpit.unreached import silence_words

BATCH = 32
"""Datagrams sent before the loop gets its turn."""
AT_A_TIME = 8
"""Datagrams read of one socket before the next one's turn."""
GATHERING_S = 0.016
"""Seconds from a first answer until it is read, and from one reading to the next while answers
come: their stamps are the kernel's, and waking costs more than reading."""
SECOND_TRY = 0.4
"""The share of the deadline after which what is still unanswered is asked once more."""
LUCK = 8192
"""Random bytes drawn at a time: a call of the kernel's for each packet costs a twentieth."""
ROOM_TRIES = 20
"""The part of the deadline that is waited for room in the buffers, before who keeps silent is given
up: what answers later is still read."""
PACE = 5000.0
"""Queries a second beyond loopback: small routers drop what comes faster."""
FOLLOW_UPS = 200
"""Questions that `ask` repeats at a time, each with a socket of its own."""
DAMAGED = 64
"""Packets of no structure, after which a question's others are not looked at in this try: a look at
a long one takes 0.1 ms, in which ten honest answers are read."""
REST_S = 0.1
"""Real seconds of reading after the deadline, of what came in before it."""
GRACE_S = 0.2
"""Real seconds after the deadline by which it is parsed."""
NOT_ASKED = "it was not asked: no time was left"
NO_TIME = "it is to be asked once more by a connection of its own, and no time was left"

Question = tuple[Server, str, str]
"""Whom, which name, which record type."""


class Volley:
    """One round of questions; `run` gives the replies."""

    def __init__(
        self,
        questions: Sequence[Question],
        places: Sequence[Place],
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
        self._ports = Ports({one.version for one in places}, len(questions))
        self._over = self._loop.create_future()
        self._reading: asyncio.Handle | None = None
        self._under_way, self._round = 0, 0
        """How many of the questions that this round sent are not answered yet."""
        self._room = max(BATCH, self._ports.room)
        self._drained: asyncio.Future[None] | None = None
        self._luck, self._drawn = b"", 0
        self._pending: dict[tuple[int, int, Where], tuple[Asked, float, float]] = {}
        """What was sent, by socket, id and receiver; and when, by the boot and the wall clock."""
        self._new = Candidates(self._answered)
        self._turn = asyncio.Semaphore(FOLLOW_UPS)
        self._deaf: dict[Server, Reply] = {}
        """Who cuts answers short, and gave none over TCP either."""
        self._again: list[asyncio.Task[None]] = []
        self._end = self._loop.time() + deadline_s

    async def run(self) -> list[Reply | None]:
        """Ask, wait, ask once more what is left, and give a reply for each; silence is one too."""
        templates = Templates()
        asked = [Asked(at, templates.of(*one)) for at, one in enumerate(self._questions)]
        # Record by record: no server gets all of its questions in one burst.
        asked.sort(key=lambda one: id(one.template))
        self._listen()
        try:
            began = self._loop.time() + (len(asked) / self._pace if self._pace else 0.0)
            self._end = began + self._deadline_s
            await self._send_all(asked)
            await self._until(began + self._deadline_s * SECOND_TRY)
            self._read_round()
            self._new.begin()
            await self._send_all([one for one in asked if one.is_silent])
            await self._until(self._end)
            await self._read_rest()
            await asyncio.gather(*self._again)
        finally:
            self._close()
        for one in asked:
            if self._replies[one.at] is None:
                self._replies[one.at] = self._silence("" if one.round else NOT_ASKED)
        return self._replies

    # -- sending --------------------------------------------------------------------------------

    def _close(self) -> None:
        self._deafen()
        for one in (self._reading, *self._again):
            if one is not None:
                one.cancel()
        self._ports.close()

    async def _send_all(self, asked: Sequence[Asked]) -> None:
        """Send them to the last, or for as long as the deadline allows."""
        self._begin_round()
        for start in range(0, len(asked), BATCH):
            if self._loop.time() >= self._end:
                return
            real = self._clock.real()
            for one in asked[start : start + BATCH]:
                if not one.done:
                    self._send(one, real)
            await asyncio.sleep(BATCH / self._pace if self._pace else 0)
            await self._until_room()

    def _begin_round(self) -> None:
        """Count anew what is under way: who kept silent so far takes no room of the buffers."""
        self._round += 1
        self._under_way = 0

    async def _until_room(self) -> None:
        """Let no more be under way than the receive buffers hold, but never wait for the dead."""
        if self._under_way <= self._room:
            return
        self._drained = self._loop.create_future()
        left = self._end - self._loop.time()
        patience = max(0.0, min(left, self._deadline_s / ROOM_TRIES))
        done, _ = await asyncio.wait((self._drained,), timeout=patience)
        self._drained = None
        if not done:
            self._begin_round()

    def _send(self, one: Asked, real: float) -> None:
        place, query = self._places[one.at], one.template
        if not self._ports.of[place.version]:
            self._finish(one, self._silence(self._ports.why[place.version]))
            return
        where = (place.text, self._questions[one.at][0].port)
        drawn = self._draw(len(query.question) + 3)
        number, name = self._one_of(self._ports.of[place.version], drawn[2]), drawn[:2]
        while (key := (number, name[0] << 8 | name[1], where)) in self._pending:
            name = self._draw(2)  # another question to this server has that id
        self._under_way += one.round != self._round
        one.round, one.candidates, one.damaged = self._round, 0, 0
        if not one.question:
            # The same letters at the second try, so that a late answer to the first still counts.
            cased = query.number ^ (int.from_bytes(drawn[3:]) & query.letters)
            one.question = cased.to_bytes(len(query.question))
        packet = name + query.tail + one.question + query.rest
        for _ in range(2):
            self._pending[key] = one, real, wall_s()
            try:
                self._ports.sockets[number].sendto(packet, where)
            except OSError as error:
                # What an earlier packet met is told at the next one: read it, and send again.
                if not self._read_errors(number):
                    self._finish(one, self._silence(silence_words(error.errno or 0)))
                    return
            else:
                return

    def _draw(self, length: int) -> bytes:
        """So many random bytes."""
        if len(self._luck) < self._drawn + length:
            self._luck, self._drawn = os.urandom(LUCK), 0
        self._drawn += length
        return self._luck[self._drawn - length : self._drawn]

    @staticmethod
    def _one_of(numbers: range, luck: int) -> int:
        return numbers[luck % len(numbers)]

    # -- receiving ------------------------------------------------------------------------------

    def _listen(self) -> None:
        if (file := self._ports.file) is not None:
            self._loop.add_reader(file, self._wake)

    def _deafen(self) -> None:
        if (file := self._ports.file) is not None:
            self._loop.remove_reader(file)

    def _wake(self) -> None:
        """Something came in: what comes in right behind it shall share a turn of the loop."""
        self._deafen()
        self._reading = self._loop.call_later(GATHERING_S, self._read_ready)

    def _read_ready(self) -> None:
        """Read in turn; while answers come, look again by the clock instead of being woken."""
        more = self._read_round()
        if more is None:
            self._listen()
        elif more:
            self._reading = self._loop.call_soon(self._read_ready)
        else:
            self._reading = self._loop.call_later(GATHERING_S, self._read_ready)

    def _read_round(self) -> bool | None:
        """Read a few of each socket; whether more may be there, None where nothing was."""
        read = [self._read(number) for number in self._ports.ready()]
        return any(read) if read else None

    def _read(self, number: int) -> bool:
        """Read a few datagrams of one socket; whether more may be there."""
        here, pending, clock = self._ports.sockets[number], self._pending, self._clock
        real, now = clock.real(), clock.now()
        for _ in range(AT_A_TIME):
            try:
                wire, notes, _, where = here.recvmsg(LONGEST, ROOM)
            except BlockingIOError:
                return False
            except OSError:
                self._read_errors(number)
                continue
            known = pending.get((number, wire[0] << 8 | wire[1], where[:2])) if wire[2:] else None
            if known is not None and not known[0].done:
                one, sent, sent_wall = known
                self._match(one, wire, took_s(notes, sent_wall, real - sent), now)
        return True

    def _match(self, one: Asked, wire: bytes, took: float, now: float) -> None:
        """Take a packet for the answer only where it is one, to this very question."""
        end = 12 + len(one.question)
        if len(wire) < 12 or not wire[2] & 0x80 or wire[2] & 0x78:
            return
        if is_bare_error(wire):
            # Without the question's letters it proves too little here; a socket of its own does.
            self._leave(one, None)
            return
        if len(wire) < end or wire[4:6] != b"\0\1":
            return
        if wire[12:end] != one.question:
            same = wire[12 : end - 4].lower() == one.template.question[:-4]
            if same and wire[end - 4 : end] == one.question[-4:]:
                self._leave(one, None)
            return
        is_cut = bool(wire[2] & 0x02)
        if is_cut or wire[3] & 0x0F in EDNS_REFUSED:
            self._leave(one, None, cut=is_cut)
            return
        known = one.template.memo.recall(wire)
        if known is not None:
            self._answered(one, *known, took, now)
            return
        if one.damaged < DAMAGED:
            if walk(wire, end) is None:
                one.damaged += 1
            else:
                self._new.add(one, wire, took, now)

    def _answered(self, one: Asked, reply: Reply, ttl: int | None, took: float, now: float) -> None:
        made = Reply(
            reply.outcome,
            reply.values,
            ttl,
            now,
            took * 1000,
            reply.serial,
            reply.note,
            reply.site,
            reply.links,
            reply.proved,
        )
        if made.outcome == "servfail" and not self._questions[one.at][0].authoritative:
            self._leave(one, made)
        else:
            self._finish(one, made)

    def _read_errors(self, number: int) -> bool:
        """Read which packet met a closed port or an unreachable host; whether there was one."""
        failure = self._ports.failure(number)
        if failure is None:
            return False
        packet, where, code = failure
        known = self._pending.get((number, int.from_bytes(packet[:2]), where))
        if known is not None and not known[0].done:
            self._finish(known[0], self._silence(silence_words(code)))
        return True

    # -- the end --------------------------------------------------------------------------------

    def _silence(self, why: str) -> Reply:
        return Reply("timeout", at=self._clock.now(), note=why)

    def _leave(self, one: Asked, failed: Reply | None, *, cut: bool = False) -> None:
        """Leave a question to `ask`, beside the others; one whose answer was cut over TCP."""
        self._again.append(self._loop.create_task(self._follow_up(one.at, failed, cut=cut)))
        self._finish(one, failed)

    def _finish(self, one: Asked, reply: Reply | None) -> None:
        one.done = True
        self._under_way -= one.round == self._round
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

    async def _read_rest(self) -> None:
        """Read what came in by now, for a moment, whoever sends on; then parse what was read."""
        self._deafen()
        if self._reading:
            self._reading.cancel()
        self._new.hold()
        over = self._loop.time()
        while self._left and self._loop.time() < over + REST_S:
            if not self._read_round():
                break
            await asyncio.sleep(0)
        await self._new.finish(over + GRACE_S)

    async def _follow_up(self, at: int, failed: Reply | None, *, cut: bool) -> None:
        """Ask again in what is left of the deadline; a second try's time, where that is more.

        The time counts from the answer that led to this, not from this one's turn: those who let
        everybody wait, however many they are, make no sweep longer.
        """
        server, name, kind = self._questions[at]
        share = self._deadline_s * (1.0 - SECOND_TRY)
        late = self._loop.time() + share
        async with self._turn:
            left = min(max(self._end, late) - self._loop.time(), share)
            if failed is not None:
                if left > 0:
                    question = server, name, kind
                    self._replies[at] = await unchecked(failed, question, self._clock, left)
                return
            known = self._deaf.get(server) if cut else None
            if known is not None or left <= 0:
                self._replies[at] = known or self._silence(NO_TIME)
                return
            asked = server._replace(way="tcp") if cut else server
            reply = await ask(asked, name, kind, self._clock, left)
            self._replies[at] = reply
            if cut and reply.outcome == "timeout":
                self._deaf[server] = reply


async def volley(
    questions: Sequence[Question], clock: Clock, deadline_s: float, pace: float | None = None
) -> list[Reply | None]:
    """A reply to each question, in order; the deadline is in real seconds for all of them.

    `pace` is in queries a second; without it, loopback gets them as fast as they can be sent.
    """
    places = [place(server.address) for server, *_ in questions]
    if pace is None and not all(one.is_loopback for one in places):
        pace = PACE
    return await Volley(questions, places, clock, deadline_s, pace).run() if questions else []
