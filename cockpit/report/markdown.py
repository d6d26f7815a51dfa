"""A document as Markdown; text from outside stays text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cockpit.redact import printable
from cockpit.report.document import Block, Cell, Code, Heading, Items, Paragraph, Table
from cockpit.status import Mark

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")
_TICKS = re.compile(r"`+")


def markdown(blocks: Iterable[Block]) -> str:
    """The whole document."""
    return "\n\n".join("\n".join(_lines(block)) for block in blocks) + "\n"


def escaped(text: str) -> str:
    """Text in which nothing is markup, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(printable(text).split()))


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text):
            yield f"{'#' * level} {escaped(text)}"
        case Paragraph(text):
            yield escaped(text)
        case Items(texts):
            yield from (f"- {escaped(text)}" for text in texts)
        case Table(head, rows):
            yield _row(head)
            yield _row(("---",) * len(head), raw=True)
            yield from (_row(row) for row in rows)
        case Code(lines):
            ticks = max((len(run) for line in lines for run in _TICKS.findall(line)), default=0)
            fence = "`" * max(3, ticks + 1)
            yield from (fence, *map(printable, lines), fence)


def _row(cells: Iterable[Cell], *, raw: bool = False) -> str:
    texts = (cell.shown() if isinstance(cell, Mark) else cell for cell in cells)
    return f"| {' | '.join(text if raw else escaped(text) for text in texts)} |"
