from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from cockpit.engine.client import View
from cockpit.engine.intents import Kind as Kinds
from tests.fakes.crash_runs import Run, eventually
from tests.lab.fix_tiles import Deployed, lab_engine
from tests.lab.stack_engine import Engine
from tests.lab.stack_runs import stack_run

ACTION = (
    "operation: run, services: [migrate],"
    """ command: [sh, -c, 'trap "" TERM; echo halfway; sleep 1000']"""
)
MIGRATE = {"profiles": ["tools"]}


@pytest.fixture(scope="module")
def made() -> Iterator[Engine]:
    with lab_engine() as engine:
        yield engine


@pytest.fixture
def stack(made: Engine, tmp_path: Path) -> Deployed:
    folder = tmp_path / "run"
    folder.mkdir()
    return Deployed(made, folder, {"migrate": MIGRATE})


@pytest.fixture
def run(made: Engine, stack: Deployed) -> Iterator[Run]:
    """A run whose first step is a migration that takes its time."""
    with stack_run(stack, "migrate", ACTION) as one:
        yield one
    for name in alive(stack):
        made.docker("rm", "--force", name)


def alive(stack: Deployed) -> list[str]:
    label = f"label=com.docker.compose.project={stack.project}"
    return stack.engine.docker("ps", "--format", "{{.Names}}", "--filter", label).split()


def reason(run: Run) -> str:
    last = run.operator.view().state.step("migrate").last
    return last.reason if last else ""


def test_a_migration_whose_runner_was_killed_is_named_and_never_run_beside_itself(
    made: Engine, stack: Deployed, run: Run
) -> None:
    run.confirm("migrate")
    run.wait_status("migrate", "running")
    eventually(lambda: "halfway" in run.attempt("migrate").output.read_text(), "its middle", 60)
    (name,) = alive(stack)
    run.kill_engine()
    run.kill_runner("migrate")
    assert alive(stack) == [name]
    run.start(DOCKER_CONFIG=made.environment["DOCKER_CONFIG"])
    run.wait_status("migrate", "in_doubt")

    named = f"container {name} still runs migrate, started "
    eventually(lambda: named in reason(run), "its name in the doubt", 30)
    for one in run.left_behind("migrate"):
        with suppress(ProcessLookupError):  # one of them ends with the other
            os.kill(one.pid, signal.SIGKILL)
    eventually(lambda: not run.left_behind("migrate"), "the end of its client")
    kinds: tuple[Kinds, ...] = ("settle_not_happened", "settle_failed", "settle_done")
    for kind in kinds:
        run.told_after("verified", partial(run.send, "look", step="migrate"))
        told = run.refused(partial(run.send, kind, step="migrate", text="I think so"))
        assert named in told, kind
    made.docker("rm", "--force", name)
    run.send("settle_failed", step="migrate", text="its container is gone")
    run.wait_status("migrate", "failed")


def test_a_migration_that_a_stop_does_not_reach_is_named_and_ended_by_the_same_key(
    stack: Deployed, run: Run
) -> None:
    run.confirm("migrate")
    run.wait_status("migrate", "running")
    eventually(lambda: "halfway" in run.attempt("migrate").output.read_text(), "its middle", 60)
    (name,) = alive(stack)
    run.send("stop", step="migrate", attempt=1)
    run.wait_status("migrate", "in_doubt", seconds=60)
    eventually(lambda: f"container {name} still runs" in reason(run), "its name in the doubt", 30)
    assert f"`docker --host {stack.engine.host} stop {name}` ends it" in reason(run)
    run.operator.wait("what lives on", lambda view: f"container {name}" in lives_on(view), 30)
    run.send("stop", step="migrate", attempt=1)
    eventually(lambda: alive(stack) == [], "its end", 30)
    run.operator.wait("nothing that lives on", lambda view: lives_on(view) == "", 30)
    run.send("settle_failed", step="migrate", text="its container is stopped")
    run.wait_status("migrate", "failed")


def lives_on(view: View) -> str:
    return "; ".join(one.who for one in view.live.left) if view.live else ""


def test_what_runs_already_closes_the_confirmation_of_the_same_one_off(
    made: Engine, stack: Deployed, run: Run
) -> None:
    stack.compose("--profile", "tools", "run", "--detach", "migrate")
    (name,) = alive(stack)
    shown = run.operator.proposal("migrate")
    assert [one for one in shown.closed if f"container {name} still runs migrate" in one]
    made.docker("rm", "--force", name)
    eventually(lambda: run.operator.proposal("migrate").closed == (), "an open confirmation", 60)
