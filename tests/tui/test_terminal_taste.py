from __future__ import annotations

from collections.abc import Callable

import pytest

from cockpit.engine.client import View
from cockpit.tui.taste import prepare, taste
from tests.fakes import screen_views as views
from tests.fakes.screens import opened


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
