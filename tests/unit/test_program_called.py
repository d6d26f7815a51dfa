from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cockpit import record
from cockpit.answer import Answer
from cockpit.arguments import parser
from cockpit.called import TOLD, called
from cockpit.commands import check, init
from cockpit.errors import CockpitError, UsageError
from cockpit.exits import said
from cockpit.journal import events as e
from cockpit.report.write import write
from cockpit.runbook.actions import ManualAction
from cockpit.tui.lines.log import every_line
from cockpit.tui.lines.proposal import gate_rows, proposal_body
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.text import plain
from tests.fakes import screen_views as views
from tests.fakes.written_runs import WrittenRun


def _program(folder: Path) -> Path:
    folder.mkdir()
    program = folder / "cockpit"
    program.write_text("", encoding="ascii")
    program.chmod(0o755)
    return program


def test_where_the_path_leads_to_it_its_name_is_enough(tmp_path: Path) -> None:
    mine = _program(tmp_path / "mine")
    assert called([str(mine)], {"PATH": f"/nowhere:{mine.parent}"}) == "cockpit"


def test_where_the_path_leads_nowhere_or_to_another_one_it_is_called_as_it_was(
    tmp_path: Path,
) -> None:
    mine, other = _program(tmp_path / "mine"), _program(tmp_path / "other")
    assert called([str(mine)], {"PATH": "/nowhere"}) == str(mine)
    assert called([str(mine)], {"PATH": f"{other.parent}:{mine.parent}"}) == str(mine)


def test_as_a_module_it_is_called_as_one() -> None:
    assert called(["/x/cockpit/__main__.py"], {}) == f"{sys.executable} -m cockpit"
    assert called(["/x/another/__main__.py"], {}) == "cockpit"


def test_an_error_names_a_command_that_works_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOLD, "python3 dev.py cockpit")
    error = CockpitError("there is no such run", mend="`cockpit runs` lists them")
    assert "`python3 dev.py cockpit runs` lists them" in said(error)


def _dev() -> Any:
    path = Path(__file__).parents[2] / "dev.py"
    spec = importlib.util.spec_from_file_location("dev_of_the_test", path)
    assert spec is not None
    assert spec.loader is not None
    dev = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dev)
    return dev


def test_an_environment_that_is_a_link_is_made_anew_and_what_it_leads_to_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dev = _dev()
    (theirs := tmp_path / "theirs").mkdir()
    (theirs / "made-from").write_text("another lock", encoding="ascii")
    (mine := tmp_path / ".venv").symlink_to(theirs)

    def runs(*words: str) -> None:
        if "--clear" in words:
            assert words[-1] == str(mine)
            for kept in mine.glob("*"):
                kept.unlink()
            mine.mkdir(exist_ok=True)

    monkeypatch.setattr(dev, "VENV", mine)
    monkeypatch.setattr(dev, "STAMP", mine / "made-from")
    monkeypatch.setattr(dev, "must", runs)
    dev.prepare()
    assert not mine.is_symlink()
    assert (mine / "made-from").read_text(encoding="ascii") == dev.fingerprint()
    assert (theirs / "made-from").read_text(encoding="ascii") == "another lock"


def test_a_clones_own_command_passes_everything_on_and_says_how_it_was_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TOLD, "")
    dev = _dev()
    ran: list[tuple[list[str], str, str]] = []
    monkeypatch.setattr(dev, "prepare", lambda: None)
    monkeypatch.setattr(sys, "argv", ["../clone/dev.py"])
    monkeypatch.setattr(
        os, "execv", lambda _file, words: ran.append((words, str(Path.cwd()), os.environ[TOLD]))
    )
    dev.main(["cockpit", "attach", "a-run"])
    dev.main(["rehearse", "--speed", "60"])
    words = "python3 ../clone/dev.py cockpit"
    assert ran == [
        (["cockpit", "attach", "a-run"], str(tmp_path), words),
        (["cockpit", "rehearse", "--speed", "60"], str(tmp_path), words),
    ]


CLONE = "python3 dev.py cockpit"


@pytest.fixture
def from_a_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOLD, CLONE)


@pytest.mark.usefixtures("from_a_clone")
def test_what_a_command_answers_names_commands_that_work_as_they_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init.run(tmp_path / "new")
    assert f"then: `{CLONE} check {tmp_path / 'new'}`" in capsys.readouterr().out
    (tmp_path / "new" / "runbook.yaml").write_text("")
    check.run(tmp_path / "new")
    assert f"`{CLONE} init DIR` writes a runbook to edit" in capsys.readouterr().out


@pytest.mark.usefixtures("from_a_clone")
def test_a_command_called_wrongly_is_told_how_it_is_called_here() -> None:
    assert parser().format_usage().startswith(f"usage: {CLONE} ")
    with pytest.raises(UsageError) as wrong:
        parser().parse_args(["plan", "--nothing"])
    assert wrong.value.mend == f"`{CLONE} plan --help` lists what it takes"


@pytest.mark.usefixtures("from_a_clone")
def test_a_report_names_the_command_of_its_proof_as_it_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path))
    run = WrittenRun("production")
    run.close()
    write(record.read(run.directory), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert f"{CLONE} journal " in text


@pytest.mark.usefixtures("from_a_clone")
def test_what_the_engine_says_is_shown_with_commands_that_work_as_they_stand() -> None:
    story = views.Story().until("back_up")
    story.tell(-80000, e.Noted("open to a group; `cockpit attach a-run`"))
    scene = scene_of(story.view(-80000, views.live(-80000)))
    assert f"`{CLONE} attach a-run`" in plain(every_line(scene, 120)[-1])
    said = "no cause is on record; write it as a note there: `cockpit attach a-run`"
    gate = Answer("rehearsed", "rehearsed", "fail", said, scene.now)
    rows = " ".join(plain(row).strip() for row in gate_rows(scene, gate, "", 200))
    assert f"there: `{CLONE} attach a-run`" in rows


@pytest.mark.usefixtures("from_a_clone")
@pytest.mark.parametrize(("kind", "words"), [("manual", CLONE), ("shell", "cockpit")])
def test_what_a_person_does_is_told_in_working_commands_and_what_runs_as_it_runs(
    kind: str, words: str
) -> None:
    scene = scene_of(views.confirming())
    line = next(one for one in scene.outlook.lines() if one.step.action.kind == "shell")
    if kind == "manual":
        action = ManualAction(kind="manual", do=("it",))
        line = replace(line, step=replace(line.step, action=action))
    found = replace(views.proposal(line.step.id, 0), lines=("run `cockpit plan` now",))
    shown = "\n".join(plain(row) for row in proposal_body(scene, line, found, 100))
    assert f"run `{words} plan` now" in shown
