"""What the operator chose to see of a page: which rows, in which order, with which columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cockpit.countwords import many
from cockpit.propagation.answers import Cell, Grid, Row
from cockpit.tui.lines.resolvers import FAILS, column_width, labels, worst_of
from cockpit.tui.lines.text import Line

LEAST_COLUMN = 10
"""Columns of the screen that an answer needs to be read as a word."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the operator chose to see."""

    words: str = ""
    """Only lines or rows that hold these words."""
    order: str = "worst first"
    show: str = "all"
    page: int = 0
    """Which columns: 0 the names that move, then those of the records beside them."""

    def turned(self, what: str) -> Choice:
        """The next order, the next kind of rows, or the next columns."""
        if what == "order":
            return replace(self, order=_next(tuple(ORDERS), self.order))
        if what == "show":
            return replace(self, show=_next(tuple(SHOWN), self.show))
        return replace(self, page=self.page + 1)


def _next(known: Sequence[str], one: str) -> str:
    return known[(known.index(one) + 1) % len(known)]


# -- order --------------------------------------------------------------------------------------


def _left(row: Row) -> float:
    """Until when its longest answer may be kept, the longest first."""
    return -max((cell.expires_at or 0.0 for cell in row.cells), default=0.0)


def _slowest(row: Row) -> float:
    """Its round trip, the longest first; one that did not answer comes last."""
    return -max((cell.rtt_ms or 0.0 for cell in row.cells), default=0.0)


ORDERS: Mapping[str, Callable[[Grid, Row], tuple[object, ...]]] = {
    "worst first": lambda grid, row: (bool(row.left_out), worst_of(grid, row)[0]),
    "by name": lambda _, row: (row.name.casefold(),),
    "by country": lambda _, row: (row.country.casefold(), row.name.casefold()),
    "longest left": lambda _, row: (_left(row), row.name.casefold()),
    "slowest": lambda _, row: (_slowest(row), row.name.casefold()),
    "most users": lambda _, row: (-row.weight, row.name.casefold()),
}
"""The orders, in that in which the key goes through them."""


# -- which rows ---------------------------------------------------------------------------------


def _states(row: Row) -> set[str]:
    return {cell.state for cell in row.cells}


def _leads_back(grid: Grid, row: Row) -> bool:
    return not row.left_out and bool(_states(row) & {grid.left, "holds", "mixed"})


SHOWN: Mapping[str, Callable[[Grid, Row], bool]] = {
    "all": lambda _grid, _row: True,
    "not following": _leads_back,
    "failing": lambda _, row: not row.left_out and bool(_states(row) & FAILS),
    "holding on": lambda _, row: not row.left_out and "holds" in _states(row),
    "left out": lambda _, row: bool(row.left_out),
    "ours": lambda _, row: row.role == "authority",
}
"""The kinds of rows, in the order in which the key goes through them."""


def _holds(row: Row, words: str) -> bool:
    """Whether a row has every one of the words somewhere in what is known of it."""
    answers = (value for cell in (*row.cells, *row.beside) for value in cell.answers)
    text = " ".join((row.name, row.address, row.country, row.site, row.left_out, *answers))
    return all(word in text.casefold() for word in words.casefold().split())


def rows_of(grid: Grid, choice: Choice) -> list[Row]:
    """The rows that are shown, resolvers before our own servers, each kind in the order chosen."""
    order, wanted = ORDERS[choice.order], SHOWN[choice.show]
    found = [row for row in grid.rows if wanted(grid, row) and _holds(row, choice.words)]
    found.sort(key=lambda row: (row.role == "authority", *order(grid, row)))
    return found


# -- which columns ------------------------------------------------------------------------------


def columns_of(grid: Grid, choice: Choice, width: int) -> tuple[Grid, list[str]]:
    """The grid with the chosen columns alone, and their heads."""
    pages = _pages(grid, width)
    page = choice.page % len(pages)
    if page == 0:
        return grid, labels(grid)
    chosen = pages[page]
    known = labels(replace(grid, names=(*grid.names, *(one.name for one in grid.beside))))
    heads = [f"{known[len(grid.names) + at]} {grid.beside[at].type}" for at in chosen]
    rows = tuple(replace(row, cells=_picked(row, chosen)) for row in grid.rows)
    return replace(grid, names=tuple(grid.beside[at].label for at in chosen), rows=rows), heads


def _picked(row: Row, chosen: Sequence[int]) -> tuple[Cell, ...]:
    return tuple(row.beside[at] if at < len(row.beside) else Cell("unasked") for at in chosen)


def _pages(grid: Grid, width: int) -> list[Sequence[int]]:
    """The records beside the names, as many a page as the screen has room for."""
    one = replace(grid, names=("",))
    room = max(1, column_width(one, width) // LEAST_COLUMN)
    count = len(grid.beside)
    even = math.ceil(count / math.ceil(count / room)) if count else 1
    return [(), *(range(at, min(at + even, count)) for at in range(0, count, even))]


def told(grid: Grid, choice: Choice, shown: int) -> Line:
    """What is left away, in words; empty where everything is shown."""
    if choice.show == "all" and not choice.words:
        return ()
    words = f"{shown} of {many(len(grid.rows), 'row')}"
    words += f", {choice.show}" if choice.show != "all" else ""
    words += f" with “{choice.words}”" if choice.words else ""
    return ((words, "needs"),)
