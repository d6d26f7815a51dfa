"""`cockpit status [RUN] [--json]`: one screenful, no TUI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from cockpit.commands import under_way
from cockpit.commands.runs import OPEN, shown, word
from cockpit.engine import layout
from cockpit.engine.client import Client, View
from cockpit.engine.start import was_ended
from cockpit.exits import BAD, GOOD, UNKNOWN, answer, tell
from cockpit.journal.events import Json
from cockpit.outlook import Outlook, log_words, outlook, step_names
from cockpit.propagation.convergence import share_words
from cockpit.redact import hide_in, one_line, printable
from cockpit.status import ENVIRONMENT, RUN, STEP, TILE, VERDICT
from cockpit.telemetry.live import SICK, WORST, Live, Tile, tile_state
from cockpit.timewords import lasting, moment

Seen = tuple[under_way.UnderWay, ...]
LINES = 24
SHOWN, LEAST = 8, 2
"""How many of the newest events are shown, and how many where much else is to be said."""
SICKEST = 6
"""How many services that are not well are named."""


def run(run: str = "", *, as_json: bool = False) -> int:
    """Say where a run stands.

    1 for a damaged journal, 2 where the engine is gone, silent, or can confirm nothing.
    """
    directory = layout.find(run)
    view = Client(directory).view()
    ahead = outlook(view.runbook, view.state, view.now)
    let_go = word(view.state) in OPEN and was_ended(directory)
    seen = tuple(under_way.under_way(view, directory))
    lines = screenful(view, ahead, seen, let_go=let_go)
    if as_json:
        answer(told(view, ahead, seen, let_go=let_go))
    else:
        tell("\n".join(lines))
    if view.state.damage:
        return BAD
    good = let_go or view.is_over or engine(view) == "here"
    return GOOD if good else UNKNOWN


def engine(view: View) -> str:
    """How the engine does: `here`, `gone`, `silent`, or `in_trouble`."""
    if is_blind(view) or view.is_over:
        return "gone"
    if view.is_silent and not view.state.ended:
        return "silent"
    return "in_trouble" if trouble(view) and not view.state.ended else "here"


def trouble(view: View) -> str:
    """What keeps the engine from confirming anything, in its newest word; empty where nothing."""
    return view.live.trouble if view.live else ""


def is_blind(view: View) -> bool:
    """Whether an open run has no engine that watches."""
    return not view.state.ended and (view.live is None or view.engine_gone)


def is_lost(view: View) -> bool:
    """Whether the journal's beginning is lost: nothing says when anything is planned."""
    return bool(view.state.damage) and not view.state.t0_planned


def told(view: View, ahead: Outlook, seen: Seen, *, let_go: bool = False) -> str:
    """What a program may want; `let_go` where an operator ended the rehearsal."""
    state = view.state
    verdict = view.live.verdict if view.live else None
    plain: Json = msgspec.to_builtins(
        {
            "run": state.run,
            "environment": state.environment,
            "state": "let_go" if let_go else word(state),
            "held": state.held,
            "damage": state.damage,
            "now": None if is_lost(view) else view.now,
            "t0_planned": state.t0_planned or None,
            "t0_actual": state.t0_actual,
            "done": None if is_lost(view) else ahead.done,
            "steps": ahead.total,
            "next": ahead.next.step.id if ahead.next and not is_lost(view) else None,
            "late_s": None if is_lost(view) else ahead.late_s,
            "verdict": verdict.word if verdict and not is_lost(view) else None,
            "engine": engine(view),
            "engine_age_s": view.age_s,
            "trouble": trouble(view),
            "newer": state.newer,
            "head": state.head,
            "under_way": list(seen),
        }
    )
    # A journal may be older than the engine that takes control characters out of it.
    return msgspec.json.encode(hide_in(plain, printable, numbers=False)).decode()


def screenful(view: View, ahead: Outlook, seen: Seen, *, let_go: bool = False) -> Iterator[str]:
    """At most 24 lines of 80 columns, where titles allow it; no text from outside adds one."""
    above = list(_stands(view, ahead, seen, let_go=let_go))
    newest = view.state.log[-max(LEAST, min(SHOWN, LINES - 1 - len(above))) :]
    names = step_names(view.runbook, view.state)
    past = (f"{moment(line.at)}  {log_words(names, line)}" for line in newest)
    return map(one_line, (*above, "", *past))


