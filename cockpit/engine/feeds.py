"""What the engine sends out by itself, as the accepted plan lists it: heartbeat and mirror."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from cockpit.engine.core import Core
from cockpit.journal.events import ServiceTurned
from cockpit.notify.heartbeat import HeartbeatFeed
from cockpit.notify.mirror import MirrorFeed
from cockpit.runbook.targets import Heartbeat
from cockpit.telemetry.live import Tile, TileState

OWN = Heartbeat()
"""Where a profile declares none: a file in the run directory, and no tile."""


class Feeds:
    """The heartbeat and the mirror of one run."""

    def __init__(self, core: Core) -> None:
        profile, folder = core.runbook.profile, core.directory.path
        secrets, clock = core.secrets, core.ledger.clock
        self._core = core
        self._heartbeat = HeartbeatFeed(profile.heartbeat or OWN, folder, secrets, clock)
        self._mirror = None
        if profile.mirror:
            self._mirror = MirrorFeed(profile.mirror, folder, secrets, clock)
        self._shown = [self._heartbeat.tile] if profile.heartbeat else []
        self._shown += [self._mirror.tile] if self._mirror else []
        self._told: dict[str, TileState] = {}
        core.feeds = self.tiles

    def tiles(self) -> tuple[Tile, ...]:
        """Each as a service of its own, with its age."""
        return (*(tile() for tile in self._shown), *self._way_back())

    def _way_back(self) -> Iterator[Tile]:
        """Nothing while way-back.md is whole: where it is not, it must be known in time."""
        if missing := self._core.unwritten:
            figure = f"without {', '.join(missing)}"
            now = self._core.ledger.clock.now()
            yield Tile("way_back", "way-back.md", "down", figure, now, now)

    def beats(self) -> list[tuple[float, Callable[[], Awaitable[None]]]]:
        """What is to be called every so many real seconds."""
        copies = [(1.0, self._copy)] if self._mirror else []
        turns = [(1.0, self._turned)] if self._shown else []
        return [(self._heartbeat.every_s, self._beat), *copies, *turns]

    async def _beat(self) -> None:
        await self._heartbeat.beat(self._core.trouble)

    async def _copy(self) -> None:
        if self._mirror is not None:
            await self._mirror.beat(self._core.ledger.head)

    async def _turned(self) -> None:
        """Journal what began to fail, and what arrives again."""
        for tile in self.tiles():
            was = self._told.get(tile.probe, "fine")
            if tile.state in ("fine", "down") and tile.state != was:
                self._told[tile.probe] = tile.state
                words = (tile.probe, tile.title, was, tile.state, tile.figure)
                self._core.ledger.tell(ServiceTurned(*words))

    def close(self) -> None:
        """Leave no process behind."""
        if self._mirror is not None:
            self._mirror.close()
