"""The files of this host that services mount: the hosts that their text names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from cockpit.stack import mixing
from cockpit.stack.model import Service, Stack

LONGEST = 1 << 18
"""Bytes of a file that are read; settings are shorter."""
MOST = 200
"""Files of one folder that are read."""
_SYSTEM = frozenset(
    ("proc", "sys", "dev", "run", "var", "etc", "usr", "lib", "bin", "sbin", "boot", "root")
)
"""Folders of the host's own: nobody's settings for a service, and some of them act when read."""
_COMMENTS = ("#", ";", "//")


def hosts(stack: Stack) -> dict[str, Mapping[str, frozenset[str]]]:
    """By service and file, the names and addresses in its lines, comments left out."""
    return {one.name: dict(_named(one, stack)) for one in stack.services}


def _named(one: Service, stack: Stack) -> Iterator[tuple[str, frozenset[str]]]:
    for file in _files(one, stack):
        if found := frozenset[str]().union(*map(mixing.hosts, _lines(file))):
            yield str(file), found


def _files(one: Service, stack: Stack) -> Iterator[Path]:
    declared = stack.config.get("configs") or {}
    for config in one.at("configs") or ():
        name = config if isinstance(config, str) else config.get("source", "")
        if file := (declared.get(name) or {}).get("file"):
            yield Path(file)
    for volume in one.at("volumes") or ():
        source = Path(volume.get("source") or "/")
        if volume.get("type") != "bind" or len(source.parts) < 2 or source.parts[1] in _SYSTEM:
            continue
        # A folder that the service writes to holds its data, not its settings.
        if not source.is_dir():
            yield source
        elif volume.get("read_only"):
            yield from _beneath(source)


def _beneath(folder: Path) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > MOST:
                return
            yield Path(place, name)


def _lines(file: Path) -> list[str]:
    """A file's lines without comments; none where it is no text, or cannot be read."""
    try:
        # Not waiting for a writer, where it is a pipe.
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return []
            text = opened.read(LONGEST).decode()
    except (OSError, UnicodeDecodeError):
        return []
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if not line.startswith(_COMMENTS)]
