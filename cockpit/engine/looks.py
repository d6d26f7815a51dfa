"""Looks into services: followed while a viewer asks for one, and gone when none does.

A viewer asks by writing the probe's id into its own file among the viewers; a viewer that is
gone has no such file. Asking is reading: nothing of it is journaled.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cockpit.durable import make_folder
from cockpit.engine.core import Core
from cockpit.probes.service_look import ServiceLook
from cockpit.telemetry import codec
from cockpit.telemetry.look import Look

AT_ONCE = 4
"""Services that are followed at one time, whoever asks for more."""
LONGEST = 200
"""Bytes of a viewer's file that are read."""
FULL = "four other services are looked at just now: one of them has to be left first"

NO_CONTAINER = "watched from outside only: no probe of this runbook watches its container"


class Looks:
    """The services that are looked at."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._looks: dict[str, tuple[ServiceLook, asyncio.Task[None]]] = {}
        self._shown: dict[str, Look] = {}
        self._clear()

    async def beat(self) -> None:
        """Begin and end what is asked for, and write down what was seen."""
        wanted = await asyncio.to_thread(self._wanted) if self._core.viewers else []
        for probe in [one for one in self._looks if one not in wanted]:
            self._end(probe)
        for probe in wanted:
            await self._show(probe)
        for probe in [one for one in self._shown if one not in wanted]:
            del self._shown[probe]
            await asyncio.to_thread(self._path(probe).unlink, missing_ok=True)

    async def close(self) -> None:
        """Follow nothing more."""
        tasks = [self._end(probe) for probe in list(self._looks)]
        await asyncio.gather(*tasks, return_exceptions=True)
        self._clear()

    def _wanted(self) -> list[str]:
        asked = (_asked(self._core.directory.viewers / one) for one in sorted(self._core.viewers))
        known = {str(probe.id) for probe in self._core.runbook.procedure.probes}
        return [one for one in dict.fromkeys(asked) if one in known]

    async def _show(self, probe: str) -> None:
        seen = self._seen(probe)
        if self._shown.get(probe) != seen:
            # A disk that takes nothing is said by the engine itself; a log is no reason to stop it.
            with suppress(OSError):
                await asyncio.to_thread(self._write, probe, seen)
                self._shown[probe] = seen

    def _seen(self, probe: str) -> Look:
        if probe not in self._looks:
            if len(self._looks) >= AT_ONCE:
                return Look(probe, "refused", FULL)
            made = self._core.world.service_look(probe)
            if made is None:
                return Look(probe, "refused", NO_CONTAINER)
            self._looks[probe] = (made, asyncio.create_task(made.run(), name=f"look at {probe}"))
        # Asked by the service, which may be watched from outside with its container beside it.
        return replace(self._looks[probe][0].look(), probe=probe)

    def _end(self, probe: str) -> asyncio.Task[None]:
        task = self._looks.pop(probe)[1]
        task.cancel()
        return task

    def _write(self, probe: str, seen: Look) -> None:
        make_folder(self._core.directory.looks)
        codec.write(self._path(probe), seen, self._core.secrets.hide)

    def _path(self, probe: str) -> Path:
        return self._core.directory.looks / f"{probe}.json"

    def _clear(self) -> None:
        """No look outlives whoever followed it."""
        for path in self._core.directory.looks.glob("*"):
            path.unlink(missing_ok=True)


def _asked(path: Path) -> str:
    """What a viewer looks at; empty where at nothing."""
    with suppress(OSError):
        # Others may write to that folder: no link is followed, no pipe waited for.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return os.read(file, LONGEST).decode("utf-8", "replace").strip()
        finally:
            os.close(file)
    return ""
