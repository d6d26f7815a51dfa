from __future__ import annotations

from pathlib import Path

import pytest

from cockpit.resources import shipped
from cockpit.runbook.model import Runbook
from cockpit.runbook.plan import load_plan
from cockpit.stack.rehearsed import RUNS, peaks
from cockpit.telemetry.store import RAW_S, Samples

MIB = 2**20
BEGAN = 1_790_000_000.0


@pytest.fixture(scope="module")
def runbook() -> Runbook:
    return load_plan(shipped("runbooks") / "freshtrack", "production", {}).runbook


def ran(runs: Path, name: str, *sizes: int, probe: str = "redis", gap: float = 15.0) -> None:
    folder = runs / "staging" / name
    folder.mkdir(parents=True)
    store = Samples(folder / "telemetry.sqlite")
    for at, size in enumerate(sizes):
        store.record(BEGAN + at * gap, probe, "memory", size * MIB)
    store.close()


def test_the_most_that_a_service_used_in_staging_counts(runbook: Runbook, tmp_path: Path) -> None:
    ran(tmp_path, "freshtrack-20261101T100000Z", 40, 90, 60)
    ran(tmp_path, "freshtrack-20261102T100000Z", 70, probe="backend_container")
    assert peaks(runbook, "stack", tmp_path) == {"redis": 90 * MIB, "backend": 70 * MIB}


def test_what_is_days_old_counts_as_the_mean_of_its_minute(
    runbook: Runbook, tmp_path: Path
) -> None:
    ran(tmp_path, "freshtrack-20261101T100000Z", 200, 10, gap=2 * RAW_S)
    assert peaks(runbook, "stack", tmp_path) == {"redis": 200 * MIB}


def test_only_the_newest_runs_of_this_runbook_count(runbook: Runbook, tmp_path: Path) -> None:
    ran(tmp_path, "freshtrack-20261101T100000Z", 900)
    for day in range(2, 2 + RUNS):
        ran(tmp_path, f"freshtrack-202611{day:02d}T100000Z", 50)
    ran(tmp_path, "other-20261120T100000Z", 800)
    assert peaks(runbook, "stack", tmp_path) == {"redis": 50 * MIB}


def test_nothing_is_known_where_nobody_rehearsed(runbook: Runbook, tmp_path: Path) -> None:
    assert peaks(runbook, "stack", tmp_path) == {}
    assert peaks(runbook, "stack", None) == {}


def test_telemetry_that_is_damaged_says_nothing(runbook: Runbook, tmp_path: Path) -> None:
    ran(tmp_path, "freshtrack-20261101T100000Z", 60)
    folder = tmp_path / "staging" / "freshtrack-20261102T100000Z"
    folder.mkdir()
    (folder / "telemetry.sqlite").write_bytes(b"no database" * 1000)
    assert peaks(runbook, "stack", tmp_path) == {"redis": 60 * MIB}


def test_looking_at_a_run_leaves_its_telemetry_as_it_is(runbook: Runbook, tmp_path: Path) -> None:
    ran(tmp_path, "freshtrack-20261101T100000Z", 60)
    path = tmp_path / "staging" / "freshtrack-20261101T100000Z" / "telemetry.sqlite"
    before = path.read_bytes()
    peaks(runbook, "stack", tmp_path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["telemetry.sqlite"]
