"""Styled text: spans of (text, tone), fitted to an exact width.

A tone is one or more words of `cockpit.tui.tokens.TONES`, separated by blanks.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from cockpit.redact import printable
from cockpit.status import Mark

Span = tuple[str, str]
Line = tuple[Span, ...]

BLANK: Line = ()
ELLIPSIS = "…"

_ASCII = str.maketrans(
    {
        **dict.fromkeys("┌┐└┘├┤╭╮╰╯┬┴", "+"),
        **dict.fromkeys("┏┓┗┛╔╗╚╝", "#"),
        **dict.fromkeys("─", "-"),
        **dict.fromkeys("━═", "="),
        **dict.fromkeys("│", "|"),
        **dict.fromkeys("┃║", "!"),
        **dict.fromkeys("·○", "."),
        **dict.fromkeys("▌▏", "|"),
        **dict.fromkeys("█▇", "#"),
        "…": "~", "▁": "_", "▂": ".", "▃": "-", "▄": "=", "▅": "+", "▆": "*",
        "▸": ">", "▶": ">", "↓": "v", "↑": "^", "→": ">", "±": "~", "‡": "!",
        "✓": "+", "✗": "X", "░": ".", "∅": "0", "↳": "\\",
    }
)  # fmt: skip


def said(text: str) -> str:
    """Text from outside, safe on one line of a screen."""
    return " ".join(printable(text).split())


def cells(text: str) -> int:
    """How many columns a terminal gives to it."""
    if text.isascii():
        return len(text)
    return sum(map(_cell, text))


def _cell(char: str) -> int:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 0 if unicodedata.category(char) in ("Mn", "Me", "Cf") else 1


def clip(text: str, width: int) -> str:
    """Text that is at most so wide; an ellipsis says that something is left out."""
    if cells(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, room = [], width - 1
    for char in text:
        room -= _cell(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + ELLIPSIS


def whole_parts(text: str, width: int) -> str:
    """As many of the parts between semicolons as are said whole; cut where not even one is."""
    parts = text.split("; ")
    while len(parts) > 1 and cells("; ".join(parts)) > width:
        parts.pop()
    return clip("; ".join(parts), width)


def pad(text: str, width: int) -> str:
    """Text that is exactly so wide, set left."""
    shown = clip(text, width)
    return shown + " " * (width - cells(shown))


def pad_left(text: str, width: int) -> str:
    """Text that is exactly so wide, set right."""
    shown = clip(text, width)
    return " " * (width - cells(shown)) + shown


def line(*spans: Span | str) -> Line:
    """A line of spans; a bare text has the plain tone."""
    return tuple((one, "plain") if isinstance(one, str) else one for one in spans)


def width_of(one: Line) -> int:
    """How wide a line is."""
    return sum(cells(text) for text, _ in one)


def plain(one: Line) -> str:
    """A line without its tones."""
    return "".join(text for text, _ in one)


def clipped(one: Line, width: int) -> Line:
    """A line that is at most so wide."""
    if width_of(one) <= width:
        return one
    kept: list[Span] = []
    room = width
    for text, tone in one:
        if cells(text) < room:
            kept.append((text, tone))
            room -= cells(text)
            continue
        # Something follows, or this span is too long itself: an ellipsis says so.
        kept.append((clip(text + "  ", room) if room else "", tone))
        break
    return tuple(kept)


def fit(one: Line, width: int) -> Line:
    """A line that is exactly so wide."""
    shown = clipped(one, width)
    gap = width - width_of(shown)
    return (*shown, (" " * gap, "plain")) if gap > 0 else shown


def ends(left: Line, right: Line, width: int) -> Line:
    """Left and right ends of a line that is exactly so wide; the left end gives way."""
    right = clipped(right, width)
    room = width - width_of(right)
    gap = 1 if right and room > 1 else 0
    return (*fit(left, room - gap), (" " * gap, "plain"), *right)


def toned(one: Line, tone: str) -> Line:
    """A line with one more tone over all of it."""
    return tuple((text, f"{own} {tone}") for text, own in one)


def unsure(one: Line) -> Line:
    """A line of what is too old to be trusted: nothing in it is called fine."""
    return tuple(
        (text, " ".join("unknown" if word == "fine" else word for word in tone.split()))
        for text, tone in one
    )


def joined(parts: Iterable[Line], gap: str) -> Line:
    """Lines one after the other, with a gap between them."""
    out: list[Span] = []
    for part in parts:
        if out:
            out.append((gap, "dim"))
        out.extend(part)
    return tuple(out)


def mark(one: Mark, *, ascii_only: bool) -> Span:
    """A state's glyph and word in its tone."""
    return one.shown(ascii_only=ascii_only), one.token


