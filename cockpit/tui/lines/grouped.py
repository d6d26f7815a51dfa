"""Tiles of one service as one: what answers outside and its container; the worse one speaks."""

from __future__ import annotations

from dataclasses import replace

from cockpit.telemetry.live import WORST, Tile, tile_state
from cockpit.tui.lines.scene import Scene

_WELL = WORST.index("fine")


def every(scene: Scene) -> tuple[Tile, ...]:
    """All tiles, each by itself."""
    return scene.live.tiles if scene.live else ()


def beside(scene: Scene, key: str) -> tuple[Tile, ...]:
    """The tiles that are shown within this one."""
    named = {str(one.id) for one in scene.runbook.procedure.probes if one.beside == key}
    return tuple(tile for tile in every(scene) if tile.probe in named)


def grouped(scene: Scene) -> tuple[Tile, ...]:
    """One tile a service, in the runbook's order."""
    inner = {str(one.id) for one in scene.runbook.procedure.probes if one.beside}
    return tuple(
        _spoken(tile, beside(scene, tile.probe), scene.now)
        for tile in every(scene)
        if tile.probe not in inner
    )


def _spoken(tile: Tile, others: tuple[Tile, ...], now: float) -> Tile:
    """The tile with the words of the sickest; one that is well has nothing to add."""

    def rank(one: Tile) -> int:
        return WORST.index(tile_state(one, now))

    worst = min((tile, *others), key=rank)
    if worst is tile or rank(worst) >= _WELL:
        return tile
    told = replace(worst, probe=tile.probe, title=tile.title, side=tile.side)
    return replace(told, history=tile.history or worst.history)
