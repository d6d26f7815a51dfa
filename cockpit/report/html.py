"""A document as one HTML file: its style inside, no script, everything escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape as with_entities

from cockpit.redact import printable
from cockpit.report.document import Block, Cell, Code, Heading, Items, Paragraph, Table
from cockpit.status import Mark

STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8886; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .8rem .2rem 0; }
th { font-weight: 600; border-bottom: 1px solid #8886; }
td { border-bottom: 1px solid #8883; overflow-wrap: anywhere; }
pre { background: #8882; padding: .6rem .8rem; overflow-x: auto; }
.fine { color: light-dark(#00658a, #6cc7ee); }
.bad { color: light-dark(#a63a00, #ff9a5c); font-weight: 600; }
.needs { color: light-dark(#7a5a00, #f0c755); font-weight: 600; }
.unknown, .dim { color: light-dark(#666, #aaa); }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def escape(text: str) -> str:
    """Text in which nothing is markup, and that no terminal obeys."""
    return with_entities(printable(text))


def html(blocks: Iterable[Block], title: str) -> str:
    """The whole document."""
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            *(line for block in blocks for line in _lines(block)),
            "</body></html>\n",
        )
    )


def _lines(block: Block) -> Iterator[str]:
    match block:
        case Heading(level, text):
            yield f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            yield f"<p>{escape(text)}</p>"
        case Items(texts):
            yield f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"
        case Code(lines):
            yield f"<pre>{escape(chr(10).join(lines))}</pre>"
        case Table(head, rows):
            yield "<table>"
            if any(head):
                yield f"<tr>{''.join(f'<th>{escape(text)}</th>' for text in head)}</tr>"
            yield from (f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
            yield "</table>"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Mark):
        return f'<td class="{cell.token}">{escape(cell.shown())}</td>'
    return f"<td>{escape(cell)}</td>"
