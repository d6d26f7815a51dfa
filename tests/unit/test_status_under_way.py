from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

import pytest

from cockpit.commands import journal, status
from cockpit.commands import report as report_command
from cockpit.engine.client import Client
from cockpit.engine.intents import Intent, read, send
from cockpit.exits import BAD
from cockpit.journal import events as e
from cockpit.redact import inert, one_line, printable
from tests.fakes.written_runs import WrittenRun

HOSTILE = "a\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\x7f\r\nfourth step: DONE"


@pytest.fixture
def run() -> Iterator[WrittenRun]:
    written = WrittenRun()
    written.done("lower_ttl")
    yield written
    written.close()


def begin(run: WrittenRun, step: str, output: str) -> None:
    run.write(e.Confirmed(step, 1, "d" * 64, 1, [f"run {step}"], [], {}))
    run.write(e.AttemptStarted(step, 1, 4242, 1, "boot"), by="engine")
    folder = run.directory.attempt(step, 1)
    folder.mkdir(parents=True)
    (folder / "output").write_text(output, encoding="utf-8")


def seen(capsys: pytest.CaptureFixture[str]) -> str:
    status.run()
    return capsys.readouterr().out


def test_the_status_says_what_runs_since_when_and_its_last_output(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    step = run.plan.runbook.forward[1]
    begin(run, step.id, "first\n3 of 9 copied\n\n")
    told = seen(capsys)
    assert f"▶ running: {step.title}, attempt 1, since 20" in told
    assert "is stopped after" in told
    assert "  its last output: 3 of 9 copied\n" in told
    assert told.count(step.title) == 2, "once as what runs, once in what happened"
    status.run(as_json=True)
    (one,) = json.loads(capsys.readouterr().out)["under_way"]
    assert (one["step"], one["attempt"], one["state"]) == (step.id, 1, "running")
    assert one["last_output"] == "3 of 9 copied"
    assert one["choices"] == []


def test_a_line_of_output_whose_end_is_still_to_come_is_not_told_as_whole(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    step = run.plan.runbook.forward[1]
    begin(run, step.id, "count 21\ncount 2")
    assert "  its last output: count 2…\n" in seen(capsys)
    view = Client(run.directory).view()
    assert view.output == ("count 21", "count 2…")
    run.write(e.AttemptEnded(step.id, 1, 0, "exited", 1.0), by="engine")
    assert Client(run.directory).view().output == ("count 21", "count 2")


def test_the_status_says_what_is_in_doubt_why_and_what_can_be_done(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    step = run.plan.runbook.forward[1]
    begin(run, step.id, "half")
    run.write(e.AttemptInDoubt(step.id, 1, "its runner was killed"), by="engine")
    told = seen(capsys)
    assert f"‽ IN DOUBT: {step.title}, attempt 1, since 20" in told
    assert "because its runner was killed" in told
    assert "settle it as done, failed or not having happened, or roll back" in told
    status.run(as_json=True)
    (one,) = json.loads(capsys.readouterr().out)["under_way"]
    assert (one["state"], one["reason"]) == ("in_doubt", "its runner was killed")
    assert "settle_not_happened" in one["choices"]


def test_a_calm_run_has_nothing_under_way(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "attempt 1, since" not in seen(capsys)
    status.run(as_json=True)
    assert json.loads(capsys.readouterr().out)["under_way"] == []


def test_a_run_that_has_ended_is_over_and_nobody_is_told_to_start_its_engine(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write(e.TurnedBack("call_off", "a storm"))
    run.write(e.RunEnded("called_off"), by="engine")
    told = seen(capsys)
    assert "the run is over: nothing below is watched any more" in told
    assert "engine" not in told
    assert "attach" not in told
    status.run(as_json=True)
    plain = json.loads(capsys.readouterr().out)
    assert (plain["state"], plain["engine"]) == ("called_off", "gone")


def test_a_journal_without_its_beginning_leaves_open_what_is_planned_and_switched(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run.directory.journal.write_bytes(b"x" + run.directory.journal.read_bytes())
    assert status.run() == BAD
    told = capsys.readouterr().out
    assert "is unknown" in told
    for wrong in ("19", "NOT YET", "late by", "next: "):
        assert wrong not in told.replace(run.directory.name, ""), wrong
    status.run(as_json=True)
    plain = json.loads(capsys.readouterr().out)
    assert {plain[one] for one in ("t0_planned", "late_s", "verdict", "now", "next")} == {None}


def test_no_text_of_an_old_journal_gives_a_terminal_orders(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write(e.Noted(HOSTILE))
    run.write(e.Held(HOSTILE))
    for command, as_json in itertools.product((status.run, journal.run), (False, True)):
        command(as_json=as_json)
        told = capsys.readouterr().out
        assert "fourth step: DONE" in told
        assert printable(told) == told
        assert not any(line.startswith("fourth step") for line in told.splitlines())
    report_command.run()
    for name in ("report.md", "report.html", "report.json"):
        text = (run.output / name).read_text()
        assert "fourth step: DONE" in text
        assert printable(text) == text
        assert "\\u001b" not in text


def test_the_events_for_programs_keep_what_was_said_by_name(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write(e.Noted(HOSTILE))
    journal.run(as_json=True)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["data"]["text"] == HOSTILE
    assert json.loads(inert('"\x7f\x9b\u202e\U000e0041\\n"')) == "\x7f\x9b\u202e\U000e0041\n"


def test_what_an_operator_writes_is_journaled_without_orders_to_a_terminal(
    run: WrittenRun,
) -> None:
    run.directory.intents.mkdir(exist_ok=True)
    name = send(run.directory.intents, Intent("note", "1:1", text=HOSTILE, note="\x9b1mthere"))
    intent, _ = read(run.directory.intents / f"{name}.json")
    assert (intent.text, intent.note) == (printable(HOSTILE), "1mthere")
    assert "\x1b" not in intent.text


def test_a_text_on_one_line_keeps_its_indent_and_its_columns() -> None:
    assert one_line("  fine     tile  a\n\tb\x1b[2J") == "  fine     tile  a b"
