from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cockpit.clock import wall_s
from cockpit.commands.outline import outline_of
from cockpit.engine import client as clients
from cockpit.engine.client import Client, View
from cockpit.engine.layout import RunDirectory
from cockpit.engine.start import begin, read_state, run_started
from cockpit.runbook.plan import load_plan
from tests.fakes.crash_runs import KINDS, Run, eventually, new_run, some_net, write_runbook
from tests.fakes.small_runbooks import serving


@contextmanager
def sending(folder: Path, *profile: str, **environment: str) -> Iterator[Run]:
    """A run whose profile says what goes out by itself."""
    folder.mkdir()
    book = write_runbook(folder, some_net(), KINDS)
    with (book / "staging.yaml").open("a") as file:
        file.write("\n".join((*profile, "")))
    plan = load_plan(book, "staging", {})
    run = Run(folder, begin(plan, {}, run_started(plan, wall_s() + 86400)))
    try:
        run.start(**environment)
        yield run
    finally:
        run.end()


def tile(view: View, name: str) -> tuple[str, str]:
    tiles = view.live.tiles if view.live else ()
    return next(((one.state, one.figure) for one in tiles if one.probe == name), ("", ""))


@pytest.fixture
def share() -> Iterator[Path]:
    """A folder on another disk than the run's."""
    with TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


def test_others_hear_the_engine_until_it_is_killed_and_the_copy_holds_what_was_done(
    tmp_path: Path, share: Path
) -> None:
    with serving({"/beat": (200, "")}) as (url, asked):
        profile = (
            f"heartbeat: {{url: {url}/beat, every: 5s}}",
            f"mirror: {{kind: directory, directory: {share}, every: 10s}}",
        )
        with sending(tmp_path / "run", *profile) as run:
            wanted = ("heartbeat", "mirror")
            run.operator.wait(
                "both", lambda view: all(tile(view, one)[0] == "fine" for one in wanted)
            )
            assert tile(run.operator.view(), "mirror")[1].endswith("s old")
            run.confirm("quick")
            run.wait_status("quick", "done")
            copy = share / run.directory.name
            eventually(
                lambda: "act.sh back_quick" in (copy / "way-back.md").read_text(), "the way back"
            )
            eventually(
                lambda: read_state(RunDirectory(copy)).step("quick").status == "done", "the journal"
            )
            assert read_state(RunDirectory(copy)).damage == ""
            beat = run.directory.path / "heartbeat.json"
            assert json.loads(beat.read_text())["pid"] == run.engine_pid
            eventually(lambda: len(asked) >= 2, "the second sign")
            run.kill_engine()
            signs, last = len(asked), beat.read_text()
            time.sleep(6)
            assert (len(asked), beat.read_text()) == (signs, last)


def test_what_goes_out_by_itself_is_listed_in_the_plan(tmp_path: Path) -> None:
    book = write_runbook(tmp_path, some_net(), KINDS)
    with (book / "staging.yaml").open("a") as file:
        file.write("heartbeat: {url: https://beats.example.com/a, key: api_token, every: 1m}\n")
        file.write("mirror: {kind: rclone, remote: 'backup:x', config: /etc/rclone.conf}\n")
    listed = outline_of(load_plan(book, "staging", {}), None).accepted_once
    assert "heartbeat: the file heartbeat.json, every 1m" in listed
    assert "heartbeat: GET https://beats.example.com/a/(api_token), every 1m" in listed
    assert "mirror of way-back.md and the journal: backup:x, every 1m" in listed


def test_a_mirror_that_hangs_delays_no_step_and_no_end_of_the_engine(tmp_path: Path) -> None:
    fake = tmp_path / "bin" / "rclone"
    fake.parent.mkdir()
    fake.write_text(f'#!/bin/sh\necho $$ > "{tmp_path}/pid"\nexec sleep 600\n')
    fake.chmod(0o755)
    config = tmp_path / "rclone.conf"
    config.touch(0o600)
    profile = f"mirror: {{kind: rclone, remote: 'there:x', config: {config}}}"
    path = f"{fake.parent}:/usr/bin:/bin"
    with sending(tmp_path / "run", profile, PATH=path) as run:
        eventually((tmp_path / "pid").exists, "the copy that hangs")
        began = time.monotonic()
        run.confirm("quick")
        run.wait_status("quick", "done")
        assert tile(run.operator.view(), "mirror")[0] == "silent"
        assert time.monotonic() - began < 20
        assert run.engine is not None
        run.engine.terminate()
        run.engine.wait(15)
        pid = int((tmp_path / "pid").read_text())
        eventually(lambda: not Path(f"/proc/{pid}").exists(), "the end of what hung")


def test_after_a_reboot_the_screen_keeps_the_run_clock_before_any_engine_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path / "run")
    before = Client(run.directory).view()
    state = before.state
    then = datetime.fromisoformat(state.clock_utc).timestamp()
    monkeypatch.setattr(clients, "boot_id", lambda: "the next boot")
    monkeypatch.setattr(clients, "boot_ns", lambda: 5_000_000_000)
    monkeypatch.setattr(clients, "wall_s", lambda: then + 3600)
    after = Client(run.directory).view()
    assert after.now - state.clock.run_s == pytest.approx(3600, abs=1)
