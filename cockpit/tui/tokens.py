"""Colours: what each tone means, in four themes; a rule in `styles/` names a token."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

from cockpit.tui.palette import DARK, PALETTES

TONES = (
    "fine", "bad", "needs", "unknown", "plain", "dim", "strong", "title", "label", "key", "frame",
    "focus", "cursor", "spark", "env-production", "env-staging", "env-rehearsal",
    "rim-production", "rim-staging", "rim-rehearsal",
)  # fmt: skip
"""The words of which a tone is made; each is a component class `tone--WORD`."""

DEFAULTS = DARK
"""What a token is in a theme that does not say."""


def _theme(name: str, tokens: dict[str, str], *, dark: bool = True, ansi: bool = False) -> Theme:
    return Theme(
        name=name,
        primary=tokens["key"],
        secondary=tokens["spark"],
        accent=tokens["status-needs"],
        warning=tokens["status-needs"],
        error=tokens["status-bad"],
        success=tokens["status-fine"],
        foreground=tokens["ink"],
        background=tokens["paper"],
        surface=tokens["paper"],
        panel=tokens["cursor"],
        dark=dark,
        ansi=ansi,
        variables=(BUILTIN_THEMES["ansi-dark"].variables if ansi else {}) | tokens,
    )


THEMES = tuple(
    _theme(name, tokens, dark=name != "cockpit-light", ansi=name == "cockpit-ansi")
    for name, tokens in PALETTES.items()
)
