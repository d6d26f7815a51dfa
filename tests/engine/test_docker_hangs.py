from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from cockpit import cli
from cockpit.actions.compose import foresee
from cockpit.errors import NotInstalled
from cockpit.redact import Redactor
from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import ComposeTarget
from cockpit.runbook.words import TargetId
from cockpit.secrets import Secrets
from tests.fakes.crash_runs import eventually
from tests.fakes.preflights import about, docker_runbook
from tests.fakes.small_runbooks import World, runbook

NONE = Secrets({}, Redactor())
HANGS = """\
#!/bin/sh
# A client whose engine takes every connection and never answers.
echo $$ >> {pids}
case " $* " in
*" config "*) echo '{{"name": "p", "services": {{"web": {{"image": "web:1"}}}}}}' ;;
*" context inspect "*) echo unix:///nowhere/docker.sock ;;
*) exec sleep 1000 ;;
esac
"""


@pytest.fixture
def pids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` that hangs; the ids of its processes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    written = tmp_path / "pids"
    docker = folder / "docker"
    docker.write_text(HANGS.format(pids=written), encoding="utf-8")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return written


def are_gone(pids: Path) -> bool:
    started = pids.read_text(encoding="utf-8").split()
    assert started
    return not any(Path("/proc", pid).exists() for pid in started)


def stack(folder: Path) -> Runbook:
    (folder / "compose.yaml").write_text("services: {web: {image: web:1}}\n", encoding="utf-8")
    aim = ComposeTarget(kind="compose", project="p", directory=str(folder), files=("compose.yaml",))
    return runbook(World(folder, targets={"stack": aim}), UP)


UP = ComposeAction(kind="compose", target=TargetId("stack"), operation="up")


def test_preflight_ends_though_the_docker_engine_hangs(
    pids: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "stack"
    folder.mkdir()
    (folder / "compose.yaml").write_text("services: {web: {image: web:1}}\n", encoding="utf-8")
    cli.main(["preflight", str(docker_runbook(tmp_path, folder)), "--env", "production"])
    line = about(capsys.readouterr().out.splitlines(), "The Docker engine answers")
    assert line.startswith("? unknown")
    assert "no answer within 5 s" in line
    eventually(lambda: are_gone(pids), "the end of each child")


def test_what_up_would_do_takes_no_thread_of_the_engine_while_docker_hangs(
    pids: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = ("timeout", "--signal=KILL", "2", "docker")
    monkeypatch.setattr("cockpit.actions.compose.READS", short)

    async def asked() -> None:
        async with asyncio.timeout(1):
            await foresee(UP, stack(tmp_path), NONE)

    with pytest.raises(TimeoutError):
        asyncio.run(asked())
    lasting = [one for one in threading.enumerate() if one.name.startswith("asyncio")]
    assert lasting == []
    eventually(lambda: are_gone(pids), "the end of each child")


def test_a_host_without_docker_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstalled, match="no docker program"):
        asyncio.run(foresee(UP, stack(tmp_path), NONE))
