"""Only the cells that changed are written, and no frame while the last one is not shown.

Textual sends every cell of a refreshed region; on a slow link that is what the operator waits
for. `Cells` keeps what the terminal shows and writes the difference. This overrides the hook
`App._display` and reads the updates of Textual's compositor, so Textual is pinned to one version;
a test compares the result with a full repaint, cell by cell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from rich.cells import cell_len, get_character_cell_size
from rich.color import Color, ColorSystem
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.screen import Screen

from cockpit.tui.driver import PacedDriver

Pen = tuple[str, str, str]
"""SGR codes of attributes, foreground and background; "" is the terminal's own."""
Cell = tuple[str, Pen]
"""A character with what follows it at no width, and how it is drawn; "" right of a wide one."""
ANY = "any"
"""The foreground of a blank, and its weight: nobody sees them."""
CLEAN: Pen = ("", "", "")
UNKNOWN: Cell = ("\0", CLEAN)
ATTRIBUTES = (
    ("bold", "1"),
    ("dim", "2"),
    ("italic", "3"),
    ("underline", "4"),
    ("blink", "5"),
    ("reverse", "7"),
    ("strike", "9"),
)
BRIDGE = 4
"""Unchanged cells that are cheaper written again than jumped over."""
BATCH_S = 0.02
"""Real seconds after which a batch of changes may have ended."""
Update = LayoutUpdate | ChopsUpdate


class Cells:
    """What the terminal shows."""

    def __init__(self, colours: ColorSystem | None) -> None:
        self._colours = colours
        self._rows: list[list[Cell]] = []
        self._width = 0

    def resize(self, width: int, height: int) -> None:
        """Another size: nothing that is shown is known any more."""
        if (width, height) != (self._width, len(self._rows)):
            self._width = width
            self._rows = [[UNKNOWN] * width for _ in range(height)]

    def forget(self) -> None:
        """Somebody else wrote to the terminal."""
        self._rows = [[UNKNOWN] * self._width for _ in self._rows]

    def difference(self, update: Update) -> str:
        """What to write so that the terminal shows the update; nothing where it does."""
        out: list[str] = []
        pen = CLEAN
        for y, x, segments in _pieces(update):
            if 0 <= y < len(self._rows):
                pen = self._row(out, pen, (y, x), segments)
        if pen != CLEAN:
            out.append("\x1b[0m")
        return "".join(out)

    def _row(
        self, out: list[str], pen: Pen, start: tuple[int, int], segments: Iterable[Segment]
    ) -> Pen:
        """Write what differs of one piece of a row; gives the pen that is set then."""
        y, x = start
        row = self._rows[y]
        fresh = list(_cells(segments, self._colours))[: max(0, self._width - x)]
        for first, last in _changes(row, fresh, x):
            out.append(f"\x1b[{y + 1};{first + 1}H")
            for cell in fresh[first - x : last - x]:
                text, wanted = cell
                if wanted != pen:
                    codes, pen = _change(pen, wanted)
                    out.append(codes)
                out.append(text)
        row[x : x + len(fresh)] = fresh
        return pen


def _changes(row: list[Cell], fresh: list[Cell], x: int) -> Iterator[tuple[int, int]]:
    """Runs of columns that differ; near ones together, and never half of a wide character."""
    first = last = -1
    for at, cell in enumerate(fresh, start=x):
        if row[at] == cell:
            continue
        if first >= 0 and at - last > BRIDGE:
            yield _whole(fresh, x, first, last)
            first = at
        elif first < 0:
            first = at
        last = at + 1
    if first >= 0:
        yield _whole(fresh, x, first, last)


def _whole(fresh: list[Cell], x: int, first: int, last: int) -> tuple[int, int]:
    while first > x and fresh[first - x][0] == "":
        first -= 1
    while last - x < len(fresh) and fresh[last - x][0] == "":
        last += 1
    return first, last