def _stands(view: View, ahead: Outlook, seen: Seen, *, let_go: bool) -> Iterator[str]:
    state = view.state
    yield f"{ENVIRONMENT.get(state.environment, state.environment)} · {state.domain} · {state.run}"
    words = RUN["let_go"].shown() if let_go else shown(state)
    now = None if is_lost(view) else view.now
    yield f"{words}   {moment(now)}   T-0 {moment(state.t0)}"
    if state.damage or state.held is not None:
        yield f"because {state.damage or state.held}"
    yield from _watched(view, let_go=let_go)
    if is_lost(view):
        yield "the journal's beginning is lost: what was done, what is planned, and whether"
        yield "users were switched over is unknown"
    else:
        yield f"{ahead.done} of {ahead.total} steps settled, the last due {moment(ahead.ends_at)}"
    for one in seen:
        yield from under_way.lines(view, one)
    if not is_lost(view):
        yield from _next(ahead, {one.step for one in seen})
    if view.live:
        yield from _seen(view.live, view.now, lost=is_lost(view))


def _watched(view: View, *, let_go: bool) -> Iterator[str]:
    """Whether anybody watches what is told below, and who may."""
    if view.state.newer:
        yield f"{view.state.newer}; it can be read, not driven"
    if let_go:
        yield "an operator ended this rehearsal: nothing below is watched; a new one begins anew"
    elif view.is_over:
        yield "the run is over: nothing below is watched any more"
    else:
        yield from _engine(view)


def _engine(view: View) -> Iterator[str]:
    """What is wrong with the engine, and with what it wrote."""
    how = engine(view)
    age = "" if view.age_s is None else lasting(view.age_s)
    if how == "gone":
        since = f" since {age}" if age else ""
        yield f"the engine is gone{since}: nothing below is watched; {view.restarts}"
        if trouble(view):
            yield f"its last word: {trouble(view)}"
        return
    if how == "silent":
        yield f"the engine has been silent for {age}: what it watches is not known since"
    if trouble(view) and not view.state.ended:
        yield f"NOTHING CAN BE CONFIRMED: {trouble(view)}"


def _next(ahead: Outlook, said: set[str]) -> Iterator[str]:
    line = ahead.next
    if line is None or line.step.id in said:
        return
    late = f", late by {lasting(ahead.late_s)}" if ahead.late_s > 0 else ""
    mark = STEP[line.status].shown() + (" after that" if said else "")
    yield f"{mark}: {line.step.title}, planned {moment(line.planned)}{late}"
    if line.missing:
        yield f"  waits for {', '.join(line.missing)}"


def _seen(live: Live, now: float, *, lost: bool) -> Iterator[str]:
    if live.verdict and not lost:
        yield f"{VERDICT[live.verdict.word].shown()}: {live.verdict.reason}"
    grid = live.grid
    if grid and grid.share is not None:
        yield f"{share_words(grid.share)} of resolvers follow ({grid.following} of {grid.counted})"
    if grid and grid.switched_at is not None:
        counted = live.old_requests
        told = "an unknown number of" if counted is None else f"{counted:.1f}"
        yield f"{told} requests a minute still reach the old side"
    yield from _services(live.tiles, now)


def _services(tiles: tuple[Tile, ...], now: float) -> Iterator[str]:
    """What is not well, the sickest first, and how many there are of the rest."""
    ordered = sorted(
        ((tile_state(tile, now), tile) for tile in tiles), key=lambda one: WORST.index(one[0])
    )
    named = [(state, tile) for state, tile in ordered if state in SICK][:SICKEST]
    for state, tile in named:
        age = f"{lasting(now - tile.at)} ago" if tile.at else "never"
        yield f"  {TILE[state].shown():<10} {tile.title}  {tile.figure}  {age}"
    rest = Counter(state for state, _ in ordered[len(named) :])
    if rest:
        counts = ", ".join(f"{count} {TILE[state].shown()}" for state, count in rest.items())
        yield f"  {'and ' if named else ''}{counts}"
