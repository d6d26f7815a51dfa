from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from cockpit.engine.layout import every_run
from cockpit.engine.single import holder
from cockpit.engine.start import unfinished
from cockpit.journal import events as e
from cockpit.rehearsal import launch
from tests.fakes.terminals import Terminal, terminal
from tests.fakes.written_runs import WrittenRun

pytestmark = pytest.mark.timeout(150)
COCKPIT = shutil.which("cockpit", path=str(Path(sys.executable).parent)) or "cockpit"


def left(shown: Terminal, key: str) -> str:
    """Leave by a key of the leaving page; what the shell's own screen shows then."""
    shown.press("q")
    shown.says("end the rehearsal")
    shown.press(key)
    assert shown.ended() == 0
    shown.read()
    return bytes(shown.written).rpartition(b"\x1b[?1049l")[2].decode()


def test_a_rehearsal_is_left_refused_to_be_another_and_ended() -> None:
    environment = {**os.environ, "LANG": "C.UTF-8"}
    with terminal([COCKPIT, "rehearse"], environment) as shown:
        shown.says("the lab is up", 60.0)
        told = left(shown, "q")
    (run,) = every_run()
    assert f"cockpit attach {run.name}` opens it again; its record is {run.path}" in told

    with terminal([COCKPIT, "rehearse", "--scenario", "errors"], environment) as shown:
        assert shown.ended(20.0) == 64
        shown.read()
        assert "cockpit rehearse --scenario errors --new`" in bytes(shown.written).decode()
    assert every_run() == [run]

    with terminal([COCKPIT, "rehearse"], environment) as shown:
        shown.says("no driver", 60.0)
        shown.press("t")
        shown.says("(you)")
        assert f"{run.name} was asked to end" in left(shown, "e")
    deadline = time.monotonic() + 30.0
    while holder(run) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    launch.remove(run.lab)
    assert unfinished("freshtrack", "rehearsal") is None


def test_a_run_that_has_ended_is_only_read() -> None:
    run = WrittenRun()
    run.write(e.SeatTaken(1, "ana", "droplet", "1:1", "start"))
    run.write(e.TurnedBack("call_off", "a storm"))
    run.write(e.RunEnded("called_off"), by="engine")
    run.close()
    before = run.directory.journal.read_bytes()
    environment = {**os.environ, "LANG": "C.UTF-8"}
    with terminal([COCKPIT, "attach"], environment) as shown:
        shown.says("only read", 60.0)
        shown.press("h")
        shown.says("the run has ended: called off: it can only be read")
        shown.press("q")
        shown.says("nothing goes on")
        assert "end the rehearsal" not in shown.text
        shown.press("q")
        assert shown.ended() == 0
    assert holder(run.directory) is None
    assert not run.directory.live.exists()
    assert not list(run.directory.intents.glob("*.json"))
    assert run.directory.journal.read_bytes() == before
