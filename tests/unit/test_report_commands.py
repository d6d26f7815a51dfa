from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cockpit import record
from cockpit.checks import registry
from cockpit.commands import doctor, journal, runs, status
from cockpit.commands import report as report_command
from cockpit.engine import layout
from cockpit.engine.start import ENDED
from cockpit.errors import CockpitError, UsageError
from cockpit.exits import BAD, GOOD, UNKNOWN, USAGE, complain
from cockpit.journal import events as e
from cockpit.journal.cause import SHARED
from cockpit.journal.state import RunState
from cockpit.runbook.checks import CauseCheck, RehearsedCheck
from cockpit.runbook.words import Duration, Id
from tests.fakes.small_runbooks import World, asking
from tests.fakes.written_runs import WrittenRun


@pytest.fixture
def run() -> Iterator[WrittenRun]:
    written = WrittenRun()
    written.done("lower_ttl")
    yield written
    written.close()


def damage(run: WrittenRun) -> None:
    whole = run.directory.journal.read_bytes()
    run.directory.journal.write_bytes(whole.replace(b"run lower_ttl", b"run lower_xxx"))


def test_the_journal_is_proved_and_its_head_found(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert journal.run(verify=True) == GOOD
    told = capsys.readouterr().out
    assert told.startswith("the chain holds: 6 events, head ")
    assert journal.run(head=told.split()[-1]) == GOOD
    assert journal.run(head="0" * 64) == BAD


def test_a_changed_event_is_named(run: WrittenRun, capsys: pytest.CaptureFixture[str]) -> None:
    damage(run)
    assert journal.run(verify=True) == BAD
    assert "event 1 (" in capsys.readouterr().out
    assert journal.run() == BAD
    told = capsys.readouterr().out
    assert "DAMAGED from here: event 1 (" in told
    assert "5? " in told
    assert "step finished by engine" in told


def test_programs_are_given_the_readable_events_and_the_damage_is_named_beside_them(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(run)
    assert journal.run() == BAD
    words = next(line for line in capsys.readouterr().out.splitlines() if "DAMAGED" in line)
    assert journal.run(as_json=True) == BAD
    shown = capsys.readouterr()
    assert [json.loads(line)["seq"] for line in shown.out.splitlines()] == [0]
    assert words in shown.err
    assert f"where: {run.directory.journal}, line 2" in shown.err
    assert "what to do: a on the screen" in shown.err


def test_where_not_one_event_can_be_read_programs_are_given_none(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run.directory.journal.write_bytes(b"nothing\n")
    assert journal.run(as_json=True) == BAD
    shown = capsys.readouterr()
    assert not shown.out
    assert "DAMAGED from here: event 0 " in shown.err


@pytest.mark.parametrize("cut", [1, 20, 90])
def test_a_last_line_that_was_cut_off_is_said_and_not_dropped(
    cut: int, run: WrittenRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run.directory.journal.read_bytes()
    run.directory.journal.write_bytes(whole[:-cut])
    left = len(whole.splitlines()[-1]) + 1 - cut
    words = f"its last line was cut off: {left} bytes behind event 4 have no end"
    assert journal.run(verify=True) == UNKNOWN
    told = capsys.readouterr().out
    assert told.startswith("the chain holds: 5 events, head ")
    assert f"but {words}" in told
    assert journal.run() == UNKNOWN
    assert f"CUT OFF: {words}" in capsys.readouterr().out
    assert journal.run(as_json=True) == UNKNOWN
    shown = capsys.readouterr()
    assert [json.loads(line)["seq"] for line in shown.out.splitlines()] == list(range(5))
    assert words in shown.err
    assert report_command.run(out=tmp_path) == GOOD
    assert "the journal is incomplete" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_line_that_is_being_written_just_now_is_no_cut(
    run: WrittenRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run.directory.journal.read_bytes()
    run.directory.journal.write_bytes(whole[:-20])
    # The rest comes while the reader waits for it.
    waits = SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda _: run.directory.journal.write_bytes(whole)
    )
    monkeypatch.setattr(record, "time", waits)
    assert journal.run(verify=True) == GOOD
    assert capsys.readouterr().out.startswith("the chain holds: 6 events, head ")


def test_the_events_are_printed_for_people_and_for_programs(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert journal.run() == GOOD
    assert "lower_ttl · attempt 1 · done" in capsys.readouterr().out
    assert journal.run(as_json=True) == GOOD
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["seq"] for line in lines] == list(range(6))
    assert all(len(line["hash"]) == 64 for line in lines)


def test_the_runs_are_listed_with_their_states(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.run() == GOOD
    assert "running" in capsys.readouterr().out
    damage(run)
    assert runs.run() == BAD
    assert "JOURNAL DAMAGED" in capsys.readouterr().out


def test_a_host_without_runs_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert runs.run() == GOOD
    assert "no run lies in" in capsys.readouterr().out


def test_the_status_says_that_nobody_watches(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status.run() == UNKNOWN
    told = capsys.readouterr().out
    assert "the engine is gone" in told
    assert "steps settled" in told
    assert len(told.splitlines()) <= 24


def test_the_status_is_there_for_programs(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    status.run(as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["environment"] == "rehearsal"
    assert told["engine"] == "gone"
    assert told["done"] == 1


def test_a_rehearsal_that_was_ended_is_nowhere_called_running(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    run.write(e.EngineStopped(ENDED), by="engine")
    assert runs.run() == GOOD
    assert "ended by its key" in capsys.readouterr().out
    assert status.run() == GOOD
    told = capsys.readouterr().out
    assert "an operator ended this rehearsal" in told
    assert "the engine is gone" not in told
    status.run(as_json=True)
    assert json.loads(capsys.readouterr().out)["state"] == "let_go"


def test_the_report_lies_where_it_was_asked_for(run: WrittenRun, tmp_path: Path) -> None:
    assert report_command.run(out=tmp_path / "evidence") == GOOD
    assert (tmp_path / "evidence" / "report.html").is_file()
    damage(run)
    assert report_command.run() == BAD


def test_the_doctor_tells_how_to_mend_what_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run() in (GOOD, BAD)
    told = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("+", "X", " ")) for line in told)
    for at, line in enumerate(told):
        if line.startswith("X"):
            assert told[at + 1].startswith("    ")


def test_an_error_says_what_where_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert complain(CockpitError("the disk is full", where="/var", mend="free some room")) == BAD
    told = capsys.readouterr().err.splitlines()
    assert told == ["cockpit: the disk is full", "  where: /var", "  what to do: free some room"]
    assert complain(UsageError("no such command")) == USAGE


REHEARSED = RehearsedCheck(
    kind="rehearsed", id=Id("rehearsed"), title="Rehearsed", max_age=Duration(48 * 3600)
)


async def rehearsed(tmp_path: Path, procedure: str, clock_after_s: float = 0.0) -> tuple[str, str]:
    state = RunState(runbook="freshtrack", procedure=procedure)
    context = asking(World(tmp_path, "production"), REHEARSED, state=state)
    object.__setattr__(context, "runs", layout.runs())
    context.clock.at += clock_after_s  # type: ignore[attr-defined]  # the still clock of tests
    answer = await registry.ask(REHEARSED, context)
    return answer.said, answer.evidence


async def test_production_opens_only_after_a_staging_rollback_of_this_procedure(
    tmp_path: Path,
) -> None:
    assert await rehearsed(tmp_path, "p") == (
        "fail",
        "no staging run on this host was rolled back",
    )
    staged = WrittenRun("staging")
    procedure = staged.plan.procedure_digest
    assert (await rehearsed(tmp_path, procedure))[0] == "fail"
    staged.write(e.RunEnded("rolled_back"))
    staged.close()
    assert (await rehearsed(tmp_path, procedure))[0] == "pass"
    assert (await rehearsed(tmp_path, "another"))[1].endswith("all of other procedures")
    said, evidence = await rehearsed(tmp_path, procedure, 49 * 3600)
    assert said == "fail"
    assert "2 d at most" in evidence


async def test_after_a_rollback_production_waits_for_a_cause_and_another_rehearsal(
    tmp_path: Path,
) -> None:
    staged = WrittenRun("staging")
    staged.write(e.RunEnded("rolled_back"))
    staged.close()
    procedure = staged.plan.procedure_digest
    night = WrittenRun("production")
    night.write(e.Noted("written before anything went wrong"))
    night.write(e.TurnedBack("roll_back", "14% of requests fail"), after_s=7200.0)
    night.write(e.RunEnded("rolled_back"))
    said, evidence = await rehearsed(tmp_path, procedure, 3 * 3600)
    assert said == "fail"
    assert f"{night.directory.name} was rolled back, and no cause is on record" in evidence
    night.write(e.Noted("the pool was too small; Ana raises it"))
    night.close()
    said, evidence = await rehearsed(tmp_path, procedure, 3 * 3600)
    assert said == "fail"
    assert evidence.endswith("ago: rehearse once more since then")
    again = WrittenRun("staging")
    again.now = night.now + 3600.0
    again.write(e.RunEnded("rolled_back"))
    again.close()
    assert (await rehearsed(tmp_path, procedure, 4 * 3600))[0] == "pass"


async def test_calling_off_before_the_switch_asks_for_no_cause(tmp_path: Path) -> None:
    staged = WrittenRun("staging")
    staged.write(e.RunEnded("rolled_back"))
    staged.close()
    night = WrittenRun("production")
    night.write(e.TurnedBack("call_off", "the change lead is ill"), after_s=7200.0)
    night.write(e.RunEnded("called_off"))
    night.close()
    assert (await rehearsed(tmp_path, staged.plan.procedure_digest, 3 * 3600))[0] == "pass"


async def test_the_cause_counts_only_once_it_is_written_after_the_rollback_began(
    tmp_path: Path,
) -> None:
    check = CauseCheck(kind="cause_written", id=Id("cause"), title="Cause")

    async def said(state: RunState) -> str:
        return (
            await registry.ask(check, asking(World(tmp_path, "production"), check, state=state))
        ).said

    night = WrittenRun("production")
    night.write(e.Noted("we begin"))
    night.write(e.TurnedBack("roll_back", "errors"))
    night.write(e.Noted(f"{SHARED}ops: `cockpit attach night`"))
    assert await said(record.read(night.directory).state) == "fail"
    night.write(e.Noted("the pool was too small"))
    night.close()
    assert await said(record.read(night.directory).state) == "pass"


async def test_a_rehearsal_itself_needs_no_rehearsal(tmp_path: Path) -> None:
    context = asking(World(tmp_path, "rehearsal"), REHEARSED)
    answer = await registry.ask(REHEARSED, context)
    assert (answer.said, answer.evidence) == ("pass", "this run is a rehearsal")
