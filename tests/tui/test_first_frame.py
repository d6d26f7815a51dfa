from __future__ import annotations

import os
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem

from cockpit.journal import events as e
from cockpit.tui.glance import Glance, glance
from cockpit.tui.palette import MANY, PALETTES, TRUE, depth, sgr
from tests.fakes.leftovers import end_all
from tests.fakes.terminals import terminal
from tests.fakes.written_runs import WrittenRun

HEAVY = {
    "textual",
    "rich",
    "asyncio",
    "msgspec",
    "yaml",
    "dataclasses",
    "pathlib",
    "argparse",
    "typing",
}


def attached() -> Glance:
    seen = glance(["attach"])
    assert seen is not None
    return seen


def test_it_needs_nothing_that_takes_long_to_load() -> None:
    code = "import sys, cockpit.cli; print(*sys.modules)"
    told = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(told.stdout.split())


def test_it_is_painted_before_the_screen_is_imported_and_the_terminal_is_given_back(
    tmp_path: Path,
) -> None:
    WrittenRun("staging").close()
    code = (
        "import sys; sys.modules['textual'] = None; from cockpit.cli import main; sys.exit(main())"
    )
    with terminal([sys.executable, "-c", code, "attach"], dict(os.environ)) as shown:
        before = termios.tcgetattr(shown.master)
        assert shown.ended() == 1
        shown.read()
        written = bytes(shown.written)
        assert termios.tcgetattr(shown.master) == before
    end_all(tmp_path)  # the engine was begun beside the screen that could not be loaded
    assert b" STAGING  " in written
    assert written.index(b"?1049h") < written.index(b"the screen is opening")
    assert written.index(b"the screen is opening") < written.index(b"?1049l")
    assert written.index(b"?1049l") < written.index(b"an unforeseen error")
    assert b"Traceback" not in written


def test_it_says_what_was_recorded_worst_first() -> None:
    run = WrittenRun("staging")
    run.write(e.SeatTaken(1, "ana", "droplet", "1:1", "start"))
    for step in ("lower_ttl", "freeze"):
        run.write(e.Confirmed(step, 1, "d" * 64, 1, [], [], {}))
        run.write(e.AttemptStarted(step, 1, 7, 1, "b"))
    run.write(e.AttemptEnded("lower_ttl", 1, 0, "exited", 1.0))
    run.write(e.StepFinished("lower_ttl", 1, "done"))
    run.write(e.Held("the database is slow"))
    assert attached().facts == [
        "running: freeze",
        "HELD: the database is slow",
        "driver ana",
        "1 step done",
    ]
    run.write(e.Released())
    run.write(e.AttemptInDoubt("freeze", 1, "nobody recorded its end"))
    run.close()
    seen = attached()
    assert seen.facts == ["in doubt: freeze", "driver ana", "1 step done"]
    assert seen.environment == "staging"
    assert seen.about == ["freshtrack", seen.about[1], "on droplet"]


def test_of_a_run_that_has_ended_nothing_is_said_that_is_over() -> None:
    run = WrittenRun("staging")
    run.write(e.SeatTaken(1, "ana", "droplet", "1:1", "start"))
    run.write(e.TurnedBack("call_off", "a storm"))
    run.write(e.Held("by its key"))
    run.write(e.RunEnded("called_off"))
    run.close()
    assert attached().facts == ["run ended", "0 steps done"]


def test_a_damaged_journal_is_left_to_the_screen() -> None:
    run = WrittenRun("staging")
    run.close()
    run.directory.journal.write_bytes(b'{"type":"run_started", half a line')
    assert glance(["attach"]) is None


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--help"],
        ["status"],
        ["attach", "no such run"],
        ["attach", "--help"],
        ["run"],
        ["run", "/nowhere", "--env", "staging"],
        ["run", "runbooks/freshtrack"],
        ["run", "runbooks/freshtrack", "--env=rehearsal"],
        ["rehearse", "/nowhere"],
    ],
)
def test_nothing_is_painted_where_no_screen_would_open(words: list[str]) -> None:
    assert glance(words) is None


def test_a_run_that_is_yet_to_begin_is_named(tmp_path: Path) -> None:
    (tmp_path / "runbook.yaml").write_text("cockpit: 1\nname: other_move  # ours\n")
    for words in (
        ["run", str(tmp_path), "--env", "production", "--t0", "2026-11-23T02:00:00+01:00"],
        ["run", "--env=production", str(tmp_path)],
    ):
        seen = glance(words)
        assert seen is not None
        assert (seen.environment, seen.about, seen.recorded) == ("production", ["other_move"], "")
    assert glance(["rehearse", "--speed", "600"]) is not None


def test_a_run_that_ended_is_not_taken_for_the_coming_one() -> None:
    run = WrittenRun("rehearsal")
    going = glance(["rehearse"])
    assert going is not None
    assert going.recorded
    run.write(e.RunEnded("completed"))
    run.close()
    coming = glance(["rehearse"])
    assert coming is not None
    assert coming.recorded == ""


@pytest.mark.parametrize("theme", PALETTES)
@pytest.mark.parametrize("colours", [TRUE, MANY])
def test_its_colours_are_the_screens_own(theme: str, colours: int) -> None:
    system = ColorSystem.TRUECOLOR if colours == TRUE else ColorSystem.EIGHT_BIT
    for token, colour in PALETTES[theme].items():
        if colour.startswith("#"):
            drawn = Color.parse(colour).downgrade(system)
            assert sgr(colour, colours) == ";".join(drawn.get_ansi_codes()), token


def test_colours_are_counted_as_the_screen_counts_them() -> None:
    assert depth({"TERM": "xterm-256color"}) == MANY
    assert depth({"TERM": "xterm-256color", "COLORTERM": "truecolor"}) == TRUE
    assert depth({"TERM": "xterm-256color", "NO_COLOR": "1"}) == 0


@pytest.mark.parametrize("words", [["attach"], ["rehearse"]])
def test_without_a_terminal_nothing_is_begun(words: list[str]) -> None:
    told = subprocess.run(
        (sys.executable, "-m", "cockpit", *words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 64
    assert "the screen needs a terminal" in told.stderr
    assert not Path(os.environ["COCKPIT_HOME"]).exists()
