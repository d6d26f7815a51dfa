from __future__ import annotations

import grp
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit import record
from cockpit.engine import sharing
from cockpit.engine.client import Client
from cockpit.engine.layout import home
from cockpit.errors import Refused, UsageError
from cockpit.report.write import write
from tests.fakes.crash_runs import Kind, Run, new_run, running

OPENED = ("intents", "viewers")
KINDS = (Kind("quick", undone=True), Kind("slow"), Kind("again", idempotent=True))


@pytest.fixture(params=["077", "000"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    """A run that is shared, and whose owner's shell has some mask."""
    former = os.umask(int(request.param, 8))
    run = new_run(tmp_path / "run", kinds=KINDS)
    sharing.share(run.directory, os.getegid())
    try:
        run.start()
        yield run
    finally:
        os.umask(former)
        run.end()


def modes(folder: Path) -> dict[str, str]:
    """What lies in a run with another mode or group than a shared one has."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        name = str(path.relative_to(folder))
        try:
            about = path.lstat()
        except FileNotFoundError:
            continue  # the living engine writes beside, and renames
        mode = stat.S_IMODE(about.st_mode)
        wanted = 0o2750 if path.is_dir() else 0o640
        if name in OPENED:
            wanted = 0o3770
        wanted = {"exports": 0o700, "doorbell": 0o620}.get(name, wanted)
        if name.startswith("viewers/"):
            continue
        if mode != wanted or (name != "exports" and about.st_gid != os.getegid()):
            found[name] = f"{mode:o} of {about.st_gid}"
    return found


def test_whatever_engine_runners_and_viewers_write_later_is_the_groups_to_read(shared: Run) -> None:
    shared.confirm("quick")
    shared.wait_status("quick", "done")
    shared.confirm_slow()
    shared.kill_runner("slow")
    shared.wait_status("slow", "in_doubt")
    # Another plan, and another engine, write what the first ones did.
    page = shared.folder / "runbook" / "runbook.yaml"
    page.write_text(page.read_text().replace("estimate: 1s", "estimate: 2s"))
    change = shared.operator.wait(
        "the change", lambda view: bool(view.live and view.live.plan_change)
    ).live
    assert change is not None
    assert change.plan_change is not None
    digest = change.plan_change.digest
    shared.told_after(
        "plan_accepted", lambda: shared.send("accept_plan", digest=digest, text="slower")
    )
    shared.kill_engine()
    with shared.directory.journal.open("ab") as file:
        file.write(b'{"v":1,"seq":')  # a torn line, which is set aside
    shared.start()
    shared.wait_status("slow", "in_doubt")
    write(record.read(shared.directory), shared.directory.path / "report")
    names = {path.name for path in shared.directory.path.rglob("*")}
    assert {"output", "exit.json", "identity.json", "engine.log", "live.json", "heartbeat.json",
            "way-back.md", "report.json", "record.tar.gz", digest} <= names  # fmt: skip
    assert any(name.startswith("journal.torn-") for name in names)
    assert modes(shared.directory.path) == {}


def test_an_intent_can_be_read_by_the_engine_of_another_user_and_removed_by_no_third(
    tmp_path: Path,
) -> None:
    former = os.umask(0o077)
    try:
        run = new_run(tmp_path / "run", kinds=KINDS)
        sharing.share(run.directory, os.getegid())
        Client(run.directory).send("note", text="I look on")
        (path,) = run.directory.intents.glob("*.json")
    finally:
        os.umask(former)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert run.directory.intents.stat().st_mode & stat.S_ISVTX


def test_a_run_can_be_shared_while_its_engine_works(tmp_path: Path) -> None:
    with running(tmp_path / "run", kinds=KINDS) as run:
        run.confirm("quick")
        run.wait_status("quick", "done")
        sharing.share(run.directory, os.getegid())
        run.confirm("again")
        run.wait_status("again", "done")
        assert modes(run.directory.path) == {}


def test_a_run_that_is_not_shared_stays_closed(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        run = new_run(tmp_path / "run", kinds=KINDS)
        run.start()
        run.confirm("quick")
        run.wait_status("quick", "done")
    finally:
        os.umask(former)
        run.end()
    for path in (run.directory.path, *run.directory.path.rglob("*")):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_the_folders_above_a_shared_run_are_passed_through_and_not_listed(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", kinds=KINDS)
    sharing.share(run.directory, os.getegid())
    for folder in (home(), home() / "runs", home() / "runs" / "staging"):
        assert stat.S_IMODE(folder.stat().st_mode) in (0o711, 0o710, 0o700), folder
        assert folder.stat().st_gid == os.getegid()
    assert run.directory.path.stat().st_mode & 0o007 == 0


def test_a_group_that_is_none_or_not_the_callers_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UsageError, match="this host has no group nosuch"):
        sharing.group_of("nosuch")
    other = next(one for one in grp.getgrall() if one.gr_gid not in (os.getegid(), *os.getgroups()))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(UsageError, match=f"uid 12345 is not in the group {other.gr_name}"):
        sharing.group_of(other.gr_name)


def test_a_run_beneath_a_closed_home_is_not_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("COCKPIT_HOME", str(closed / "cockpit"))
    gid = next(one.gr_gid for one in grp.getgrall() if one.gr_gid != closed.stat().st_gid)
    with pytest.raises(Refused, match="may not enter this folder"):
        sharing.must_reach(gid)
