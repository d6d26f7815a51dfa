"""Follows one service while somebody looks: its container's log, and what the engine says of it.

It only reads, over a connection of its own, and ends with it: nothing is left at the engine.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from cockpit.clock import wall_s
from cockpit.errors import CockpitError
from cockpit.probes.container import sickest
from cockpit.probes.listener import Container, Listener
from cockpit.probes.loglines import LogLines
from cockpit.probes.own_secrets import learn
from cockpit.probes.sample import ProbeContext
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.described import Rows, rows
from cockpit.stack.engine import Engine, engine
from cockpit.stack.logstream import Frames
from cockpit.telemetry.look import LOG_LINES, Look, LookState

LOOK_S = 0.25
"""Real seconds between two looks at which container it is."""
AGAIN_S = 2.0
"""Real seconds before a log is asked for again that could not be had."""
READ_LINES = LOG_LINES + 200
"""How many of a log's last lines are read: the first ones may be the end of a folded secret."""
BURST = 2 * LOG_LINES
"""Lines of a log that are read in a second; the rest of it is passed over."""
_log = logging.getLogger(__name__)


class ServiceLook:
    """One service, as long as it is looked at."""

    def __init__(self, probe: Probe, target: ComposeTarget, context: ProbeContext) -> None:
        self._probe = probe
        self._target = target
        self._context = context
        self._lines = LogLines(context.secrets, context.clock.real)
        self._state: LookState = "opening"
        self._words = ""
        self._followed = ("", "")
        """The container, and the start of it, whose log was read to its end."""
        self._since = ""
        """From where the log goes on, as the engine wants it."""
        self._image: tuple[object, Mapping[str, Any]] = ("", {})

    def look(self) -> Look:
        """All that is known of it just now."""
        one, listener = self._container(), self._listener
        return Look(
            probe=str(self._probe.id),
            state=self._state,
            words=self._words,
            container=_name(one) if one else "",
            about=self._about(one),
            past=tuple(listener.past.get(self._probe.container, ())) if listener else (),
            log=self._lines.kept,
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        await asyncio.to_thread(self._context.secrets.learn_all)
        while True:
            try:
                await self._follow()
            except (CockpitError, OSError) as error:
                self._say("refused", str(error))
            except Exception as error:  # noqa: BLE001 - the one boundary: logged, told as no log
                _log.exception("the look at %s broke", self._probe.id)
                self._say("refused", f"looking at it broke ({type(error).__name__})")
            await asyncio.sleep(AGAIN_S)

    @property
    def _listener(self) -> Listener | None:
        return self._context.listeners.get(self._probe.target)

    def _container(self) -> Container | None:
        found = self._listener.of(self._probe.container) if self._listener else []
        return sickest(found, self._context.clock.real())[1] if found else None

    def _about(self, one: Container | None) -> Rows:
        if one is None:
            return ()
        known, image = self._image
        return rows(one.inspected, image if known == one.inspected.get("Image") else {})

    def _say(self, state: LookState, words: str = "") -> None:
        self._state, self._words = state, words

    # -- following ------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Read the log of the container that is there, and of those that come after it."""
        one = await self._next()
        async with engine(self._target.context) as api:
            while True:
                await self._prepare(api, one)
                await self._read(api, one)
                one = await self._next()

    async def _next(self) -> Container:
        """The container to be read: another one, one that began again, or one that runs on."""
        while True:
            one = self._container()
            if one is None:
                why = self._listener.trouble if self._listener else "nobody listens to it yet"
                self._say("waits", why or f"no container of {self._probe.container} is there")
            elif _key(one) != self._followed or one.state.get("Running"):
                return one
            else:
                self._say("waits", f"{_name(one)} is {one.state.get('Status', 'not running')}")
            await asyncio.sleep(LOOK_S)

    async def _prepare(self, api: Engine, one: Container) -> None:
        """Know its secrets before its first line, and its image."""
        image = one.inspected.get("Image")
        if self._image[0] != image:
            await asyncio.to_thread(learn, self._context.secrets, one.inspected, api.is_local)
            self._image = (image, await api.get(f"/images/{image}/json"))

    async def _read(self, api: Engine, one: Container) -> None:
        """Read one container's log from where it was left to its end."""
        container = str(one.inspected["Id"])
        if self._followed[0] and container != self._followed[0]:
            self._lines.say(wall_s(), f"-- from here another container, {container[:12]} --")
            self._since = ""
        self._followed = _key(one)
        frames = Frames(raw=bool((one.inspected.get("Config") or {}).get("Tty")))
        wanted = {"follow": "true", "stdout": "true", "stderr": "true", "timestamps": "true"}
        since = {"since": self._since} if self._since else {}
        path = f"/containers/{container}/logs"
        async with aclosing(api.pieces(path, **wanted, tail=str(READ_LINES), **since)) as pieces:
            began, count = self._context.clock.real(), -READ_LINES
            async for piece in pieces:
                count += self._take(frames, piece)
                now = self._context.clock.real()
                began, count = (now, 0) if now - began > 1.0 else (began, count)
                if count > BURST:
                    break
        if count > BURST:
            more = "-- more came than can be read: lines are left out here --"
            self._lines.leave_out(wall_s(), more)
        else:
            self._lines.take(frames.end())
        # Not at once: a container that ends and begins all the time is not asked all the time.
        await asyncio.sleep(1.0 if count > BURST else LOOK_S)

    def _take(self, frames: Frames, piece: bytes) -> int:
        """Keep the lines of a piece; gives how many they are."""
        self._say("follows")
        entries = frames.feed(piece)
        self._lines.take(entries)
        for one in entries:
            self._since = one.since or self._since
        return len(entries)


def _key(one: Container) -> tuple[str, str]:
    return str(one.inspected["Id"]), str(one.state.get("StartedAt", ""))


def _name(one: Container) -> str:
    return str(one.inspected.get("Name", "")).lstrip("/")
