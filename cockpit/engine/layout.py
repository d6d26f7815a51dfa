"""Where everything of a run lies, and which runs this host has."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec

from cockpit import places
from cockpit.durable import make_folder, sync_folder
from cockpit.engine.intents import login
from cockpit.errors import CockpitError
from cockpit.jsonread import read_json

FORMAT = 2
"""The run directory's format number; `formats.py` brings an older one up to it."""


_STAMP = re.compile(r"-(?P<second>\d{8}T\d{6}Z)(?:-(?P<which>\d+))?$")
"""How the names of runs end; the first of a second has no number."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """`run.json`: what a reader must know before anything else."""

    format: Annotated[int, msgspec.Meta(ge=1)]
    runbook: str
    environment: str
    plan: str
    """The digest of the plan that the run began with."""
    given: dict[str, str]
    program: str
    lab: bool = False
    source: str = ""
    """Where the runbook lies whose frozen copy runs; since format 2."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The paths of one run."""

    path: Path

    @property
    def journal(self) -> Path:
        """The events."""
        return self.path / "journal.jsonl"

    @property
    def live(self) -> Path:
        """What the engine sees just now."""
        return self.path / "live.json"

    @property
    def propagation(self) -> Path:
        """What was seen of name servers and caches, for the next engine."""
        return self.path / "propagation.json"

    @property
    def looks(self) -> Path:
        """A file a service whose log somebody reads just now."""
        return self.path / "looks"

    @property
    def telemetry(self) -> Path:
        """The samples."""
        return self.path / "telemetry.sqlite"

    @property
    def intents(self) -> Path:
        """What operators ask."""
        return self.path / "intents"

    @property
    def doorbell(self) -> Path:
        """Where operators ring when they asked."""
        return self.path / "doorbell"

    @property
    def viewers(self) -> Path:
        """A file a viewer that looks on, named for its process."""
        return self.path / "viewers"

    @property
    def lock(self) -> Path:
        """Held by the engine while it lives."""
        return self.path / "engine.lock"

    @property
    def log(self) -> Path:
        """The engine's own log, with tracebacks."""
        return self.path / "engine.log"

    @property
    def way_back(self) -> Path:
        """What a rollback would do now, as plain words and commands."""
        return self.path / "way-back.md"

    @property
    def lab(self) -> Path:
        """The embedded lab's folder."""
        return self.path / "lab"

    def plan(self, digest: str) -> Path:
        """The frozen copy of a plan."""
        return self.path / "plan" / digest

    def attempt(self, step: str, number: int) -> Path:
        """An attempt's own folder."""
        return self.path / "attempts" / step / str(number)

    @property
    def name(self) -> str:
        """`environment/runbook-time`: how people name the run."""
        return f"{self.path.parent.name}/{self.path.name}"

    def may_be_of(self, runbook: str, environment: str) -> bool:
        """Whether it is a run of that runbook by its name alone, where nothing else can be read."""
        made = re.fullmatch(r"(.+)-\d{8}T\d{6}Z(-\d+)?", self.path.name)
        return made is not None and (made[1], self.path.parent.name) == (runbook, environment)

    @property
    def foreign(self) -> str:
        """Whose the run is, where it is another user's; empty where it is the caller's.

        What an engine of another user wrote here would be closed to the owner's next one, and its
        steps would act with other rights.
        """
        uid = self.path.stat().st_uid
        return "" if uid == os.geteuid() else login(uid)

    @property
    def newer(self) -> str:
        """That a newer cockpit wrote this run, in words; empty where none did."""
        try:
            found = read_json((self.path / "run.json").read_bytes(), _Numbered)
        except (OSError, msgspec.MsgspecError):
            return ""
        if found.format <= FORMAT:
            return ""
        return (
            f"a newer cockpit wrote this run: its format is {found.format}, {FORMAT} is known here"
        )

    def about(self) -> RunFile:
        """What `run.json` says; CockpitError where it cannot be read."""
        try:
            return read_json((self.path / "run.json").read_bytes(), RunFile)
        except PermissionError as error:
            raise CockpitError(
                f"the run cannot be opened: {error.strerror}", where=str(self.path), mend=TO_SHARE
            ) from None
        except FileNotFoundError:
            raise CockpitError(
                "this is no run directory: it has no run.json",
                where=str(self.path),
                mend="`cockpit runs` lists the runs of this host",
            ) from None
        except (OSError, msgspec.MsgspecError) as error:
            if newer := self.newer:
                raise CockpitError(newer, where=str(self.path), mend=OTHER_VERSION) from None
            raise CockpitError(
                f"run.json cannot be read: {getattr(error, 'strerror', None) or error}",
                where=str(self.path),
                mend=TO_MOVE,
            ) from None


@dataclass(frozen=True, slots=True)
class _Numbered:
    """What every `run.json` says, whatever else."""

    format: int


TO_SHARE = "let its owner share it: `cockpit run … --share GROUP`"
TO_MOVE = "put it back from a copy, or move the folder to another place and begin anew"
OTHER_VERSION = "it can be read; to drive it, install the version that wrote it"


def home() -> Path:
    """Where runs lie: $COCKPIT_HOME, else /var/lib/cockpit for root, else the XDG state folder."""
    return Path(places.home())


def runs() -> Path:
    """The folder of all runs."""
    return home() / "runs"


def create(environment: str, runbook: str, wall: float) -> RunDirectory:
    """Make a new run directory, closed to others."""
    stamp = datetime.fromtimestamp(wall, UTC).strftime("%Y%m%dT%H%M%SZ")
    for suffix in ("", *(f"-{n}" for n in range(2, 100))):
        path = runs() / environment / f"{runbook}-{stamp}{suffix}"
        try:
            make_folder(path.parent)
            path.mkdir(mode=0o700)
            for folder in ("intents", "viewers", "attempts", "exports", "plan", "report"):
                (path / folder).mkdir(mode=0o700)
            sync_folder(path.parent)
        except FileExistsError:
            continue
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)
            raise CockpitError(
                f"the run directory cannot be made: {error.strerror}",
                where=str(path),
                mend="set COCKPIT_HOME to a folder that you may write",
            ) from error
        return RunDirectory(path)
    raise CockpitError("a hundred runs began in one second", where=str(runs()))


def every_run() -> list[RunDirectory]:
    """The runs of this host, oldest first."""
    found = (path.parent for path in runs().glob("*/*/run.json"))
    return [RunDirectory(path) for path in sorted(found, key=_begun)]


def _begun(path: Path) -> tuple[str, int, str]:
    """When a run began, by its folder's name: the second, then which of that second it was."""
    stamp = _STAMP.search(path.name)
    if stamp is None:
        return "", 0, path.name
    return stamp["second"], int(stamp["which"] or 1), path.name


def _is_run(path: Path) -> bool:
    try:
        return (path / "run.json").is_file()
    except PermissionError as error:
        raise CockpitError(
            f"the run cannot be opened: {error.strerror}",
            where=str(path),
            mend=TO_SHARE,
        ) from None


def find(name: str) -> RunDirectory:
    """A run by its name or path; the newest where the name is empty."""
    if name and _is_run(Path(name)):
        return RunDirectory(Path(name).resolve())
    matching = [run for run in every_run() if name in run.name]
    if matching:
        return max(matching, key=lambda run: run.path.stat().st_mtime)
    what = f"no run is called {name}" if name else "this host has no run"
    raise CockpitError(what, where=str(runs()), mend="`cockpit runs` lists the runs of this host")
