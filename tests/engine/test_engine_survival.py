from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from cockpit.clock import NS, boot_ns
from cockpit.engine import intents
from cockpit.engine.attempt_files import Identity
from cockpit.engine.client import Client
from cockpit.engine.processes import find, is_alive, session_members
from cockpit.tui.lines.now import now as now_line
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.text import plain
from tests.fakes.crash_runs import Kind, Run, eventually, running, some_net
from tests.fakes.operators import Operator

VIEWER = """
    import sys, time
    from pathlib import Path
    from cockpit.engine.client import Client
    from cockpit.engine.layout import RunDirectory
    from tests.fakes.operators import Operator
    operator = Operator(Client(RunDirectory(Path(sys.argv[1]))))
    operator.take_seat()
    operator.confirm(operator.proposal("slow"))
    time.sleep(60)
"""


def lasting(survivors: list[Identity]) -> Identity:
    """The program that stays; the `sleep` it waits with comes and goes, in any order of pids."""
    (found,) = (one for one in survivors if is_alive(one.pid, one.start_time, one.boot_id))
    return found


def naming(pid: int) -> re.Pattern[str]:
    """What says that a program lives on, with the `sleep` of that moment or without."""
    return re.compile(rf"still alive: pid (\d+ \((sleep|sh)\), )?{pid} \(sh\)")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path / "run") as begun:
        yield begun


def test_a_step_outlives_the_viewer_that_confirmed_it(run: Run) -> None:
    viewer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(VIEWER), str(run.directory.path)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    looking = Operator(Client(run.directory))
    looking.wait("the step", lambda view: view.state.step("slow").status == "running")
    eventually(lambda: "halfway" in run.attempt("slow").output.read_text(), "output")
    viewer.kill()
    viewer.wait()
    looking.wait("the vacant seat", lambda view: bool(view.state.seat and view.state.seat.vacant))
    assert looking.view().state.step("slow").status == "running"
    again = Client(run.directory).view()
    assert again.state == looking.view().state
    assert again.output == ("slow begins", "halfway")
    run.let_go()
    assert run.operator.settled("slow") == "done"
    assert run.effects("slow") == 1


def test_a_step_outlives_its_engine_and_a_new_one_reads_its_output_and_its_end(run: Run) -> None:
    run.confirm_slow()
    run.kill_engine()
    run.operator.wait("the gone engine", lambda view: view.engine_gone)
    run.start()
    assert run.status("slow") == "running"
    run.let_go()
    assert run.operator.settled("slow") == "done"
    assert run.operator.view().output == ("slow begins", "halfway", "went on", "slow ends")
    assert len(run.told("attempt_started", "slow")) == 1
    assert run.effects("slow") == 1


def test_a_step_that_ends_while_no_engine_lives_is_read_by_the_next_one(run: Run) -> None:
    run.confirm_slow()
    run.kill_engine()
    run.let_go()
    eventually(lambda: run.attempt("slow").exit() is not None, "the recorded end")
    run.start()
    assert run.operator.settled("slow") == "done"
    assert run.effects("slow") == 1


def test_engine_and_runner_killed_leave_a_doubt_that_only_evidence_settles(run: Run) -> None:
    run.confirm_slow()
    runner = run.identity("slow")
    run.kill_engine()
    run.kill_runner("slow")
    run.start()
    run.wait_status("slow", "in_doubt")
    assert "nobody recorded how it ended" in run.told("attempt_in_doubt")[0]["reason"]
    # What the runner left behind may still act: nothing is settled, nothing else begins.
    left = session_members(runner.pid)
    assert left
    kinds: tuple[intents.Kind, ...] = ("settle_done", "settle_not_happened", "roll_back")
    for kind in kinds:
        send = partial(run.send, kind, step="slow", text="sure")
        assert "still alive" in run.refused(send)
    shown = run.operator.proposal("quick")
    assert "still alive" in run.refused(lambda: run.operator.confirm(shown))
    run.told_after("noted", lambda: run.send("stop", step="slow"))
    eventually(lambda: not session_members(runner.pid), "the end of what was left")
    # The verification says that it did happen, and it is not idempotent: it does not run again.
    run.told_after("verified", lambda: run.send("look", step="slow"))
    again = run.refused(lambda: run.send("settle_not_happened", step="slow", text="try again"))
    assert "not declared idempotent" in again
    assert "it is in doubt: settle it first" in run.operator.proposal("slow").closed
    run.settle_done("slow", "its mark is there")
    run.wait_status("slow", "done")
    assert run.told("step_settled")[0]["evidence"][0]["said"] == "pass"
    assert run.effects("slow") == 1


