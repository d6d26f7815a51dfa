from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cockpit.commands import check, init, plan, schema
from cockpit.commands.run import parse_t0
from cockpit.errors import Refused, RunbookError, UsageError
from cockpit.runbook.plan import load_plan

RUNBOOKS = Path(__file__).parents[2] / "runbooks"
BASE = Path(__file__).parent / "bad_runbooks" / "base"


def test_a_sound_runbook_is_said_to_be_sound(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.run(BASE) == 0
    said = capsys.readouterr().out
    assert said == "sound: 10 steps, 6 steps back, 13 checks, for production, rehearsal\n"


@pytest.mark.parametrize("name", ["template", "freshtrack"])
def test_every_shipped_runbook_is_sound(name: str) -> None:
    assert check.run(RUNBOOKS / name) == 0


def test_mistakes_are_counted_and_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(BASE, tmp_path / "bad")
    path = tmp_path / "bad" / "runbook.yaml"
    path.write_text(path.read_text().replace("gates: [disk, docker", "gatez: [disk, docker"))
    assert check.run(tmp_path / "bad", "production") == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith(
        "runbook.yaml:49: `gatez` is no key of step `deploy`; did you mean `gates`?"
    )
    assert said[-1] == "1 mistake, 0 warnings"


def test_warnings_are_counted_and_do_not_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(BASE, tmp_path / "bad")
    path = tmp_path / "bad" / "runbook.yaml"
    path.write_text(path.read_text().replace("gates: [disk, docker", "gates: [docker"))
    assert check.run(tmp_path / "bad", "production") == 0
    assert capsys.readouterr().out.endswith("for production; 1 warning\n")


def test_a_plan_says_each_step_with_its_time_and_its_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert plan.run(BASE, "production", "2026-12-01T02:00:00+01:00") == 0
    said = capsys.readouterr().out
    assert "PRODUCTION, example.com" in said
    assert re.search(r"1 Lower the TTL  \[lower_ttl\]  T-48h  Sun 2026-11-29 02:00 \+0100", said)
    assert "$ give-up --now" in said
    assert "! irreversible: confirmed by typing `giveup`" in said
    assert "way back  Open the old side" in said
    assert "canary write, always rolled back: old_db as app, into users" in said
    assert re.search(r"plan       [0-9a-f]{64}", said)


def test_a_plan_for_programs_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    plan.run(BASE, "production", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert [step["id"] for step in said["rollback"]][:2] == ["back_export", "back_rows"]
    assert said["phases"][1]["steps"][3]["marks"] == ["T-0: later times count from here"]
    assert said["t0"] == ""


def test_what_is_accepted_once_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    plan.run(RUNBOOKS / "freshtrack", "production", as_json=True)
    listed = json.loads(capsys.readouterr().out)["accepted_once"]
    assert len(listed) == len(set(listed)) > 10


@pytest.mark.parametrize("name", ["template", "freshtrack"])
def test_the_paper_fallback_has_every_step_with_boxes_to_tick(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.run(RUNBOOKS / name, "production", "2026-12-01T02:00:00Z", markdown=True)
    said = capsys.readouterr().out
    steps = said.count("\n### ")
    assert said.count("- [ ] done at ____ by ____") == steps > 10
    assert said.count("\nDo:\n") == steps
    assert "## Rollback" in said


@pytest.mark.parametrize("name", ["template", "freshtrack"])
def test_every_step_of_the_paper_is_commands_that_bash_can_read(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.run(RUNBOOKS / name, "production", markdown=True)
    said = capsys.readouterr().out
    found = re.findall(r"^(`{3,})bash\n(.*?)^\1$", said, re.MULTILINE | re.DOTALL)
    blocks = [text for _, text in found]
    assert len(blocks) == said.count("\n### ")
    read = subprocess.run(
        ["bash", "-n"], input="\n".join(blocks), capture_output=True, text=True, check=False
    )
    assert (read.returncode, read.stderr) == (0, "")
    by_kind = {
        "psql": "create or replace function",
        "rows": "\\copy (select $columns",
        "dns": "api --request PATCH",
        "the way back of a freeze": "drop function if exists",
        "secrets from files": '"$(cat /etc/cockpit/secrets/dns_token)"',
    }
    assert not [what for what, words in by_kind.items() if words not in said]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="names no zone"):
        plan.run(BASE, "production", "2026-12-01T02:00:00")
    with pytest.raises(UsageError, match="is no moment"):
        plan.run(BASE, "production", "tomorrow")


@pytest.mark.parametrize("year", ["0001", "1969", "9500", "9999"])
def test_a_year_that_no_journal_tells_is_refused_before_anything_is_planned(year: str) -> None:
    with pytest.raises(UsageError, match="before 1970 or beyond 9000"):
        plan.run(BASE, "production", f"{year}-12-31T23:00:00Z")
    with pytest.raises(UsageError, match="before 1970 or beyond 9000"):
        parse_t0(f"{year}-12-31T23:00:00Z")


def test_a_bad_runbook_has_no_plan(tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="there is no such file"):
        plan.run(tmp_path, "production")


def test_a_new_runbook_is_sound_and_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    assert init.run(folder) == 0
    assert check.run(folder) == 0
    assert f"cockpit check {folder}" in capsys.readouterr().out
    first = (folder / "runbook.yaml").read_text().splitlines()[0]
    assert Path(first.rpartition("=")[2]).is_file()
    with pytest.raises(Refused, match="not empty"):
        init.run(folder)


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert schema.run() == 0
    assert json.loads(capsys.readouterr().out)["title"] == "runbook.yaml"
    assert schema.run(profile=True) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "a profile of a runbook"


def test_a_new_runbook_carries_back_what_the_new_side_took(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    init.run(folder)
    procedure = load_plan(folder, "production", {}).runbook.procedure
    opened = next(step.id for phase in procedure.phases for step in phase.steps if step.no_return)
    back = [step.action.kind for step in procedure.rollback if str(opened) in step.undoes]
    assert back == ["read_only", "copy", "export", "restore"]
