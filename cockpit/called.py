"""How this program was called: commands that are printed to be typed must work as they stand."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

TOLD = "COCKPIT_CALLED"
"""The variable in which a program that calls this one says by which words it is called."""


def called(argv: Sequence[str] = sys.argv, environ: Mapping[str, str] = os.environ) -> str:
    """The words that call it here: `cockpit` where the PATH leads to it."""
    if told := environ.get(TOLD):
        return told
    name = argv[0] if argv else ""
    last = name.rpartition(os.sep)[2]
    if name.endswith(f"{os.sep}cockpit{os.sep}__main__.py"):
        return f"{sys.executable} -m cockpit"
    if last != "cockpit" or _is_found(name, environ.get("PATH", "")):
        return "cockpit"
    return name


def as_called(text: str) -> str:
    """Text in which every command that is quoted works here."""
    return text.replace("`cockpit ", f"`{called()} ") if "`cockpit " in text else text


def _is_found(name: str, path: str) -> bool:
    if os.sep not in name:
        return True
    first = next((p for p in path.split(os.pathsep) if os.access(f"{p}/cockpit", os.X_OK)), "")
    return bool(first) and os.path.realpath(f"{first}/cockpit") == os.path.realpath(name)
