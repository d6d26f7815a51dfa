"""systemd as the cockpit uses it: units that no login holds, and which unit a process lives in."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

BOOTED = Path("/run/systemd/system")
"""Present where systemd runs this host, as sd_booted(3) says."""
PROPERTIES = (
    ("Type", "exec"),
    # What a step leaves running on purpose, and a rehearsal's lab, are not the unit's to kill.
    ("KillMode", "process"),
    # A child that the kernel ends for memory is for the runner to tell, not for systemd to stop.
    ("OOMPolicy", "continue"),
    ("WorkingDirectory", "/"),
    ("UMask", "0077"),
)
"""Of every service that the cockpit starts or installs."""
ORDERED_END = (
    # It waits for nothing of the host's start, and ends in order at its shutdown.
    ("DefaultDependencies", "no"),
    ("Conflicts", "shutdown.target"),
    ("Before", "shutdown.target"),
)
_UNIT = re.compile(r"\.(service|scope)$")
_UNFIT = re.compile(r"[^A-Za-z0-9:_.-]+")


def can_start_units() -> bool:
    """Whether this process may start units that no login holds."""
    return os.geteuid() == 0 and BOOTED.is_dir() and shutil.which("systemd-run") is not None


def unit_name(*words: str) -> str:
    """A service's name made of words."""
    return _UNFIT.sub("-", "-".join(words))[:200] + ".service"


def transient(
    unit: str,
    argv: Sequence[str],
    log: Path,
    environment: Mapping[str, str],
    more: Iterable[tuple[str, str]] = (),
) -> list[str]:
    """The command that starts a transient service; it returns once the program was executed."""
    properties = (*PROPERTIES, *ORDERED_END, ("CollectMode", "inactive-or-failed"), *more)
    files = (("StandardOutput", f"append:{log}"), ("StandardError", f"append:{log}"))
    return [
        *("systemd-run", "--quiet", f"--unit={unit}"),
        *(f"--property={name}={value}" for name, value in (*properties, *files)),
        *(f"--setenv={name}={value}" for name, value in environment.items()),
        "--",
        # systemd replaces variables in a command line.
        *(word.replace("$", "$$") for word in argv),
    ]


def unit_of(pid: int | str = "self") -> str:
    """The service or scope that a process lives in; empty where none is known."""
    return unit_in(_cgroups(pid))


def unit_in(cgroups: str) -> str:
    """The innermost service or scope that the text of /proc/PID/cgroup names."""
    for line in cgroups.splitlines():
        number, controllers, path = line.split(":", 2)
        # The unified tree, or the one that systemd keeps beside the old controllers.
        if number == "0" or controllers == "name=systemd":
            for part in reversed(path.split("/")):
                if _UNIT.search(part):
                    return part
    return ""


def members(unit: str) -> list[int]:
    """The processes that live in a unit."""
    found = (int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit())
    return [pid for pid in found if unit_of(pid) == unit]


def _cgroups(pid: int | str) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