def _pieces(update: Update) -> Iterator[tuple[int, int, Iterable[Segment]]]:
    """The pieces of rows that an update holds: row, first column, segments."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for strip in strips:
                yield y, x, strip
                x += strip.cell_length
        return
    # What lies beside a span was not drawn to its end: of some of it, only what is behind.
    for y, x1, x2 in update.spans:
        for end, (x, piece) in zip(update.chop_ends[y], update.chops[y].items(), strict=True):
            if piece is not None and x < x2 and end > x1:
                yield y, x, piece


@lru_cache(maxsize=8192)
def _change(pen: Pen, wanted: Pen) -> tuple[str, Pen]:
    """The shortest sequence from one pen to another, and the pen that is set then."""
    attributes, front, back = wanted
    if front == ANY:
        attributes, front = pen[:2] if _leaves_blanks(pen[0]) else ("", "")
    if attributes == pen[0] and (front or not pen[1]) and (back or not pen[2]):
        codes = [new for new, old in ((front, pen[1]), (back, pen[2])) if new != old]
        return (f"\x1b[{';'.join(codes)}m" if codes else ""), (attributes, front, back)
    codes = [code for code in ("0", attributes, front, back) if code]
    return f"\x1b[{';'.join(codes)}m", (attributes, front, back)


def _leaves_blanks(attributes: str) -> bool:
    """Whether a blank looks the same with these attributes: no line, no reversal."""
    return not set(attributes.split(";")) & {"4", "5", "7", "9"}


def _cells(segments: Iterable[Segment], colours: ColorSystem | None) -> Iterator[Cell]:
    for segment in segments:
        if segment.control:
            continue
        pen = _pen(segment.style, colours) if segment.style else CLEAN
        blank: Cell = (" ", ("", ANY, pen[2]) if _leaves_blanks(pen[0]) else pen)
        text = segment.text
        if len(text) == cell_len(text) and text.isprintable():
            for char in text:
                yield blank if char == " " else (char, pen)
        else:
            yield from _odd(text, pen)


def _odd(text: str, pen: Pen) -> Iterator[Cell]:
    """Characters of another width than one."""
    held = ""
    for char in text:
        size = get_character_cell_size(char)
        if size == 0:
            held += char
            continue
        if held:
            yield held, pen
            held = ""
        if size == 2:
            yield char, pen
            yield "", pen
        else:
            held = char
    if held:
        yield held, pen


@lru_cache(maxsize=4096)
def _pen(style: Style, colours: ColorSystem | None) -> Pen:
    """How a style is drawn on a terminal of so many colours."""
    attributes = ";".join(code for name, code in ATTRIBUTES if getattr(style, name))
    return attributes, _colour(style.color, colours), _colour(style.bgcolor, colours, front=False)


def _colour(colour: Color | None, colours: ColorSystem | None, *, front: bool = True) -> str:
    if colour is None or colours is None or colour.is_default:
        return ""
    return ";".join(colour.downgrade(colours).get_ansi_codes(foreground=front))


class Painted(App[None], inherit_bindings=False):
    """An app that writes differences, paced by what the terminal shows."""

    real: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cells: Cells | None = None
        self._missed = False
        self._unseen: list[Callable[[float], object]] = []

    def get_driver_class(self) -> type[Any]:
        """The driver that never blocks the loop."""
        return PacedDriver

    def caught_up(self) -> None:
        """Another frame may go: show what the terminal missed meanwhile."""
        if not self._missed or not self._running or self._closed:
            return
        if self._batch_count:
            # Several changes are being made at once: what they end in is shown.
            self.set_timer(BATCH_S, self.caught_up)
        else:
            self._display(self.screen, self._whole())

    def draw_anew(self) -> None:
        """Write every cell: somebody else wrote to the terminal."""
        if self._cells is not None:
            self._cells.forget()
        self._missed = True
        self.caught_up()

    def when_seen(self, tell: Callable[[float], object]) -> None:
        """Call this with the moment at which what is drawn now is known to be on the screen."""
        if isinstance(self._driver, PacedDriver):
            self._unseen.append(tell)
            self._missed = True
            self.caught_up()
        else:
            tell(self.real())

    @property
    def is_drawing(self) -> bool:
        """Whether several changes are being made at once, and none is shown before the last."""
        return bool(self._batch_count)

    def _whole(self) -> Update:
        update = self.screen._compositor.render_update(  # noqa: SLF001  # the compositor's own door
            full=True, screen_stack=self._background_screens
        )
        if not isinstance(update, Update):
            raise TypeError(type(update).__name__)
        return update

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        driver = self._driver
        if (
            not isinstance(driver, PacedDriver)
            or not isinstance(renderable, Update)
            or self._batch_count
            or not self._running
            or self._closed
        ):
            super()._display(screen, renderable)
            return
        if not driver.is_free:
            self._missed = True
            driver.when_free(self.caught_up)
            return
        if self._missed:
            self._missed = False
            renderable = self._whole()
        if frame := self._frame(renderable):
            driver.send_frame(frame)
        while self._unseen:
            driver.when_shown(self._unseen.pop())
        self.post_display_hook()

    def _frame(self, update: Update) -> str:
        if self._cells is None:
            self._cells = Cells(self.console._color_system)  # noqa: SLF001  # it has no public name
        self._cells.resize(*self.size)
        frame = self._cells.difference(update)
        if frame and self._sync_available:
            return f"{SYNC_START}{frame}{SYNC_END}"
        return frame
