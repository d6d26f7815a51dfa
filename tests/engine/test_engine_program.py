from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cockpit
from cockpit.engine import program
from tests.fakes.crash_runs import Run, eventually, new_run

PACKAGE = Path(cockpit.__file__).parent


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A copy of the program, as an installation has it."""
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(PACKAGE, tmp_path / "site" / "cockpit", ignore=ignored))


def test_a_changed_added_or_moved_file_gives_another_label(installed: Path) -> None:
    first = program.label(installed)
    assert first == program.label(installed)
    (installed / "extra.py").write_text("")
    second = program.label(installed)
    (installed / "extra.py").rename(installed / "other.py")
    third = program.label(installed)
    (installed / "other.py").write_text("A = 1")
    labels = {first, second, third, program.label(installed)}
    assert len(labels) == 4
    assert all(program.differ(first, one) for one in labels - {first})


def test_a_checkout_that_is_pulled_is_another_program_and_its_bytecode_is_none(
    installed: Path,
) -> None:
    (installed.parent / ".git").mkdir()
    first = program.label(installed)
    (installed / "__pycache__").mkdir()
    (installed / "__pycache__" / "cli.pyc").write_bytes(b"compiled")
    assert program.label(installed) == first
    source = installed / "cli.py"
    source.write_text(source.read_text() + "\n")
    assert program.differ(first, program.label(installed))


def test_an_installation_that_changes_under_its_engine_holds_the_run(
    installed: Path, tmp_path: Path
) -> None:
    run = new_run(tmp_path / "run")
    shutil.copytree(PACKAGE.parent / "runbooks", installed / "_shipped" / "runbooks")
    shutil.copytree(PACKAGE.parent / "styles", installed / "_shipped" / "styles")
    engine = _start(run, installed)
    try:
        shown = run.operator.proposal("quick")
        (installed / "__init__.py").write_text('__version__ = "0.2.0"\n')
        refusal = run.refused(lambda: run.operator.confirm(shown))
        assert "the program's files were changed" in refusal
        assert "a reason is wanted" in run.refused(lambda: run.send("restart"))
        begun = run.told_after("engine_started", lambda: run.send("restart", text="a mended bug"))
        assert begun[-1]["program"].startswith("0.2.0+")
        # The same process with the new program: whoever watches it sees no end.
        assert begun[-1]["pid"] == engine.pid
        assert engine.poll() is None
        assert "by root: a mended bug" in run.told("engine_stopped")[0]["why"]
        eventually(lambda: bool(run.told("held")), "the hold")
        assert "the program was changed from" in run.told("held")[-1]["reason"]
        run.told_after("released", lambda: run.send("release", text="upgraded on purpose"))
        assert "the engine works with" in run.refused(lambda: run.send("restart", text="again"))
        run.confirm("quick")
        run.wait_status("quick", "done")
    finally:
        engine.kill()
        engine.wait(10)
        run.end()


def _start(run: Run, installed: Path) -> subprocess.Popen[bytes]:
    """An engine of another installation than the test's."""
    environment = {**os.environ, "PYTHONPATH": str(installed.parent)}
    before = len(run.told("engine_started"))
    engine = subprocess.Popen(
        [sys.executable, "-m", "cockpit.engine", str(run.directory.path)],
        env=environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    eventually(lambda: len(run.told("engine_started")) > before, "the engine")
    return engine
