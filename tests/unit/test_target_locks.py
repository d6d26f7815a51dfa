from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cockpit.clock import boot_id
from cockpit.engine import lock_files
from cockpit.engine.attempt_files import Identity
from cockpit.engine.locks import hold
from cockpit.engine.processes import find
from cockpit.errors import Refused

NOBODY = 2**31 - 1
"""No process has this number."""


def test_a_target_is_locked_for_one_run_and_the_other_is_told_whose_it_is(tmp_path: Path) -> None:
    identity = f"a target of {tmp_path}"
    first: dict[str, int] = {}
    hold(first, identity, tmp_path / "one")
    hold(first, identity, tmp_path / "one")
    second: dict[str, int] = {}
    with pytest.raises(
        Refused, match=f"another run acts on this target: engine .*, {tmp_path / 'one'}"
    ):
        hold(second, identity, tmp_path / "two")
    os.close(first[identity])
    hold(second, identity, tmp_path / "two")
    os.close(second[identity])


def test_a_lock_that_another_has_is_not_this_runs_whatever_its_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(lock_files, "_PLACES", (str(tmp_path),))
    first: dict[str, int] = {}
    hold(first, "database", tmp_path / "one")
    # Another has locked it, and what stands there is still what this run's former engine wrote.
    again: dict[str, int] = {}
    with pytest.raises(Refused, match="acts on this target: one that has not written yet who"):
        hold(again, "database", tmp_path / "one")
    assert again == {}
    os.close(first["database"])
    hold(again, "database", tmp_path / "one")
    os.close(again["database"])


def test_a_runner_of_a_killed_engine_shares_its_lock_with_the_next_engine_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(lock_files, "_PLACES", (str(tmp_path),))
    killed: dict[str, int] = {}
    hold(killed, "database", tmp_path / "one")
    runner = subprocess.Popen(["sleep", "60"], pass_fds=killed.values())
    try:
        process = find(runner.pid)
        assert process is not None
        os.close(killed["database"])
        identity = Identity(runner.pid, process.started, boot_id())
        again: dict[str, int] = {}
        path = next(tmp_path.glob("cockpit-target-*"))
        path.write_text(f"engine {NOBODY} of ana, /a/run")
        with pytest.raises(Refused, match=f"engine {NOBODY} of ana, /a/run; that engine is gone, "):
            hold({}, "database", tmp_path / "two", Identity(runner.pid, 1, boot_id()))
        hold(again, "database", tmp_path / "one", identity)
        with pytest.raises(Refused, match=f": engine {os.getpid()} of [^;]*, [^ ;]* .end that"):
            hold({}, "database", tmp_path / "two")
        runner.kill()
        runner.wait()
        # It is the engine's own by now: the runner's end frees nothing.
        with pytest.raises(Refused, match="another run acts on this target"):
            hold({}, "database", tmp_path / "two")
        os.close(again["database"])
    finally:
        runner.kill()
        runner.wait()


def test_a_target_is_locked_at_one_place_whatever_an_operators_variables_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = f"a target of {tmp_path}"
    first: dict[str, int] = {}
    hold(first, identity, tmp_path / "one")
    for name in ("TMPDIR", "TMP", "TEMP", "HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(Refused, match="another run acts on this target"):
        hold({}, identity, tmp_path / "two")
    os.close(first[identity])


def test_a_lock_whose_file_was_cleared_away_is_taken_anew_at_the_next_confirmation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(lock_files, "_PLACES", (str(tmp_path / "none"), str(tmp_path)))
    first: dict[str, int] = {}
    hold(first, "database", tmp_path / "one")
    (path,) = tmp_path.glob("cockpit-target-*")
    path.unlink()
    hold(first, "database", tmp_path / "one")
    with pytest.raises(Refused, match="another run acts on this target"):
        hold({}, "database", tmp_path / "two")
    # Where the other was quicker, the one that lost its file is told so.
    path.unlink()
    second: dict[str, int] = {}
    hold(second, "database", tmp_path / "two")
    with pytest.raises(Refused, match=f"acts on this target: .*, {tmp_path / 'two'}"):
        hold(first, "database", tmp_path / "one")
    for descriptor in (*first.values(), *second.values()):
        os.close(descriptor)


def test_who_holds_a_target_cannot_write_to_the_operators_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(lock_files, "_PLACES", (str(tmp_path),))
    first: dict[str, int] = {}
    hold(first, "database", tmp_path / "one")
    os.pwrite(first["database"], b"\033]0;owned\007\033[2Jme", 0)
    with pytest.raises(Refused) as refused:
        hold({}, "database", tmp_path / "two")
    assert "\033" not in str(refused.value)
    os.close(first["database"])


def test_a_host_without_a_folder_for_all_its_users_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setattr(lock_files, "_PLACES", (str(tmp_path),))
    with pytest.raises(Refused, match="no folder of this host is open to all its users"):
        hold({}, "database", tmp_path / "one")
