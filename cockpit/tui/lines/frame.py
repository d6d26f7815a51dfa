"""A panel's frame: its name at the left, its conclusion at the right, its body within."""

from __future__ import annotations

from dataclasses import dataclass

from cockpit.tui.lines.text import BLANK, Line, Span, as_ascii, cells, clipped, fit, width_of

LIGHT, HEAVY, DOUBLE = "┌─┐│└┘", "┏━┓┃┗┛", "╔═╗║╚╝"


@dataclass(frozen=True, slots=True)
class Picture:
    """What a panel shows."""

    title: str
    conclusion: Line = BLANK
    """The panel in one clause: it stands in the frame, whatever the height."""
    body: tuple[Line, ...] = ()
    row: int | None = None
    """The row that must stay in sight."""
    foot: tuple[Line, ...] = ()
    """Lines that stay at the bottom, whatever is scrolled."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How a frame is drawn."""

    width: int
    height: int
    glyphs: str = LIGHT
    tone: str = "frame"
    top: int = 0
    """The first body row that is shown."""
    ascii: bool = False


def framed(picture: Picture, frame: Frame) -> tuple[Line, ...]:
    """The lines of a framed panel: exactly `height` of them, each exactly `width` wide."""
    left, right = frame.glyphs[3], frame.glyphs[3]
    inner, rows = frame.width - 4, body_rows(picture, frame.height)
    shown = [*picture.body[frame.top : frame.top + rows]]
    shown += [BLANK] * (rows - len(shown))
    shown += picture.foot
    lines = (
        _top(picture, frame),
        *(((f"{left} ", frame.tone), *fit(one, inner), (f" {right}", frame.tone)) for one in shown),
        _bottom(len(picture.body) - rows - frame.top, frame),
    )
    return tuple(as_ascii(one) for one in lines) if frame.ascii else lines


def body_rows(picture: Picture, height: int) -> int:
    """How many rows of the body a framed panel of that height shows."""
    return max(0, height - 2 - len(picture.foot))


def scrolled(top: int, row: int | None, total: int, rows: int) -> int:
    """The first row to show, so that `row` is in sight and no room is wasted."""
    if row is not None:
        top = min(top, row)
        top = max(top, row - rows + 1)
    return max(0, min(top, total - rows))


def _top(picture: Picture, frame: Frame) -> Line:
    corner, edge, end = tuple(frame.glyphs[:3])
    title = picture.title
    if cells(title) + width_of(picture.conclusion) + 9 > frame.width:
        # What a title explains after its colon gives way to the conclusion.
        title = title.partition(":")[0] if picture.conclusion else title
    head: Line = ((f"{corner}{edge} ", frame.tone), (title, "title"), (" ", frame.tone))
    room = frame.width - width_of(head) - 3
    tail: Line = ((f"{edge}{end}", frame.tone),)
    if picture.conclusion and room > 8:
        told = clipped(picture.conclusion, room - 2)
        tail = ((" ", frame.tone), *told, (f" {edge}{end}", frame.tone))
    return _ruled(head, tail, frame)


def _bottom(hidden: int, frame: Frame) -> Line:
    corner, end, edge = frame.glyphs[4], frame.glyphs[5], frame.glyphs[1]
    words = [f"{frame.top} above ↑"] if frame.top else []
    words += [f"{hidden} below ↓"] if hidden > 0 else []
    tail: Line = ((f"{edge}{end}", frame.tone),)
    if words:
        tail = ((f" {' · '.join(words)} ", "dim"), *tail)
    return _ruled(((corner, frame.tone),), tail, frame)


def _ruled(head: Line, tail: Line, frame: Frame) -> Line:
    head = clipped(head, frame.width - width_of(tail))
    gap = frame.width - width_of(head) - width_of(tail)
    rule: Span = (frame.glyphs[1] * gap, frame.tone)
    return (*head, rule, *tail)
