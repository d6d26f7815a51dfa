from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cockpit.engine import processes
from cockpit.engine.processes import Process
from tests.fakes.crash_runs import KINDS, Kind, Run, eventually, running, some_net

STEPS = (KINDS[0], Kind("slow"), Kind("gone"), Kind("daemon"), Kind("chatty"))
TAKEN = "another run of this runbook acts on its targets: "


@contextmanager
def two_homes(tmp_path: Path, patch: pytest.MonkeyPatch) -> Iterator[tuple[Run, Run]]:
    """Two runs that would act on the same, in two homes that know nothing of each other."""
    net = some_net()
    patch.setenv("COCKPIT_HOME", str(tmp_path / "home1"))
    with running(tmp_path / "one", net, kinds=STEPS) as one:
        patch.setenv("COCKPIT_HOME", str(tmp_path / "home2"))
        with running(tmp_path / "two", net, kinds=STEPS) as two:
            try:
                yield one, two
            finally:
                # What left its session is ended by nobody else.
                for path in one.directory.path.glob("attempts/*/*"):
                    for left in processes.marked(f"{processes.MARK}={path.resolve()}"):
                        os.kill(left.pid, 9)


def middle(run: Run, step: str) -> None:
    """Confirm a step, and wait until it stands in its middle."""
    run.confirm(step)
    output = run.attempt(step).output
    eventually(lambda: output.exists() and "halfway" in output.read_text(), "its middle")


def left(run: Run, step: str) -> list[Process]:
    """What lives on of a step, in whatever session."""
    return processes.marked(f"{processes.MARK}={run.attempt(step).mark}")


def kill_engine(run: Run, step: str) -> None:
    """Kill the engine when a step's runner, which lives a moment longer than its step, is gone."""
    one = run.identity(step)
    eventually(
        lambda: not processes.is_alive(one.pid, one.start_time, one.boot_id), "its runner's end"
    )
    run.kill_engine()


def refusal(run: Run, step: str = "quick") -> str:
    """Why a run may not begin a step now."""
    shown = run.operator.proposal(step)
    return run.refused(lambda: run.operator.confirm(shown))


def begins(run: Run) -> None:
    """Begin a step and see it done."""
    run.confirm("quick")
    run.wait_status("quick", "done")


@pytest.mark.parametrize("step", ["slow", "gone"])
def test_while_a_killed_runs_step_acts_no_other_home_acts_on_its_targets(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_homes(tmp_path, monkeypatch) as (one, two):
        middle(one, step)
        one.kill_engine()
        one.kill_runner(step)
        alive = left(one, step)
        assert alive
        said = refusal(two)
        assert TAKEN + f"step {step}, attempt 1 of " in said
        assert f", {one.directory.path}; nobody follows it any more" in said
        assert any(f"{process.pid} (" in said for process in alive)
        assert "start that run again" in said
        one.let_go()
        eventually(lambda: not left(one, step), "its end")
        begins(two)


def test_a_killed_run_that_is_started_again_has_its_targets_beside_what_its_step_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_homes(tmp_path, monkeypatch) as (one, two):
        middle(one, "gone")
        one.kill_engine()
        one.kill_runner("gone")
        one.start()
        one.wait_status("gone", "in_doubt")
        assert TAKEN + f"engine {one.engine_pid} of " in refusal(two)
        assert "still alive: pid" in one.told("attempt_in_doubt")[0]["reason"]
        one.send("stop", step="gone", attempt=1)
        eventually(lambda: not left(one, "gone"), "the end of what was left")
        one.operator.wait("its end", lambda view: bool(view.live and not view.live.left))
        one.send("settle_not_happened", step="gone", text="no mark")
        one.wait_status("gone", "open")
        begins(one)
        kill_engine(one, "quick")
        begins(two)


def test_a_service_that_a_step_started_and_that_lives_on_keeps_no_other_run_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_homes(tmp_path, monkeypatch) as (one, two):
        one.confirm("daemon")
        eventually(lambda: one.attempt("daemon").exit() is not None, "its end")
        kill_engine(one, "daemon")
        assert left(one, "daemon")
        begins(two)


def test_what_a_failed_step_left_running_keeps_other_runs_off_though_its_runner_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with two_homes(tmp_path, monkeypatch) as (one, two):
        (one.folder / "chatty.sh").write_text(
            'setsid sh "$0" slow < /dev/null > /dev/null 2>&1 &\nsleep 0.5; exit 3\n'
        )
        one.confirm("chatty")
        one.wait_status("chatty", "failed")
        kill_engine(one, "chatty")
        assert TAKEN + "step chatty, attempt 1 of " in refusal(two)
        one.let_go()
        eventually(lambda: not left(one, "chatty"), "its end")
        begins(two)
