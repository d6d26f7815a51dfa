from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cockpit.cli import main
from cockpit.commands.rehearse import Wanted, begin_rehearsal, must_be_wanted
from cockpit.commands.run import farewell
from cockpit.engine.client import Client
from cockpit.engine.start import ENDED, unfinished
from cockpit.errors import UsageError
from cockpit.journal import events as e
from tests.fakes.written_runs import WrittenRun

BASE = Path(__file__).parent / "bad_runbooks" / "base"


def test_another_rehearsal_than_the_unfinished_one_is_refused_with_both_commands() -> None:
    going = begin_rehearsal(BASE, "calm", 60.0, 1)
    with pytest.raises(UsageError) as caught:
        must_be_wanted(Wanted(scenario="errors", seed=7), going, BASE)
    error = caught.value
    assert "it is another one than `--scenario errors --seed 7`" in error.what
    assert error.where.startswith(f"{going.name}: scenario calm, speed 60, seed 1; begun ")
    assert "0 steps done, its engine does not work just now" in error.where
    assert f"`cockpit rehearse {BASE}` goes on with it" in error.mend
    assert f"`cockpit rehearse {BASE} --scenario errors --seed 7 --new` begins" in error.mend


def test_the_command_that_began_it_comes_back_to_it_and_so_does_one_without_options() -> None:
    going = begin_rehearsal(BASE, "errors", 30.0, 4)
    for wanted in (Wanted(), Wanted("errors", 30.0, 4), Wanted(seed=4), Wanted(speed=30.0)):
        must_be_wanted(wanted, going, None)


def test_a_rehearsal_is_found_again_by_the_runbooks_own_name(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(BASE, folder)
    going = begin_rehearsal(folder, "calm", 60.0, 1)
    assert going.name.startswith("rehearsal/base-")
    assert unfinished("base", "rehearsal") == going


def test_a_rehearsal_that_an_operator_ended_is_not_come_back_to_until_it_is_opened_again() -> None:
    run = WrittenRun()
    assert unfinished("freshtrack", "rehearsal") == run.directory
    run.write(e.EngineStopped("nobody looked on for half an hour"))
    assert unfinished("freshtrack", "rehearsal") == run.directory
    run.write(e.EngineStopped(ENDED))
    assert unfinished("freshtrack", "rehearsal") is None
    run.write(e.EngineStarted(7, 1))
    run.close()
    assert unfinished("freshtrack", "rehearsal") == run.directory


def test_whoever_leaves_is_told_how_to_come_back_and_where_the_record_is() -> None:
    run = WrittenRun()
    client = Client(run.directory)
    name, path = run.directory.name, run.directory.path
    back = f"`cockpit attach {name}`"
    tail = f"its record is {path}"
    assert farewell(client) == f"{name} goes on without this screen: {back} opens it again; {tail}"
    client.finishes = True
    assert (
        farewell(client)
        == f"{name} was asked to end, engine and lab: {back} brings it back; {tail}"
    )
    run.write(e.RunEnded("completed"))
    run.close()
    assert farewell(client) == f"{name} is completed: {back} opens it again; {tail}"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--scenario", "erors"], "did you mean `errors`?"),
        (["--scenario", "floods"], "one of calm, errors"),
        (["--speed", "0"], "the speed lies between 1 and 600"),
    ],
)
def test_what_no_rehearsal_can_be_is_refused_before_anything_is_begun(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rehearse", *words]) == 64
    assert told in capsys.readouterr().err
    assert not Path(os.environ["COCKPIT_HOME"]).exists()


@pytest.mark.parametrize("words", [["rehearse"], ["attach"]])
def test_a_screen_that_nobody_would_see_is_refused_in_words(words: list[str]) -> None:
    keys, screen = pty.openpty()
    told = subprocess.run(
        (sys.executable, "-m", "cockpit", *words),
        stdin=screen,
        capture_output=True,
        text=True,
        check=False,
    )
    for descriptor in (keys, screen):
        os.close(descriptor)
    assert told.returncode == 64
    assert told.stdout == ""
    assert "the screen needs a terminal" in told.stderr
    assert "\x1b" not in told.stderr
