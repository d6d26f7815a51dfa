from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from cockpit import clock
from cockpit.clock import wall_s
from cockpit.engine import __main__ as engine
from cockpit.engine import attempts, patience, settling
from cockpit.engine.attempt_files import Identity, Order
from cockpit.engine.attempts import Attempts
from cockpit.engine.client import Client
from cockpit.engine.ledger import Ledger
from cockpit.engine.processes import this_process
from cockpit.engine.single import holder
from cockpit.engine.start import read_state
from cockpit.errors import CockpitError
from cockpit.journal import file as journal_file
from cockpit.journal.chain import chained
from cockpit.journal.events import Event
from cockpit.journal.file import JournalReader
from cockpit.redact import Redactor
from cockpit.runbook.plan import load_plan
from cockpit.tui.allowed import why_not
from cockpit.tui.lines.scene import scene_of
from tests.fakes.crash_machine import Machine
from tests.fakes.crash_runs import (
    KINDS,
    Run,
    eventually,
    new_run,
    running,
    some_net,
    write_runbook,
)


def refused_engine(run: Run) -> str:
    """What an engine that does not come up leaves in its log."""
    command = [sys.executable, "-m", "cockpit.engine", str(run.directory.path)]
    assert subprocess.run(command, check=False).returncode == 1
    assert holder(run.directory) is None
    return run.directory.log.read_text().splitlines()[-1]


@pytest.fixture
def ended(tmp_path: Path) -> Run:
    """A run with one step done, whose engine has ended."""
    with running(tmp_path / "run") as run:
        run.confirm("quick")
        assert run.operator.settled("quick") == "done"
    return run


def test_a_torn_last_line_is_set_aside_and_the_run_goes_on(ended: Run) -> None:
    with ended.directory.journal.open("ab") as file:
        file.write(b'{"v":1,"seq":')
    try:
        ended.start()
        assert list(ended.directory.path.glob("journal.torn-*"))
        assert ended.status("quick") == "done"
    finally:
        ended.end()


def test_what_a_newer_program_wrote_is_readable_and_not_drivable(ended: Run) -> None:
    reader = JournalReader(ended.directory.journal, ended.directory.about().plan)
    last, head = reader.read()[-1]
    newer = Event(
        2, last.seq + 1, "teleported", last.utc, last.boot_id, 1, 1.0, "ana", msgspec.Raw(b"{}")
    )
    body = msgspec.json.encode(newer)
    with ended.directory.journal.open("ab") as file:
        file.write(body + b"\t" + chained(head, body).encode() + b"\n")
    said = refused_engine(ended)
    assert "a newer cockpit wrote this run" in said
    assert "it can be read" in said
    view = Client(ended.directory).view()
    assert view.state.newer
    assert view.state.step("quick").status == "done"