def glyph(one: Mark, *, ascii_only: bool) -> Span:
    """A state's glyph in its tone."""
    return one.ascii if ascii_only else one.glyph, one.token


def as_ascii(one: Line) -> Line:
    """A line in plain ASCII, cell by cell; what has no likeness becomes a question mark."""
    return tuple((text if text.isascii() else _ascii(text), tone) for text, tone in one)


def _ascii(text: str) -> str:
    swapped = text.translate(_ASCII)
    return "".join(char if char.isascii() else "?" * _cell(char) for char in swapped)


def wrapped(text: str, width: int) -> list[str]:
    """Text in lines that are at most so wide, broken between words where that is possible."""
    rows: list[str] = []
    current = ""
    for word in text.split():
        if current and cells(current) + 1 + cells(word) > width:
            rows.append(current)
            current = ""
        *full, rest = _pieces(word, width)
        if full:
            rows += full
            current = rest
        else:
            current = f"{current} {rest}".strip()
    return [*rows, current] if current or not rows else rows


def leading(line: Line, keys: str, width: int) -> Line:
    """A line with the keys that show the rest at its end, where they find room."""
    for gap, words in (("   ", " shows all"), ("  ", "")):
        tail: Line = ((gap, "dim"), (keys, "key"), (words, "dim"))
        if width_of(line) + width_of(tail) <= width:
            return fit((*line, *tail), width)
    return fit(line, width)


def flowed(parts: Iterable[Line], gap: str, width: int) -> list[Line]:
    """Lines one after the other in rows at most so wide, none of them broken."""
    rows: list[list[Line]] = [[]]
    for part in parts:
        if rows[-1] and width_of(joined([*rows[-1], part], gap)) > width:
            rows.append([])
        rows[-1].append(part)
    return [joined(row, gap) for row in rows if row]


def folded(one: Line, width: int) -> list[Line]:
    """A line in rows at most so wide, broken between words; each word keeps its tone.

    Rows after the first begin where the text of the first one begins.
    """
    if width_of(one) <= width:
        return [one]
    words = plain(one)
    indent = min(len(words) - len(words.lstrip()), width // 2)
    rows: list[Line] = []
    row: list[Span] = []
    for text, tone in one:
        for token in re.findall(r" +|[^ ]+", text):
            if width_of(tuple(row)) + cells(token) > width and row:
                rows.append(tuple(row))
                row = [(" " * indent, "plain")] if indent else []
                if token.isspace():
                    continue
            row.append((token, tone))
    return [*rows, tuple(row)] if row else rows


def kept(text: str, width: int) -> list[str]:
    """Text with every character as it is, its blanks too, broken between words where possible."""
    return _pieces(printable(text.expandtabs(8)).replace("\n", " ").rstrip(), width)


def _pieces(text: str, width: int) -> list[str]:
    """Text in pieces that are at most so wide: broken after a blank, or where a word has joints."""
    pieces: list[str] = []
    while cells(text) > width:
        head = _head(text, width)
        at = _joint(head, text[len(head)])
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text]


def _joint(head: str, following: str) -> int:
    """Where a piece that is cut anyway is best cut: after a blank, else after a joint of a word."""
    if following == " ":
        return len(head)
    for joints in (" ", "/,;:=&?|-_.@"):
        at = max(head.rfind(joint) for joint in joints) + 1
        # A very short piece would leave most of the row empty.
        if at * 3 > len(head):
            return at
    return len(head)


def _head(word: str, width: int) -> str:
    """The characters that fit, at least one."""
    taken = 0
    for index, char in enumerate(word):
        taken += _cell(char)
        if taken > width:
            return word[: max(1, index)]
    return word
