from __future__ import annotations

import os
import pty
import select
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyte
import pytest
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from cockpit.clock import NS
from cockpit.tui.app import CockpitApp
from cockpit.tui.display import Cells, Update
from cockpit.tui.taste import Taste
from cockpit.tui.writer import Writer
from tests.fakes import screen_views as views
from tests.fakes.screens import FakeReal, Opened

CELLS = tuple[tuple[object, ...], ...]


class Recorded(CockpitApp):
    """The app, with every update of its compositor written to an emulated terminal."""

    def __init__(self, client: views.FakeClient, size: tuple[int, int], theme: str) -> None:
        super().__init__(client, taste=Taste(theme), real=FakeReal())
        self.shown = Cells(ColorSystem.TRUECOLOR)
        self.shown.resize(*size)
        self.terminal = pyte.Screen(*size)
        self.written = 0

    def _display(self, screen: Any, renderable: Any) -> None:
        if isinstance(renderable, Update) and not self._batch_count:
            if self.terminal.columns != self.size.width or self.terminal.lines != self.size.height:
                self.terminal = pyte.Screen(*self.size)
            self.shown.resize(*self.size)
            self._write(self.shown.difference(renderable))
        super()._display(screen, renderable)

    def _write(self, frame: str) -> None:
        self.written += len(frame)
        pyte.Stream(self.terminal).feed(frame)

    def repainted(self) -> CELLS:
        """The terminal as a full repaint would leave it."""
        fresh, terminal = Cells(ColorSystem.TRUECOLOR), pyte.Screen(*self.size)
        fresh.resize(*self.size)
        update = self.screen._compositor.render_update(
            full=True, screen_stack=self._background_screens
        )
        assert isinstance(update, Update)
        pyte.Stream(terminal).feed(fresh.difference(update))
        return _cells(terminal)


def _cells(screen: pyte.Screen) -> CELLS:
    return tuple(
        tuple(_seen(screen.buffer[y][x]) for x in range(screen.columns))
        for y in range(screen.lines)
    )


def _seen(char: Any) -> tuple[object, ...]:
    """A cell as a person sees it: a blank has neither foreground nor weight."""
    if char.data == " " and not (char.underscore or char.reverse or char.strikethrough):
        return " ", char.bg
    return tuple(char)


@pytest.mark.parametrize("theme", ["cockpit-dark", "cockpit-ansi"])
async def test_what_was_written_in_pieces_is_what_a_full_repaint_shows(theme: str) -> None:
    client = views.FakeClient(views.fresh())
    app = Recorded(client, (120, 40), theme)
    async with app.run_test(size=(120, 40)) as pilot:
        one = Opened(app, pilot, client)
        for made in (views.midway, views.running, views.in_doubt, views.switched):
            await one.show(made())
            await one.settled()
            assert _cells(app.terminal) == app.repainted()
        await pilot.press("down", "tab", "tab")
        await one.settled()
        assert _cells(app.terminal) == app.repainted()
        await pilot.press("question_mark")
        await one.settled()
        assert _cells(app.terminal) == app.repainted()
        await pilot.press("escape", "b")
        await one.settled()
        assert _cells(app.terminal) == app.repainted()
        await pilot.resize_terminal(80, 24)
        await one.settled()
        assert _cells(app.terminal) == app.repainted()


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_panels_key_leaves_the_other_panels_on_the_screen(size: tuple[int, int]) -> None:
    client = views.FakeClient(views.switched())
    app = Recorded(client, size, "cockpit-dark")
    async with app.run_test(size=size) as pilot:
        one = Opened(app, pilot, client)
        await one.settled()
        for key in ("1", "1", "o", "escape", "1", "5", "5", "2", "2", "1", "3", "3", "4", "4", "1"):
            await pilot.press(key)
            await one.settled()
            assert _cells(app.terminal) == app.repainted(), key


async def test_a_second_that_goes_by_writes_a_few_cells() -> None:
    client = views.FakeClient(views.switched())
    app = Recorded(client, (120, 40), "cockpit-dark")
    async with app.run_test(size=(120, 40)) as pilot:
        one = Opened(app, pilot, client)
        await one.settled()
        before = app.written
        view = views.switched()
        later = replace(view, boot_ns=view.boot_ns + NS)
        await one.show(later)
        await one.settled()
        assert 0 < app.written - before < 400


async def test_the_same_moment_again_writes_nothing() -> None:
    client = views.FakeClient(views.switched())
    app = Recorded(client, (120, 40), "cockpit-dark")
    async with app.run_test(size=(120, 40)) as pilot:
        one = Opened(app, pilot, client)
        await one.settled()
        before = app.written
        await one.show(replace(views.switched()))
        await one.settled()
        assert app.written == before


def test_blanks_of_one_background_name_it_once() -> None:
    shown = Cells(ColorSystem.TRUECOLOR)
    shown.resize(40, 1)
    behind = Style(bgcolor=Color.from_rgb(1, 2, 3))
    update = LayoutUpdate([[Strip([Segment(" " * 40, behind)])]], Region(0, 0, 40, 1))
    assert shown.difference(update).count("48;2;1;2;3") == 1


@pytest.mark.parametrize(
    "texts",
    [
        ("plain", "plane"),
        ("a漢字b", "a字漢b"),
        ("漢字", "a字b"),
        ("e\u0301x", "ex"),
        ("aaaaaaaaaaaaaaaaaaaaaa", "abaaaaaaaaaaaaaaaaaaba"),
    ],
)
def test_wide_and_combined_characters_end_where_they_should(texts: tuple[str, str]) -> None:
    cells, screen = Cells(ColorSystem.TRUECOLOR), pyte.Screen(24, 1)
    cells.resize(24, 1)
    for text in texts:
        pyte.Stream(screen).feed(cells.difference(_update(text)))
    fresh, alone = Cells(ColorSystem.TRUECOLOR), pyte.Screen(24, 1)
    fresh.resize(24, 1)
    pyte.Stream(alone).feed(fresh.difference(_update(texts[-1])))
    assert screen.display == alone.display


def _update(text: str) -> LayoutUpdate:
    strip = Strip([Segment(text, Style(color="red"))]).adjust_cell_length(24)
    return LayoutUpdate([[strip]], Region(0, 0, 24, 1))


# -- the writer ---------------------------------------------------------------------------------


def _until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_terminal_that_takes_nothing_blocks_nobody() -> None:
    ours, theirs = pty.openpty()
    writer = Writer(theirs)
    writer.start()
    began = time.monotonic()
    for _ in range(50):
        writer.write("x" * 4096)
    assert time.monotonic() - began < 0.5
    assert writer.is_busy
    writer.stop(within_s=0.1)
    assert time.monotonic() - began < 1.5
    os.close(ours)
    os.close(theirs)


def test_it_tells_when_all_is_written() -> None:
    ours, theirs = os.pipe()
    writer = Writer(theirs)
    writer.start()
    told = threading.Event()
    size = 200_000
    writer.write("y" * size)
    _until(lambda: writer.is_busy)
    writer.when_idle(told.set)
    assert not told.is_set()
    taken = 0
    while taken < size and select.select([ours], [], [], 5)[0]:
        taken += len(os.read(ours, 65536))
    assert told.wait(5)
    assert not writer.is_busy
    writer.stop(within_s=1)
    os.close(ours)
    os.close(theirs)


def test_a_terminal_that_is_gone_ends_the_writer() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    writer = Writer(theirs)
    writer.start()
    writer.write("z")
    _until(lambda: not writer.is_alive())
    writer.write("nobody reads this")
    assert not writer.is_busy
    os.close(theirs)
