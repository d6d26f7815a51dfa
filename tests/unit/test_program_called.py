from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

from cockpit.called import TOLD, called
from cockpit.errors import CockpitError
from cockpit.exits import said


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


def test_a_clones_own_command_passes_everything_on_and_says_how_it_was_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = Path(__file__).parents[2] / "dev.py"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(TOLD, "")
    spec = importlib.util.spec_from_file_location("dev_of_the_test", path)
    assert spec is not None
    assert spec.loader is not None
    dev = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dev)
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
