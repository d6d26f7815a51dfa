from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cockpit.engine.layout import RunDirectory
from tests.fakes.crash_runs import KINDS, Run, eventually, write_runbook
from tests.lab.fix_systemd import Machine, machine

__all__ = ["machine"]

BEGIN = """
import sys
from pathlib import Path
from cockpit.clock import wall_s
from cockpit.engine.start import begin, run_started
from cockpit.runbook.plan import load_plan
plan = load_plan(Path(sys.argv[1]), "staging", {})
print(begin(plan, {}, run_started(plan, wall_s() + 86400)).path)
"""
VIEWER = """
import sys, time
from pathlib import Path
from cockpit.engine.client import Client
from cockpit.engine.layout import RunDirectory
from cockpit.engine.start import launch_engine, wait_for_engine
from tests.fakes.operators import Operator
directory = RunDirectory(Path(sys.argv[1]))
wait_for_engine(directory, launch_engine(directory))
operator = Operator(Client(directory))
operator.take_seat()
steps = {step: "running" if step == "slow" else "done" for step in sys.argv[2:]}
for step in steps:
    operator.confirm(operator.proposal(step))
    operator.wait(step, lambda view: view.state.step(step).status == steps[step])
time.sleep(600)
"""
LOOK = """
import json, sys
from pathlib import Path
from cockpit import systemd
from cockpit.engine.client import Client
from cockpit.engine.layout import RunDirectory
from cockpit.engine.processes import find
from cockpit.engine.single import holder
directory = RunDirectory(Path(sys.argv[1]))
view = Client(directory).view()
engine = holder(directory)
print(json.dumps({
    "steps": {one.id: one.status for one in view.state.steps.values()},
    "engine": engine, "unit": systemd.unit_of(engine) if engine else "",
    "vacant": bool(view.state.seat and view.state.seat.vacant),
    "risk": view.live.risk if view.live else "", "damage": view.state.damage,
    "boot": view.state.clock.boot_ns, "now": view.now, "output": view.output,
    "log": [one.text for one in view.state.log],
}))
"""


MEMBERS = "import sys; from cockpit import systemd; print(*systemd.members(sys.argv[1]))"
UNIT_STEP = """\
      - id: __ID__
        title: Step __ID__
        why: It is wanted.
        success_looks_like: systemd says so.
        if_it_fails: Look.
        ask: the owner
        action: {kind: unit, operation: __OPERATION__}
        needs: []
        way_back: not needed, because it only watches
"""


def write_unit_step(book: Path) -> None:
    path = book / "runbook.yaml"
    text, at = path.read_text(), "      - id: poke\n"
    steps = ""
    for name, operation in (("watch_on", "install"), ("watch_off", "remove")):
        steps += UNIT_STEP.replace("__ID__", name).replace("__OPERATION__", operation)
    path.write_text(text.replace(at, steps + at))


@dataclass
class Night:
    """A run on a machine that has systemd."""

    machine: Machine
    run: Run

    @property
    def path(self) -> Path:
        return self.run.directory.path

    def look(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.machine.python(LOOK, self.path))
        return found

    def wait(
        self, what: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 90.0
    ) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not holds(seen := self.look()):
            assert time.monotonic() < deadline, f"{what} did not come: {seen}\n{self.log()}"
        return seen

    def until_halfway(self) -> None:
        self.wait("the step", lambda seen: seen["steps"].get("slow") == "running")
        output = self.run.attempt("slow").output
        eventually(lambda: "halfway" in output.read_text(), "its middle")

    def log(self) -> str:
        return self.run.directory.log.read_text() if self.run.directory.log.exists() else ""

    def log_in(self, scope: str, *steps: str) -> None:
        self.machine.login(scope, sys.executable, "-c", VIEWER, self.path, *steps)


@pytest.fixture
def night(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    # Signs that systemd reads in unit files and command lines.
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "100% of $HOME"))
    folder = tmp_path / "night"
    folder.mkdir()
    book = write_runbook(folder, "127.99.1", KINDS)
    write_unit_step(book)
    path = Path(machine.python(BEGIN, book))
    return Night(machine, Run(folder, RunDirectory(path)))


