"""One copy of way-back.md and the journal, in a process that may hang: `COPYING` as JSON.

What a mirror holds is never lost by a copy: a journal there that this one does not continue is
kept beside it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cockpit.durable import make_folder, replace_file, sync_folder
from cockpit.errors import CockpitError, TargetError
from cockpit.secrets import reachable_by_others

JOURNAL = "journal.jsonl"
FILES = ("run.json", "way-back.md")
RCLONE = (
    *("rclone", "copy", "--log-level", "ERROR", "--retries", "1", "--low-level-retries", "2"),
    *("--contimeout", "10s", "--timeout", "30s"),
    # A key that may write into a bucket need not be one that may make buckets.
    "--s3-no-check-bucket",
)

MOST = 8192
"""Characters of what rclone says that are handed on; in them, a line is chosen."""


@dataclass(frozen=True, slots=True)
class Copying:
    """What is copied, and where to."""

    directory: str
    run: str
    """`environment/runbook-time`: the folder in which the copies lie."""
    head: str
    """The newest event's hash, which the journal must hold."""
    place: str
    config: str = ""
    """The rclone configuration; empty where the place is a folder of this host."""


def copy(wanted: Copying) -> None:
    """Copy once; CockpitError where it cannot be."""
    files = snapshot(Path(wanted.directory), wanted.head)
    try:
        if wanted.config:
            _by_rclone(wanted, files)
        else:
            _into_folder(Path(wanted.place), wanted, files)
    except OSError as error:
        raise TargetError(str(error.strerror or error)) from error


def snapshot(directory: Path, head: str) -> Mapping[str, bytes]:
    """The files as they are now; of the journal, its whole lines."""
    files = {name: (directory / name).read_bytes() for name in FILES if (directory / name).exists()}
    journal = (directory / JOURNAL).read_bytes()
    journal = journal[: journal.rfind(b"\n") + 1]
    if head.encode() not in journal:
        raise TargetError(
            "the journal lacks its newest event: the copy stays as it is",
            where=str(directory / JOURNAL),
        )
    return {**files, JOURNAL: journal}


def _into_folder(place: Path, wanted: Copying, files: Mapping[str, bytes]) -> None:
    if not place.is_dir():
        raise TargetError("the folder is not there: is it mounted?")
    if place.stat().st_dev == Path(wanted.directory).stat().st_dev:
        raise TargetError("the folder lies on the run's own disk: is the share mounted?")
    folder = place / wanted.run
    make_folder(folder)
    for name, content in files.items():
        path = folder / name
        former = path.read_bytes() if path.exists() else b""
        if name == JOURNAL:
            _continue(path, former, content)
        elif former != content:
            replace_file(path, content)


def _continue(path: Path, former: bytes, content: bytes) -> None:
    """Add to a journal's copy what is new; what it is no beginning of is kept beside it."""
    if not content.startswith(former):
        kept = path.with_name(f"{path.stem}.{hashlib.sha256(former).hexdigest()[:12]}{path.suffix}")
        path.rename(kept)
        former = b""
    if not former:
        replace_file(path, content)
    elif former != content:
        with path.open("ab") as file:
            file.write(content[len(former) :])
            file.flush()
            os.fsync(file.fileno())


def _by_rclone(wanted: Copying, files: Mapping[str, bytes]) -> None:
    config = Path(wanted.config)
    if problem := reachable_by_others(config):
        raise TargetError(f"the configuration {problem}: {config}")
    if shutil.which("rclone") is None:
        raise TargetError("rclone is not installed on this host")
    # A file that grows while it is read would be refused: rclone gets one that does not.
    still = Path(wanted.directory) / "mirror"
    make_folder(still)
    for name, content in files.items():
        replace_file(still / name, content)
    sync_folder(still)
    target = f"{wanted.place.rstrip('/')}/{wanted.run}"
    words = [*RCLONE, "--config", str(config), str(still), target]
    done = subprocess.run(
        words, capture_output=True, text=True, errors="replace", env=_environment(), check=False
    )
    if done.returncode:
        raise TargetError(_end(done.stderr.strip()) or f"rclone exited with {done.returncode}")


def _end(told: str) -> str:
    """As much of it as a pipe takes that is read when this process has ended."""
    return told if len(told) <= MOST else told[-MOST:].partition("\n")[2]


def _environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSH_AUTH_SOCK")
    return {name: os.environ[name] for name in kept if name in os.environ}


def main(text: str) -> int:
    """Copy, or say what went wrong: whole, for who reads it hides secrets before a line is cut."""
    try:
        copy(msgspec.json.decode(text, type=Copying))
    except CockpitError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
