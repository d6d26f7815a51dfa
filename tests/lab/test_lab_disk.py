from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from cockpit.engine.client import Client
from cockpit.engine.start import launch_engine, read_state
from cockpit.errors import Refused
from cockpit.tui.lines.now import now as now_line
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.text import plain
from tests.fakes.crash_runs import Run, eventually, running


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 2 MiB on which the runs lie."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk], check=True)
    monkeypatch.setenv("COCKPIT_HOME", str(disk / "home"))
    yield disk
    subprocess.run(["umount", disk], check=True)


def fill(disk: Path) -> Path:
    """Take all that is left of a disk."""
    path = disk / "full"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 512)
    return path


def test_a_step_goes_on_while_the_disk_is_full_and_its_end_is_read_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    with running(tmp_path / "run") as run:
        run.confirm("slow")
        run.wait_status("slow", "running")
        shown = run.operator.proposal("quick")
        ballast = fill(small_disk)
        run.let_go()
        eventually(lambda: _children(run) == 0, "the end of the step's programs")
        assert run.status("slow") == "running"
        with pytest.raises(OSError, match="No space left"):
            run.operator.confirm(shown)
        ballast.unlink()
        run.wait_status("slow", "done")
        assert run.effects("slow") == 1
        assert run.told("confirmed", "quick") == []
        run.confirm("quick")
        run.wait_status("quick", "done")


def test_a_full_disk_confirms_nothing_and_says_so(small_disk: Path, tmp_path: Path) -> None:
    with running(tmp_path / "run") as run:
        shown = run.operator.proposal("quick")
        # The intent is written while there is room, and read when there is none.
        os.kill(run.engine_pid, signal.SIGSTOP)
        run.operator.confirm(shown)
        ballast = fill(small_disk)
        os.kill(run.engine_pid, signal.SIGCONT)
        full = "No space left"
        run.operator.wait("its word", lambda view: bool(view.live and full in view.live.trouble))
        ballast.unlink()
        # The confirmation itself may have found room, and nothing else did: then it is void.
        run.wait_status("quick", "open")
        eventually(
            lambda: len(run.told("confirmed")) == len(run.told("confirmation_void")), "its word"
        )
        assert run.effects("quick") == 0
        run.operator.wait("room", lambda view: bool(view.live and not view.live.trouble))
        run.confirm("quick")
        run.wait_status("quick", "done")
        assert run.effects("quick") == 1


@pytest.mark.parametrize("torn", [b"", b'{"v":1,"seq":'], ids=["whole", "torn journal"])
def test_an_engine_that_starts_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    small_disk: Path, tmp_path: Path, torn: bytes
) -> None:
    with running(tmp_path / "run") as run:
        shown = run.operator.proposal("quick")
        run.confirm_slow()
        run.kill_engine()
        with run.directory.journal.open("ab") as journal:
            journal.write(torn)
        ballast = fill(small_disk)
        begun = len(run.told("engine_started")) if not torn else 1
        run.launch()
        full = "No space left"
        run.operator.wait("its word", lambda view: bool(view.live and full in view.live.trouble))
        view = run.operator.view()
        assert not view.engine_gone
        assert f"NOTHING CAN BE CONFIRMED: the {'engine' if torn else 'host'}" in plain(
            now_line(scene_of(view), 200)
        )
        with pytest.raises(OSError, match=full):
            run.operator.confirm(shown)
        run.let_go()
        eventually(lambda: _children(run) == 0, "the end of the step's programs")
        assert run.status("slow") == "running"
        ballast.unlink()
        run.wait_status("slow", "done")
        run.operator.wait("room", lambda view: bool(view.live and not view.live.trouble))
        assert len(run.told("engine_started")) == begun + 1
        assert run.effects("slow") == 1
        assert run.told("confirmed", "quick") == []


def test_a_run_on_a_read_only_disk_is_shown_and_not_driven(
    small_disk: Path, tmp_path: Path
) -> None:
    with running(tmp_path / "run") as run:
        run.confirm("quick")
        run.wait_status("quick", "done")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(Refused, match="Read-only file system"):
        launch_engine(run.directory)
    assert Client(run.directory).view().state.step("quick").status == "done"
    assert read_state(run.directory).damage == ""
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)


def _children(run: Run) -> int:
    runner = run.identity("slow").pid
    return sum(one.pid != runner for one in run.left_behind("slow"))
