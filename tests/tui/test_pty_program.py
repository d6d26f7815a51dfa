from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cockpit.clock import boot_id
from cockpit.engine.layout import RunDirectory, every_run
from cockpit.engine.processes import is_alive
from cockpit.engine.start import wait_for_engine
from cockpit.rehearsal import launch
from cockpit.telemetry import codec
from tests.fakes.terminals import Terminal, read_whole, terminal

pytestmark = pytest.mark.timeout(150)
COCKPIT = shutil.which("cockpit", path=str(Path(sys.executable).parent)) or "cockpit"


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    yield {**os.environ, "LANG": "C.UTF-8"}
    for directory in every_run():
        # An engine that is still coming up could not be told to end.
        wait_for_engine(directory, None)
        live = codec.read(directory.live)
        assert live is not None
        os.kill(live.engine_pid, signal.SIGTERM)
        deadline = time.monotonic() + 30.0
        while is_alive(live.engine_pid, 0, boot_id()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        launch.remove(directory.lab)


def rehearse(
    environment: dict[str, str], size: tuple[int, int] = (120, 40)
) -> AbstractContextManager[Terminal]:
    return terminal([COCKPIT, "rehearse"], environment, size)


def the_run() -> RunDirectory:
    (directory,) = every_run()
    return directory


def confirm(shown: Terminal) -> None:
    """Open what comes next, read it, and press the key."""
    shown.press("\r")
    shown.says("Confirm step")
    read_whole(shown)
    shown.press("c")


def look_into_the_log(shown: Terminal, words: str) -> None:
    shown.press("l")
    # The main screen may say the words, too: its last line is the newest one of the log.
    shown.says("/ search")
    shown.says(words)
    shown.press("\x1b")
    shown.until("the log's end", lambda text: "/ search" not in text)


def test_the_installed_program_is_driven_left_and_attached_again(
    environment: dict[str, str],
) -> None:
    with rehearse(environment) as shown:
        shown.says("the lab is up", 40.0)
        confirm(shown)
        shown.says("1 Rehearsal is on record · attempt 1 · done", 40.0)
        shown.press("?")
        shown.says("hold: no step begins")
        shown.press("\x1b")
        shown.until("help's end", lambda text: "hold: no step begins" not in text)
        shown.press("n")
        shown.says("It goes into the record")
        time.sleep(0.3)
        shown.press("the night is calm\r")
        shown.says("noted by")
        shown.close()
        assert shown.ended() == 0
    directory = the_run()
    engine = codec.read(directory.live)
    assert engine is not None
    with terminal([COCKPIT, "attach"], environment, (80, 24)) as shown:
        shown.says("no driver")
        look_into_the_log(shown, "the night is calm")
        shown.press("t")
        shown.says("(you)")
        shown.press("q")
        shown.says("The run goes on")
        shown.press("q")
        assert shown.ended() == 0
    assert is_alive(engine.engine_pid, 0, boot_id())


def test_a_terminal_below_80x24_is_told_so(environment: dict[str, str]) -> None:
    with rehearse(environment, (70, 20)) as shown:
        shown.says("80x24")
