from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cockpit.runbook.load import load
from tests.fakes.runbook_cases import BASE

UP = "{kind: compose, target: stack, operation: up}"
DOWN = "{kind: compose, target: stack, operation: down}"
GIVE_UP = "{kind: shell, argv: [give-up, --now]}"
TELL = "{kind: notify, to: log, subject: We moved}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "runbook"
    shutil.copytree(BASE, folder)
    return folder


def changed(folder: Path, name: str, *pairs: tuple[str, str]) -> list[str]:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return [
        f"{Path(one.file).name}: {one.level}: {one.what}" for one in load(folder, None).problems
    ]


@pytest.mark.parametrize(
    "pair",
    [
        (UP, DOWN),
        (GIVE_UP, DOWN),
        (GIVE_UP, "{kind: shell, argv: [dropdb, app]}"),
        (TELL, "{kind: shell, argv: [sh, -c, 'rm /tmp/flag && echo shutdown']}"),
        (TELL, "{kind: compose, target: stack, operation: stop}"),
        (TELL, "{kind: sql, target: old_db, statements: ['delete from jobs where done']}"),
    ],
    ids=["before T-0", "at the end", "said to be irreversible", "a file", "stopped", "some rows"],
)
def test_what_does_no_harm_or_says_that_it_does_draws_no_warning(
    pair: tuple[str, str], folder: Path
) -> None:
    old, new = pair
    said = changed(folder, "runbook.yaml", (old, new))
    assert [one for one in said if "undoes" not in one and "lab" not in one] == []


def test_a_file_is_read_for_what_it_destroys_and_its_comments_are_not(folder: Path) -> None:
    pair = (TELL, "{kind: sql, target: old_db, file: sql/tidy.sql}")
    file = folder / "sql" / "tidy.sql"
    file.write_text("-- never: drop table users\nupdate jobs set done = true;\n")
    assert not any("`drop table`" in one for one in changed(folder, "runbook.yaml", pair))
    file.write_text("drop\n  table users;\n")
    said = [f"{one.level}: {one.what}" for one in load(folder, "production").problems]
    assert "warning: step `tell` runs `drop table`, and is not marked irreversible" in said


def test_staging_that_leads_to_production_is_warned_of_at_each_target(folder: Path) -> None:
    shutil.copy(folder / "production.yaml", folder / "staging.yaml")
    said = changed(folder, "staging.yaml", ("environment: production", "environment: staging"))
    lines = """
        `old_db` of staging leads to the database old.example.com:5432/app, as `old_db`
        `new_db` of staging leads to the database new.example.com:5432/app, as `new_db`
        `zone` of staging leads to the name www.example.com, as `zone`
        `stack` of staging leads to the Compose project app, as `stack`
    """
    told = [line.strip() for line in lines.strip().splitlines()]
    wanted = [f"staging.yaml: warning: the target {one} of production does" for one in told]
    assert said == wanted


def test_names_of_its_own_in_productions_zone_are_no_danger(folder: Path) -> None:
    shutil.copy(folder / "production.yaml", folder / "staging.yaml")
    said = changed(
        folder,
        "staging.yaml",
        ("environment: production", "environment: staging"),
        ("old.example.com", "old.staging.example.com"),
        ("new.example.com", "new.staging.example.com"),
        ("[www.example.com., api.example.com.]", "[www.staging.example.com.]"),
        ("project: app", "project: staging"),
    )
    assert said == []
