from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.commands import journal, runs
from cockpit.earlier import Earlier, directories, look_back
from cockpit.engine.client import Client
from cockpit.engine.processes import is_alive
from cockpit.engine.start import read_state, unfinished
from cockpit.errors import CockpitError
from cockpit.exits import BAD, UNKNOWN
from tests.fakes.crash_runs import Run, eventually, new_run, running

GARBAGE = b"\xff\xfe{"
BREAKS = """\
import sys
from cockpit.engine import __main__ as engine
def migrate(directory):
    raise ValueError("nobody foresaw this")
engine.migrate = migrate
sys.exit(engine.main(sys.argv[1:]))
"""
DEEP = b'{"recorded":' + b'{"x":' * 100_000


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))


def spoil(run: Run, step: str, name: str, content: bytes = GARBAGE) -> None:
    (run.attempt(step).path / name).write_bytes(content)


def end_runner(run: Run, step: str) -> None:
    one = run.identity(step)
    os.kill(one.pid, signal.SIGKILL)
    eventually(lambda: not is_alive(one.pid, one.start_time, one.boot_id), "the runner's end")


def test_an_order_that_cannot_be_read_closes_neither_its_run_nor_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path / "run") as run:
        run.confirm("quick")
        run.wait_status("quick", "done")
        run.kill_engine()
        spoil(run, "quick", "order.json")
        words = "quick, attempt 1: order.json cannot be read"
        assert read_state(run.directory).damage == ""
        # What vouches for the journal is lost: that is said, and is no proof of a damage.
        assert journal.run(str(run.directory.path), verify=True) == UNKNOWN
        assert f"but evidence is missing: {words}" in capsys.readouterr().out
        assert runs.run() == BAD
        assert words in capsys.readouterr().out
        run.start()
        run.confirm("again")
        run.wait_status("again", "done")
    with running(tmp_path / "other") as other:
        other.confirm("quick")
        other.wait_status("quick", "done")


def test_a_step_goes_on_whose_identity_cannot_be_read_any_more(tmp_path: Path) -> None:
    with running(tmp_path / "run") as run:
        run.confirm_slow()
        run.kill_engine()
        spoil(run, "slow", "identity.json", b"")
        spoil(run, "slow", "exit.json", b"")
        run.start()
        assert run.status("slow") == "running"
        run.operator.wait("a calm engine", lambda view: bool(view.live and not view.live.trouble))
        run.let_go()
        run.wait_status("slow", "done")
        assert run.effects("slow") == 1


@pytest.mark.parametrize("name", ["identity.json", "exit.json"])
def test_what_nobody_can_read_is_in_doubt_and_settled_like_any_other(
    name: str, tmp_path: Path
) -> None:
    with running(tmp_path / "run") as run:
        run.confirm_slow()
        run.kill_engine()
        end_runner(run, "slow")
        run.let_go()
        eventually(lambda: not run.left_behind("slow"), "the end of the rest")
        spoil(run, "slow", name)
        run.start()
        run.wait_status("slow", "in_doubt")
        reason = run.told("attempt_in_doubt")[0]["reason"]
        assert reason.startswith("its runner is gone, and ")
        assert ("exit.json cannot be read" in reason) == (name == "exit.json")
        run.settle_done("slow", "its mark is there")
        run.wait_status("slow", "done")


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("order.json", "a flipped bit"),
        ("identity.json", "a flipped bit"),
        ("exit.json", "a flipped bit"),
        ("exit.json", "deep"),
        ("identity.json", "a folder"),
    ],
)
def test_a_file_of_a_step_that_is_done_keeps_no_engine_and_no_reader_from_its_work(
    name: str, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path / "run") as run:
        run.confirm("quick")
        run.wait_status("quick", "done")
        path = run.attempt("quick").path / name
        if how == "a folder":
            path.unlink()
            path.mkdir()
        else:
            text = path.read_bytes()
            within = list(re.finditer(rb'":"[^"]', text))[-1].end()
            path.write_bytes(DEEP if how == "deep" else text[:within] + b"\xa2" + text[within:])
        run.confirm("again")
        run.wait_status("again", "done")
        run.kill_engine()
        run.start()
        run.confirm("flaky")
        run.wait_status("flaky", "failed")
        assert journal.run(str(run.directory.path), verify=True) == UNKNOWN
        assert f"quick, attempt 1: {name} cannot be read" in capsys.readouterr().out
        assert runs.run() == BAD
        assert Client(run.directory).view().state.damage == ""


def test_a_wish_that_is_no_text_is_refused_and_closes_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "run") as run:
        for number, content in enumerate((b'{"kind":"hold","viewer":"\xff"}', b"[" * 50_000)):
            aside = run.directory.intents / ".aside"
            aside.write_bytes(content)
            aside.rename(run.directory.intents / f"{number:020d}-0a.json")
        eventually(lambda: not any(run.directory.intents.glob("*.json")), "their answers")
        assert [one["kind"] for one in run.told("intent_refused")] == ["unreadable"] * 2
        run.confirm("quick")
        run.wait_status("quick", "done")


def test_an_engine_that_cannot_come_up_says_why_and_that_no_key_helps(tmp_path: Path) -> None:
    with running(tmp_path / "run") as run:
        run.confirm("quick")
        run.wait_status("quick", "done")
        run.kill_engine()
        about = (run.directory.path / "run.json").read_bytes()
        (run.directory.path / "run.json").write_bytes(about.replace(b"survival", b"surv\xe9val"))
        assert run.launch().wait(30) == 1
        (run.directory.path / "run.json").write_bytes(about)
        view = replace(Client(run.directory).view(), engine_gone=True)
        assert view.live is not None
        assert view.live.trouble.startswith("it did not come up: ")
        assert "run.json cannot be read" in view.live.trouble
        assert view.restarts.startswith("mend what its last word says")


def test_an_engine_ended_by_what_nobody_foresaw_leaves_a_word_of_it(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    done = subprocess.run(
        (sys.executable, "-c", BREAKS, run.directory.path), check=False, timeout=60
    )
    assert done.returncode == 1
    live = Client(run.directory).view().live
    assert live is not None
    assert "an unforeseen error (ValueError): nobody foresaw this" in live.trouble
    assert str(run.directory.log) in live.trouble


def test_a_run_of_which_nothing_can_be_read_is_listed_and_closes_only_its_own_runbook(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run(tmp_path / "run")
    (run.directory.path / "run.json").write_bytes(GARBAGE)
    assert runs.run() == BAD
    assert "run.json cannot be read" in capsys.readouterr().out
    assert unfinished("another", "staging") is None
    assert unfinished("survival", "production") is None
    # It may be the one that is under way.
    with pytest.raises(CockpitError, match=r"run\.json cannot be read"):
        unfinished("survival", "staging")


def test_an_earlier_run_that_breaks_whoever_reads_it_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path / "run")

    def broken(_directory: object) -> None:
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr("cockpit.record.read", broken)
    found = directories("survival", tmp_path)
    assert [one.path for one in found] == [run.directory.path]
    assert look_back(found) == Earlier()
