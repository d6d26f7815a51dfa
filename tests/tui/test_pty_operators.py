"""Operators at real terminals, on a small run with its real engine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cockpit.engine import intents
from cockpit.engine.client import Client, View
from cockpit.outlook import outlook, step_names
from cockpit.tui.pace import BOUND_S
from tests.fakes.crash_runs import Kind, Run, eventually, running, slow
from tests.fakes.terminals import Terminal, terminal

pytestmark = pytest.mark.timeout(120)
COCKPIT = shutil.which("cockpit", path=str(Path(sys.executable).parent)) or "cockpit"
BUSY_S = 3.0
"""A second, and what a machine under tests adds."""
READY = re.compile(r"\bc confirms what is shown")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run of steps that stand in their middle until they are let go."""
    folder = tmp_path_factory.mktemp("operators") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCKPIT_HOME", str(folder.parent / "home"))
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("TERM", "xterm-256color")
        with running(folder, kinds=(*slow(12), Kind("quick", undone=True))) as made:
            yield made


@contextmanager
def attached(
    run: Run, size: tuple[int, int] = (120, 40), *, answers: bool = True, controls: bool = True
) -> Iterator[Terminal]:
    """One more viewer."""
    home = {**os.environ, "COCKPIT_HOME": str(run.directory.path.parents[2]), "LANG": "C.UTF-8"}
    command = [COCKPIT, "attach"]
    with terminal(command, home, size, answers=answers, controls=controls) as shown:
        shown.says("Timeline")
        yield shown


@contextmanager
def driving(run: Run, *, answers: bool = True) -> Iterator[Terminal]:
    """One more viewer, which has the seat."""
    eventually(lambda: seat_is_vacant(run), "a vacant seat")
    with attached(run, answers=answers) as shown:
        shown.press("t")
        shown.says("(you)")
        yield shown


def view(run: Run) -> View:
    return Client(run.directory).view()


def seat_is_vacant(run: Run) -> bool:
    seat = view(run).state.seat
    return seat is None or seat.vacant


def named(run: Run, step: str) -> str:
    """What the screen calls a step."""
    return step_names(view(run).runbook, view(run).state)[step]


def the_next(run: Run) -> str:
    """The step that comes next."""
    now = view(run)
    coming = outlook(now.runbook, now.state, now.now).next
    assert coming is not None
    return coming.step.id


def attempts(run: Run, step: str) -> int:
    return len(view(run).state.step(step).attempts)


def open_dialog(shown: Terminal) -> None:
    shown.press("\r")
    shown.until("the key", READY.search)


def settle(run: Run, step: str) -> None:
    """Let the step that runs come to its end."""
    run.let_go()
    eventually(lambda: view(run).state.step(step).status == "done", "its end")
    (run.folder / "go").unlink()


def left(shown: Terminal) -> None:
    """It is gone within a second, in order, and without work."""
    before, began = shown.cpu_s, time.monotonic()
    assert shown.ended(BUSY_S) == 0
    assert time.monotonic() - began < BUSY_S
    assert shown.cpu_s - before < 0.5


def test_nothing_pasted_typed_ahead_or_held_confirms_and_one_calm_key_does(run: Run) -> None:
    step = the_next(run)
    with driving(run) as shown:
        shown.press("\rcccccc")
        shown.until("the key", READY.search)
        shown.press("\x1b[200~c\x1b[201~")
        shown.watch(0.8)
        shown.press("cat\n")
        shown.says("too fast")
        shown.watch(0.8)
        shown.press("x")
        shown.watch(0.5)
        shown.press("c")
        shown.says("too fast")
        shown.watch(0.8)
        shown.press("c")
        time.sleep(0.02)
        shown.press("l")
        shown.says("too fast")
        shown.press("\x1b")
        shown.until("its end", lambda text: "Confirm step" not in text)
        shown.hold("c", 0.5)
        shown.press("\r")
        shown.hold("c", 2.5)
        shown.says("too fast")
        assert attempts(run, step) == 0
        shown.watch(1.0)
        shown.press("c")
        shown.says(f"{named(run, step)} · attempt 1 · confirmed")
        shown.says("halfway")
        settle(run, step)


def test_it_is_readable_a_second_after_the_terminal_answered(run: Run) -> None:
    step = the_next(run)
    with driving(run) as shown:
        shown.watch(0.5)
        shown.answers = False
        shown.press("\r")
        shown.says("Confirm step")
        shown.watch(2.5)
        shown.press("c")
        shown.watch(0.5)
        assert attempts(run, step) == 0
        shown.answer()
        shown.watch(0.7)
        shown.press("c")
        shown.watch(0.2)
        assert attempts(run, step) == 0
        shown.until("the key", READY.search)
        shown.watch(1.0)
        shown.press("c")
        shown.says(f"{named(run, step)} · attempt 1 · confirmed")
        settle(run, step)


def test_a_terminal_that_answers_nothing_is_not_waited_for(run: Run) -> None:
    step = the_next(run)
    with driving(run, answers=False) as shown:
        open_dialog(shown)
        shown.watch(0.8)
        shown.press("c")
        shown.says(f"{named(run, step)} · attempt 1 · confirmed")
        settle(run, step)


def test_a_terminal_closed_in_the_middle_of_a_step_ends_the_screen_and_not_the_step(
    run: Run,
) -> None:
    step = the_next(run)
    with driving(run) as driver, attached(run, controls=False) as other:
        open_dialog(driver)
        driver.watch(0.8)
        driver.press("c")
        driver.says("halfway")
        other.says("halfway")
        driver.close()
        left(driver)
        other.close()
        left(other)
    assert view(run).state.step(step).status == "running"
    eventually(lambda: seat_is_vacant(run), "a vacant seat")
    settle(run, step)
    with attached(run) as shown:
        shown.says(f"{named(run, step)} · attempt 1 · done")
        shown.says("no driver")


