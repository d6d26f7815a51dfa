from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import pytest

from cockpit.errors import RunbookError
from cockpit.runbook.plan import Plan, _plan_digest, freeze, load_plan, schedule, thaw

BASE = Path(__file__).parent / "bad_runbooks" / "base"
GIVEN = {"lab": "127.9.8", "lab_folder": "/lab"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(BASE, tmp_path / "runbook")
    return tmp_path / "runbook"


def frozen(plan: Plan, tmp_path: Path) -> Path:
    copy = tmp_path / "run" / "plan" / plan.plan_digest
    freeze(plan, copy)
    return copy


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_same_runbook_elsewhere_has_the_same_digests(folder: Path) -> None:
    here, there = load_plan(BASE, "production", {}), load_plan(folder, "production", {})
    assert here.procedure_digest == there.procedure_digest
    assert here.plan_digest == there.plan_digest


def test_environments_share_the_procedure_and_nothing_else() -> None:
    production = load_plan(BASE, "production", {})
    rehearsal = load_plan(BASE, "rehearsal", GIVEN)
    assert production.procedure_digest == rehearsal.procedure_digest
    assert production.plan_digest != rehearsal.plan_digest


@pytest.mark.parametrize("name", ["runbook.yaml", "sql/jobs_stop.sql"])
def test_any_byte_of_the_procedure_changes_both_digests(folder: Path, name: str) -> None:
    before = load_plan(folder, "production", {})
    with (folder / name).open("a") as file:
        file.write("\n")
    after = load_plan(folder, "production", {})
    assert before.procedure_digest != after.procedure_digest
    assert before.plan_digest != after.plan_digest


def test_a_value_of_the_profile_changes_the_plan_alone(folder: Path) -> None:
    before = load_plan(folder, "production", {})
    changed(folder / "production.yaml", "port: 5432", "port: 5433")
    after = load_plan(folder, "production", {})
    assert before.procedure_digest == after.procedure_digest
    assert before.plan_digest != after.plan_digest


def test_a_note_in_the_profile_changes_nothing(folder: Path) -> None:
    before = load_plan(folder, "production", {})
    changed(folder / "production.yaml", "cockpit: 1", "# a note\ncockpit: 1")
    assert load_plan(folder, "production", {}).plan_digest == before.plan_digest


def test_what_the_cockpit_gave_is_part_of_the_plan() -> None:
    one = load_plan(BASE, "rehearsal", GIVEN)
    other = load_plan(BASE, "rehearsal", {**GIVEN, "lab": "127.9.9"})
    assert one.plan_digest != other.plan_digest


def test_a_frozen_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    plan = load_plan(BASE, "rehearsal", GIVEN)
    copy = frozen(plan, tmp_path)
    again = thaw(copy)
    assert again.plan_digest == plan.plan_digest
    assert again.procedure_digest == plan.procedure_digest
    assert again.runbook.procedure == plan.runbook.procedure
    assert again.runbook.profile == plan.runbook.profile
    assert again.files == plan.files
    assert again.runbook.directory == str(copy)
    freeze(plan, copy)


def test_only_the_owner_reads_a_frozen_plan(tmp_path: Path) -> None:
    copy = frozen(load_plan(BASE, "production", {}), tmp_path)
    modes = {stat.S_IMODE(one.stat().st_mode) & 0o077 for one in (copy, *copy.rglob("*"))}
    assert modes == {0}


def test_a_frozen_plan_stands_when_its_source_is_gone(folder: Path, tmp_path: Path) -> None:
    plan = load_plan(folder, "production", {})
    copy = frozen(plan, tmp_path)
    shutil.rmtree(folder)
    assert thaw(copy).runbook.profile.secrets["dns_token"].file == f"{folder}/secrets/dns_token"


@pytest.mark.parametrize("name", ["runbook.yaml", "sql/jobs_stop.sql", "production.yaml"])
def test_a_copy_that_was_changed_is_refused(tmp_path: Path, name: str) -> None:
    copy = frozen(load_plan(BASE, "production", {}), tmp_path)
    path = copy / name
    path.write_text(path.read_text().replace("5432", "5433") + "\n", encoding="utf-8")
    with pytest.raises(RunbookError, match="was changed"):
        thaw(copy)


def test_a_copy_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    copy = frozen(load_plan(BASE, "production", {}), tmp_path)
    (copy / "sql" / "jobs_stop.sql").unlink()
    with pytest.raises(RunbookError, match="there is no such file"):
        thaw(copy)
    (copy / "given.json").unlink()
    with pytest.raises(RunbookError, match="lacks what the cockpit gave"):
        thaw(copy)


def test_a_runbook_with_mistakes_has_no_plan_and_each_is_named(folder: Path) -> None:
    changed(folder / "runbook.yaml", "why: Caches forget sooner.", "whyy: Caches forget sooner.")
    with pytest.raises(RunbookError) as caught:
        load_plan(folder, "production", {})
    assert "runbook.yaml:36: `whyy` is no key of step `lower_ttl`" in caught.value.what


def test_steps_are_planned_by_their_own_offset_or_their_phases() -> None:
    planned = schedule(load_plan(BASE, "production", {}).runbook, 1_000_000.0)
    at: dict[str, float] = {one.step.id: one.at - 1_000_000.0 for one in planned}
    assert at["lower_ttl"] == -172_800
    assert at["freeze_old"] == -900
    assert at["switch"] == 0
    assert at["give_up"] == 604_800
    assert [one.phase.id for one in planned[:3]] == ["before", "before", "night"]


def test_a_frozen_plan_survives_a_program_that_knows_more_fields(tmp_path: Path) -> None:
    plan = load_plan(BASE, "rehearsal", GIVEN)
    copy = frozen(plan, tmp_path)
    given = json.loads((copy / "given.json").read_bytes())
    fewer = {name: said for name, said in given["profile"].items() if name != "notifiers"}
    older = _plan_digest(plan.procedure_digest, fewer)
    renamed = copy.rename(copy.with_name(older))
    (renamed / "given.json").write_text(json.dumps({**given, "profile": fewer}))
    assert thaw(renamed).plan_digest == older


def test_a_frozen_profile_that_says_another_thing_is_refused(tmp_path: Path) -> None:
    copy = frozen(load_plan(BASE, "production", {}), tmp_path)
    changed(copy / "production.yaml", "port: 5432", "port: 5433")
    with pytest.raises(RunbookError, match="its digest is another one"):
        thaw(copy)
