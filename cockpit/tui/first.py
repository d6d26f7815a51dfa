"""The first frame: on the terminal before Textual, or anything else that is heavy, is imported.

It takes the terminal as the screen does, in the screen's colours, so that the screen draws over it
without clearing; and it gives the terminal back where no screen comes.
"""

from __future__ import annotations

import os
import signal
import sys
import termios

from cockpit.tui.glance import Glance, glance
from cockpit.tui.palette import PALETTES, depth, sgr
from cockpit.tui.taste import taste

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself would cost a third of the time until the frame
    from typing import Any

_WORDS = {"production": "PRODUCTION", "staging": "STAGING", "rehearsal": "REHEARSAL"}
_TAKE = "\x1b[?1049h\x1b[?25l\x1b[?7l"
"""The other screen, no cursor, no wrapping."""
_GIVE = "\x1b[0m\x1b[?7h\x1b[?1049l\x1b[?25h"
_GREY = {"production": "1;7", "staging": "7", "rehearsal": "4"}
"""How the bar is set off without colours."""
_taken: list[list[Any]] = []
"""The terminal's attributes of before, while this holds it."""


class Frame:
    """The first frame around a command; it shows nothing where that opens no screen."""

    def __init__(self, arguments: list[str]) -> None:
        self._arguments = arguments

    def __enter__(self) -> None:
        """Paint it."""
        able = all(map(os.isatty, (0, 1, 2))) and os.environ.get("TERM", "dumb") != "dumb"
        if able and (seen := glance(self._arguments)) is not None:
            _take(frame(seen, os.get_terminal_size(2), dict(os.environ)))

    def __exit__(self, *_error: object) -> None:
        """Give the terminal back, unless a screen has taken it over."""
        if _taken:
            termios.tcsetattr(0, termios.TCSANOW, _taken.pop())
            os.write(2, _GIVE.encode())


def hand_over() -> bool:
    """Leave the terminal to a screen, its attributes as they were; whether a frame is shown."""
    if not _taken:
        return False
    termios.tcsetattr(0, termios.TCSANOW, _taken.pop())
    return True


def _take(painted: str) -> None:
    before = termios.tcgetattr(0)
    quiet = [*before]
    quiet[3] = before[3] & ~(termios.ECHO | termios.ICANON)
    # What was typed or pasted behind the command was meant for the shell.
    termios.tcsetattr(0, termios.TCSAFLUSH, quiet)
    _taken.append(before)
    for one in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(one, _left)
    os.write(2, painted.encode("utf-8", "replace"))


def _left(_number: int, _frame: object) -> None:
    sys.exit(0)


def frame(seen: Glance, size: os.terminal_size, environ: dict[str, str]) -> str:
    """What is written to the terminal."""
    liked = taste(environ)
    colours = depth(environ)
    tokens = PALETTES.get(liked.theme, PALETTES["cockpit-dark"])
    paper = sgr(tokens["paper"], colours, front=False)
    ink, faint = sgr(tokens["ink"], colours), sgr(tokens["faint"], colours)
    bar = (
        sgr(tokens.get(seen.environment, "paper"), colours, front=False),
        sgr(tokens.get(f"{seen.environment}-ink", "ink"), colours),
        "" if colours else _GREY.get(seen.environment, ""),
    )
    now = " · ".join((f"recorded by {seen.recorded}", *seen.facts)) if seen.recorded else "opening"
    rows = [
        ([(f" {_WORDS.get(seen.environment, seen.environment)}  ", "1"),
          (" · ".join(seen.about), "")], bar),
        ([(" NOW   ", f"1;{faint}"), (now, ink)], (paper,)),
        ([(" NEXT  ", f"1;{faint}"), ("the screen is opening …", faint)], (paper,)),
    ]  # fmt: skip
    out = [_TAKE, _code(paper), "\x1b[2J"]
    for number, (spans, ground) in enumerate(rows, start=1):
        out.append(f"\x1b[{number};1H")
        room = size.columns
        for text, tone in (*spans, (" " * size.columns, "")):
            shown = _plain(text, ascii_only=liked.ascii)[:room]
            out.append(f"{_code(*ground, tone)}{shown}")
            room -= len(shown)
    return "".join((*out, "\x1b[0m"))


def _code(*codes: str) -> str:
    return f"\x1b[0;{';'.join(filter(None, codes))}m" if any(codes) else "\x1b[0m"


def _plain(text: str, *, ascii_only: bool) -> str:
    """Text that moves no cursor, in the terminal's own signs."""
    shown = "".join(one if one.isprintable() else " " for one in text)
    if ascii_only:
        shown = shown.replace("·", ".").replace("…", "~")
        shown = shown.encode("ascii", "replace").decode()
    return shown