def test_a_doubt_can_be_settled_as_failed_with_what_was_seen(run: Run) -> None:
    run.confirm_slow()
    run.kill_runner("slow")
    run.wait_status("slow", "in_doubt")
    run.send("stop", step="slow")
    eventually(lambda: not session_members(run.identity("slow").pid), "the end of what was left")
    assert "a reason is wanted" in run.refused(lambda: run.send("settle_failed", step="slow"))
    run.send("settle_failed", step="slow", text="it stopped half-way")
    run.wait_status("slow", "failed")
    settled = run.told("step_settled")[0]
    assert (settled["as_"], settled["reason"]) == ("failed", "it stopped half-way")
    assert settled["evidence"]
    again = run.refused(lambda: run.send("settle_failed", step="slow", text="once more"))
    assert "it is failed already" in again
    # Whatever it is called, its verification says that it happened: it does not happen twice.
    run.let_go()
    shown = run.operator.proposal("slow")
    assert [answer.said for answer in shown.seen] == ["pass"]
    assert "may have had its effect: The mark of slow is there" in shown.closed[0]
    assert run.refused(lambda: run.operator.confirm(shown)) == shown.closed[0]
    assert run.effects("slow") == 1


def test_a_doubt_whose_verification_says_no_may_run_again_as_a_new_attempt(run: Run) -> None:
    run.confirm_slow()
    run.kill_runner("slow")
    run.wait_status("slow", "in_doubt")
    run.send("stop", step="slow")
    eventually(lambda: not session_members(run.identity("slow").pid), "the end of what was left")
    (run.folder / "effects").write_text("")
    run.send("settle_not_happened", step="slow", text="no mark")
    run.wait_status("slow", "open")
    run.let_go()
    # Should its effect come late, it does not come twice.
    (run.folder / "effects").write_text("slow\n")
    late = run.operator.proposal("slow")
    assert "The mark of slow is there holds: skip it with a reason" in late.closed[0]
    assert run.refused(lambda: run.operator.confirm(late)) == late.closed[0]
    (run.folder / "effects").write_text("")
    shown = run.operator.proposal("slow")
    assert shown.attempt == 2
    run.operator.confirm(shown)
    assert run.operator.settled("slow") == "done"
    assert run.effects("slow") == 1


def test_a_failed_step_is_retried_under_the_next_number_and_each_keeps_its_output(run: Run) -> None:
    run.confirm("flaky")
    assert run.operator.settled("flaky") == "failed"
    assert "it is not mended" in run.operator.view().state.step("flaky").attempts[0].reason
    (run.folder / "mended").touch()
    run.confirm("flaky")
    run.wait_status("flaky", "done")
    assert run.attempt("flaky", 1).output.read_text().endswith("it is not mended\n")
    assert run.attempt("flaky", 2).output.read_text() == "flaky begins\nflaky ends\n"
    assert [one["attempt"] for one in run.told("confirmed")] == [1, 2]


def test_a_stopped_step_is_in_doubt_even_where_the_engine_died_before_the_signal(run: Run) -> None:
    run.confirm_slow()
    # The runner sleeps: the stop is journaled and its signal waits until after the engine's end.
    os.kill(run.identity("slow").pid, signal.SIGSTOP)
    run.send("stop", step="slow")
    run.wait_status("slow", "stopping")
    run.kill_engine()
    os.kill(run.identity("slow").pid, signal.SIGCONT)
    run.start()
    assert run.operator.settled("slow") == "in_doubt"
    ended = run.attempt("slow").exit()
    assert ended is not None
    assert (ended.ended, ended.survivors) == ("stopped", [])


