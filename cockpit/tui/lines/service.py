"""A service's own page: its state with evidence, its log, its past, and what it is made of."""

from __future__ import annotations

from collections.abc import Iterator

from cockpit.outlook import off_as_planned
from cockpit.runbook.model import Probe
from cockpit.status import TILE
from cockpit.telemetry.live import HEALTH_OUTPUT, Tile, tile_state
from cockpit.telemetry.look import LOG_LINES, Look
from cockpit.tui.lines import times
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.grouped import beside
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.spark import spark
from cockpit.tui.lines.text import Line, Span, fit, glyph, kept, mark, said, wrapped

NEWEST = 6
"""Lines of the log that the page itself shows."""
PAST = 12
"""Happenings that it shows."""
TIME = 10
"""Columns of the time before a line of the log."""
OUTSIDE = "watched from outside only: no probe of this runbook watches its container"
UNREHEARSED = "not rehearsed here: the embedded lab runs no containers"
NO_LINE = {"opening": "the engine opens it …", "follows": "it has written nothing yet"}


def service_page(scene: Scene, key: str, width: int) -> Picture | None:
    """The page; None where the service is not there any more."""
    tile = _tile(scene, key)
    if tile is None:
        return None
    word = mark(TILE[tile_state(tile, scene.now)], ascii_only=scene.ascii)
    probe = _probe(scene, key)
    body: list[Line] = [_part("State now"), *_state(scene, tile, probe, word, width)]
    inner = beside(scene, key)
    body += _inner(scene, inner, width)
    body += _health((tile, *inner), width)
    body += [(), _part("Log"), *_newest(scene, key, probe, width)]
    body += [(), _part("History"), *_history(scene, tile, width)]
    body += [(), _part("Figures"), *_figures((tile, *inner), probe, width)]
    body += [(), _part("Inspect"), *_inspect(scene, key, probe, width)]
    body += [(), _part("What you can do"), _can(scene, key, width)]
    return Picture(f"Service: {said(tile.title)}", (word,), tuple(body))


def service_log(scene: Scene, key: str, width: int, search: str = "") -> Picture:
    """The whole of its log that is kept, newest last, as it comes."""
    tile, look, probe = _tile(scene, key), _look(scene, key), _probe(scene, key)
    title = f"Log of {said(tile.title if tile else key)}"
    if not has_log(scene, key):
        return Picture(title, (), (((_no_container(scene, probe), "dim"),),))
    wanted = search.casefold()
    found = [(at, text) for at, text in (look.log if look else ()) if wanted in text.casefold()]
    rows = [row for at, text in found for row in _line(at, text, width)]
    conclusion = _conclusion(scene, look, len(found), search)
    if not rows:
        words = "no line holds these words" if search else _why_none(look)
        rows = [((row, "dim"),) for row in wrapped(words, width)]
    return Picture(title, conclusion, tuple(rows))


def _part(title: str) -> Line:
    return ((title, "title"),)


def _tile(scene: Scene, key: str) -> Tile | None:
    tiles = scene.live.tiles if scene.live else ()
    return next((one for one in tiles if one.probe == key), None)


def _probe(scene: Scene, key: str) -> Probe | None:
    return next((one for one in scene.runbook.procedure.probes if one.id == key), None)


def _look(scene: Scene, key: str) -> Look | None:
    found = scene.view.look
    return found if found and found.probe == key else None


def has_log(scene: Scene, key: str) -> bool:
    """Whether there is a container to be looked into."""
    container = scene.runbook.procedure.container(key)
    return container is not None and scene.environment != "rehearsal"


def _state(scene: Scene, tile: Tile, probe: Probe | None, word: Span, width: int) -> Iterator[Line]:
    yield from labelled("It is", [word], width)
    if probe and (why := off_as_planned(scene.runbook, scene.state, probe)):
        yield from labelled("Planned", [(f"to be off: {why}", "plain")], width)
    yield from labelled("Figure", [(tile.figure or "none", "plain")], width)
    seen = times.ago(scene.now - tile.at) if tile.at else "never"
    yield from labelled("Seen", [(seen, "plain")], width)
    since = f"{times.moment(tile.since, scene.now)}, {times.ago(scene.now - tile.since)}"
    yield from labelled("Since", [(since, "plain")], width)


def _inner(scene: Scene, tiles: tuple[Tile, ...], width: int) -> Iterator[Line]:
    """What is watched of the same service beside it, as its container."""
    for tile in tiles:
        shown, tone = mark(TILE[tile_state(tile, scene.now)], ascii_only=scene.ascii)
        yield from labelled("Beside", [(f"{tile.title}: {shown}, {tile.figure}", tone)], width)


def _figures(tiles: tuple[Tile, ...], probe: Probe | None, width: int) -> Iterator[Line]:
    if probe:
        what = f"{probe.kind} on {probe.target}, asked every {times.lasting(probe.every)}"
        yield from labelled("Probe", [(what, "plain")], width)
    told = (text for tile in tiles for text in tile.detail)
    more = [text for text in told if not text.startswith(HEALTH_OUTPUT)]
    yield from labelled("More", [(text, "plain") for text in more], width)


