from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cockpit import cli
from tests.fakes.preflights import about, docker_runbook

SILENT = """\
#!/bin/sh
# A client whose engine is not there: what it reads from files alone still works.
case " $* " in
*" config "*) echo '{"name": "p", "services": {"web": {"image": "web:1"}}}' ;;
*" context inspect "*) echo unix:///nowhere/docker.sock ;;
*) echo "Cannot connect to the Docker daemon at unix:///nowhere/docker.sock." >&2; exit 1 ;;
esac
"""
STACK = "services: {web: {image: web:1}}\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host's programs: none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return folder


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    folder = tmp_path / "stack"
    folder.mkdir()
    (folder / "compose.yaml").write_text(STACK, encoding="utf-8")
    return folder


def asked(book: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = cli.main(["preflight", str(book), "--env", "production"])
    return code, capsys.readouterr().out.splitlines()


def installed(programs: Path) -> None:
    docker = programs / "docker"
    docker.write_text(SILENT, encoding="utf-8")
    docker.chmod(docker.stat().st_mode | stat.S_IXUSR)


def test_without_docker_nothing_can_be_told_and_it_says_what_to_install(
    programs: Path, stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = asked(docker_runbook(tmp_path, stack), capsys)
    assert code == 2
    for title in ("The Docker engine answers", "The stack is sound"):
        line = about(lines, title)
        assert line.startswith("? unknown")
        assert "docker" in line
        assert "install Docker" in line
    assert lines[-1] == "0 pass, 0 fail, 2 unknown"


def test_a_docker_that_does_not_answer_is_unknown_in_its_words_and_with_a_mend(
    programs: Path, stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(programs)
    _, lines = asked(docker_runbook(tmp_path, stack), capsys)
    line = about(lines, "The Docker engine answers")
    assert line.startswith("? unknown")
    assert "Cannot connect to the Docker daemon" in line
    assert "systemctl start docker" in line


def test_without_an_engine_the_files_are_judged_and_the_rest_is_unknown(
    programs: Path, stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(programs)
    code, lines = asked(docker_runbook(tmp_path, stack), capsys)
    assert code == 1
    assert about(lines, "The stack is sound").startswith("✗ FAIL")
    assert any("fail" in line and "web: has no memory limit" in line for line in lines)
    unknown = [line for line in lines if line.startswith("    unknown")]
    assert any("the host's memory could not be read" in line for line in unknown)
    assert any("the free space for images could not be read" in line for line in unknown)
    assert all("(" in line for line in unknown), "each says how to find out"


def test_a_stack_whose_folder_is_not_there_is_not_told_to_be_a_docker_that_is_missing(
    programs: Path, stack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(programs)
    gone = stack.with_name("gone")
    code, lines = asked(docker_runbook(tmp_path, gone), capsys)
    line = about(lines, "The stack is sound")
    assert code == 2
    assert f"{gone}: is not there" in line
    assert "put the stack's files there" in line