def test_a_step_beyond_its_timeout_is_killed_with_all_its_children_without_an_engine(
    run: Run,
) -> None:
    run.confirm("stubborn")
    run.wait_status("stubborn", "running")
    runner = run.identity("stubborn")
    run.kill_engine()
    eventually(lambda: len(session_members(runner.pid)) >= 5, "its children")
    eventually(lambda: run.attempt("stubborn").exit() is not None, "the recorded end", 15)
    eventually(lambda: not session_members(runner.pid), "the end of all children")
    ended = run.attempt("stubborn").exit()
    assert ended is not None
    assert ended.ended == "timed_out"
    # One left the group of itself: it is named, and it alone lives on, until the operator's key.
    assert len(ended.survivors) <= 2
    run.start()
    assert run.operator.settled("stubborn") == "in_doubt"
    left = lasting(ended.survivors)
    attempt = run.operator.view().state.step("stubborn").attempts[0]
    assert attempt.reason == "it was timed out"
    still_alive = naming(left.pid)
    assert still_alive.match(attempt.message)
    assert is_alive(left.pid, left.start_time, left.boot_id)
    settle = partial(run.send, "settle_done", step="stubborn", text="seen")
    assert still_alive.search(run.refused(settle))
    run.send("stop", step="stubborn")
    eventually(lambda: find(left.pid) is None, "its end")
    run.settle_done("stubborn", "seen")
    run.wait_status("stubborn", "done")


def test_a_step_beyond_its_soft_timeout_or_silent_is_said_and_goes_on(run: Run) -> None:
    def now() -> str:
        return plain(now_line(scene_of(run.operator.view()), 200))

    run.confirm("patient")
    eventually(lambda: "SILENT for" in now(), "the silence on screen")
    eventually(lambda: len(run.told("attempt_long", "patient")) == 2, "both words")
    assert {one["what"]: one["usual"] for one in run.told("attempt_long", "patient")} == {
        "silent": "usual are 1 s at most",
        "takes_long": "planned 1 s, ended after 1 min",
    }
    assert "LONG: " in now()
    assert "Step patient for" in now()
    (run.folder / "say").touch()
    run.operator.wait("its output", lambda view: bool(view.live and view.live.silence is None))
    eventually(lambda: len(run.told("attempt_long", "patient")) == 3, "the next silence")
    # An engine that is started again says what still holds, and nothing twice.
    run.kill_engine()
    run.start()
    eventually(lambda: "SILENT for" in now() and "LONG: " in now(), "both on screen again")
    assert run.status("patient") == "running"
    run.let_go()
    run.wait_status("patient", "done")
    whats = [one["what"] for one in run.told("attempt_long", "patient")]
    assert whats.count("takes_long") == 1
    assert "LONG" not in now()
    ended = run.told("attempt_ended", "patient")[0]
    assert 1.0 < ended["silent_s"] < ended["took_s"]


def test_a_step_that_kills_its_own_process_group_takes_nobody_along(run: Run) -> None:
    run.confirm("suicidal")
    assert run.operator.settled("suicidal") == "in_doubt"
    assert run.operator.view().state.step("suicidal").attempts[0].ended == "killed"
    assert run.engine is not None
    assert run.engine.poll() is None


def test_a_step_that_kills_its_own_session_is_in_doubt_and_the_engine_works_on(run: Run) -> None:
    run.confirm("sessional")
    assert run.operator.settled("sessional") == "in_doubt"
    reason = run.told("attempt_in_doubt", "sessional")[0]["reason"]
    assert reason.startswith("its runner is gone, and nobody recorded how it ended; still alive")
    assert run.engine is not None
    assert run.engine.poll() is None
    run.let_go()
    eventually(lambda: not run.left_behind("sessional"), "its end")
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"


def test_a_program_that_a_signal_ended_is_in_doubt_and_the_lack_of_memory_is_named(
    run: Run,
) -> None:
    run.confirm("killed")
    assert run.operator.settled("killed") == "in_doubt"
    ended = run.told("attempt_ended", "killed")[0]
    assert ended["ended"] == "killed"
    assert ended["message"].startswith("sh was ended by SIGKILL; where nobody sent it, this host")
    # One that is refused memory ends by itself: that is a failure, with its words.
    run.confirm("hungry")
    assert run.operator.settled("hungry") == "failed"
    assert "MemoryError" in run.told("attempt_ended", "hungry")[0]["message"]


def test_what_a_step_leaves_running_is_named_and_left_alone(run: Run) -> None:
    run.confirm("daemon")
    assert run.operator.settled("daemon") == "done"
    ended = run.attempt("daemon").exit()
    assert ended is not None
    left = lasting(ended.survivors)
    assert is_alive(left.pid, left.start_time, left.boot_id)
    assert naming(left.pid).search(run.told("attempt_ended")[0]["message"])
    run.let_go()
    eventually(lambda: find(left.pid) is None, "the daemon's end")


