from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cockpit.cli import main
from cockpit.commands.folder import runbook_folder
from cockpit.errors import UsageError

BASE = Path(__file__).parent / "bad_runbooks" / "base"


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        runbook_folder(text)
    return caught.value


def test_a_runbook_is_named_by_its_folder_or_by_the_file_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert runbook_folder(str(BASE)) == BASE
    assert runbook_folder(str(BASE / "runbook.yaml")) == BASE
    monkeypatch.chdir(BASE)
    assert runbook_folder("runbook.yaml") == Path()


@pytest.mark.parametrize(
    "words",
    [("check",), ("plan", "--env", "production")],
)
def test_every_command_takes_the_file_for_the_folder(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    command, *options = words
    said = []
    for named in (BASE, BASE / "runbook.yaml"):
        assert main([command, str(named), *options]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] != ""


def test_a_profile_is_never_taken_for_another_environment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["plan", str(BASE / "rehearsal.yaml"), "--env", "production"]) == 64
    said = capsys.readouterr().err
    assert "this file is the profile for rehearsal" in said
    assert f"{BASE} --env rehearsal" in said


def test_a_folder_of_runbooks_lists_those_in_it(tmp_path: Path) -> None:
    shutil.copytree(BASE, tmp_path / "one")
    shutil.copytree(BASE, tmp_path / "two")
    mend = refused(str(tmp_path)).mend
    assert mend == f"name one of those in it: {tmp_path / 'one'}, {tmp_path / 'two'}"


def test_a_misspelt_runbook_is_told_the_one_that_is_there(tmp_path: Path) -> None:
    shutil.copytree(BASE, tmp_path / "freshtrack")
    assert refused(str(tmp_path / "freshtrak")).mend == f"did you mean `{tmp_path}/freshtrack`?"
    assert refused("freshtrak").mend.endswith("runbooks/freshtrack`?")


def test_an_empty_folder_a_wrong_suffix_and_another_file_each_say_what_to_do(
    tmp_path: Path,
) -> None:
    assert "`cockpit init DIR` writes one" in refused(str(tmp_path)).mend
    assert "`cockpit init DIR` writes one" in refused(str(tmp_path / "nowhere" / "here")).mend
    (tmp_path / "runbook.yml").write_text("cockpit: 1\n")
    assert refused(str(tmp_path)).mend == "rename runbook.yml to runbook.yaml"
    assert refused(str(tmp_path / "runbook.yml")).mend == "name the folder of a runbook.yaml"
    (tmp_path / "runbook.yaml").write_text("cockpit: 1\n")
    assert refused(str(tmp_path / "runbook.yml")).mend == f"name its folder: {tmp_path}"


def test_a_misspelt_command_or_environment_is_told_the_right_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["chek", str(BASE)]) == 64
    assert "did you mean `check`?" in capsys.readouterr().err
    assert main(["check", str(BASE), "--env", "prodution"]) == 64
    assert "did you mean `production`?" in capsys.readouterr().err
