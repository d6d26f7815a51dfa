"""Questions that the live view answers: are services fine, and what does a signal say."""

from __future__ import annotations

from collections import Counter

from cockpit.answer import Said
from cockpit.checks.base import CheckContext, Finding
from cockpit.decision.evidence import Reading
from cockpit.errors import TargetError
from cockpit.probes.expected import COMPARE
from cockpit.runbook.checks import Expect, ServicesCheck, SignalCheck
from cockpit.status import TILE
from cockpit.telemetry.live import Tile

SAYS: dict[str, Said] = {
    "fine": "pass",
    "slow": "fail",
    "down": "fail",
    "silent": "unknown",
    "stale": "unknown",
    "off": "fail",
    "not_rehearsed": "not_rehearsed",
}
"""What a tile's state answers."""
WORST: tuple[Said, ...] = ("fail", "unknown", "pass", "not_rehearsed")
"""The first of these that any service answers is the answer."""


async def services(check: ServicesCheck, context: CheckContext) -> Finding:
    """The tiles of these probes are fine and fresh."""
    tiles = {tile.probe: tile for tile in context.live.tiles}
    now = context.clock.now()
    found = [(probe, _state(tiles.get(probe), now)) for probe in check.probes]
    answers = {SAYS[state] for _, state in found}
    said: Said = next((one for one in WORST if one in answers), "unknown")
    sick = [_words(tiles.get(name), name, state) for name, state in found if state != "fine"]
    counted = Counter(state for _, state in found)
    return Finding(said, "; ".join([f"{counted['fine']} of {len(found)} fine", *sick]))


def _state(tile: Tile | None, now: float) -> str:
    if tile is None:
        return "silent"
    if tile.state in ("fine", "slow", "down") and now - tile.at > tile.fresh_for:
        return "stale"
    return tile.state


def _words(tile: Tile | None, probe: str, state: str) -> str:
    title, figure = (tile.title, tile.figure) if tile else (probe, "")
    return f"{title} {TILE[state].word} {figure}".strip()


async def signal(check: SignalCheck, context: CheckContext) -> Finding:
    """A signal's measured value is as expected; too little data is unknown."""
    verdict = context.live.verdict
    readings = verdict.readings if verdict else ()
    reading = next((one for one in readings if one.signal == check.signal), None)
    if reading is None:
        raise TargetError("is not measured yet", where=check.signal)
    if reading.leaning == "unknown" or reading.value is None:
        return Finding("unknown", reading.words)
    if context.clock.now() - reading.at > max(check.fresh_for, 10 * context.clock.speed):
        return Finding("unknown", f"measured too long ago: {reading.words}")
    return Finding(_judged(reading, check.expect), reading.words)


def _judged(reading: Reading, expect: Expect) -> Said:
    """Pass or fail where the whole 95% interval agrees; where it does not, nobody knows yet."""
    ends = [reading.value if end is None else end for end in (reading.low, reading.high)]
    held = {_holds(end or 0.0, reading.signal, expect) for end in ends}
    return "unknown" if len(held) > 1 else "pass" if held.pop() else "fail"


def _holds(value: float, signal_id: str, expect: Expect) -> bool:
    text = str(expect.value).strip()
    scale = 100 if text.endswith("%") or expect.unit == "%" else 1
    try:
        wanted = float(text.removesuffix("%"))
    except ValueError as error:
        raise TargetError(f"cannot be compared with {text!r}", where=signal_id) from error
    return COMPARE[expect.op](value * scale, wanted)