def test_a_step_and_its_engine_outlive_the_viewer_the_login_and_the_engine(night: Night) -> None:
    night.log_in("session-7.scope", "slow")
    night.until_halfway()
    before = night.look()
    runner = night.run.identity("slow")
    night.machine.log_out("session-7.scope")
    seen = night.wait("the vacant seat", lambda seen: seen["vacant"])
    assert (seen["engine"], seen["steps"]["slow"]) == (before["engine"], "running")
    assert seen["unit"].startswith("cockpit-staging-survival-")
    assert runner.unit.startswith("cockpit-staging-survival-")
    assert runner.unit != seen["unit"]
    assert seen["risk"] == ""
    # Killed, it is started again by systemd: it watches on, and attaches to the step.
    night.machine.run("kill", "-KILL", str(before["engine"]))
    again = f"an engine was started again in {before['unit']}: it watches, and began nothing"
    seen = night.wait(
        "an engine that says so",
        lambda seen: seen["engine"] not in (None, before["engine"]) and again in seen["log"],
    )
    assert (seen["unit"], seen["steps"]["slow"]) == (before["unit"], "running")
    night.run.let_go()
    night.wait("the step's end", lambda seen: seen["steps"]["slow"] == "done")
    assert night.run.effects("slow") == 1
    assert len(night.run.told("attempt_started", "slow")) == 1
    assert night.run.identity("slow") == runner


def test_what_a_step_leaves_in_its_unit_is_known_when_its_runner_is_killed(night: Night) -> None:
    night.log_in("session-7.scope", "daemon")
    night.wait("the step's end", lambda seen: seen["steps"].get("daemon") == "done")
    ended = night.run.attempt("daemon").exit()
    assert ended is not None
    # It left the runner's session of itself, and is still in its unit; what it sleeps with goes.
    unit = night.run.identity("daemon").unit
    members = night.machine.python(MEMBERS, unit).split()
    assert any(str(one.pid) in members for one in ended.survivors)
    night.run.let_go()
    eventually(lambda: not night.machine.python(MEMBERS, unit), "the daemon's end")


def test_after_a_power_cut_the_installed_unit_watches_again_and_starts_nothing(
    night: Night,
) -> None:
    night.log_in("session-7.scope", "watch_on", "slow")
    night.until_halfway()
    unit = "cockpit-survival-staging.service"
    assert night.machine.run("systemctl", "is-enabled", unit).strip() == "enabled"
    before = night.look()
    told = [event.type for event in night.run.events()]
    night.machine.power_off()
    night.machine.boot()
    seen = night.wait("an engine", lambda seen: bool(seen["engine"]))
    assert seen["unit"] == unit
    night.wait("the doubt", lambda seen: seen["steps"]["slow"] == "in_doubt")
    seen = night.look()
    assert any("the run clock is anchored anew by the wall clock" in line for line in seen["log"])
    assert before["now"] <= seen["now"] < before["now"] + 120
    new = [event.type for event in night.run.events()][len(told) :]
    assert {"clock_set", "engine_started", "attempt_in_doubt"} <= set(new)
    assert not {"confirmed", "attempt_started"} & set(new)
    assert night.run.effects("slow") == 1


def test_after_a_power_cut_without_the_unit_nothing_watches_until_somebody_comes(
    night: Night,
) -> None:
    night.log_in("session-7.scope", "quick")
    night.wait("the step's end", lambda seen: seen["steps"].get("quick") == "done")
    night.machine.power_off()
    night.machine.boot()
    assert night.look()["engine"] is None
    night.log_in("session-8.scope")
    seen = night.wait("an engine", lambda seen: bool(seen["engine"]))
    assert seen["steps"]["quick"] == "done"
    assert len(night.run.told("confirmed")) == 1


def test_an_installed_unit_is_removed_by_a_step_as_well(night: Night) -> None:
    night.log_in("session-7.scope", "watch_on", "watch_off")
    night.wait("the step's end", lambda seen: seen["steps"].get("watch_off") == "done")
    done = night.machine.try_run("systemctl", "is-enabled", "cockpit-survival-staging.service")
    assert done.returncode != 0
    assert night.run.told("attempt_ended", "watch_off")[0]["recorded"]["former"].startswith(
        "[Unit]"
    )


def test_an_orderly_shutdown_stops_the_step_and_says_so(night: Night) -> None:
    night.log_in("session-7.scope", "slow")
    night.until_halfway()
    # What shutdown.target does to both units: they are stopped in order.
    runner, engine = night.run.identity("slow").unit, night.look()["unit"]
    night.machine.run("systemctl", "stop", runner, engine)
    ended = night.run.attempt("slow").exit()
    assert ended is not None
    assert ended.ended == "stopped"
    assert night.run.events()[-1].type == "engine_stopped"
    assert night.look()["engine"] is None


def test_a_runner_in_a_unit_shares_the_locks_of_its_engine(night: Night) -> None:
    night.log_in("session-7.scope", "poke")
    night.wait("the step's end", lambda seen: seen["steps"].get("poke") == "failed")
    order = night.run.attempt("poke").order()
    assert order.locks is not None
    # The lock of its target, and that of the run itself.
    assert len(order.locks.descriptors) == 2
    assert "cannot be shared" not in night.log()
    assert night.run.told("attempt_ended", "poke")[0]["exit"] == 1
