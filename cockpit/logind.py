"""What logind does to the processes of a login that ends, as this host configures it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

FOLDERS = ("usr/lib/systemd", "run/systemd", "etc/systemd")
"""Where logind.conf and its drop-ins lie; a later one wins."""
_SETTING = re.compile(r"\s*(#?)\s*(KillUserProcesses|KillOnlyUsers|KillExcludeUsers)\s*=(.*)")
_YES = frozenset(("1", "yes", "y", "true", "t", "on"))


@dataclass(frozen=True, slots=True)
class Logind:
    """Its settings; logind.conf(5)."""

    kills: bool | None = None
    """Whether it kills what a login leaves running; None where no file tells."""
    where: str = ""
    """The file that says so."""
    only: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ("root",)

    def kills_of(self, user: str) -> bool | None:
        """Whether it kills what this user's logins leave running."""
        if user in self.excluded or (self.only and user not in self.only):
            return False
        return self.kills


def configured(root: Path = Path("/")) -> Logind:
    """The settings of this host."""
    found = Logind()
    for path in _files(root):
        for line in _lines(path):
            if match := _SETTING.match(line):
                found = _with(found, path, *match.groups())
    return found


def _with(found: Logind, path: Path, comment: str, name: str, text: str) -> Logind:
    words = tuple(text.split())
    if name == "KillUserProcesses" and words:
        # The file as shipped names the default that was compiled in, as a comment.
        word = f"{path}, its default" if comment else str(path)
        return replace(found, kills=words[0].lower() in _YES, where=word)
    if comment:
        return found
    if name == "KillOnlyUsers":
        return replace(found, only=(*found.only, *words) if words else ())
    return replace(found, excluded=(*found.excluded, *words) if words else ("root",))


def _files(root: Path) -> Iterator[Path]:
    """The main file that counts, then the drop-ins by name, of which a later folder's counts."""
    mains = [root / folder / "logind.conf" for folder in FOLDERS]
    yield from [path for path in mains if path.is_file()][-1:]
    drops: dict[str, Path] = {}
    for folder in FOLDERS:
        for path in (root / folder / "logind.conf.d").glob("*.conf"):
            drops[path.name] = path
    yield from (drops[name] for name in sorted(drops))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        # A drop-in may be a link to nothing, by which an administrator takes it out.
        return []