def test_a_confirmation_counts_only_for_what_was_shown_by_who_drives_now(run: Run) -> None:
    operator = run.operator
    shown = operator.proposal("quick")
    wrong = run.refused(lambda: operator.confirm(shown, "0" * 64))
    assert wrong == "what was confirmed is not what is shown now: look again"
    other = replace(shown, step="again")
    assert "was not shown" in run.refused(lambda: operator.confirm(other))
    parent = find(os.getppid())
    assert parent is not None
    observer = Operator(Client(run.directory, viewer=f"{parent.pid}:{parent.started}"))
    observer.view()
    assert "has seat 1" in run.refused(lambda: observer.confirm(shown))
    assert "has seat 1" in run.refused(lambda: observer.client.send("skip", step="quick", text="x"))
    sleeps = "the driver sleeps"
    bare = run.refused(lambda: observer.client.send("take_seat", text=sleeps))
    assert "a handover note is wanted" in bare
    assert "a reason" in run.refused(lambda: observer.client.send("take_seat", note="all is quiet"))
    observer.client.send("take_seat", text=sleeps, note="all is quiet")
    observer.wait("the seat", lambda view: view.is_driver)
    taken = run.told("seat_taken")[-1]
    assert (taken["seat"], taken["how"]) == (2, "over")
    assert (taken["reason"], taken["handover"]) == (sleeps, "all is quiet")
    assert "has seat 2" in run.refused(lambda: operator.confirm(shown))
    assert run.told("confirmed") == []
    assert run.effects("quick") == 0


def test_an_intent_that_waited_too_long_is_journaled_as_expired(run: Run) -> None:
    shown = run.operator.proposal("quick")
    late = intents.Intent(
        kind="confirm",
        viewer=run.operator.client.viewer,
        seat=1,
        step="quick",
        attempt=1,
        digest=shown.digest,
        boot_ns=boot_ns() - 61 * NS,
    )
    assert "expired" in run.refused(lambda: intents.send(run.directory.intents, late))
    other_boot = replace(late, boot_ns=boot_ns(), boot_id="another")
    assert "expired" in run.refused(lambda: intents.send(run.directory.intents, other_boot))
    assert run.told("confirmed") == []


def test_a_held_run_begins_nothing_until_it_is_released(run: Run) -> None:
    shown = run.operator.proposal("quick")
    run.told_after("held", lambda: run.send("hold", text="the phone rings"))
    assert "held: the phone rings" in run.refused(lambda: run.operator.confirm(shown))
    run.told_after("released", lambda: run.send("release"))
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"


def test_a_second_engine_is_refused(run: Run) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "cockpit.engine", str(run.directory.path)], check=False
    )
    assert second.returncode == 1
    assert "this run has an engine already" in run.directory.log.read_text()


def test_a_skipped_step_is_not_done_and_keeps_closed_what_needs_it(run: Run) -> None:
    run.send("skip", step="slow", text="not today")
    run.wait_status("slow", "skipped")
    shown = run.operator.proposal("after")
    assert shown.closed == ("these must be done first: Step slow",)
    assert "must be done first" in run.refused(lambda: run.operator.confirm(shown))


def test_the_way_back_is_written_down_after_each_step_and_walked_in_order(run: Run) -> None:
    assert "Nothing has been done yet" in run.directory.way_back.read_text()
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"
    eventually(lambda: "sh act.sh back_quick" in run.directory.way_back.read_text(), "the way back")
    moved = run.operator.view().state.t0_planned + 3600
    run.told_after("t0_moved", lambda: run.send("postpone", value=moved, text="rain"))
    assert run.operator.view().state.t0_planned == moved
    run.told_after("turned_back", lambda: run.send("call_off", text="not this week"))
    assert run.operator.proposal("slow").closed[0] == "it does not belong to what is walked now"
    run.confirm("back_quick")
    run.operator.wait("the end", lambda view: view.state.ended == "called_off")
    assert run.effects("back_quick") == 1


