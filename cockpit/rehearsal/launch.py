"""Starting, ending and looking at a lab process from outside."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from cockpit.errors import TargetError
from cockpit.jsonread import read_json
from cockpit.rehearsal.progress import LabStatus, start_time
from cockpit.rehearsal.spec import LabSpec, write_aside

STOP_S = 15.0
"""Real seconds that a lab may take to end in order."""


def start(spec: LabSpec) -> subprocess.Popen[bytes]:
    """Start a lab in a session of its own; what it says goes to `lab.log` of its folder."""
    with (spec.path / "lab.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cockpit.rehearsal", spec.folder],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    first = LabStatus(
        state="starting",
        detail="the lab process",
        scenario=spec.scenario,
        pid=process.pid,
        start_time=start_time(process.pid),
    )
    write_aside(spec.path / "status.json", msgspec.json.encode(first))
    return process


def status(folder: Path) -> LabStatus:
    """What the lab of a folder last said of itself; `down` where its process is gone."""
    try:
        said = read_json((folder / "status.json").read_bytes(), LabStatus)
    except (OSError, msgspec.MsgspecError) as error:
        return LabStatus(state="down", detail=f"no status: {error}")
    if said.pid and said.state != "down" and not _lives(said):
        return msgspec.structs.replace(said, state="down", detail="the lab process is gone")
    return said


def stop(folder: Path) -> None:
    """End the lab of a folder in order; where it does not end, kill it, and say so.

    The kernel takes its PostgreSQL along.
    """
    said = status(folder)
    if said.state == "down" or not said.pid:
        return
    os.kill(said.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while _lives(said):
        if time.monotonic() > deadline:
            os.kill(said.pid, signal.SIGKILL)
            raise TargetError("the lab did not end in order and was killed", where=str(folder))
        time.sleep(0.05)


def remove(folder: Path) -> None:
    """End the lab of a folder and delete its databases; what it wrote in the folder stays."""
    stop(folder)
    place = folder / "postgres.where"
    if place.exists():
        shutil.rmtree(place.read_text(encoding="utf-8").strip(), ignore_errors=True)
        place.unlink()


def _lives(said: LabStatus) -> bool:
    """Whether the very process that wrote a status still runs."""
    try:
        stat = Path(f"/proc/{said.pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    state, *fields = stat.rpartition(")")[2].split()
    return state not in ("Z", "X") and int(fields[18]) == said.start_time
