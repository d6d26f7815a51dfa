"""Widgets that draw styled lines, and send on only the rows that changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from cockpit.tui.lines.frame import HEAVY, LIGHT, Frame, Picture, body_rows, framed, scrolled
from cockpit.tui.lines.scene import Scene
from cockpit.tui.lines.text import Line, plain
from cockpit.tui.tokens import TONES


class Lines(Widget):
    """Lines of spans, one strip a row, cached until the row is another one."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"tone--{tone}" for tone in TONES}

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's own name
        super().__init__(id=id)
        self.lines: tuple[Line, ...] = ()
        self._made_for = Size(0, 0)
        self._strips: dict[int, Strip] = {}
        self._tones: dict[str, Style] = {}

    @property
    def text(self) -> str:
        """What is drawn, without its tones."""
        return "\n".join(plain(line) for line in self.lines)

    def put(self, lines: tuple[Line, ...]) -> None:
        """Draw these lines; rows that are the same stay as they are."""
        before, self.lines = self.lines, lines
        width = self.size.width
        changed = [
            Region(0, y, width, 1)
            for y in range(max(len(before), len(lines)))
            if y >= len(before) or y >= len(lines) or before[y] != lines[y]
        ]
        for region in changed:
            self._strips.pop(region.y, None)
        if changed:
            self.refresh(*changed)

    def redraw(self) -> None:
        """Make the lines anew, where they are made from something."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows for the compositor; the first frame of a size shows lines made for that size."""
        if self._made_for != self.size:
            self._made_for = self.size
            self._strips.clear()
            self.redraw()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One row."""
        strip = self._strips.get(y)
        if strip is None or strip.cell_length != self.size.width:
            line = self.lines[y] if y < len(self.lines) else ()
            segments = [Segment(text, self._style(tone)) for text, tone in line if text]
            strip = Strip(segments).adjust_cell_length(self.size.width, self.rich_style)
            self._strips[y] = strip
        return strip

    def notify_style_update(self) -> None:
        """The theme is another one: nothing that was drawn holds."""
        super().notify_style_update()
        self._strips.clear()
        self._tones.clear()

    def _style(self, tone: str) -> Style:
        style = self._tones.get(tone)
        if style is None:
            style = self.rich_style
            for word in tone.split():
                style += self.get_component_rich_style(f"tone--{word}", partial=True)
            self._tones[tone] = style
        return style


class Shown(Lines):
    """Lines made from the scene by a function."""

    def __init__(
        self,
        draw: Callable[[Scene, int], tuple[Line, ...]],
        *,
        id: str | None = None,  # noqa: A002  # Textual's own name
    ) -> None:
        super().__init__(id=id)
        self._draw = draw
        self.scene: Scene | None = None

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        self.scene = scene
        self.redraw()

    def redraw(self) -> None:
        """Draw the same moment again."""
        if self.scene is not None and self.size.width:
            self.put(self._draw(self.scene, self.size.width))


class Panel(Lines, can_focus=True):
    """A framed panel; the frame says which one has the focus, in shape as well as colour."""

    def __init__(
        self,
        draw: Callable[[Scene, int, int], Picture],
        *,
        id: str | None = None,  # noqa: A002  # Textual's own name
    ) -> None:
        super().__init__(id=id)
        self._draw = draw
        self.scene: Scene | None = None
        self.top = 0

    def show(self, scene: Scene) -> None:
        """Draw another moment."""
        self.scene = scene
        self.redraw()

    def redraw(self) -> None:
        """Draw the same moment again."""
        width, height = self.size
        if self.scene is None or width < 8 or height < 2:
            return
        picture = self._draw(self.scene, width - 4, height - 2)
        rows = body_rows(picture, height)
        self.top = scrolled(self.top, picture.row, len(picture.body), rows)
        glyphs, tone = self.rim
        self.put(framed(picture, Frame(width, height, glyphs, tone, self.top, self.scene.ascii)))

    @property
    def rim(self) -> tuple[str, str]:
        """The frame's glyphs and tone: heavy where the keys go."""
        return (HEAVY, "focus") if self.has_focus else (LIGHT, "frame")

    def on_focus(self, _event: events.Focus) -> None:
        """The keys go here now."""
        self.redraw()

    def on_blur(self, _event: events.Blur) -> None:
        """The keys go elsewhere."""
        self.redraw()
