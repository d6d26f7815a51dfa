from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec
import pytest

from cockpit.clock import NS, boot_id, boot_ns
from cockpit.commands import journal, status
from cockpit.commands import report as report_command
from cockpit.engine.attempt_files import AttemptFolder, Exit, Identity
from cockpit.engine.client import Client
from cockpit.engine.intents import Intent, read, send
from cockpit.engine.processes import this_process
from cockpit.exits import BAD, GOOD, UNKNOWN
from cockpit.journal import events as e
from cockpit.redact import inert, one_line, printable
from cockpit.status import STEP
from cockpit.telemetry import codec
from cockpit.telemetry.live import Live, Tile
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
    own = Identity(*this_process(), boot_id())
    run.write(e.AttemptStarted(step, 1, own.pid, own.start_time, own.boot_id), by="engine")
    folder = run.directory.attempt(step, 1)
    AttemptFolder(folder).claim(own)
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


def test_a_step_that_runs_and_is_none_of_the_plan_is_called_so(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(run, "never_heard_of", "1 of 9\n")
    told = seen(capsys)
    assert "▶ running: never_heard_of, which is no step of this plan, attempt 1" in told
    assert "is stopped after" not in told
    status.run(as_json=True)
    (one,) = json.loads(capsys.readouterr().out)["under_way"]
    assert (one["step"], one["usual_s"], one["limit_s"]) == ("never_heard_of", None, None)


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


GONE = Identity(10**8, 1, "boot")
WELL = "it ended well, and an engine is still to verify it"


@pytest.mark.parametrize(
    ("ended", "state", "words"),
    [
        (None, "in_doubt", "its runner is gone, and nobody recorded how it ended"),
        (Exit(0, "exited", 2.0), "unverified", WELL),
        (Exit(3, "exited", 2.0, "no rows"), "failed", "no rows"),
        (Exit(0, "timed_out", 2.0), "in_doubt", "it was timed out"),
    ],
)
def test_what_no_engine_has_taken_up_is_said_as_the_disk_tells_it(
    ended: Exit | None,
    state: str,
    words: str,
    run: WrittenRun,
    capsys: pytest.CaptureFixture[str],
) -> None:
    step = run.plan.runbook.forward[1]
    run.write(e.Confirmed(step.id, 1, "d" * 64, 1, [f"run {step.id}"], [], {}))
    run.write(e.AttemptStarted(step.id, 1, GONE.pid, GONE.start_time, GONE.boot_id), by="engine")
    folder = AttemptFolder(run.directory.attempt(step.id, 1))
    folder.claim(GONE)
    if ended is not None:
        folder.end(ended)
    told = seen(capsys)
    assert f"{STEP[state].shown()}: {step.title}, attempt 1" in told
    assert f"  because {words}\n" in told
    assert "is stopped after" not in told
    assert ("look at it, then settle it" in told) == (state == "in_doubt")
    status.run(as_json=True)
    (one,) = json.loads(capsys.readouterr().out)["under_way"]
    assert (one["state"], one["reason"]) == (state, words)


def test_a_step_that_no_runner_has_begun_is_said_so(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    step = run.plan.runbook.forward[1]
    run.write(e.Confirmed(step.id, 1, "d" * 64, 1, [f"run {step.id}"], [], {}))
    assert "  because no runner has begun it\n" in seen(capsys)


@pytest.fixture
def lives(run: WrittenRun) -> Callable[..., None]:
    """Let an engine, this process, be there, as old as said."""

    def be(age_s: float = -60.0, trouble: str = "", tiles: tuple[Tile, ...] = ()) -> None:
        run.directory.lock.write_bytes(msgspec.json.encode(Identity(*this_process(), boot_id())))
        at = boot_ns() - round(age_s * NS)
        codec.write(
            run.directory.live, Live(engine_pid=1, boot_ns=at, trouble=trouble, tiles=tiles)
        )

    return be


def test_an_engine_that_is_there_and_heard_of_is_good(
    run: WrittenRun, lives: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    lives()
    assert status.run() == GOOD
    told = capsys.readouterr().out
    assert "the engine" not in told
    assert "NOTHING CAN BE CONFIRMED" not in told


def test_an_engine_that_is_there_and_silent_is_said_so(
    run: WrittenRun, lives: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    lives(age_s=3000.0)
    assert status.run() == UNKNOWN
    assert "the engine has been silent for 50 min" in capsys.readouterr().out
    assert status.run(as_json=True) == UNKNOWN
    plain = json.loads(capsys.readouterr().out)
    assert plain["engine"] == "silent"
    assert plain["engine_age_s"] >= 3000


def test_services_take_few_lines_the_sick_by_name_and_what_is_old_is_never_fine(
    run: WrittenRun, lives: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    now = Client(run.directory).view().now
    well = tuple(Tile(f"a{at}", f"service {at}", "fine", "1 ms", now + 60, now) for at in range(27))
    old = Tile("db", "postgres", "fine", "5/57 conn", now - 500, now)
    down = Tile("web", "backend", "down", "503", now + 60, now)
    lives(tiles=(*well[:9], old, *well[9:], down))
    told = seen(capsys)
    assert told.index("  ✗ DOWN     backend  503") < told.index(
        "  ~ stale    postgres  5/57 conn  8"
    )
    assert "  and 27 ✓ fine\n" in told
    assert len(told.splitlines()) <= 24
    lives(tiles=tuple(replace(old, probe=str(at)) for at in range(30)))
    told = seen(capsys)
    assert "  and 24 ~ stale\n" in told
    assert len(told.splitlines()) <= 24


def test_where_much_is_wrong_fewer_of_the_newest_events_are_told(
    run: WrittenRun, lives: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    begin(run, run.plan.runbook.forward[1].id, "copied 3 of 9\n")
    run.write(e.Held("a storm"))
    for at in range(8):
        run.write(e.Noted(f"note {at}"))
    now = Client(run.directory).view().now
    tiles = tuple(Tile(f"s{at}", f"service {at}", "down", "503", now, now) for at in range(9))
    lives(age_s=3000.0, trouble="the disk is full", tiles=tiles)
    told = seen(capsys)
    assert len(told.splitlines()) == 24
    assert "note 7" in told
    assert "note 0" not in told


def test_what_keeps_the_engine_from_confirming_is_said(
    run: WrittenRun, lives: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    lives(trouble="No space left on device")
    assert status.run() == UNKNOWN
    assert "NOTHING CAN BE CONFIRMED: No space left on device\n" in capsys.readouterr().out
    status.run(as_json=True)
    plain = json.loads(capsys.readouterr().out)
    assert (plain["engine"], plain["trouble"]) == ("in_trouble", "No space left on device")


def test_a_viewer_knows_that_the_seat_it_asked_for_is_on_its_way(run: WrittenRun) -> None:
    client = Client(run.directory)
    client.arrive()
    assert not client.view().seat_comes
    name = client.send("take_seat")
    assert client.view().seat_comes
    (run.directory.intents / f"{name}.json").unlink()
    assert not client.view().seat_comes


def test_a_run_of_a_newer_program_is_said_to_be_one_that_attach_does_not_start(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run.directory.path / "run.json"
    about = json.loads(path.read_bytes())
    path.write_text(json.dumps(about | {"format": 99}))
    told = seen(capsys)
    assert "a newer cockpit wrote this run: its format is 99" in told
    assert "it can be read, not driven" in told
    assert "only the newer cockpit can start it again" in told
    assert "attach" not in told
    status.run(as_json=True)
    assert "format is 99" in json.loads(capsys.readouterr().out)["newer"]


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


def test_what_is_in_doubt_offers_no_rollback_in_a_rollback_and_nothing_once_the_run_is_over(
    run: WrittenRun, capsys: pytest.CaptureFixture[str]
) -> None:
    step = run.plan.runbook.forward[1]
    begin(run, step.id, "half")
    run.write(e.AttemptInDoubt(step.id, 1, "it was stopped"), by="engine")
    run.write(e.TurnedBack("roll_back", "errors"))
    assert "failed or not having happened:" in seen(capsys)
    run.write(e.RunEnded("rolled_back"), by="engine")
    told = seen(capsys)
    assert "IN DOUBT" in told
    assert "the run ended without an answer to it" in told
    assert "settle" not in told.replace("steps settled", "")
    status.run(as_json=True)
    assert json.loads(capsys.readouterr().out)["under_way"][0]["choices"] == []


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