def test_a_run_directory_of_a_newer_format_is_not_driven(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    path = run.directory.path / "run.json"
    path.write_bytes(path.read_bytes().replace(b'"format":2', b'"format":3,"more":"of it"'))
    words = "a newer cockpit wrote this run: its format is 3, 2 is known here"
    assert words in refused_engine(run)
    # It is read all the same: the screen says whose it is, and no key acts.
    view = Client(run.directory).view()
    assert (view.state.newer, view.state.title) == (words, "A move that is killed again and again")
    assert why_not(scene_of(view), "propose").startswith("a newer program wrote this")
    assert read_state(run.directory).newer == words


def test_what_a_newer_format_says_otherwise_is_told_to_be_newer(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    (run.directory.path / "run.json").write_text('{"format": 9}')
    with pytest.raises(CockpitError, match="a newer cockpit wrote this run: its format is 9"):
        Client(run.directory).view()


def test_a_run_of_the_first_format_is_brought_up_to_the_newest_one(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    path = run.directory.path / "run.json"
    about = json.loads(path.read_bytes())
    source = about.pop("source")
    path.write_text(json.dumps({**about, "format": 1}))
    assert Client(run.directory).view().state.newer == ""
    try:
        run.start()
        assert json.loads(path.read_bytes()) == {**about, "format": 2, "source": source}
        run.confirm("quick")
        assert run.operator.settled("quick") == "done"
    finally:
        run.end()


def test_a_changed_copy_of_the_plan_is_not_driven(ended: Run) -> None:
    plan = ended.directory.plan(ended.directory.about().plan)
    (plan / "act.sh").write_text("echo something else")
    assert "the plan's copy was changed" in refused_engine(ended)


@pytest.mark.parametrize(("wall_moves", "expected"), [(3600.0, 3600.0), (-86400.0, 0.0)])
def test_after_a_reboot_the_run_clock_goes_on_by_the_wall_clock_and_never_back(
    wall_moves: float, expected: float, ended: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.opened(ended.directory, Redactor())
    last = ledger.last
    assert last is not None
    wall = datetime.fromisoformat(last.utc).timestamp() + wall_moves
    monkeypatch.setattr(engine, "boot_id", lambda: "the next boot")
    monkeypatch.setattr(engine, "wall_s", lambda: wall)
    engine._anchor_after_reboot(ledger)
    assert ledger.clock.now() - last.run_s == pytest.approx(expected, abs=1.0)
    assert ledger.state.log[-1].text.startswith("this host was started again")
    ledger.close()


def test_an_attempt_of_an_earlier_boot_is_in_doubt_whoever_has_its_pid_now(ended: Run) -> None:
    folder = ended.attempt("quick")
    (folder.path / "exit.json").unlink()
    alive = Identity(*this_process(), "the boot before")
    (folder.path / "identity.json").write_bytes(msgspec.json.encode(alive))
    ledger = Ledger.opened(ended.directory, Redactor())
    state = ledger.state.step("quick")
    assert state.last is not None
    assert Attempts(ended.directory, ledger).class_of(state, state.last) == "in_doubt"
    assert Attempts(ended.directory, ledger).left_behind("quick", 1) == []
    ledger.close()


def test_an_engine_without_descriptors_says_so_begins_nothing_and_goes_on_with_them(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "run") as run:
        shown = run.operator.proposal("quick")
        soft, hard = resource.prlimit(run.engine_pid, resource.RLIMIT_NOFILE)
        resource.prlimit(run.engine_pid, resource.RLIMIT_NOFILE, (spare_of(run) + 1, hard))
        wanted = "Too many open files"
        run.operator.wait("its word", lambda view: bool(view.live and wanted in view.live.trouble))
        run.operator.confirm(shown)
        assert run.fresh_status("quick") == "open"
        # The screen that is opened now has it too, and everything that was recorded.
        seen = Client(run.directory).view()
        assert seen.live is not None
        assert wanted in seen.live.trouble
        assert run.told("confirmed") == []
        resource.prlimit(run.engine_pid, resource.RLIMIT_NOFILE, (soft, hard))
        run.operator.wait("its recovery", lambda view: bool(view.live and not view.live.trouble))
        eventually(lambda: not list(run.directory.intents.glob("*.json")), "the answer to the key")
        run.wait_status("quick", "open", "done")
        if run.status("quick") == "open":
            run.confirm("quick")
            run.wait_status("quick", "done")
        assert run.effects("quick") == 1


def test_an_engine_without_memory_begins_a_step_whole_or_not_at_all_and_goes_on_with_it(
    tmp_path: Path,
) -> None:
    with running(tmp_path / "run", kinds=KINDS[:1], plains=2) as run:
        for step in ("plain0", "plain1"):
            shown = run.operator.proposal(step)
            soft, hard = resource.prlimit(run.engine_pid, resource.RLIMIT_AS)
            resource.prlimit(run.engine_pid, resource.RLIMIT_AS, (size_of(run.engine_pid), hard))
            run.operator.confirm(shown)
            eventually(lambda: not list(run.directory.intents.glob("*.json")), "its answer")
            resource.prlimit(run.engine_pid, resource.RLIMIT_AS, (soft, hard))
            # "open" is also what a step is before the engine could say that it was confirmed.
            run.operator.wait("its end", lambda view: view.state.active is None)
            run.wait_status(step, "open", "unverified", "failed", "done")
            begun, void = run.told("attempt_started", step), run.told("confirmation_void", step)
            assert run.effects(step) <= len(run.told("confirmed", step)) - len(void)
            assert len(begun) == run.effects(step)
            run.operator.wait(
                "calm",
                lambda view: (
                    bool(view.live and not view.live.trouble) and view.state.active is None
                ),
            )
        run.confirm("quick")
        run.wait_status("quick", "done")
        assert run.effects("quick") == 1
        assert run.engine is not None
        assert run.engine.poll() is None


def size_of(pid: int) -> int:
    """Bytes of address space that a process has taken."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def spare_of(run: Run) -> int:
    """The descriptor that an engine keeps back."""
    found = Path(f"/proc/{run.engine_pid}/fd")
    empty = [int(one.name) for one in found.iterdir() if str(one.readlink()) == os.devnull]
    return max(empty)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(resource.RLIMIT_NOFILE, "nothing was begun: Too many open files"), (None, "")],
)
def test_a_runner_that_lacks_what_it_needs_begins_nothing_and_says_why(
    limit: int | None, expected: str, tmp_path: Path
) -> None:
    run = new_run(tmp_path / "run")
    folder = run.attempt("quick")
    plan = run.directory.about().plan
    folder.give_order(Order(str(run.directory.path), plan, "quick", 1, "digest", 60.0, "head"))

    def limited() -> None:
        if limit is not None:
            resource.setrlimit(limit, (9, 9))

    command = [sys.executable, "-m", "cockpit.engine.runner", str(folder.path)]
    done = subprocess.run(command, check=False, preexec_fn=limited)
    identity = folder.identity()
    assert identity is not None
    assert identity.void == expected
    assert done.returncode == int(bool(expected))
    assert run.effects("quick") == int(not expected)
    assert (folder.exit() is None) == bool(expected)


def test_a_runner_whose_plan_was_changed_begins_nothing_and_says_why(tmp_path: Path) -> None:
    with running(tmp_path / "run") as run:
        shown = run.operator.proposal("quick")
        plan = run.directory.plan(run.directory.about().plan)
        script = (plan / "act.sh").read_text()
        (plan / "act.sh").write_text("echo something else")
        run.operator.confirm(shown)
        void = run.told_after("confirmation_void", lambda: None)[0]
        assert void["reason"].startswith("nothing was begun: ")
        assert "the plan's copy was changed" in void["reason"]
        assert run.effects("quick") == 0
        (plan / "act.sh").write_text(script)
        run.confirm("quick")
        run.wait_status("quick", "done")


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0, 1e8, -1e9])
def test_a_wall_clock_that_jumps_moves_no_schedule_and_expires_no_key(
    jump: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = tuple(kind for kind in KINDS if kind.id in ("quick", "slow"))
    plan = load_plan(write_runbook(tmp_path, some_net(), kinds), "staging", {})
    loop = asyncio.new_event_loop()
    machine = Machine(plan, loop)
    monkeypatch.setattr(attempts, "is_alive", machine.alive)
    monkeypatch.setattr(settling, "VERIFY_S", 0.0)
    before, t0 = machine.core.ledger.clock.now(), machine.state.t0_planned
    machine.ask("propose", step="slow")
    shown = machine.core.proposal
    assert shown is not None
    now = wall_s
    for module in (journal_file, clock, patience):
        monkeypatch.setattr(module, "wall_s", lambda: now() + jump)
    # The key was pressed before the jump, and is read behind it.
    assert machine.ask("confirm", step="slow", attempt=1, digest=shown.digest) == ""
    machine.claim(machine.runners[-1])
    machine.beat()
    loop.run_until_complete(patience.Patience().look(machine.core))
    assert machine.state.step("slow").status == "running"
    assert machine.state.step("slow").attempts[0].long == ()
    assert machine.core.ledger.clock.now() - before < 30.0
    assert machine.state.t0_planned == t0
    machine.restart()
    assert machine.core.ledger.clock.now() - before < 30.0
    machine.close()
    loop.close()
    reader = JournalReader(machine.directory.journal, plan.plan_digest)
    stamps = [event.utc for event, _ in reader.read()]
    assert reader.damage == ""
    # What people read is what the wall clock said; nothing is reckoned from it.
    assert (stamps[-1] > stamps[0]) == (jump > 0)
