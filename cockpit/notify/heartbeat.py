"""Signs of life: a file that is replaced, a URL that is asked; who misses them knows of a silence.

The URL is not asked while something keeps the engine from its work: its silence is the alarm.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from cockpit.clock import Clock, rfc3339, wall_s
from cockpit.durable import fit
from cockpit.errors import CockpitError, TargetError
from cockpit.notify.feed import Feed
from cockpit.runbook.targets import Heartbeat
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Tile

TIMEOUT_S = 10.0


class HeartbeatFeed:
    """The heartbeat of one run."""

    def __init__(
        self, settings: Heartbeat, run_directory: Path, secrets: Secrets, clock: Clock
    ) -> None:
        self.every_s: float = settings.every
        self._settings = settings
        self._path = run_directory / settings.file
        self._closed = not Path(settings.file).is_absolute()
        """In the run's own folder; anywhere else others are to read it, as the umask lets them."""
        self._run = "/".join(run_directory.parts[-2:])
        self._secrets = secrets
        self._feed = Feed("heartbeat", clock, settings.every, TIMEOUT_S)

    async def beat(self, trouble: str) -> None:
        """One sign of life. It never raises: what went wrong is on its tile."""
        await self._feed.follow(lambda: self._both(trouble))

    def tile(self) -> Tile:
        """How it stands, as a service of its own."""
        return self._feed.tile(f"the file {self._path}", *self._asked())

    async def _both(self, trouble: str) -> None:
        failed: list[CockpitError] = []
        for one in (self._write, self._ask):
            try:
                await one(trouble)
            except CockpitError as error:
                failed.append(error)
        if failed:
            raise failed[-1]

    async def _write(self, trouble: str) -> None:
        told = {"run": self._run, "utc": rfc3339(wall_s()), "pid": os.getpid(), "trouble": trouble}
        try:
            hide, closed = self._secrets.hide, self._closed
            await asyncio.to_thread(_replace, self._path, hide, told, closed=closed)
        except OSError as error:
            raise TargetError(f"not written: {error.strerror}", where=str(self._path)) from error

    async def _ask(self, trouble: str) -> None:
        settings = self._settings
        if not settings.url:
            return
        if trouble:
            raise TargetError(f"withheld: {trouble}", where=_host(settings.url))
        import httpx

        url = settings.url
        if settings.key:
            url = f"{url.rstrip('/')}/{self._secrets.value(settings.key)}"
        headers = {}
        if settings.bearer:
            headers["Authorization"] = f"Bearer {self._secrets.value(settings.bearer)}"
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                response = await client.get(url, headers=headers)
        except httpx.HTTPError as error:
            # The address itself may be the key: only its host is named.
            what = f"not taken: {type(error).__name__}"
            raise TargetError(what, where=_host(settings.url)) from None
        if not response.is_success:
            raise TargetError(f"answered {response.status_code}", where=_host(settings.url))

    def _asked(self) -> tuple[str, ...]:
        return (f"GET at {_host(self._settings.url)}",) if self._settings.url else ()


def _replace(
    path: Path, hide: Callable[[str], str], told: dict[str, object], *, closed: bool
) -> None:
    # Not synced: a sign of life from before a crash says nothing after it.
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(hide(msgspec.json.encode(told).decode()) + "\n", encoding="utf-8")
    if closed:
        aside.chmod(0o600)
        fit(aside)
    aside.replace(path)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
