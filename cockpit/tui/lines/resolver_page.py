"""A name server's page: what it is, what it answers, its caches, its last looks."""

from __future__ import annotations

from itertools import groupby, zip_longest

from cockpit.countwords import many
from cockpit.propagation import census
from cockpit.propagation.answers import Cell, Grid, Row
from cockpit.status import BEHAVIOUR, TTL_MARK
from cockpit.tui.lines import times
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.proposal import labelled
from cockpit.tui.lines.resolvers import cell_words, labels, worst_of
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, said

RUNS = 8
"""How many stretches of like answers are shown."""


def resolver_page(scene: Scene, key: str, width: int) -> Picture | None:
    """The page of the server with this role and name, or this address; None where it is gone."""
    grid = scene.live.grid if scene.live else None
    if grid is None:
        return None
    row = next((o for o in grid.rows if key in (f"{o.role}:{o.name}", o.address)), None)
    if row is None:
        return None
    body: list[Line] = [_part("What it is"), *_about(row, width), (), _part("State now")]
    for at, cell in enumerate(row.cells):
        body += _cell(scene, grid, (labels(grid)[at], grid.names[at]), cell, width)
    for one, cell in zip(grid.beside, row.beside, strict=False):
        body += _cell(scene, grid, (one.type, one.name), cell, width)
    if row.role == "resolver":
        body += [(), _part("Its caches"), *_caches(grid, row, width)]
        body += [(), _part("The last looks"), *_history(scene, grid, row, width)]
    body += [(), _part("What you can do"), *_can(row, width)]
    _, worst = worst_of(grid, row)
    state: Line = (cell_words(scene, grid, worst),) if worst else ()
    return Picture(f"{row.role.capitalize()}: {said(row.name)}", state, tuple(body))


def _part(title: str) -> Line:
    return ((title, "title"),)


def _about(row: Row, width: int) -> list[Line]:
    rows = labelled("Address", [(f"{row.address} {row.country}", "plain")], width)
    if row.through:
        rows += labelled("Seen through", [(f"{row.through}, by ssh and dig there", "plain")], width)
    if row.own:
        rows += labelled("Whose", [("this host's own programs ask it", "plain")], width)
    if row.site:
        rows += labelled("Site", [(row.site, "plain")], width)
    if row.role == "authority":
        return rows + labelled("Known for", [("it gives the answer itself", "plain")], width)
    known = BEHAVIOUR[row.behaviour] or "keeps an answer as long as its TTL says"
    rows += labelled("Known for", [(known, "plain")], width)
    if row.left_out:
        rows += labelled("Left out", [(row.left_out, "unknown")], width)
    else:
        rows += labelled("Counts", [(f"with weight {row.weight:g}", "plain")], width)
    return rows


def _cell(scene: Scene, grid: Grid, called: tuple[str, str], cell: Cell, width: int) -> list[Line]:
    word, tone = cell_words(scene, grid, cell)
    label, name = called
    parts = [f"{name} {' '.join(map(said, cell.answers)) or 'has no records'}"]
    parts += [f"by way of {said(link.target)} (TTL {link.ttl})" for link in cell.links]
    if cell.ttl is not None:
        parts.append(f"TTL {cell.ttl}")
    if cell.expires_at is not None:
        gone = "gone by" if cell.expires_at > scene.now else "was due"
        parts.append(f"{gone} {times.hhmmss(cell.expires_at)}")
    if cell.rtt_ms is not None:
        parts.append(f"in {cell.rtt_ms:.0f} ms")
    if cell.serial is not None:
        parts.append(f"serial {cell.serial}")
    parts.append(f"seen {times.ago(scene.now - cell.at) if cell.at else 'never'}")
    rows = labelled(label, [(word, tone)], width)
    rows += labelled("", [(", ".join(parts), "plain")], width)
    return rows + labelled("", [(cell.note, "needs")] if cell.note else [], width)


def _caches(grid: Grid, row: Row, width: int) -> list[Line]:
    rows = labelled("TTLs", [(TTL_MARK[row.mark] or "as the zone gives them", "plain")], width)
    told = census.words(row.following, row.caches, row.about, row.old_at_most, grid.left)
    rows += labelled("Count", [(told, "plain" if row.caches else "unknown")], width)
    if row.unseen is not None:
        unseen = f"at the fullest count, others gave about {row.unseen * 100:.0f}% of its answers"
        rows += labelled("Not met", [(unseen, "plain")], width)
    return rows


def _history(scene: Scene, grid: Grid, row: Row, width: int) -> list[Line]:
    """Its worst answer in each of the last looks, oldest first, like ones together."""
    told: list[tuple[str, str]] = []
    looks = zip_longest(row.history, row.history_at)
    for shown, run in groupby(looks, key=lambda one: cell_words(scene, grid, Cell(one[0]))):
        moments = [at for _, at in run]
        words = f"{shown[0]}, {many(len(moments), 'look')}"
        if moments[0]:
            first, last = times.hhmmss(moments[0]), times.hhmmss(moments[-1])
            words += f", {first}" if first == last else f", {first} to {last}"
        told.append((words, shown[1]))
    if not told:
        return [(("not looked yet", "dim"),)]
    return labelled("Oldest first", told[-RUNS:], width)


def _can(row: Row, width: int) -> list[Line]:
    if row.role == "authority":
        return [(("it is only looked at: a step of the list changes it", "dim"),)]
    return labelled("", [("wait: only its owner can empty it", "dim")], width)
