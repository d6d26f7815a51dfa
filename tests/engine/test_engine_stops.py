from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cockpit.engine import processes
from cockpit.engine.insistence import Insistence
from cockpit.engine.processes import Process
from cockpit.engine.supervisor import GRACE_S
from cockpit.journal.state import AttemptState, StepState
from cockpit.tui.allowed import stoppable, why_not
from cockpit.tui.lines.scene import scene_of
from tests.fakes.crash_runs import KINDS, Kind, Run, eventually, running


def test_what_went_to_a_session_of_its_own_is_found_when_its_runner_is_gone(tmp_path: Path) -> None:
    with running(tmp_path / "run", kinds=(*KINDS[:2], Kind("gone"))) as run:
        run.confirm("gone")
        run.wait_status("gone", "running")
        output = run.attempt("gone").output
        eventually(lambda: output.exists() and "halfway" in output.read_text(), "its middle")
        mark = f"COCKPIT_ATTEMPT={run.attempt('gone').mark}"
        runner = run.identity("gone").pid
        escaped = [one for one in processes.marked(mark) if one.session != runner]
        assert escaped
        run.kill_runner("gone")
        run.wait_status("gone", "in_doubt")
        reason = run.told("attempt_in_doubt")[0]["reason"]
        assert "still alive: pid" in reason
        assert any(str(one.pid) in reason for one in escaped)
        no = run.refused(lambda: run.send("settle_not_happened", step="gone", text="no mark"))
        assert "still alive" in no
        assert "k ends them" in no
        # Every viewer knows of it, so that the key which ends it can be pressed there.
        seen = run.operator.wait("what lives on", lambda view: bool(view.live and view.live.left))
        assert seen.live is not None
        assert str(escaped[0].pid) in seen.live.left[0].who
        assert why_not(scene_of(seen), "stop") == ""
        assert stoppable(scene_of(seen)) == ("gone", 1)
        run.send("stop", step="gone", attempt=1)
        eventually(lambda: not processes.marked(mark), "the end of what was left")
        run.operator.wait("its end", lambda view: bool(view.live and not view.live.left))
        run.send("settle_not_happened", step="gone", text="no mark")
        run.wait_status("gone", "open")
        assert run.effects("gone") == 0


def test_a_failed_step_is_not_skipped_while_something_of_it_may_still_act(tmp_path: Path) -> None:
    with running(tmp_path / "run", kinds=(*KINDS[:2], Kind("chatty"))) as run:
        (run.folder / "chatty.sh").write_text(
            'setsid sh "$0" slow < /dev/null > /dev/null 2>&1 &\nsleep 0.5; exit 3\n'
        )
        run.confirm("chatty")
        run.wait_status("chatty", "failed")
        skip = partial(run.send, "skip", step="chatty", text="it is not needed")
        no = run.refused(skip)
        assert "still alive" in no
        assert "k ends them" in no
        # The engine looks for it now and then: before it did, nothing is shown either.
        run.operator.wait("what lives on", lambda view: bool(view.live and view.live.left))
        run.send("stop", step="chatty", attempt=1)
        run.operator.wait("its end", lambda view: bool(view.live and not view.live.left))
        skip()
        run.wait_status("chatty", "skipped")


def test_a_stop_that_a_hung_runner_does_not_carry_out_is_carried_out_by_the_engine(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "run") as run:
        run.confirm_slow()
        runner = run.identity("slow").pid
        os.kill(runner, signal.SIGSTOP)
        run.send("stop", step="slow", attempt=1)
        eventually(lambda: not _of_step(run, runner), "the end of its processes", 30)
        noted = [one["text"] for one in run.told("noted")]
        assert any(f"pid {runner}, does not stop it: still alive: pid" in one for one in noted)
        run.wait_status("slow", "in_doubt", seconds=40)
        assert run.effects("slow") == 1


def _of_step(run: Run, runner: int) -> list[Process]:
    return [one for one in run.left_behind("slow") if one.pid != runner]


class FakeCore:
    """A core whose one step was asked to end, with processes that only a kill ends."""

    def __init__(self) -> None:
        attempt = AttemptState(1, "stopping", "", "ada", 0.0, pid=4711)
        self.step: StepState | None = StepState("slow", "stopping", (attempt,))
        self.now = 100.0
        self.troubles: dict[str, str] = {}
        self.stopped: set[tuple[str, int]] = set()
        self.told: list[object] = []
        self.signals: list[signal.Signals] = []
        self.runner: list[signal.Signals] = []
        self.left = [Process(4713, "sh", 4712, 4712, 4711, 1)]
        self.runbook: Any = SimpleNamespace(procedure=None)
        self.clock = self.ledger = self.attempts = self

    @property
    def state(self) -> Any:
        return SimpleNamespace(active=self.step)

    def real(self) -> float:
        return self.now

    def tell(self, what: object) -> None:
        self.told.append(what)

    def group(self, _step: str, _attempt: int) -> list[Process]:
        return self.left

    def stop_group(self, _step: str, _attempt: int, how: signal.Signals) -> None:
        self.signals.append(how)

    def stop(self, _attempt: AttemptState, how: signal.Signals) -> None:
        self.runner.append(how)


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> FakeCore:
    monkeypatch.setattr("cockpit.engine.insistence.step_names", lambda *_: {"slow": "Step slow"})
    return FakeCore()


def seen(core: FakeCore, insistence: Insistence, after_s: float) -> None:
    core.now += after_s
    insistence.look(core)  # type: ignore[arg-type]  # as much of a core as it looks at


def test_a_runner_that_works_is_given_its_grace_and_nothing_is_said(core: FakeCore) -> None:
    insistence = Insistence()
    for _ in range(int(GRACE_S)):
        seen(core, insistence, 1.0)
    assert (core.signals, core.told, core.troubles) == ([], [], {})


def test_what_a_stop_did_not_end_is_asked_then_killed_and_named_until_it_is_gone(
    core: FakeCore,
) -> None:
    insistence = Insistence()
    seen(core, insistence, 0.0)
    seen(core, insistence, GRACE_S + 2)
    assert core.signals == [signal.SIGTERM]
    assert "still alive: pid 4713 (sh)" in core.troubles["stop"]
    assert "pid 4711, does not stop it" in core.troubles["stop"]
    seen(core, insistence, GRACE_S + 1)
    assert core.signals == [signal.SIGTERM, signal.SIGKILL]
    assert len(core.told) == 1
    # Only a runner whose work the engine had to do is ended, and only when it records nothing.
    core.left = []
    seen(core, insistence, 1.0)
    assert core.runner == []
    seen(core, insistence, 2 * GRACE_S)
    assert core.runner == [signal.SIGKILL]
    core.step = None
    seen(core, insistence, 1.0)
    assert core.troubles == {}


def test_a_runner_that_ended_its_step_and_waits_for_the_disk_is_named_and_left_alone(
    core: FakeCore,
) -> None:
    insistence, core.left = Insistence(), []
    seen(core, insistence, 0.0)
    seen(core, insistence, GRACE_S + 2)
    assert core.troubles == {}
    seen(core, insistence, 2 * GRACE_S)
    assert "its runner, pid 4711, does not record how" in core.troubles["stop"]
    assert (core.signals, core.runner, core.told) == ([], [], [])
