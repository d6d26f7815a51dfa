"""Which rows of a page were in view: what was never scrolled to was not read. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Reading:
    """How much of one page was in view.

    Rows are known by their place, and only while the page is the same one: what is confirmed
    enters its digest, the gates' answers too, so another answer makes it another page, of which
    no row was read but those that are in view. Evidence and ages may change without that. A page
    that grows must be looked at as far as it grew.
    """

    _page: Hashable = None
    _rows: set[int] = field(default_factory=set)

    def of(self, page: Hashable, same: int = 0) -> None:
        """Say which page is drawn now, and how many of its first rows stand on the last one too."""
        if page != self._page:
            self._page, self._rows = page, {row for row in self._rows if row < same}

    def seen(self, page: Hashable, rows: range) -> None:
        """Say which of its rows are known to be on the screen."""
        if page == self._page:
            self._rows.update(rows)

    def is_whole(self, total: int) -> bool:
        """Whether every row was on the screen."""
        return self._rows.issuperset(range(total))

    def unread(self, total: int, view: range) -> str:
        """How many rows were not, but for those in view, and where they are; empty where none."""
        left = [row for row in range(total) if row not in self._rows and row not in view]
        above = sum(row < view.start for row in left)
        told = {"below": (len(left) - above, "↓"), "above": (above, "↑")}
        for where, (count, arrow) in told.items():
            if count:
                lines = "1 line" if count == 1 else f"{count} lines"
                return f"{lines} {where} {'is' if count == 1 else 'are'} unread {arrow}"
        return ""
