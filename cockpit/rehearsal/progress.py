"""What a lab remembers of its operations, and what it says of itself, on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from cockpit.jsonread import read_json
from cockpit.rehearsal.spec import write_aside


class Progress(msgspec.Struct):
    """What operations brought about, so that a lab that was killed comes back with it."""

    new_runs: bool = False
    """The new web service was started."""
    old_is_gone: bool = False
    """The old web service was decommissioned."""
    died: list[str] = []
    """Operations that died once, as the scenario plants it."""
    backups: int = 0

    def save(self, folder: Path) -> None:
        """Write it, whole."""
        write_aside(folder / "progress.json", msgspec.json.encode(self))


def load_progress(folder: Path) -> Progress:
    """What the folder remembers; nothing yet, where it is new."""
    path = folder / "progress.json"
    return read_json(path.read_bytes(), Progress) if path.exists() else Progress()


class LabStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a lab says of itself, in `status.json`."""

    state: Literal["starting", "up", "down"]
    detail: str = ""
    scenario: str = ""
    lag_s: float = 0.0
    """Run seconds by which the users are behind their schedule."""
    requests: int = 0
    """Requests that users made since the lab's start."""
    failed: int = 0
    """Of these, how many failed."""
    to_new: int = 0
    """Of these, how many went to the new side."""
    pid: int = 0
    start_time: int = 0
    """Field 22 of /proc/PID/stat: with the pid it names one process."""
    operations: tuple[str, ...] = ()
    """The last operations, oldest first, each in a line."""


def start_time(pid: int) -> int:
    """Field 22 of /proc/PID/stat; 0 where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])