def test_a_rollback_waits_for_the_step_under_way(run: Run) -> None:
    run.confirm("quick")
    assert run.operator.settled("quick") == "done"
    run.confirm_slow()
    assert "slow is under way" in run.refused(lambda: run.send("roll_back", text="too slow"))
    run.let_go()
    assert run.operator.settled("slow") == "done"
    run.send("roll_back", text="enough")
    run.operator.wait("the turn", lambda view: view.state.mode == "roll_back")
    run.confirm("back_quick")
    run.operator.wait("the end", lambda view: view.state.ended == "rolled_back")


def test_two_runs_never_act_on_one_target(tmp_path: Path) -> None:
    net = some_net()
    with running(tmp_path / "one", net) as one, running(tmp_path / "two", net) as two:
        one.confirm("poke")
        assert one.operator.settled("poke") == "failed"
        for step in ("poke", "quick"):
            shown = two.operator.proposal(step)
            refusal = two.refused(lambda: two.operator.confirm(shown))  # noqa: B023  called at once
            engine = f"another run of this runbook acts on its targets: engine {one.engine_pid} of "
            assert engine in refusal
            assert f", {one.directory.path}" in refusal
        assert two.operator.view().state.pinned == {}


def test_a_run_keeps_its_targets_when_its_engine_is_killed_and_started_again(
    tmp_path: Path,
) -> None:
    net = some_net()
    with running(tmp_path / "one", net) as one, running(tmp_path / "two", net) as two:
        one.confirm("poke")
        assert one.operator.settled("poke") == "failed"
        one.kill_engine()
        one.start()
        shown = two.operator.proposal("poke")
        engine = f"acts on its targets: engine {one.engine_pid} of "
        assert engine in two.refused(lambda: two.operator.confirm(shown))
        one.confirm("poke")
        eventually(lambda: len(one.told("confirmed", "poke")) == 2, "its second attempt")


def test_a_run_whose_targets_were_taken_while_it_had_no_engine_says_by_whom_and_confirms_nothing(
    tmp_path: Path,
) -> None:
    net = some_net()
    with running(tmp_path / "one", net) as one, running(tmp_path / "two", net) as two:
        one.confirm("poke")
        assert one.operator.settled("poke") == "failed"
        one.kill_engine()
        runner = one.identity("poke")
        # It shares the locks, and lives a moment longer than its recorded end.
        eventually(
            lambda: not is_alive(runner.pid, runner.start_time, runner.boot_id), "its runner's end"
        )
        two.confirm("poke")
        two.wait_status("poke", "failed")
        one.start()
        holder = f"acts on this target: engine {two.engine_pid} of "
        one.operator.wait(
            "who has it", lambda view: bool(view.live and holder in view.live.trouble)
        )
        for step in ("quick", "poke"):
            shown = one.operator.proposal(step)
            refusal = one.refused(lambda: one.operator.confirm(shown))  # noqa: B023  called at once
            assert "nothing is confirmed now: " in refusal
            assert f"engine {two.engine_pid} of " in refusal
        two.kill_engine()
        one.operator.wait("its targets", lambda view: bool(view.live and not view.live.trouble))
        one.confirm("quick")
        one.wait_status("quick", "done")


def test_a_step_that_names_no_target_runs_in_one_run_of_its_runbook_alone(tmp_path: Path) -> None:
    net = some_net()
    with running(tmp_path / "one", net) as one, running(tmp_path / "two", net) as two:
        one.confirm("quick")
        one.wait_status("quick", "done")
        shown = two.operator.proposal("quick")
        refusal = two.refused(lambda: two.operator.confirm(shown))
        assert "another run of this runbook acts on its targets" in refusal
        assert two.effects("quick") == 0


def test_a_step_half_of_whose_marks_are_there_does_not_run_again(tmp_path: Path) -> None:
    kinds = (Kind("quick", undone=True), Kind("slow", verify="slow_seen, quick_seen"))
    with running(tmp_path / "run", kinds=kinds) as run:
        run.confirm_slow()
        run.kill_runner("slow")
        run.wait_status("slow", "in_doubt")
        run.send("stop", step="slow")
        eventually(lambda: not session_members(run.identity("slow").pid), "the end of what is left")
        again = run.refused(lambda: run.send("settle_not_happened", step="slow", text="no quick"))
        assert "may have had its effect: The mark of slow is there holds" in again
        assert run.status("slow") == "in_doubt"
