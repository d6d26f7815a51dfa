"""What the terminal can show, by what its environment says.

The first frame needs this, so that nothing is imported here that takes long; not even `typing`.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


class Taste:
    """How to draw on this terminal."""

    __slots__ = ("ascii", "theme")

    def __init__(self, theme: str = "cockpit-dark", ascii: bool = False) -> None:  # noqa: A002, FBT001, FBT002  the word for it
        self.theme = theme
        self.ascii = ascii


def prepare(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what Textual reads when it is first imported; the operator's own choice stays."""
    for name, value in (
        ("TEXTUAL_ANIMATIONS", "none"),
        ("TEXTUAL_SMOOTH_SCROLL", "0"),
        ("TEXTUAL_FPS", "60"),
        ("ESCDELAY", "60"),
    ):
        environ.setdefault(name, value)


def taste(environ: Mapping[str, str] = os.environ, theme: str = "") -> Taste:
    """What this terminal can show: few colours or none take the ansi theme, and few signs ASCII."""
    term = environ.get("TERM", "")
    plain = term in ("", "dumb", "linux", "vt100", "vt220", "ansi")
    few = plain or (colours(term) < 256 and environ.get("COLORTERM") not in ("truecolor", "24bit"))
    wanted = theme or environ.get("COCKPIT_THEME", "")
    if "NO_COLOR" in environ or (few and not wanted):
        wanted = "cockpit-ansi"
    elif wanted and not wanted.startswith("cockpit-"):
        wanted = f"cockpit-{wanted}"
    return Taste(wanted or "cockpit-dark", plain or not _is_utf8(environ))


def colours(term: str) -> int:
    """How many colours a terminal of that name has, by its name and its description."""
    if "256color" in term or "direct" in term or "kitty" in term:
        return 256
    import curses

    try:
        curses.setupterm(term, os.open(os.devnull, os.O_WRONLY))
        return max(0, curses.tigetnum("colors"))
    except curses.error:
        return 8


def _is_utf8(environ: Mapping[str, str]) -> bool:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        if value := environ.get(name):
            return value.lower().replace("-", "").endswith("utf8")
    return True
