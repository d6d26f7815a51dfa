"""The most memory that a container ever used, as its kernel counted it: page cache included."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def peak(stats: Mapping[str, Any], state: Mapping[str, Any], *, is_local: bool) -> int | None:
    """Bytes; None where the kernel does not tell, or is another host's."""
    counted = (stats.get("memory_stats") or {}).get("max_usage")
    if counted:
        return int(counted)
    return of_process(int(state.get("Pid") or 0)) if is_local else None


def of_process(pid: int, proc: Path = PROC, cgroups: Path = CGROUPS) -> int | None:
    """What the second version of cgroups counted; the engine's API leaves it out."""
    with suppress(OSError, ValueError, StopIteration):
        lines = (proc / str(pid) / "cgroup").read_text(encoding="ascii").splitlines()
        path = next(line.partition("::")[2] for line in lines if line.startswith("0::"))
        return int((cgroups / path.lstrip("/") / "memory.peak").read_text(encoding="ascii"))
    return None
