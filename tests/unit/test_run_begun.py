from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cockpit.commands.rehearse import begin_rehearsal
from cockpit.engine import layout
from cockpit.engine.start import begin, run_started
from cockpit.errors import CockpitError
from cockpit.resources import shipped
from cockpit.runbook.plan import load_plan
from tests.fakes.crash_runs import KINDS, some_net, write_runbook

PLACES = {
    "a folder of the run": "cockpit.engine.layout.Path.mkdir",
    "the folder above it": "cockpit.engine.layout.sync_folder",
    "the plan": "cockpit.runbook.plan._write",
    "the journal": "cockpit.journal.file.JournalFile._write",
    "run.json": "cockpit.engine.start.replace_file",
}
MADE = Path.mkdir


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def mkdir(path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
    if path.name == "attempts":
        full()
    MADE(path, mode, parents, exist_ok)


def fill_the_disk(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PLACES[place], mkdir if place == "a folder of the run" else full)


@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_the_disk_does_not_take_is_said_and_nothing_of_it_is_left(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = load_plan(write_runbook(tmp_path, some_net(), KINDS), "staging", {})
    with monkeypatch.context() as disk:
        fill_the_disk(place, disk)
        with pytest.raises(CockpitError, match="No space left on device") as told:
            begin(plan, {}, run_started(plan, 0.0))
    assert told.value.mend
    assert list((layout.runs() / "staging").iterdir()) == []
    directory = begin(plan, {}, run_started(plan, 0.0))
    assert directory.about().runbook == "survival"


def test_a_rehearsal_that_the_disk_does_not_take_is_said_and_nothing_of_it_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill_the_disk("the journal", monkeypatch)
    with pytest.raises(CockpitError, match="the run cannot be begun: No space left on device"):
        begin_rehearsal(shipped("runbooks") / "freshtrack", "errors", 1.0, 1)
    assert list((layout.runs() / "rehearsal").iterdir()) == []
