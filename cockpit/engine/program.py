"""The program's own files: an upgrade under a running engine holds the run, and says so."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from cockpit import __version__

PACKAGE = Path(__file__).parents[1]
Stamp = tuple[tuple[str, int, int, int], ...]
_labels: dict[Path, tuple[Stamp, str]] = {}
"""What was hashed last: files are read again only where their stamp is another."""


def label(package: Path = PACKAGE) -> str:
    """Version and digest of the program as it lies on the disk now.

    A checkout under version control counts like any other: pulling it is an upgrade.
    """
    stamp = tuple(_stamps(package))
    known = _labels.get(package)
    if known is not None and known[0] == stamp:
        return known[1]
    digest = hashlib.sha256()
    for path in _files(package):
        data = path.read_bytes()
        digest.update(f"{path.relative_to(package)}\0{len(data)}\0".encode())
        digest.update(data)
    found = f"{__version__}+{digest.hexdigest()[:12]}"
    _labels[package] = stamp, found
    return found


def _files(package: Path) -> Iterator[Path]:
    """The program's files, without what Python makes of them."""
    for place, folders, names in os.walk(package, onerror=_raise):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        yield from (Path(place, name) for name in sorted(names))


def _raise(error: OSError) -> None:
    """A folder that the host does not show now is not an empty one."""
    raise error


def _stamps(package: Path) -> Iterator[tuple[str, int, int, int]]:
    # Looked at for nine days: by plain names, since a path costs more than the look itself.
    for place, folders, names in os.walk(package, onerror=_raise):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = f"{place}/{name}"
            about = os.stat(path)  # noqa: PTH116  see above
            yield path, about.st_ino, about.st_size, about.st_mtime_ns


def differ(former: str, now: str) -> bool:
    """Whether two labels name different programs; one without a digest is not compared."""
    return former != now and "+" in former and "+" in now
