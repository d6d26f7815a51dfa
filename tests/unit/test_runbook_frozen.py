from __future__ import annotations

from pathlib import Path

import pytest

from cockpit.resources import shipped
from cockpit.runbook.frozen import QUICK, quick
from cockpit.runbook.plan import Plan, freeze, load_plan, thaw

GIVEN = {"lab": "127.9.8", "lab_folder": "/lab"}


def frozen(plan: Plan, folder: Path) -> Path:
    copy = folder / "plan" / plan.plan_digest
    freeze(plan, copy)
    return copy


@pytest.mark.parametrize("environment", ["production", "staging", "rehearsal"])
def test_the_screen_reads_the_very_runbook_that_the_engine_runs(
    tmp_path: Path, environment: str
) -> None:
    given = GIVEN if environment == "rehearsal" else {}
    copy = frozen(load_plan(shipped("runbooks") / "freshtrack", environment, given), tmp_path)
    read, told = quick(copy), thaw(copy).runbook
    assert read == told
    assert read is not None
    assert read.lines == told.lines


@pytest.mark.parametrize("name", ["runbook.yaml", "staging.yaml", QUICK])
def test_a_copy_whose_bytes_changed_is_left_to_the_yaml_to_judge(tmp_path: Path, name: str) -> None:
    copy = frozen(load_plan(shipped("runbooks") / "freshtrack", "staging", {}), tmp_path)
    with (copy / name).open("ab") as file:
        file.write(b"\n#\n")
    assert quick(copy) is None


def test_a_plan_that_another_version_froze_is_left_to_the_yaml(tmp_path: Path) -> None:
    copy = frozen(load_plan(shipped("runbooks") / "freshtrack", "staging", {}), tmp_path)
    (copy / QUICK).unlink()
    assert quick(copy) is None
    assert thaw(copy).plan_digest == copy.name
