"""What `cockpit dns` says of single answers: those of neither side, and with `--details` all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from cockpit.countwords import named
from cockpit.propagation.answers import Cell, Grid, Row
from cockpit.propagation.classify import canonical
from cockpit.status import CELL, CELL_BACK, Mark
from cockpit.timewords import lasting


def columns(grid: Grid, zone: str) -> list[str]:
    """How the columns are called: by name in the zone, those beside the names with their type."""
    names = [_short(name, zone) for name in grid.names]
    return [*names, *(f"{_short(one.name, zone)} {one.type}" for one in grid.beside)]


def _short(name: str, zone: str) -> str:
    return canonical(name).removesuffix(canonical(zone)).rstrip(".") or "@"


def mark_of(grid: Grid, cell: Cell) -> Mark:
    """How an answer is shown, by the direction."""
    return (CELL if grid.wanted == "new" else CELL_BACK)[cell.state]


def others(grid: Grid, zone: str, most: int | None = None) -> Iterator[str]:
    """What is given that is the answer of neither side; of very many values `most`, and a count."""
    for row in grid.rows:
        told = [
            (named(cell.answers, most), head)
            for cell, head in _cells(grid, row, zone)
            if cell.state == "other"
        ]
        for values, group in groupby(told, key=lambda one: one[0]):
            yield f"{row.name} {', '.join(head for _, head in group)}: gives {values}"


def notes(grid: Grid, zone: str) -> Iterator[str]:
    """What else an answer said: which errors, whose caches, why it is mixed."""
    for row in grid.rows:
        told = [(cell.note, head) for cell, head in _cells(grid, row, zone) if cell.note]
        for note, group in groupby(told, key=lambda one: one[0]):
            if not row.left_out:
                yield f"{row.name} {', '.join(head for _, head in group)}: {note}"


def details(grid: Grid, zone: str, now: float) -> Iterator[str]:
    """Each answer in a line: its values, for how long yet, how old, how quick, and from which site.

    A server that was not asked has none.
    """
    for row in grid.rows:
        for cell, head in _cells(grid, row, zone):
            if cell.state != "unasked":
                yield f"{row.name} ({row.address}) {head}: {', '.join(_words(grid, cell, now))}"


def _cells(grid: Grid, row: Row, zone: str) -> Iterator[tuple[Cell, str]]:
    return zip((*row.cells, *row.beside), columns(grid, zone), strict=True)


def _words(grid: Grid, cell: Cell, now: float) -> Iterator[str]:
    yield " ".join((mark_of(grid, cell).word, *cell.answers))
    yield from (f"by way of {link.target} (TTL {link.ttl})" for link in cell.links)
    if cell.ttl is not None:
        yield f"TTL {cell.ttl}"
    if cell.expires_at is not None:
        yield f"{lasting(cell.expires_at - now)} left"
    yield f"heard {lasting(now - cell.at)} ago" if cell.at else "never heard"
    if cell.rtt_ms is not None:
        yield f"in {cell.rtt_ms:.3g} ms"
    if cell.site:
        yield f"site {cell.site}"
    if cell.proved:
        yield "validated"
