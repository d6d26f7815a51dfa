from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cockpit.actions import registry
from cockpit.runbook.differences import Difference, differences, undone_by
from cockpit.runbook.model import Runbook, Step
from cockpit.runbook.plan import load_plan
from tests.fakes.crash_runs import KINDS, write_runbook

FEW = tuple(kind for kind in KINDS if kind.id in ("quick", "slow", "after"))
Change = Callable[[str], str]


def runs(step: Step, book: Runbook) -> tuple[str, ...]:
    return registry.describe(step.action, book)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_runbook(tmp_path, "127.9.9", FEW)


def found(book: Path, name: str, change: Change) -> tuple[Difference, ...]:
    """What a change of one file makes of the runbook."""
    old = load_plan(book, "staging", {}).runbook
    path = book / name
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before
    return differences(old, load_plan(book, "staging", {}).runbook, runs)


def test_a_runbook_does_not_differ_from_itself_nor_by_a_comment(book: Path) -> None:
    assert found(book, "runbook.yaml", lambda text: f"# another word\n{text}") == ()


def test_what_a_step_runs_is_told_as_it_would_run(book: Path) -> None:
    (one,) = found(
        book, "runbook.yaml", lambda text: text.replace("[sh, act.sh, slow]", "[sh, act.sh, fast]")
    )
    assert (one.name, one.what) == ("step slow", "changed")
    told = {name: (before, now) for name, before, now in one.fields}
    before, now = told["runs"]
    assert before.endswith("sh act.sh slow")
    assert now.endswith("sh act.sh fast")
    assert told["action.argv"] == ("sh, act.sh, slow", "sh, act.sh, fast")


def test_a_gate_that_is_mended_is_told_by_its_field(book: Path) -> None:
    (one,) = found(
        book, "runbook.yaml", lambda text: text.replace("mark of quick is there", "mark is seen")
    )
    assert one == Difference(
        "check quick_seen",
        "changed",
        (("title", "The mark of quick is there", "The mark is seen"),),
    )


def test_a_step_that_is_added_dropped_or_moved_is_named(book: Path) -> None:
    added = found(book, "runbook.yaml", lambda text: _copied(text, "slow", "slower"))
    assert [(one.name, one.what) for one in added] == [
        ("phase before", "changed"),
        ("step slower", "added"),
    ]
    assert added[0].fields[0][0] == "steps"
    dropped = found(book, "runbook.yaml", lambda text: _without(text, "slower"))
    assert [(one.name, one.what) for one in dropped] == [
        ("phase before", "changed"),
        ("step slower", "removed"),
    ]


def test_a_value_of_the_profile_is_told_with_every_command_that_it_changes(book: Path) -> None:
    told = found(
        book, "staging.yaml", lambda text: text.replace("new: 127.0.0.20", "new: 127.0.0.21")
    )
    assert Difference("target zone", "changed", (("new", "127.0.0.20", "127.0.0.21"),)) in told
    switch = next(one for one in told if one.name == "step switch_dns")
    ((field, before, now),) = switch.fields
    assert field == "runs"
    assert "127.0.0.20" in before
    assert "127.0.0.21" in now


def test_which_steps_take_one_back_is_known(book: Path) -> None:
    runbook = load_plan(book, "staging", {}).runbook
    assert undone_by(runbook, "quick") == ("back_quick",)
    assert undone_by(runbook, "slow") == ()


def _block(text: str, step: str) -> str:
    start = text.index(f"      - id: {step}\n")
    return text[start : text.index("      - id: ", start + 10)]


def _copied(text: str, step: str, name: str) -> str:
    block = _block(text, step)
    return text.replace(block, block + block.replace(f"id: {step}\n", f"id: {name}\n"))


def _without(text: str, step: str) -> str:
    return text.replace(_block(text, step), "")
