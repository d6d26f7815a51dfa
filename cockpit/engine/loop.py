"""The engine's loop: intents in, events out, the live view beside them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from cockpit import beat
from cockpit.clock import NS, boot_id
from cockpit.engine import handlers, left_running, program, settling, steps
from cockpit.engine.claims import KEEP_S, Claims
from cockpit.engine.core import Core
from cockpit.engine.doorbell import Doorbell
from cockpit.engine.feeds import Feeds
from cockpit.engine.inbox import Inbox
from cockpit.engine.insistence import Insistence
from cockpit.engine.lastword import LastWord
from cockpit.engine.looks import Looks
from cockpit.engine.patience import Patience
from cockpit.engine.processes import is_alive
from cockpit.engine.replan import PlanWatch
from cockpit.engine.watches import Watches
from cockpit.errors import JournalDamaged
from cockpit.journal.events import EngineStopped, Held, SeatVacated
from cockpit.telemetry.live import Live

_LOG = logging.getLogger(__name__)
BUSY_S = 0.05
"""Real seconds between two looks at intents and at the attempt under way."""
CALM_S = 1.0
"""The same while no attempt is under way: whoever puts an intent there, or has news, rings."""
LIVE_S = 0.25
"""Real seconds between two looks at what is to be shown, while somebody waits for it."""
SIGN_S = 2.0
"""Real seconds after which the live view is written again although there is no news."""
NEWS_S = 0.05
"""Real seconds in which what comes together is shown together."""
RENEW_S = 2.0
"""Real seconds after which an open dialog's gates are asked again."""
PROGRAM_S = 30.0
"""Real seconds between two looks at the program's own files; a confirmation looks by itself."""
PLAN_S = 3.0
"""Real seconds between two looks at the runbook's own files."""
PROOF_S = 60.0
"""Real seconds between two readings of the whole journal."""
LEFT_S = 2.0
"""Real seconds between two looks for what steps in doubt or failed left running."""
SWEEP_S = 60.0
"""Real seconds between two clearings of what killed viewers left half written."""
NOBODY_S = 1800.0
"""Real seconds without a viewer after which a rehearsal ends by itself."""


