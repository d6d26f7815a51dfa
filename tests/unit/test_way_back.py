from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit import record
from cockpit.actions import shell, sql
from cockpit.engine import wayback
from cockpit.engine.feeds import Feeds
from cockpit.journal import events as e
from cockpit.journal.events import Json
from cockpit.runbook.plan import load_plan
from tests.fakes.crash_machine import Machine, without_processes
from tests.fakes.crash_runs import KINDS, some_net, write_runbook
from tests.fakes.written_runs import WrittenRun


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WrittenRun]:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path))
    written = WrittenRun("production")
    yield written
    written.close()


def page(run: WrittenRun) -> str:
    state = record.read(run.directory).state
    return wayback.page(run.plan.runbook, state, run.directory.path, [])


def recorded(run: WrittenRun, step: str, facts: dict[str, Json]) -> None:
    run.write(e.Confirmed(step, 1, "d" * 64, 1, [step], [], {}))
    run.write(e.AttemptStarted(step, 1, 4242, 1, "boot"), by="engine")
    run.write(e.AttemptEnded(step, 1, 0, "exited", 1.0, recorded=facts), by="engine")
    run.write(e.StepFinished(step, 1, "done"), by="engine")


def test_a_run_that_has_done_nothing_says_so(run: WrittenRun) -> None:
    assert "Nothing has been done yet that would have to be taken back." in page(run)


def test_the_way_back_is_commands_with_what_the_run_recorded(run: WrittenRun) -> None:
    names = run.plan.runbook.profile.targets["zone"].names  # type: ignore[union-attr]  # a zone
    former: list[Json] = [
        {"name": name, "type": "A", "values": ["203.0.113.10"], "ttl": 1800} for name in names
    ]
    recorded(run, "lower_ttl", {"former": former})
    recorded(run, "copy_rest", {"since": {"users": "7421", "alerts": "7421"}})
    recorded(run, "freeze_old", {})
    recorded(run, "open_new", {})
    recorded(run, "back_export", {"folder": "exports/back_export"})
    said = page(run)
    blocks = "".join(re.findall(r"^```bash\n(.*?)^```$", said, re.MULTILINE | re.DOTALL))
    assert '"ttl\\":1800' in blocks
    assert f"folder={run.directory.path}/exports/back_export" in blocks
    assert "drop function if exists" in blocks


def test_the_way_back_names_the_passwords_that_it_cannot_bring_back(run: WrittenRun) -> None:
    recorded(run, "freeze_old", {})
    assert "passwords" not in page(run).partition("## 1.")[0]
    recorded(run, "open_new", {})
    assert "- passwords set and accounts made in the new side" in page(run).partition("## 1.")[0]


def test_an_export_by_hand_leaves_out_what_the_old_side_wrote_itself(run: WrittenRun) -> None:
    recorded(run, "copy_rest", {"since": {"users": "7421", "alerts": "7421"}})
    recorded(run, "open_new", {})
    assert "SINCE=7421" in page(run)


def test_a_step_whose_commands_cannot_be_made_leaves_the_others_written(
    run: WrittenRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(run, "freeze_old", {})
    recorded(run, "open_new", {})
    whole, missing = page(run), list[str]()

    def fails(*_: object) -> tuple[str, ...]:
        raise KeyError("open")

    monkeypatch.setattr(sql, "paper", fails)
    state = record.read(run.directory).state
    said = wayback.page(run.plan.runbook, state, run.directory.path, missing)
    assert missing
    assert said.count("ITS COMMANDS COULD NOT BE WRITTEN.") == len(missing)
    titles = re.findall(r"^## .*", whole, re.MULTILINE)
    assert re.findall(r"^## .*", said, re.MULTILINE) == titles
    assert said.count("```bash") == whole.count("```bash") - len(missing) > 0


def test_an_engine_that_cannot_write_a_steps_commands_goes_on_and_shows_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Machine] = []
    without_processes(monkeypatch, lambda: made[-1])
    quick = tuple(one for one in KINDS if one.id == "quick")
    loop = asyncio.new_event_loop()
    plan = load_plan(write_runbook(tmp_path, some_net(), quick), "staging", {})
    machine = Machine(plan, loop)
    made.append(machine)
    try:
        machine.ask("propose", step="quick")
        shown = machine.core.proposal
        assert shown
        machine.ask("confirm", step="quick", attempt=1, digest=shown.digest)
        feeds = Feeds(machine.core)
        machine.core.write_way_back()
        assert feeds.tiles() == ()

        def fails(*_: object) -> tuple[str, ...]:
            raise KeyError("open")

        monkeypatch.setattr(shell, "paper", fails)
        machine.core.write_way_back()
        assert "ITS COMMANDS COULD NOT BE WRITTEN." in machine.directory.way_back.read_text()
        (tile,) = feeds.tiles()
        assert (tile.state, tile.title) == ("down", "way-back.md")
        assert tile.figure.startswith("without ")
        assert machine.core.trouble == ""
    finally:
        machine.close()
        loop.close()


def test_after_a_rollback_the_way_back_says_what_was_undone(run: WrittenRun) -> None:
    run.done("freeze_old")
    run.write(e.TurnedBack("roll_back", "errors", ["back_open_old"]))
    run.done("back_open_old")
    run.done("back_reconnect_old")
    said = page(run)
    assert "Nothing has been done yet" not in said
    assert "- Old side read-only (`freeze_old`): Old side opened (`back_open_old`)" in said


def test_once_the_old_side_is_given_up_no_way_back_is_ordered(run: WrittenRun) -> None:
    for step in ("lower_ttl", "freeze_old", "open_new", "switch_dns"):
        recorded(run, step, {})
    assert "Do these in order" in page(run)
    run.attempt("decommission_old", code=1)
    assert "There is no way back any more: “Old side given up” (`decommission_old`) began" in page(
        run
    )
    run.done("decommission_old", number=2)
    run.write(e.RunEnded("completed"))
    said = page(run)
    assert "There is no way back any more: “Old side given up” (`decommission_old`) is done" in said
    assert "Do these in order" not in said
    assert "```" not in said
