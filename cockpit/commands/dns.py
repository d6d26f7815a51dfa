"""`cockpit dns RUNBOOK --env NAME [--once] [--details] [--json]`: who still sees which side."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from cockpit.clock import Clock, live_clock
from cockpit.commands.dns_details import columns, details, mark_of, notes, others
from cockpit.commands.dns_run import Known, KnownToEnded, KnownToRun
from cockpit.countwords import MOST_NAMED, many, named
from cockpit.errors import RunbookError
from cockpit.exits import BAD, GOOD, UNKNOWN, answer
from cockpit.propagation.answers import Cell, Grid, Row
from cockpit.propagation.census import words
from cockpit.propagation.convergence import late, share_words
from cockpit.propagation.watch import PropagationWatch
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import DnsTarget
from cockpit.status import TTL_MARK
from cockpit.timewords import lasting, moment

EVERY_S = 5.0
"""Real seconds between two looks: the servers belong to others."""
Form = Literal["text", "details", "json"]
_SILENT = frozenset(("timeout", "unasked"))
_LATE = ("", ", kept or served stale", " served stale, asked twice")
_WORST = {GOOD: 0, UNKNOWN: 1, BAD: 2}


def run(
    directory: Path, environment: str, *, once: bool, as_json: bool, in_detail: bool = False
) -> int:
    """Print the grid, again and again unless once; 1 where an authority is wrong, 2 if silent."""
    runbook, clock, known = _opened(directory, environment)
    form: Form = "json" if as_json else "details" if in_detail else "text"
    return asyncio.run(look(runbook, clock, known, once=once, form=form))


def _opened(directory: Path, environment: str) -> tuple[Runbook, Clock, Known]:
    """The runbook with clock and knowledge of its run under way; real time without one.

    After the last one has ended, what it left behind is known: the side that it ended on above all.
    """
    from cockpit.commands.world import telling, world
    from cockpit.engine.start import newest, read_state
    from cockpit.journal.clock import JournalClock
    from cockpit.journal.file import JournalReader

    with telling():
        about = world(directory, environment)
        going, runbook = about.going, about.plan.runbook
        before = None if going else newest(runbook.name, environment)
        state = read_state(before) if before else None
    if before and state:
        real = live_clock()
        return runbook, real, KnownToEnded(runbook, real, state, before.propagation)
    if going is None:
        return runbook, live_clock(), Known()
    clock = JournalClock(JournalReader(going.journal, going.about().plan))
    return runbook, clock, KnownToRun(runbook, clock, going.propagation)


async def look(
    runbook: Runbook,
    clock: Clock,
    known: Known,
    *,
    once: bool,
    form: Form = "text",
) -> int:
    """Look at every DNS target of a runbook; the exit code of the last look."""
    polite = runbook.environment != "rehearsal"
    watches = [
        PropagationWatch(target, clock, polite=polite)
        for target in runbook.profile.targets.values()
        if isinstance(target, DnsTarget)
    ]
    if not watches:
        raise RunbookError("no target of this runbook is a zone", where=runbook.directory)
    for watch in watches:
        known.tell(watch)
    ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    while True:
        grids = await asyncio.gather(*(watch.look(known.pause()) for watch in watches))
        if once and any(one.through for grid in grids for one in grid.rows):
            await asyncio.gather(*(watch.finish() for watch in watches))
            grids = await asyncio.gather(*(watch.look(known.pause()) for watch in watches))
        for watch, grid in zip(watches, grids, strict=True):
            now, target = clock.now(), watch.target
            most = None if form == "details" else MOST_NAMED
            told = [*as_text(grid, target, now, ascii_only=ascii_only, most=most)]
            told += details(grid, target.zone, now) if form == "details" else ()
            answer(_json(grid, target) if form == "json" else "\n".join(told))
        if once:
            return max(map(code_of, grids), key=_WORST.__getitem__)
        await asyncio.sleep(EVERY_S)


def _json(grid: Grid, target: DnsTarget) -> str:
    return msgspec.json.encode(
        {"zone": target.zone, "old": target.old, "new": target.new, "grid": grid}
    ).decode()


def code_of(grid: Grid) -> int:
    """1 where authorities give neither side or both, or resolvers fail all; 2 where silent."""
    ours = [row for row in grid.rows if row.role == "authority"]
    states = {cell.state for row in ours for cell in (*row.cells, *row.beside)}
    columns = zip(*((*row.cells, *row.beside) for row in ours), strict=True)
    differ = any({"old", "new"} <= {cell.state for cell in column} for column in columns)
    if differ or states - {"old", "new", "kept", *_SILENT}:
        return BAD
    heard = {cell.state for row in _asked(grid) for cell in row.cells}
    if heard and not heard & {"old", "new", "holds", "mixed", "other"}:
        return UNKNOWN if heard <= _SILENT else BAD
    return UNKNOWN if states & _SILENT else GOOD


def _asked(grid: Grid) -> list[Row]:
    """The resolvers that were asked for anything."""
    return [
        row
        for row in grid.rows
        if row.role == "resolver" and any(cell.state != "unasked" for cell in row.cells)
    ]


def as_text(
    grid: Grid, target: DnsTarget, now: float, *, ascii_only: bool, most: int | None = MOST_NAMED
) -> Iterator[str]:
    """The grid as lines of text: a server a line, a name a column, and what follows from it.

    Of very many values or servers in one sentence `most` are named, and the rest is counted.
    """
    yield f"{target.zone} at {moment(grid.at)}"
    yield f"old {target.old}, new {target.new}"
    table = [("", *columns(grid, target.zone))]
    table += [_line(grid, row, now, ascii_only=ascii_only) for row in grid.rows]
    yield from _in_columns(table)
    yield f"{grid.paused}; {_swept(grid, now)}" if grid.paused else _share(grid)
    yield from _disagreeing(grid, most)
    if grid.bound is not None:
        ahead = grid.bound - now
        when = f"in {lasting(ahead)}" if ahead > 0 else f"{lasting(-ahead)} ago"
        yield f"every honest cache follows by {moment(grid.bound)} ({when})"
    if grid.unknown:
        yield grid.unknown
    yield from _beside(grid, now)
    yield from others(grid, target.zone, most)
    yield from notes(grid, target.zone)
    yield from _known_beyond(grid)
    for who, how in zip(late(grid.rows), _LATE, strict=True):
        if who:
            yield f"past that, the {grid.left} answer{how}: {named(who, most)}"
    if grid.unlisted:
        yield f"not asked, since the profile leaves them out: {named(grid.unlisted, most)}"
    for one in grid.parents:
        if not one.fits:
            yield f"parent {one.name} ({one.address}) {one.words}"


def _disagreeing(grid: Grid, most: int | None) -> Iterator[str]:
    """Which name servers give which side where they do not give one, and who tells neither."""
    ours = [row for row in grid.rows if row.role == "authority"]
    columns = zip(*(row.cells for row in ours), strict=True)
    if any(len({cell.state for cell in column} - _SILENT) > 1 for column in columns):
        for side in ("old", "new"):
            giving = [row.name for row in ours if any(cell.state == side for cell in row.cells)]
            if giving:
                yield f"name servers do not agree: {side} at {named(giving, most)}"
    silent = [row.name for row in ours if any(cell.state == "timeout" for cell in row.cells)]
    if silent:
        verb = "does" if len(silent) == 1 else "do"
        yield f"{named(silent, most)} {verb} not answer: whether the name servers agree is unknown"


def _beside(grid: Grid, now: float) -> Iterator[str]:
    """What each record beside the names must say, and until when it may say the former."""
    for one in grid.beside:
        old, new = ("; ".join(values) or "nothing" for values in (one.old, one.new))
        what = f"stays {old}" if one.old == one.new else f"old {old}, new {new}"
        bound = one.bound
        until = "" if bound is None or bound <= now else f", every honest cache by {moment(bound)}"
        yield f"{one.label}: {what}{until}"


def _known_beyond(grid: Grid) -> Iterator[str]:
    """What many looks say that one answer does not."""
    if grid.absent_s is not None:
        yield f"an absence is kept for up to {lasting(grid.absent_s)}"
    if grid.expected is not None:
        yield f"expected by now: {share_words(grid.expected)}"
    for row in grid.rows:
        if row.left_out:
            yield f"{row.name} is left out: {row.left_out}"
        elif row.mark:
            yield f"{row.name}: {TTL_MARK[row.mark]}"
        elif row.caches > 1:
            told = words(row.following, row.caches, row.about, row.old_at_most, grid.left)
            yield f"{row.name}: {told}"
    if grid.switched_at is not None:
        yield from (f"beyond resolvers: {one}" for one in grid.beyond)


def _swept(grid: Grid, now: float) -> str:
    """How old the answers of the last sweep are, which stand there while nobody is asked."""
    # One that does not count is asked more seldom: its age says nothing of those that do.
    rows = [row for row in _asked(grid) if not row.left_out] or _asked(grid)
    times = [cell.at for row in rows for cell in row.cells if cell.state != "unasked"]
    if not times:
        return "none was asked before"
    ages = dict.fromkeys((lasting(now - max(times)), lasting(now - min(times))))
    return f"resolvers as heard {' to '.join(ages)} ago"


def _share(grid: Grid) -> str:
    if grid.share is None:
        asked = len(_asked(grid))
        return (
            f"none of {many(asked, 'resolver')} asked counts" if asked else "no resolver was asked"
        )
    return (
        f"{share_words(grid.share)} of users by weight lead to the {grid.wanted} side"
        f" ({grid.following} of {many(grid.counted, 'answer')})"
    )


def _line(grid: Grid, row: Row, now: float, *, ascii_only: bool) -> tuple[str, ...]:
    about = "" if row.behaviour == "honest" else f" ({row.behaviour})"
    country = f" {row.country}" if row.country else ""
    about += " (this host's own)" if row.own else ""
    about += f" (seen through {row.through})" if row.through else ""
    return f"{row.name}{country}{about}", *(
        _cell(grid, one, now, ascii_only=ascii_only) for one in (*row.cells, *row.beside)
    )


def _cell(grid: Grid, cell: Cell, now: float, *, ascii_only: bool) -> str:
    words = [mark_of(grid, cell).shown(ascii_only=ascii_only)]
    if cell.expires_at is not None:
        words.append(f"{max(0.0, cell.expires_at - now):.0f} s")
    return " ".join(words)


def _in_columns(table: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        yield "  ".join(f"{one:<{width}}" for one, width in zip(line, widths, strict=True)).rstrip()
