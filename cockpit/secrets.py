"""Secrets: read from their files only when used, and known to the redactor from then on."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cockpit.errors import Refused
from cockpit.redact import Redactor
from cockpit.runbook.model import Runbook
from cockpit.secret_forms import dense
from cockpit.tail import Tail

SHORTEST = 8
"""Characters below which a secret cannot be redacted without harming ordinary text."""
LONGEST = 1 << 20
"""Bytes beyond which a file holds no secret."""
_SETTLES_NS = 100_000_000
"""Two writes within a tick of the file system's clock look alike: so young a file is read anew."""
Stamp = tuple[int, int, int, int, int]


class Secrets:
    """The secrets of a profile, by id."""

    def __init__(
        self, files: Mapping[str, Path], redactor: Redactor, *, lenient: bool = False
    ) -> None:
        self._files = files
        self._redactor = redactor
        self.lenient = lenient
        """In rehearsals: a file that others can reach is warned of, and used."""
        self._stamps: dict[str, Stamp | None] = {}

    def path(self, secret_id: str) -> Path:
        """Where the secret lies; KeyError for an undeclared id."""
        return self._files[secret_id]

    def value(self, secret_id: str) -> str:
        """The secret; Refused where it is missing, short, or within reach of anybody else."""
        path = self._files[secret_id]
        value, exposure = self._read(secret_id)
        if exposure and not self.lenient:
            mend = f"chown {_me()} {path}; chmod 600 {path}"
            raise Refused(f"the secret {secret_id} {exposure}", where=str(path), mend=mend)
        return value

    def _read(self, secret_id: str) -> tuple[str, str]:
        """The secret, known to the redactor from here on, and who else can reach it."""
        path = self._files[secret_id]
        try:
            raw, exposure = opened(path)
            value = raw.decode().strip()
        except OSError as error:
            what = f"the secret {secret_id} {_unread(error)}"
            raise Refused(what, where=str(path), mend=_mend(error, path)) from None
        except UnicodeDecodeError:
            # Not chained: the error quotes what it could not decode.
            raise Refused(f"the secret {secret_id} is not text", where=str(path)) from None
        if len(dense(value)) < SHORTEST:
            raise Refused(
                f"the secret {secret_id} has fewer than {SHORTEST} characters, blanks not counted",
                where=str(path),
                mend="put the whole secret into the file; a shorter one cannot be kept out of logs",
            )
        self._redactor.learn(secret_id, value)
        return value, exposure

    def hide(self, text: str) -> str:
        """Text without any secret that was used or learned."""
        return self._redactor.hide(text)

    def hide_each(self, texts: Sequence[str]) -> tuple[str, ...]:
        """The same of several texts at once."""
        return self._redactor.hide_each(texts)

    def tail(self, count: int) -> Tail:
        """For the last lines of what a program says: hidden first and cut then."""
        return Tail(self._redactor, count)

    def last_lines(self, text: str, count: int) -> tuple[str, ...]:
        """The same of what a program has said."""
        tail = self.tail(count)
        tail.add(text.strip())
        return tail.lines() if text.strip() else ()

    def learn_all(self) -> None:
        """Let the redactor know every secret that can be read, used or not, refused or not.

        From here on it looks at the files before each text that leaves: a secret that is rotated,
        or first written, while this process works is known before it can be shown.
        """
        self._redactor.ask_first(self._renew)
        self._renew()

    def _renew(self) -> None:
        """Learn what lies in files that are new or changed; the former values stay known."""
        for secret_id, path in self._files.items():
            stamp = _stamp(path)
            if stamp is None or stamp != self._stamps.get(secret_id):
                self._stamps[secret_id] = stamp and _if_settled(stamp)
                with contextlib.suppress(Refused, OSError):  # what needs it will say so
                    if stamp:
                        self._read(secret_id)

    def learn(self, name: str, value: str) -> None:
        """Let the redactor know a secret that is not the profile's own, such as a container's."""
        if len(dense(value := value.strip())) >= SHORTEST:
            self._redactor.learn(name, value)

    def settled(self, text: str) -> int:
        """How much of a text, whose rest is still to come, can hold no part of a secret."""
        return self._redactor.settled(text)

    def exposures(self) -> Iterator[str]:
        """Every secret that somebody else can reach, in words."""
        for secret_id, path in self._files.items():
            with contextlib.suppress(OSError):
                if exposure := exposed(path):
                    yield f"the secret {secret_id} {exposure}"


