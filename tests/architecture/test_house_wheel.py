from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cockpit.journal import events as e
from tests.fakes.leftovers import end_all
from tests.fakes.terminals import terminal
from tests.fakes.written_runs import WrittenRun

REPOSITORY = Path(__file__).parents[2]


def ran(words: tuple[str | Path, ...], cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip installs into a bare environment, with what it says that it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    hatchling = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    ran(hatchling, REPOSITORY)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "venv"
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    ran((*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-compile", wheel), folder)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))
    (described,) = site.glob("cockpit-*.dist-info")
    lend(metadata.PathDistribution(described), site)
    assert "No broken requirements" in ran((*pip, "check"), folder)
    return python


def lend(one: metadata.Distribution, site: Path) -> None:
    """Put in what a distribution needs, and what that needs: no index is there to ask."""
    for line in one.requires or ():
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        found = metadata.distribution(wanted.name)
        for entry in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (site / entry).exists():
                (site / entry).symlink_to(Path(str(found.locate_file(entry))))
        if not (site / f".{found.name}").exists():
            (site / f".{found.name}").touch()
            lend(found, site)


def test_an_installed_wheel_finds_its_own_runbook_and_styles(
    installed: Path, tmp_path: Path
) -> None:
    code = "from cockpit.resources import *; print(shipped('runbooks'), shipped('styles'))"
    for folder in ran((installed, "-c", code), tmp_path).split():
        assert Path(folder).is_relative_to(installed.parents[1])
        assert any(Path(folder).iterdir())


def test_an_installed_wheel_checks_the_shipped_runbook(installed: Path, tmp_path: Path) -> None:
    code = "from cockpit.resources import *; print(shipped('runbooks') / 'freshtrack')"
    runbook = ran((installed, "-c", code), tmp_path).strip()
    assert "sound" in ran((installed, "-m", "cockpit", "check", runbook), tmp_path)


def test_the_installed_command_draws_its_screen_in_a_terminal(
    installed: Path, tmp_path: Path
) -> None:
    run = WrittenRun()
    run.done("lower_ttl")
    run.write(e.RunEnded("called_off"))
    run.close()
    kept = {
        name: os.environ[name]
        for name in ("COCKPIT_HOME", "HOME", "XDG_RUNTIME_DIR", "PATH")
        if name in os.environ
    }
    words = [str(installed.parent / "cockpit"), "attach", run.directory.name]
    try:
        with terminal(words, {**kept, "LANG": "C.UTF-8", "TERM": "xterm-256color"}) as shown:
            shown.says("REHEARSAL", 20.0)
            shown.says("TTL down to 60 s")
    finally:
        end_all(run.directory.path)


def test_the_wheel_carries_the_cockpit_and_nothing_else(installed: Path) -> None:
    (site,) = (installed.parents[1] / "lib").glob("python*/site-packages")
    own = {entry.name for entry in site.iterdir() if not entry.is_symlink()} - {"__pycache__"}
    assert {name for name in own if not name.startswith(("cockpit", "."))} == set()
    assert not any((site / "cockpit").rglob("tests"))
