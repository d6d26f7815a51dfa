"""The files of a runbook's folder: read once, bounded, and kept for the digests."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from cockpit.runbook.frozen import QUICK
from cockpit.runbook.nodes import LARGEST

LARGEST_NAMED = 16 * 1024 * 1024
"""Bytes of a named file beyond which it is not taken into a plan."""

GIVEN = "given.json"
"""What a frozen plan adds: the values that the cockpit gave, and where the runbook lay."""


class Folder:
    """A runbook's folder, and the bytes that were read from it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read: dict[str, bytes] = {}
        """What was read, by name."""

    def shown(self, name: str) -> str:
        """A file's name as the operator would write it."""
        return str(self.path / name)

    def take(self, name: str, largest: int = LARGEST) -> str:
        """Read a file of the folder; why it cannot be, empty where `read` has it now."""
        if name in self.read:
            return ""
        try:
            data = _bytes(self.path / name, largest)
        except FileNotFoundError:
            return "there is no such file"
        except PermissionError:
            return "the file cannot be read by this user"
        except (OSError, ValueError) as error:
            return f"the file cannot be read ({getattr(error, 'strerror', None) or error})"
        if isinstance(data, str):
            return data
        self.read[name] = data
        return ""

    def take_named(self, name: str) -> str:
        """Read a file that the runbook names; it must lie inside the folder, links followed."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name:
            return "the file's name is not a plain one inside the runbook's folder"
        if name in (GIVEN, QUICK):
            return "the plan keeps a file of its own under that name"
        try:
            inside = (self.path / name).resolve().is_relative_to(self.path.resolve())
        except (OSError, ValueError, RuntimeError):
            return "the file's name cannot be followed"
        if not inside:
            return "the file lies outside the runbook's folder"
        return self.take(name, LARGEST_NAMED)


def _bytes(path: Path, largest: int) -> bytes | str:
    facts = path.stat()
    if stat.S_ISDIR(facts.st_mode):
        return "that is a folder"
    if not stat.S_ISREG(facts.st_mode):
        return "that is not an ordinary file"
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > largest:
            return f"the file is larger than {largest // 1024**2} MiB"
        data = file.read(largest + 1)
    return data if len(data) <= largest else f"the file is larger than {largest // 1024**2} MiB"
