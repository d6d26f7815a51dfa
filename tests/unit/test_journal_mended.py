from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit.durable import replace_file
from cockpit.engine import heads
from cockpit.engine.layout import RunDirectory
from cockpit.engine.ledger import Ledger
from cockpit.engine.mend import examine
from cockpit.errors import JournalDamaged, Refused
from cockpit.journal.chain import row_of
from cockpit.journal.events import Noted
from cockpit.journal.file import JournalReader
from cockpit.journal.state import RunState
from cockpit.redact import Redactor
from cockpit.runbook.plan import load_plan
from tests.fakes.crash_machine import Machine, without_processes
from tests.fakes.crash_runs import KINDS, some_net, write_runbook

FLIPPED = int(os.environ.get("COCKPIT_FLIPPED_BYTES", "29"))
"""Each so many bytes one is flipped; `COCKPIT_FLIPPED_BYTES=1` for every one."""
pytestmark = pytest.mark.timeout(int(2400 / FLIPPED) + 60)
WORDS = "I accept the damage at event {}, the disk is dying"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A run with one step done, one skipped, one stopped in its middle, and T-0 moved."""
    few = tuple(kind for kind in KINDS if kind.id in ("quick", "slow", "after"))
    plan = load_plan(write_runbook(tmp_path, some_net(), few), "staging", {})
    loop = asyncio.new_event_loop()
    made: list[Machine] = []

    without_processes(monkeypatch, lambda: made[0])
    one = Machine(plan, loop)
    made.append(one)
    for step in ("quick", "slow"):
        one.ask("propose", step=step)
        shown = one.core.proposal
        assert shown is not None
        one.ask("confirm", step=step, attempt=1, digest=shown.digest)
        runner = one.runners[-1]
        one.claim(runner)
        one.act(runner)
        one.end(runner, 0, "exited" if step == "quick" else "stopped")
        one.beat()
        one.beat()
    one.ask("skip", step="after", text="not today")
    one.ask("postpone", value=one.state.t0_planned + 3600, text="rain")
    one.close()
    yield one
    loop.close()


def opened(directory: RunDirectory) -> Ledger:
    return Ledger.opened(directory, Redactor())


def accept(directory: RunDirectory) -> RunState:
    """Accept a damage, and read what an engine would begin with then."""
    found = opened(directory)
    number = examine(directory, found.state.damage).seq + 1
    found.accept_damage(directory, "ana", WORDS.format(number), "one")
    found.close()
    again = opened(directory)
    again.tell(Noted("the chain goes on"))
    again.close()
    assert again.state.damage == ""
    return again.state


def folders(directory: RunDirectory) -> set[tuple[str, int]]:
    found = directory.path.glob("attempts/*/*/identity.json")
    return {(one.parent.parent.name, int(one.parent.name)) for one in found}


def known(state: RunState) -> set[tuple[str, int]]:
    return {(step.id, one.number) for step in state.steps.values() for one in step.attempts}


def put_back(directory: RunDirectory, sound: bytes) -> None:
    for path in directory.path.glob("journal.*"):
        path.unlink()
    replace_file(directory.journal, sound)


def flipped(sound: bytes, every: int) -> Iterator[tuple[int, int, bytes]]:
    """A journal with one bit of one byte turned: the event, the byte, the whole."""
    for position in range(0, len(sound), every):
        broken = bytearray(sound)
        broken[position] ^= 0x01
        yield sound[:position].count(b"\n"), position, bytes(broken)


def no_harm_done(before: RunState, after: RunState) -> None:
    done = [name for name, step in after.steps.items() if step.status == "done"]
    assert all(before.step(name).status == "done" for name in done)
    assert after.held is not None
    assert [one.by for one in after.mended] == ["ana"]
    assert abs(after.clock.at(0) - before.clock.at(0)) < 1.0


def test_whichever_byte_is_flipped_no_attempt_is_lost_and_nothing_is_called_done_that_is_not(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = machine.directory
    sound, hopeless = directory.journal.read_bytes(), 0
    carried = heads.carried(directory)
    monkeypatch.setattr(heads, "carried", lambda _: carried)
    events = [row_of(line).event for line in sound.split(b"\n")[:-1]]
    for number, position, broken in flipped(sound, FLIPPED):
        put_back(directory, broken)
        found = opened(directory)
        with pytest.raises(JournalDamaged):
            found.tell(Noted("into a damaged journal"))
        found.close()
        assert directory.journal.read_bytes() == broken
        assert f"event {number} " in found.state.damage, f"byte {position}"
        told = events[number]
        if examine(directory, found.state.damage).hopeless:
            hopeless += 1
            assert told is not None
            assert told.type == "run_started"
            continue
        after = accept(directory)
        assert directory.path.joinpath("journal.damaged-1").read_bytes() == broken
        assert folders(directory) <= known(after), f"byte {position}"
        no_harm_done(machine.state, after)
    assert 0 < hopeless < len(sound) / FLIPPED / 4


def test_a_run_whose_beginning_is_lost_is_not_gone_on_with(machine: Machine) -> None:
    directory = machine.directory
    text = directory.journal.read_bytes()
    directory.journal.write_bytes(text.replace(b'"t0_planned":1', b'"t0_planned":2', 1))
    with pytest.raises(Refused, match="the run's beginning is lost, and T-0 with it"):
        accept(directory)
    assert list(directory.path.glob("journal.damaged*")) == []


def test_what_follows_an_altered_event_is_kept_and_the_event_itself_is_not(
    machine: Machine,
) -> None:
    directory, before = machine.directory, machine.state
    text = directory.journal.read_bytes()
    directory.journal.write_bytes(
        text.replace(b'"text":"rain"', b'"text":"sun!"').replace(
            b'"reason":"rain"', b'"reason":"sun!"'
        )
    )
    after = accept(directory)
    assert after.t0_planned == before.t0_planned - 3600
    assert after.step("after").status == "skipped"
    assert after.step("quick") == before.step("quick")
    assert after.step("slow").status == "in_doubt"


def test_an_attempt_that_the_journal_lost_is_found_by_its_folder_and_in_doubt(
    machine: Machine,
) -> None:
    directory = machine.directory
    lines = directory.journal.read_bytes().splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if b'"type":"confirmed"' in line)
    directory.journal.write_bytes(b"".join(lines[:first]))
    found = opened(directory)
    assert found.state.damage.startswith("it was cut short: it lacks")
    view = examine(directory, found.state.damage).view
    found.close()
    assert view.found == ("quick, attempt 1", "slow, attempt 1")
    assert view.vouched[0] < view.vouched[1]
    after = accept(directory)
    for name, said in (("quick", "exit 0"), ("slow", "stopped")):
        last = after.step(name).last
        assert last is not None
        assert (last.status, last.number) == ("in_doubt", 1)
        assert f"its runner recorded {said} after 0.1 s" in last.reason
    # The heads of the lost chain are known from the acceptance: it is no damage any more.
    assert opened(directory).state.damage == ""


def test_an_order_whose_confirmation_is_lost_never_begins(machine: Machine) -> None:
    directory = machine.directory
    folder = machine.core.attempts.folder("slow", 1)
    (folder.path / "identity.json").unlink()
    (folder.path / "exit.json").unlink()
    lines = directory.journal.read_bytes().splitlines(keepends=True)
    at = [n for n, line in enumerate(lines) if b'"type":"confirmed"' in line][1]
    directory.journal.write_bytes(b"".join(lines[:at]))
    after = accept(directory)
    assert after.step("slow").attempts == ()
    identity = folder.identity()
    assert identity is not None
    assert identity.void == "the journal lost its confirmation"
    assert not machine.runners[1].alive or not folder.claim(identity)


@pytest.mark.parametrize("point", ["hardlink_to", "replace"])
def test_an_engine_killed_while_it_accepts_finds_the_damage_again(
    point: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = machine.directory
    lines = directory.journal.read_bytes().splitlines(keepends=True)
    broken = b"".join([*lines[:-2], lines[-1]])
    directory.journal.write_bytes(broken)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    found = opened(directory)
    with monkeypatch.context() as dying:
        dying.setattr(Path, point, killed)
        with pytest.raises(Killed):
            found.accept_damage(directory, "ana", WORDS.format(1), "one")
    found.close()
    assert directory.journal.read_bytes() == broken
    after = accept(directory)
    assert len(after.mended) == 1
    assert [one.name for one in directory.path.glob("journal.damaged*")] == ["journal.damaged-1"]
    shutil.copy(directory.journal, directory.path / "copy")
    reader = JournalReader(directory.path / "copy", directory.about().plan)
    reader.read()
    assert reader.damage == ""


def test_a_second_damage_is_kept_beside_the_first(machine: Machine) -> None:
    directory = machine.directory
    for number in (1, 2):
        lines = directory.journal.read_bytes().splitlines(keepends=True)
        directory.journal.write_bytes(b"".join([*lines[:-2], lines[-1]]))
        assert len(accept(directory).mended) == number
    assert len(list(directory.path.glob("journal.damaged-*"))) == 2