def test_being_told_to_go_means_that_the_viewer_leaves_and_the_terminal_is_as_it_was(
    run: Run,
) -> None:
    for told in (signal.SIGHUP, signal.SIGTERM):
        with attached(run) as shown:
            maps = Path(f"/proc/{shown.process.pid}/maps").read_text()
            assert not re.search("yaml|psycopg|libpq", maps)
            os.kill(shown.process.pid, told)
            left(shown)
            shown.read()
            # The screen was drawn over the first frame: nothing was cleared in between.
            assert [shown.written.count(one) for one in (b"?1049h", b"\x1b[2J")] == [1, 1]
            assert shown.written.rindex(b"?1049l") > shown.written.rindex(b"?1049h")
            assert b"\x1b[6n" not in shown.written[shown.written.rindex(b"?1049l") :]
            assert termios.tcgetattr(shown.master)[3] & (termios.ECHO | termios.ICANON)
    assert view(run).live is not None


def take_over(shown: Terminal) -> None:
    """Take the seat from who has it."""
    shown.press("t")
    shown.says("Take over the seat")
    shown.press("the driver sleeps\r")
    shown.watch(0.3)
    shown.press("\r")
    shown.says("a handover note is wanted")
    shown.press("nothing runs, the night is calm\r")
    shown.says("you have seat")


def test_one_drives_the_other_looks_on_and_takes_over_with_a_reason_and_a_note(run: Run) -> None:
    step = the_next(run)
    with driving(run) as one, attached(run) as two:
        before = view(run).state.seat
        assert before is not None
        two.press("s")
        two.says(f"you observe: {before.operator} has seat {before.number}; t takes it over")
        open_dialog(one)
        take_over(two)
        for words in (
            "taken over from you",
            "the driver sleeps",
            "nothing runs, the night is calm",
        ):
            one.says(words)
        one.press("\x1b")
        one.says("not yet: you observe")
        one.watch(0.8)
        one.press("c")
        one.watch(0.5)
        old = intents.Intent("skip", before.viewer, before.number, step=step, text="it is mine")
        assert "has seat" in run.refused(lambda: intents.send(run.directory.intents, old))
        assert view(run).state.step(step).status == "open"
        open_dialog(two)
        two.watch(0.8)
        two.press("c")
        two.says(f"{named(run, step)} · attempt 1 · confirmed by")
        settle(run, step)
    (taken,) = [said for said in run.told("seat_taken") if said["how"] == "over"]
    assert taken["seat"] == before.number + 1
    assert taken["reason"] == "the driver sleeps"
    assert taken["handover"] == "nothing runs, the night is calm"


def without_ages(shown: Terminal) -> list[str]:
    """The panels, but for lines whose ages go on."""
    return [line for line in shown.text.splitlines()[3:-2] if " asked " not in line]


@pytest.mark.parametrize("answers", [True, False])
def test_a_terminal_that_stands_still_holds_up_neither_keys_nor_engine(
    run: Run, *, answers: bool
) -> None:
    somebody = Client(run.directory)
    with attached(run, answers=answers) as shown:
        shown.watch(0.5)
        memory, written = shown.memory, len(shown.written)
        for number in range(30):
            somebody.send("note", text=f"note {number} of many, while the link stands still")
            shown.press("\x0c")
            time.sleep(0.05)
        shown.press("n")
        time.sleep(1.0)
        shown.press("typed while nothing was shown\r")
        eventually(lambda: noted(run, "typed while nothing"), "the note of the one who waits")
        assert noted(run, "note 29 of many")
        assert shown.memory - memory < 8 * 2**20
        shown.says("typed while nothing was shown", 5.0)
        assert len(shown.written) - written < 128 * 1024
        shown.watch(1.2)
        seen = without_ages(shown)
        shown.press("\x0c")
        shown.watch(0.5)
        assert without_ages(shown) == seen


def test_no_frame_goes_before_the_terminal_answered_the_last(run: Run) -> None:
    somebody = Client(run.directory)
    with attached(run) as shown:
        shown.watch(0.5)
        shown.answers, written, began = False, len(shown.written), time.monotonic()
        for number in range(6):
            somebody.send("note", text=f"step by step, number {number}")
            shown.watch(0.3)
        bounds = (time.monotonic() - began) // BOUND_S
        assert shown.written[written:].count(b"\x1b[6n") <= 1 + bounds
        shown.answer()
        shown.says("step by step, number 5", 5.0)


def test_a_screen_that_was_stopped_gives_the_terminal_back_and_comes_back_whole(run: Run) -> None:
    with attached(run) as shown:
        shown.watch(0.5)
        os.kill(shown.process.pid, signal.SIGTSTP)
        shown.watch(0.5)
        assert termios.tcgetattr(shown.master)[3] & termios.ECHO
        written = len(shown.written)
        os.kill(shown.process.pid, signal.SIGCONT)
        shown.says("Timeline")
        shown.watch(0.8)
        assert b"Rollback: stay or go back" in shown.written[written:]
        shown.press("n")
        shown.says("It goes into the record")
        shown.press("back again\r")
        eventually(lambda: noted(run, "back again"), "the note")


def noted(run: Run, words: str) -> bool:
    return any(words in line.text for line in view(run).state.log)
