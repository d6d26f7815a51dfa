from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.command import CommandPalette

from cockpit.engine.client import View
from cockpit.tui.taste import Taste, prepare, taste
from tests.fakes import screen_views as views
from tests.fakes.screens import Opened, opened


@pytest.mark.parametrize(
    ("environ", "theme", "ascii_only"),
    [
        ({"TERM": "xterm-256color", "LANG": "C.UTF-8"}, "cockpit-dark", False),
        ({"TERM": "tmux-256color", "LANG": "de_DE.UTF-8"}, "cockpit-dark", False),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "cockpit-ansi", False),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, "cockpit-ansi", False),
        ({"TERM": "linux", "LANG": "C.UTF-8"}, "cockpit-ansi", True),
        ({"TERM": "vt100"}, "cockpit-ansi", True),
        ({"TERM": "xterm-256color", "LC_ALL": "C"}, "cockpit-dark", True),
        ({"TERM": "xterm-256color", "LANG": "de_DE.ISO-8859-1"}, "cockpit-dark", True),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "cockpit-dark", False),
        ({"TERM": "xterm-256color", "COCKPIT_THEME": "light"}, "cockpit-light", False),
        (
            {"TERM": "xterm-256color", "COCKPIT_THEME": "light", "NO_COLOR": "1"},
            "cockpit-ansi",
            False,
        ),
    ],
)
def test_a_poor_terminal_gets_few_colours_and_plain_signs(
    environ: dict[str, str], theme: str, ascii_only: bool
) -> None:
    assert (taste(environ).theme, taste(environ).ascii) == (theme, ascii_only)


def test_textual_is_told_to_keep_still_unless_the_operator_said_otherwise() -> None:
    environ = {"TEXTUAL_FPS": "30"}
    prepare(environ)
    assert environ["TEXTUAL_ANIMATIONS"] == "none"
    assert environ["TEXTUAL_FPS"] == "30"


@pytest.mark.parametrize("made", [views.switched, views.confirming])
async def test_without_colour_no_cell_is_painted_in_any(
    made: Callable[[], View], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    plain = taste({"TERM": "xterm-256color", "LANG": "C.UTF-8", "NO_COLOR": "1"})
    async with opened(made(), taste=plain) as one:
        strips = one.app.screen._compositor.render_strips()
        styles = {segment.style for strip in strips for segment in strip if segment.style}
        painted = {
            str(style)
            for style in styles
            for colour in (style.color, style.bgcolor)
            if colour is not None and not colour.is_default
        }
    assert styles
    assert painted == set()


def _underlined(one: Opened) -> str:
    strips = one.app.screen._compositor.render_strips()
    parts = (part for strip in strips for part in strip if part.style and part.style.underline)
    return "".join(part.text for part in parts).strip()


@pytest.mark.parametrize("no_colour", [True, False])
@pytest.mark.parametrize("theme", ["cockpit-ansi", "cockpit-dark"])
async def test_the_chosen_command_of_the_palette_is_told_by_more_than_colour(
    theme: str, no_colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if no_colour:
        monkeypatch.setenv("NO_COLOR", "1")
    async with opened(views.switched(), (80, 24), taste=Taste(theme)) as one:
        await one.pilot.press("colon")
        await one.until(lambda: isinstance(one.app.screen, CommandPalette))
        await one.until(lambda: _underlined(one).startswith("accept"))
        await one.pilot.press("down", "down")
        await one.until(lambda: _underlined(one).startswith("faster"))