class Engine:
    """One run's engine, from its start to its end."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._verified: set[tuple[str, int]] = set()
        self._named: set[tuple[str, int]] = set()
        """Attempts in doubt of which was looked for what they left running."""
        self._doing: set[asyncio.Task[None]] = set()
        self._inbox = Inbox(core)
        self._last_word = LastWord()
        self._over = asyncio.Event()
        self._rung = asyncio.Event()
        self._doorbell = Doorbell(core.directory.doorbell, self._rung.set)
        self._news = core.world.news
        self._watches = Watches()
        self._feeds = Feeds(core)
        self._claims = Claims(core)
        self._looks = Looks(core)
        self._patience = Patience()
        self._insistence = Insistence()
        self._plans = PlanWatch()
        self._shown: Live | None = None
        """The live view as it was last written."""

    async def run(self) -> bool:
        """Work until the rehearsal is finished, or the process is asked to end.

        Says whether the engine is to begin again, as another process image.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._over.set)
        loop.add_signal_handler(signal.SIGINT, self._over.set)
        core = self._core
        await guarded(core, "reclaim", self._reclaim)
        if core.damage is None:
            resume = partial(settling.resume, core)
            core.opening.extend((core.attempts.recover, resume, core.write_way_back))
        await guarded(core, "opening", self._open)
        beats = [
            self._attend(),
            self._display(),
            self._look_into(),
            self._every(1.0, self._seats, self._insist),
            self._every(KEEP_S, self._claims.keep),
            self._every(RENEW_S, self._renew),
            *(self._every(*one) for one in self._core.world.beats()),
            *(self._every(*one) for one in self._feeds.beats()),
            self._every(1.0, self._watch),
            self._every(1.0, self._be_patient),
            self._every(LEFT_S, self._look_for_left),
            self._every(LEFT_S, self._look_for_containers),
            self._every(SWEEP_S, self._sweep),
            self._every(PROGRAM_S, self._program),
            self._every(PLAN_S, self._plan),
            self._every(PROOF_S, self._prove),
        ]
        await guarded(self._core, "doorbell", self._hang_doorbell)
        tasks = [asyncio.create_task(one) for one in beats]
        await self._over.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._doorbell.close()
        self._feeds.close()
        await self._looks.close()
        await self._core.advisory.close(acting=self._core.ledger.state.active is not None)
        await self._core.world.close(finish=bool(self._core.finishing))
        why = self._core.again or self._core.finishing or "asked to end"
        with suppress(JournalDamaged, OSError):  # a full disk keeps no engine from its end
            self._core.ledger.tell(EngineStopped(why))
        return bool(self._core.again)

    async def _every(self, seconds: float, *works: Callable[[], Awaitable[None]]) -> None:
        """Do this again and again: by one timer what never waits, since a timer costs as much."""
        while True:
            for work in works:
                await guarded(self._core, work.__name__, work)
            await asyncio.sleep(_rest(seconds))

    async def _hang_doorbell(self) -> None:
        self._doorbell.hang()

    async def _attend(self) -> None:
        """Look at once when it rings, often while an attempt is under way, else now and then."""
        while True:
            self._rung.clear()
            await guarded(self._core, "look", self._look)
            is_busy = self._core.ledger.state.active is not None
            await beat.came(self._rung, BUSY_S if is_busy else _rest(CALM_S))

    async def _look_into(self) -> None:
        """Follow what viewers look into: often while there are any, since they may choose anew."""
        core = self._core
        while True:
            await guarded(core, "looks", self._looks.beat)
            await asyncio.sleep(_rest(LIVE_S if core.viewers else CALM_S))

    async def _display(self) -> None:
        """Show what is new at once, and often while somebody waits for an answer."""
        core = self._core
        while True:
            await guarded(core, "show", self._show)
            waits = self._doing or core.proposal or core.ledger.state.active or core.world.lab
            if await beat.came(self._news, _rest(LIVE_S if waits else SIGN_S)):
                await asyncio.sleep(NEWS_S)
            self._news.clear()

    async def _reclaim(self) -> None:
        self._claims.resume()

    async def _open(self) -> None:
        self._core.open()

    async def _look(self) -> None:
        if self._core.opening:
            await guarded(self._core, "opening", self._open)
        # Nothing is confirmed, nor followed, before it is recorded that an engine is there.
        if not self._core.opening:
            self._follow()
        if self._core.finishing or self._core.again:
            self._over.set()

    def _follow(self) -> None:
        for path in self._inbox.coming():
            self._begin(f"intent {path.stem}", partial(self._inbox.follow, path))
        if self._core.damage is None:
            if self._core.attempts.follow():
                self._core.write_way_back()
            self._verify()
            self._name_what_runs()

    def _begin(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(guarded(self._core, name, work))
        self._doing.add(task)
        self._news.set()
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        """What was done may have begun an attempt, or ended the run, and is to be shown."""
        self._doing.discard(task)
        self._rung.set()
        self._news.set()

    def _verify(self) -> None:
        """Begin the verifications of an attempt that has just ended well, once."""
        active = self._core.ledger.state.active
        if active is None or active.status != "unverified" or active.last is None:
            return
        key = (active.id, active.last.number)
        if key not in self._verified:
            self._verified.add(key)
            self._begin("verification", lambda: settling.verify(self._core))

    def _name_what_runs(self) -> None:
        """Look once for what an attempt in doubt left at the Docker engine."""
        for state in left_running.in_doubt(self._core):
            key = (state.id, len(state.attempts))
            if key not in self._named:
                self._named.add(key)
                name = f"what {state.id} left"
                self._begin(name, partial(left_running.name_it, self._core, state))

    async def _show(self) -> None:
        core = self._core
        live = core.live()
        before = self._shown
        recent = before is not None and live.boot_ns - before.boot_ns < SIGN_S / 2 * NS
        if before is not None and recent and _ageless(live) == _ageless(before):
            return
        await self._last_word.write(core.directory.live, live, core.secrets.hide)
        self._shown = live

    async def _renew(self) -> None:
        await steps.renew(self._core)

    async def _program(self) -> None:
        """Hold when the program's files are another version's: what runs next would be theirs."""
        now = await asyncio.to_thread(program.label)
        is_other = program.differ(self._core.program, now)
        self._core.program_change = now if is_other else ""
        if is_other and self._core.ledger.state.held is None:
            words = f"the program's files were changed to {now}: a begins the engine again with it"
            self._core.ledger.tell(Held(words))

    async def _plan(self) -> None:
        await self._plans.look(self._core)

    async def _prove(self) -> None:
        """Read the whole journal again: what was changed behind the engine's back is damage."""
        await self._core.ledger.must_hold()

    async def _watch(self) -> None:
        await self._watches.look(self._core)

    async def _be_patient(self) -> None:
        await self._patience.look(self._core)

    async def _insist(self) -> None:
        self._insistence.look(self._core)

    async def _look_for_left(self) -> None:
        """What a step left running is shown to whoever looks on, and ended by their key."""
        core = self._core
        found = await asyncio.to_thread(lambda: tuple(core.attempts.left())) if core.viewers else ()
        if found != core.left:
            core.left = found
            self._news.set()

    async def _look_for_containers(self) -> None:
        """The same of containers: a Docker engine may take its time, or none may answer."""
        core = self._core
        found = await left_running.containers(core) if core.viewers else ()
        if found != core.left_containers:
            core.left_containers = found
            self._news.set()

    async def _sweep(self) -> None:
        self._inbox.sweep()

    async def _seats(self) -> None:
        core = self._core
        core.viewers = _alive(core.directory.viewers)
        seat = core.ledger.state.seat
        if seat is not None and handlers.seat_is_dead(core):
            core.ledger.tell(SeatVacated(seat.number, "its viewer is gone"))
        now = core.ledger.clock.real()
        if core.viewers or core.runbook.environment != "rehearsal":
            core.seen_at = now
        elif now - core.seen_at > NOBODY_S:
            core.finishing = "nobody looked on for half an hour"


def _ageless(live: Live) -> Live:
    """What a live view says, without the moments at which it was looked at."""
    grid = live.grid and replace(live.grid, at=0.0, asked_at=0.0)
    verdict = live.verdict and replace(live.verdict, at=0.0)
    return replace(live, boot_ns=0, grid=grid, verdict=verdict)


def _rest(seconds: float) -> float:
    """Real seconds until a beat's next turn."""
    return beat.rest(seconds, asyncio.get_running_loop().time())


async def guarded(core: Core, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run a beat; what goes wrong is logged whole and shown in words, and the loop goes on."""
    try:
        await work()
        core.troubles.pop(name, None)
    except JournalDamaged as damage:
        # Begun again, the engine shows what is wrong, and records nothing until it is accepted.
        if core.damage is None:
            core.again = f"the journal is damaged: {damage.what}"
            _LOG.error("%s: %s", name, damage)
    except OSError as error:
        _trouble(core, name, f"the host says: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001  the loop's boundary: logged whole, told in words
        _trouble(core, name, f"an unforeseen error: {error}")


def _trouble(core: Core, name: str, words: str) -> None:
    """Say what goes wrong; its trace is logged once, however often the beat comes."""
    if core.troubles.get(name) != words:
        _LOG.exception("%s failed", name)
        core.world.news.set()
    core.troubles[name] = words


def _alive(folder: Path) -> set[str]:
    """The viewers that look on, by `pid:start time`; files of dead ones are cleared away."""
    found = set()
    # Looked at each second for nine days: a list of names is a third of the work.
    for name in os.listdir(folder):  # noqa: PTH208
        pid, _, started = name.partition(":")
        if pid.isdigit() and started.isdigit() and is_alive(int(pid), int(started), boot_id()):
            found.add(name)
        else:
            # Of a shared run others write here: what is no viewer's file may stay.
            with suppress(OSError):
                (folder / name).unlink()
    return found