def _health(tiles: tuple[Tile, ...], width: int) -> Iterator[Line]:
    """What its last health checks said, the newest first."""
    told = [one for tile in tiles for one in tile.detail if one.startswith(HEALTH_OUTPUT)]
    found = [one.removeprefix(HEALTH_OUTPUT) for one in told]
    if found:
        yield ()
        yield _part("Last health outputs")
    for text in reversed(found):
        code, _, output = text.partition(": ")
        tone = "plain" if code == "0" else "bad"
        yield from labelled(f"exit {code}", [(output, tone)], width)


# -- its log ------------------------------------------------------------------------------------


def _newest(scene: Scene, key: str, probe: Probe | None, width: int) -> Iterator[Line]:
    if not has_log(scene, key):
        yield ((_no_container(scene, probe), "dim"),)
        return
    look = _look(scene, key)
    yield fit(_conclusion(scene, look, len(look.log) if look else 0, ""), width)
    newest = look.log[-NEWEST:] if look else ()
    rows = [row for at, text in newest for row in _line(at, text, width)]
    yield from rows[-NEWEST:]
    if not rows and look and look.state == "follows":
        yield ((_why_none(look), "dim"),)


def _no_container(scene: Scene, probe: Probe | None) -> str:
    container = probe and scene.runbook.procedure.container(probe.id)
    return UNREHEARSED if container and scene.environment == "rehearsal" else OUTSIDE


def _line(at: float, text: str, width: int) -> list[Line]:
    return [
        fit(((f"{_time(at) if not index else '':{TIME}}", "dim"), (row, "plain")), width)
        for index, row in enumerate(kept(said(text), max(16, width - TIME)))
    ]


def _time(at: float) -> str:
    return times.hhmmss(at) if at else "no time"


def _why_none(look: Look | None) -> str:
    state = look.state if look else "opening"
    return NO_LINE.get(state, said(look.words) if look else "")


def _conclusion(scene: Scene, look: Look | None, count: int, search: str) -> Line:
    """Whether lines come, and why not; an engine that is gone follows nothing."""
    head: Span
    if scene.is_old:
        head = ("not followed: the engine does not answer", "unknown")
    elif look is None or look.state == "opening":
        head = (NO_LINE["opening"], "unknown")
    elif look.state == "follows":
        head = (f"follows {said(look.container)}", "fine")
    elif look.state == "waits":
        head = (f"nothing comes: {said(look.words)}", "unknown")
    else:
        head = (f"no log to be had: {said(look.words)}", "bad")
    if search:
        return (head, (f", {count} lines with “{said(search)}”", "needs"))
    if not count:
        return (head,)
    how_many = f"the newest {count}" if count >= LOG_LINES else str(count)
    return (head, (f", {how_many} lines", "dim"))


# -- what it went through, and what it is made of -------------------------------------------------


def _history(scene: Scene, tile: Tile, width: int) -> Iterator[Line]:
    if tile.history:
        yield ((spark(tile.history, min(width, 60)), "spark"),)
    told: list[tuple[float, Line]] = []
    for turn in scene.state.turns.get(tile.probe, ()):
        known = TILE[turn.now]
        shown, tone = glyph(known, ascii_only=scene.ascii)
        figure = f": {said(turn.figure)}" if turn.figure and turn.figure != known.word else ""
        told.append((turn.at, ((f"{shown} {known.word}{figure}", tone),)))
    look = _look(scene, tile.probe)
    told += [(at, ((said(words), "plain"),)) for at, words in (look.past if look else ())]
    told.sort(key=lambda one: one[0], reverse=True)
    for at, words in told[:PAST]:
        today = times.day(at) == times.day(scene.now)
        moment = times.hhmmss(at) if today else times.moment(at, scene.now)
        when = f"{moment}, {times.ago(scene.now - at)}"
        yield fit(((f"{when:<26}", "dim"), *words), width)
    if not told and not tile.history:
        yield (("none yet", "dim"),)


def _inspect(scene: Scene, key: str, probe: Probe | None, width: int) -> Iterator[Line]:
    look = _look(scene, key)
    if not has_log(scene, key):
        yield ((_no_container(scene, probe), "dim"),)
    elif look is None or not look.about:
        gone = look is not None and look.state == "waits"
        yield (("no container is there" if gone else "nothing is known yet", "unknown"),)
    for name, values in look.about if look else ():
        yield from labelled(name.capitalize(), [(value, "plain") for value in values], width)


def _can(scene: Scene, key: str, width: int) -> Line:
    if not has_log(scene, key):
        return (("it is only looked at: nothing acts from here", "dim"),)
    keys: Line = (("l", "key"), (" its log as it comes   ", "plain"), ("/", "key"))
    return fit((*keys, (" search it; nothing acts from here", "plain")), width)
