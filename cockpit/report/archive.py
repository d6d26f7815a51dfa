"""A run's record as one file: packed on the host that ran it, verified where it is taken in."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from cockpit import record
from cockpit.durable import fit, sync_folder
from cockpit.engine.layout import RunDirectory, runs
from cockpit.errors import CockpitError, Refused
from cockpit.record import Record
from cockpit.runbook.plan import thaw

PARTS = ("run.json", "journal.jsonl", "plan")
"""What a record is: neither outputs nor exports leave their host."""
MOST = 256 * 1024**2
"""Bytes beyond which no record is believed."""


def pack(found: Record, path: Path) -> Path:
    """Write a run's record as a compressed tar file."""
    with tarfile.open(path, "w:gz") as archive:
        for part in PARTS:
            archive.add(found.directory.path / part, f"{found.directory.name}/{part}")
    path.chmod(0o600)
    fit(path)
    return path


def take_in(path: Path) -> RunDirectory:
    """Put a record among the runs of this host; Refused where its proof does not hold."""
    home = runs()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = Path(mkdtemp(prefix=".import-", dir=home))
    try:
        found = RunDirectory(_unpacked(path, aside))
        _prove(found)
        place = home / found.name
        if place.exists():
            raise Refused("that run is on this host already", where=str(place))
        place.parent.mkdir(mode=0o700, exist_ok=True)
        found.path.rename(place)
        sync_folder(place.parent)
    finally:
        shutil.rmtree(aside)
    return RunDirectory(place)


def _unpacked(path: Path, folder: Path) -> Path:
    """Write the archive's plain files, and no other; the folder of its one run."""
    heads: set[PurePosixPath] = set()
    left = MOST
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                name = PurePosixPath(member.name)
                left -= member.size
                if not _is_expected(name) or left < 0:
                    raise _no_record(path, f"it holds {member.name}, {member.size} bytes")
                heads.add(PurePosixPath(*name.parts[:2]))
                if content := archive.extractfile(member) if member.isreg() else None:
                    _write(folder / name, content.read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise _no_record(path, str(error)) from error
    if len(heads) != 1:
        raise _no_record(path, f"it holds {len(heads)} runs")
    return folder / heads.pop()


def _is_expected(name: PurePosixPath) -> bool:
    return (
        not name.is_absolute()
        and ".." not in name.parts
        and len(name.parts) > 2
        and name.parts[2] in PARTS
    )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)


def _prove(found: RunDirectory) -> None:
    """The chain holds, and the plan that it begins with is the one beside it."""
    state = record.read(found).state
    if state.damage or not state.plan:
        raise Refused(f"its journal does not hold: {state.damage or 'it is empty'}")
    plan = thaw(found.plan(state.plan))
    stated = (state.environment, state.plan, state.procedure)
    if stated != (found.path.parent.name, plan.plan_digest, plan.procedure_digest):
        raise Refused("its journal is of another plan than the one beside it")


def _no_record(path: Path, why: str) -> CockpitError:
    return Refused(
        f"this is no record of a run: {why}",
        where=str(path),
        mend="take `record.tar.gz` from the report that the other host wrote",
    )
