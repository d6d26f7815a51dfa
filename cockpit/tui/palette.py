"""The colours of the themes, and how a terminal of few colours draws them.

The first frame is painted from here before anything heavy is imported: standard library alone.
"""

from __future__ import annotations

DARK = {
    "paper": "#10151b",
    "ink": "#d5dbe3",
    "bright": "#f4f7fb",
    "faint": "#8490a0",
    "status-fine": "#62c48b",
    "status-bad": "#ff7a70",
    "status-needs": "#f0b64a",
    "status-unknown": "#bb9df0",
    "line": "#3f4a58",
    "line-focus": "#8cbbe8",
    "key": "#8cbbe8",
    "spark": "#5f97c4",
    "cursor": "#22303f",
    "production": "#a8231c",
    "production-ink": "#ffffff",
    "staging": "#d08a16",
    "staging-ink": "#161006",
    "rehearsal": "#1c667f",
    "rehearsal-ink": "#ffffff",
}
LIGHT = {
    "paper": "#fbfbf8",
    "ink": "#22282f",
    "bright": "#000000",
    "faint": "#626c78",
    "status-fine": "#1a7340",
    "status-bad": "#b3201a",
    "status-needs": "#8a5a00",
    "status-unknown": "#6a3fb0",
    "line": "#b6bec8",
    "line-focus": "#1d5f9c",
    "key": "#1d5f9c",
    "spark": "#3c7fb5",
    "cursor": "#dfe9f3",
    "production": "#a8231c",
    "production-ink": "#ffffff",
    "staging": "#e0a030",
    "staging-ink": "#161006",
    "rehearsal": "#1c667f",
    "rehearsal-ink": "#ffffff",
}
CONTRAST = {
    "paper": "#000000",
    "ink": "#ffffff",
    "bright": "#ffffff",
    "faint": "#b8c0c8",
    "status-fine": "#5cb3ff",
    "status-bad": "#ff9a2e",
    "status-needs": "#ffe14d",
    "status-unknown": "#e5e5e5",
    "line": "#9aa4ae",
    "line-focus": "#ffffff",
    "key": "#9fd4ff",
    "spark": "#5cb3ff",
    "cursor": "#27405c",
    "production": "#ff9a2e",
    "production-ink": "#000000",
    "staging": "#ffe14d",
    "staging-ink": "#000000",
    "rehearsal": "#1560a8",
    "rehearsal-ink": "#ffffff",
}
ANSI = {
    "paper": "ansi_default",
    "ink": "ansi_default",
    "bright": "ansi_default",
    "faint": "ansi_default",
    "status-fine": "ansi_green",
    "status-bad": "ansi_red",
    "status-needs": "ansi_yellow",
    "status-unknown": "ansi_magenta",
    "line": "ansi_default",
    "line-focus": "ansi_cyan",
    "key": "ansi_cyan",
    "spark": "ansi_blue",
    "cursor": "ansi_default",
    "production": "ansi_red",
    "production-ink": "ansi_white",
    "staging": "ansi_yellow",
    "staging-ink": "ansi_black",
    "rehearsal": "ansi_blue",
    "rehearsal-ink": "ansi_white",
}
PALETTES = {
    "cockpit-dark": DARK,
    "cockpit-light": LIGHT,
    "cockpit-contrast": CONTRAST,
    "cockpit-ansi": ANSI,
}
_ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
TRUE, MANY, FEW = 1 << 24, 256, 16
"""How many colours a terminal has."""


def depth(environ: dict[str, str]) -> int:
    """How many colours the terminal has, by the names that Rich goes by; 0 for none at all."""
    if "NO_COLOR" in environ:
        return 0
    if environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return TRUE
    kind = environ.get("TERM", "").rpartition("-")[2].lower()
    return MANY if kind in ("256color", "kitty") else FEW


def sgr(colour: str, colours: int, *, front: bool = True) -> str:
    """The code that sets a token's colour; empty for the terminal's own."""
    if colour.startswith("ansi_"):
        name = colour.removeprefix("ansi_")
        return f"{(30 if front else 40) + _ANSI.index(name)}" if name in _ANSI and colours else ""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    if colours == TRUE:
        return f"{38 if front else 48};2;{red};{green};{blue}"
    return f"{38 if front else 48};5;{_cube(red, green, blue)}" if colours == MANY else ""


def _cube(red: int, green: int, blue: int) -> int:
    """The nearest of 256 colours, as Rich finds it: a grey, or a place in the cube of six."""
    most, least = max(red, green, blue) / 255, min(red, green, blue) / 255
    light = (most + least) / 2
    span = most + least if light <= 0.5 else 2.0 - most - least
    if most == least or (most - least) / span < 0.15:
        grey = round(light * 25.0)
        return 16 if grey == 0 else 231 if grey == 25 else 231 + grey
    six = (round(one / 95 if one < 95 else 1 + (one - 95) / 40) for one in (red, green, blue))
    return 16 + sum(one * size for one, size in zip(six, (36, 6, 1), strict=True))
