"""Where the files that ship beside the code lie: in a wheel, and in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cockpit.errors import NotInstalled

PACKAGE = Path(__file__).resolve().parent


def shipped(name: Literal["styles", "runbooks"]) -> Path:
    """The folder of the style sheets or of the shipped runbooks."""
    for folder in (PACKAGE / "_shipped" / name, PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise NotInstalled(
        f"the folder {name} did not come with this installation",
        where=str(PACKAGE),
        mend="install the cockpit again, from a wheel or from a checkout",
    )
