"""The plan: a runbook as it was accepted, its digests, its frozen copy, and its times."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cockpit.durable import make_folder, open_kept, sync_folder
from cockpit.errors import RunbookError
from cockpit.jsonread import read_json
from cockpit.runbook.frozen import QUICK, quickened
from cockpit.runbook.load import Loaded, load, load_copy
from cockpit.runbook.model import Phase, Runbook, Step
from cockpit.runbook.sources import GIVEN


@dataclass(frozen=True, slots=True)
class Plan:
    """A runbook with everything that its confirmation covers."""

    runbook: Runbook
    procedure_digest: str
    """SHA-256 over runbook.yaml and every file that it names: equal in every environment."""
    plan_digest: str
    """SHA-256 over the procedure's digest and the resolved profile."""
    files: Mapping[str, bytes]
    """What is copied: both YAML files, the named files, and the given values."""

    @property
    def origin(self) -> Path:
        """The folder in which the runbook lay."""
        return Path(json.loads(self.files[GIVEN])["origin"])


@dataclass(frozen=True, slots=True)
class Planned:
    """A step with its planned time."""

    step: Step
    at: float
    """Seconds since the epoch, as T-0 was given."""
    phase: Phase


def load_plan(directory: Path, environment: str, given: Mapping[str, str]) -> Plan:
    """The plan of a folder; RunbookError with every mistake."""
    return plan_of(load(directory, environment, given))


def plan_of(loaded: Loaded) -> Plan:
    """The plan of what was loaded; RunbookError with every mistake."""
    if loaded.runbook is None or loaded.profile is None:
        lines = "\n".join(f"  {one}" for one in loaded.mistakes)
        raise RunbookError(
            f"the runbook has mistakes:\n{lines}",
            mend="mend them; `cockpit check` lists them again",
        )
    environment = loaded.runbook.environment
    named = {name: data for name, data in loaded.files.items() if name != f"{environment}.yaml"}
    procedure = _digest_of_files(named)
    facts = dataclasses.asdict(loaded.profile)
    given = {
        "environment": environment,
        "given": dict(loaded.given),
        "origin": str(loaded.directory),
        "profile": facts,
    }
    files = {**loaded.files, GIVEN: _canonical(given)}
    return Plan(loaded.runbook, procedure, _plan_digest(procedure, facts), files)


def schedule(runbook: Runbook, t0: float) -> tuple[Planned, ...]:
    """Every forward step with its planned time, in order."""
    return tuple(
        Planned(step, t0 + (phase.offset if step.offset is None else step.offset), phase)
        for phase in runbook.procedure.phases
        for step in phase.steps
    )


def freeze(plan: Plan, folder: Path) -> None:
    """Copy a plan to a folder named by its digest: whole on the disk, or not there."""
    if folder.name != plan.plan_digest:
        raise ValueError("a plan's folder is named by its digest")
    if folder.exists():
        thaw(folder)
        return
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    make_folder(aside)
    for name, data in {**plan.files, QUICK: quickened(plan.runbook, plan.files)}.items():
        _write(aside / name, data)
    for path in (aside, *(one for one in aside.rglob("*") if one.is_dir())):
        sync_folder(path)
    aside.rename(folder)
    sync_folder(folder.parent)


def thaw(folder: Path) -> Plan:
    """The plan of a frozen copy; RunbookError where the copy is not what its name says."""
    try:
        about = read_json((folder / GIVEN).read_bytes(), dict[str, Any])
        environment, given, origin = about["environment"], about["given"], about["origin"]
        facts = about["profile"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, "it lacks what the cockpit gave to it") from error
    plan = plan_of(load_copy(folder, environment, given, Path(origin)))
    now = json.loads(plan.files[GIVEN])["profile"]
    if _plan_digest(plan.procedure_digest, facts) != folder.name or not _says(now, facts):
        raise _damaged(folder, "its digest is another one")
    return dataclasses.replace(plan, plan_digest=folder.name)


def _says(now: Any, then: Any) -> bool:
    """Whether a profile still says all that it said when it was frozen.

    A newer program may know more fields, each with a default: a run of nine days outlives that.
    """
    if isinstance(then, dict):
        return isinstance(now, dict) and all(
            name in now and _says(now[name], value) for name, value in then.items()
        )
    if isinstance(then, list):
        return isinstance(now, list) and len(now) == len(then) and all(map(_says, now, then))
    return bool(now == then)


def _plan_digest(procedure: str, facts: object) -> str:
    return hashlib.sha256(procedure.encode() + _canonical(facts)).hexdigest()


def _damaged(folder: Path, why: str) -> RunbookError:
    return RunbookError(
        f"the plan's copy was changed: {why}",
        where=str(folder),
        mend="put the copy back from a backup; nothing can be confirmed without it",
    )


def _write(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    with os.fdopen(open_kept(path, os.O_WRONLY | os.O_EXCL), "wb") as file:
        if data.startswith(b"#!"):
            os.fchmod(file.fileno(), stat.S_IMODE(os.fstat(file.fileno()).st_mode) | stat.S_IXUSR)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _digest_of_files(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        # Each length stands before its bytes, so that no two sets of files read alike.
        digest.update(f"{len(name.encode())}:{name}{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
