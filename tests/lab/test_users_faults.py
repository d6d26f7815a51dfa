from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cockpit.engine.client import Client
from cockpit.engine.layout import RunDirectory
from cockpit.engine.single import holder
from cockpit.engine.start import launch_engine
from cockpit.errors import Refused
from tests.fakes.crash_runs import KINDS, Run, eventually, some_net, write_runbook
from tests.lab.fix_users import GROUP, ROOT, People, Person, people
from tests.lab.test_users_locks import planned

__all__ = ["people"]

MANY = 4000
NONE = 999
"""More than a user has: the limit is the smallest there is."""
BEGIN = """
import grp, sys
from pathlib import Path
from cockpit.engine import sharing
from tests.fakes.crash_runs import KINDS, new_run
run = new_run(Path(sys.argv[1]), plains=5, kinds=KINDS[:2])
sharing.share(run.directory, grp.getgrnam(sys.argv[2]).gr_gid)
run.start()
print(run.directory.path)
"""


@pytest.fixture
def theirs(people: People) -> Iterator[tuple[Person, Run]]:
    """A run whose engine works as a user without rights; the test asks as another of the group."""
    ana = people.ana
    environment = ana.environment | {"PYTHONPATH": str(ROOT)}
    argv = ana.python("-c", BEGIN, ana.home / "run", GROUP)
    path = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    run = Run(ana.home / "run", RunDirectory(Path(path.stdout.strip())))
    yield ana, run
    run.let_go()


def engine_of(run: Run) -> int:
    live = run.operator.view().live
    assert live is not None
    return live.engine_pid


def tasks_of(person: Person) -> int:
    """What the kernel counts against a user's limit."""
    found = (path for path in Path("/proc").glob("[0-9]*/task/*"))
    return sum(_owner(path) == person.uid for path in found)


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def limit(person: Person, run: Run, tasks: int | str) -> None:
    """Let the engine, and what it begins from now on, have so many processes of its user."""
    argv = person.words("prlimit", "--pid", str(engine_of(run)), f"--nproc={tasks}:")
    subprocess.run(argv, check=True)


def test_under_a_fork_limit_a_step_begins_whole_or_not_at_all_and_says_why(
    theirs: tuple[Person, Run],
) -> None:
    ana, run = theirs
    # From a host that gives no process at all to one that gives enough for all but the program.
    for step, more in (
        ("quick", -NONE),
        ("plain0", 0),
        ("plain1", 1),
        ("plain2", 2),
        ("plain3", 5),
    ):
        shown = run.operator.proposal(step)
        assert shown.closed == ()
        limit(ana, run, max(1, tasks_of(ana) + more))
        run.operator.confirm(shown)
        eventually(partial(answered, run, step), "a word of it")
        if run.status(step) == "open":
            assert "Resource temporarily unavailable" in str(refusals(run, step)[-1]["reason"])
            assert run.effects(step) == 0
            assert run.attempt(step).exit() is None
        limit(ana, run, MANY)
    assert run.status("quick") == "open"
    run.confirm("quick")
    run.wait_status("quick", "done")
    assert run.effects("quick") == 1


def test_under_a_fork_limit_what_runs_goes_on_and_is_not_called_done_before_it_was_verified(
    theirs: tuple[Person, Run],
) -> None:
    ana, run = theirs
    run.confirm_slow()
    limit(ana, run, 1)
    run.told_after("noted", lambda: run.send("note", text="still here"))
    run.let_go()
    run.wait_status("slow", "unverified")
    assert run.effects("slow") == 1
    limit(ana, run, MANY)
    run.wait_status("slow", "done")


def test_a_run_of_somebody_else_is_neither_driven_nor_half_changed(people: People) -> None:
    eve, ana = people.eve, people.ana
    folder = ana.home / "cockpit" / "runs" / "staging"
    folder.mkdir(parents=True)
    ana.owns(ana.home / "cockpit")
    book = eve.home / "move"
    book.mkdir()
    write_runbook(book, some_net(), KINDS[:1])
    eve.owns(book)
    wanted = ("run", book / "runbook", "--env", "staging", "--t0", planned())
    hers = {"COCKPIT_HOME": str(ana.home / "cockpit")}
    with eve.at(*wanted, **hers) as shown:
        shown.says("the run directory cannot be made: Permission denied")
        shown.says("set COCKPIT_HOME to a folder that you may write")
        assert shown.ended() == 1
    assert list(folder.iterdir()) == []


def test_the_engine_of_somebody_elses_run_is_not_started_and_says_whose_it_is(
    people: People,
) -> None:
    eve = people.eve
    book = eve.home / "move"
    book.mkdir()
    write_runbook(book, some_net(), KINDS[:1])
    eve.owns(book)
    wanted = ("run", book / "runbook", "--env", "staging", "--t0", planned())
    with eve.at(*wanted) as shown:
        shown.says("(you)")
    run = RunDirectory(next(eve.home.glob("cockpit/runs/*/*/run.json")).parent)
    live = Client(run).view().live
    assert live is not None
    eve.kill(live.engine_pid)
    eventually(lambda: holder(run) is None, "its end")
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    # Even who may write everywhere would leave files that its owner cannot write.
    with pytest.raises(Refused, match=f"the run is {eve.name}'s, and its engine is gone"):
        launch_engine(run)
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before
    with eve.at("attach") as shown:
        shown.says("no driver")


@pytest.mark.parametrize("command", ["attach", "status", "journal", "report"])
def test_a_journal_that_belongs_to_somebody_else_is_said_in_words_by_every_command(
    command: str, theirs: tuple[Person, Run]
) -> None:
    ana, run = theirs
    ana.kill(engine_of(run))
    os.chown(run.directory.journal, 0, 0)
    run.directory.journal.chmod(0o600)
    before = {path.name for path in run.directory.path.rglob("*")}
    with ana.at(command, run.directory.path) as shown:
        shown.says("this user may not read or write it")
        shown.says(f"{run.directory.name}/journal.jsonl"[-60:])
        assert shown.ended() == 1
        assert "Traceback" not in shown.text
    assert {path.name for path in run.directory.path.rglob("*")} - before <= {"engine.log"}


def refusals(run: Run, step: str) -> list[dict[str, Any]]:
    """What was said of a confirmation that began nothing."""
    return [*run.told("intent_refused"), *run.told("confirmation_void", step)]


def answered(run: Run, step: str) -> bool:
    return bool(refusals(run, step)) or run.status(step) in ("done", "failed", "in_doubt")