def for_profile(runbook: Runbook, redactor: Redactor) -> Secrets:
    """The secrets of a runbook's profile; relative files lie beside the runbook."""
    folder = Path(runbook.directory)
    declared = runbook.profile.secrets
    files = {name: folder / secret.file for name, secret in declared.items()}
    return Secrets(files, redactor, lenient=runbook.environment == "rehearsal")


def planted_in(runbook: Runbook, files: Mapping[str, bytes]) -> tuple[str, str] | None:
    """A file of a plan that holds a secret of its profile, and the secret's id."""
    redactor = Redactor()
    secrets = for_profile(runbook, redactor)
    secrets.learn_all()
    for name, data in files.items():
        if found := redactor.first_in(data.decode("utf-8", "replace")):
            return name, found
    return None


def _stamp(path: Path) -> Stamp | None:
    """What tells a changed file from the one that was read; None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  before every text that leaves: half the time
    except OSError:
        return None
    times = (found.st_mtime_ns, found.st_ctime_ns)
    return (found.st_dev, found.st_ino, found.st_size, *times)


def _if_settled(stamp: Stamp) -> Stamp | None:
    """The stamp, where another write could not have left the same one."""
    return stamp if abs(time.time_ns() - stamp[-1]) > _SETTLES_NS else None


def opened(path: Path) -> tuple[bytes, str]:
    """A file's content and who else can reach it: of one and the same file, whatever is moved."""
    # Not waiting for a writer, where it is a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise IsADirectoryError
        return file.read(LONGEST), _exposure(found, path.resolve())


def _unread(error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return "has no file"
        case IsADirectoryError():
            return "is not a file"
        case PermissionError():
            return "cannot be read by this user"
    return f"cannot be read: {error.strerror}"


def _mend(error: OSError, path: Path) -> str:
    match error:
        case FileNotFoundError():
            return f"write the secret there, `(umask 077; cat > {path})`; or correct its path"
        case IsADirectoryError():
            return "name a file under `secrets:` in the profile"
        case PermissionError():
            return f"as its owner or root: chown {_me()} {path}; chmod 600 {path}"
    return "look at the file, and at the disk that it lies on"


# -- who else can reach a file ------------------------------------------------------------------


def exposed(path: Path) -> str:
    """Who but this user, and root, can read a file; empty where nobody can. OSError as `stat`."""
    return _exposure(path.stat(), path.resolve())


def _exposure(found: os.stat_result, path: Path) -> str:
    if found.st_uid not in (os.geteuid(), 0):
        return f"belongs to {_user(found.st_uid)}, who can read it"
    return _reach(found, path)


def _reach(found: os.stat_result, path: Path, *, counts_empty: bool = True) -> str:
    folders = [folder.stat().st_mode for folder in path.parents]
    if found.st_mode & 0o007 and all(mode & 0o001 for mode in folders):
        return "can be read by other users of this host"
    # A member of the file's group may be one of the folders' groups too.
    is_open = found.st_mode & 0o070 and all(mode & 0o011 for mode in folders)
    if is_open and (counts_empty or _has_others(found.st_gid, found.st_uid)):
        return f"can be read by the group {_group(found.st_gid)}"
    return ""


def _me() -> str:
    return _user(os.geteuid())


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _has_others(gid: int, uid: int) -> bool:
    """Whether anybody but root and a file's owner is in a group."""
    kept = {_user(uid), "root"}
    with contextlib.suppress(KeyError):
        if set(grp.getgrgid(gid).gr_mem) - kept:
            return True
    return any(one.pw_gid == gid and one.pw_name not in kept for one in pwd.getpwall())


def reachable_by_others(path: Path) -> str:
    """Why a file is no secret to other users; empty where it is.

    For files that a container's own user reads: whose they are is that container's matter, and
    so is its group, as long as nobody else of this host is in it.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return "is not a file"
        if reason := _reach(found, path.resolve(), counts_empty=False):
            return reason
        if not os.access(path, os.R_OK):
            return "cannot be read by this user"
    except FileNotFoundError:
        return "has no file"
    except PermissionError:
        return "cannot be reached by this user"
    return ""
