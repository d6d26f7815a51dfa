from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cockpit.commands import journal as journal_command
from cockpit.commands import report as report_command
from cockpit.engine.client import Client
from cockpit.telemetry.live import Damage, Proposal
from tests.fakes.crash_runs import Run, eventually, running

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """A run with one step done."""
    with running(tmp_path / "run") as begun:
        begun.confirm("quick")
        assert begun.operator.settled("quick") == "done"
        yield begun


def alter(run: Run, kind: str, old: bytes, new: bytes) -> int:
    """Alter the first event of a type where it stands, unnoticed by whoever writes; its number."""
    number = [event.type for event in run.events()].index(kind)
    lines = run.directory.journal.read_bytes().splitlines(keepends=True)
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new)
    with run.directory.journal.open("r+b") as file:
        file.write(b"".join(lines))
    return number


def shown(run: Run) -> Damage:
    """What the engine shows of the damage."""
    found: list[Damage] = []

    def is_shown() -> bool:
        live = Client(run.directory).view().live
        found[:] = [live.damage] if live and live.damage else []
        return bool(found)

    eventually(is_shown, "the damage on screen")
    return found[0]


def trouble(run: Run, words: str) -> None:
    def said() -> bool:
        live = Client(run.directory).view().live
        return live is not None and words in live.trouble

    eventually(said, words)


def accept(run: Run, damage: Damage) -> None:
    words = f"{damage.sentence}: the disk has bad sectors"
    run.operator.client.send("accept_damage", digest=damage.sha256, text=words)
    eventually(lambda: not Client(run.directory).view().state.damage, "the mended journal")
    run.operator.wait("the engine", lambda view: bool(view.live and view.live.damage is None))


@dataclass
class Damaged:
    """A run whose engine found a damage when it began."""

    run: Run
    number: int
    broken: bytes
    shown: Damage
    proposal: Proposal
    """Of a step, as it was shown before."""


@pytest.fixture
def damaged(run: Run) -> Damaged:
    slow = run.operator.proposal("slow")
    run.kill_engine()
    number = alter(run, "attempt_ended", b'"exit":0', b'"exit":7')
    broken = run.directory.journal.read_bytes()
    run.start()
    return Damaged(run, number, broken, shown(run), slow)


def test_a_damaged_journal_is_shown_and_confirms_nothing(damaged: Damaged) -> None:
    run, damage = damaged.run, damaged.shown
    expected = f"event {damaged.number} (attempt ended) was altered: it does not fit its hash"
    # Also by a viewer that had read it all before it was altered.
    assert damage.what == run.operator.view().state.damage == expected
    assert (damage.seq, damage.lost, damage.found) == (damaged.number, (str(damaged.number),), ())
    assert damage.vouched[0] == damage.vouched[1] > 0
    run.operator.confirm(damaged.proposal)
    trouble(run, "nothing is recorded while the journal is damaged")
    for words, digest in ((damage.sentence, "0" * 64), ("whatever", damage.sha256)):
        run.operator.client.send("accept_damage", digest=digest, text=words)
    trouble(run, f"it must begin with: {damage.sentence}")
    assert run.directory.journal.read_bytes() == damaged.broken
    assert run.effects("slow") == 0


def test_a_damage_that_is_accepted_in_words_is_recorded_and_the_run_goes_on(
    damaged: Damaged,
) -> None:
    run, damage = damaged.run, damaged.shown
    accept(run, damage)
    assert (run.directory.path / damage.kept).read_bytes() == damaged.broken
    assert hashlib.sha256(damaged.broken).hexdigest() == damage.sha256
    # What the altered event said was read again from the attempt's own folder, and verified.
    run.wait_status("quick", "done")
    assert run.effects("quick") == 1
    told = run.told("damage_accepted")[0]
    assert (told["seq"], told["kept"], told["taken_over"] > 0) == (
        damaged.number,
        damage.kept,
        True,
    )
    assert told["words"].startswith("I accept the damage at event")
    assert "the journal was damaged" in (run.operator.view().state.held or "")
    run.send("release")
    run.confirm("again")
    assert run.operator.settled("again") == "done"


def test_the_proof_and_the_report_name_a_damage_for_ever(
    damaged: Damaged, capsys: pytest.CaptureFixture[str]
) -> None:
    run, kept = damaged.run, damaged.shown.kept
    accept(run, damaged.shown)
    for words in (f"{kept} is as it was found", f"{kept} IS NOT AS IT WAS FOUND"):
        assert journal_command.run(str(run.directory.path), verify=True) == 1
        said = capsys.readouterr().out
        assert "the chain holds: " in said
        assert f"event {damaged.number} (attempt ended) was altered" in said
        assert words in said
        (run.directory.path / kept).write_bytes(b"")
    assert report_command.run(str(run.directory.path), None) == 0
    report = (run.directory.path / "report" / "report.md").read_text()
    assert f"event {damaged.number} (attempt ended) was altered" in report
    assert damaged.shown.sha256 in report


def test_a_journal_altered_under_a_working_engine_begins_no_step(run: Run) -> None:
    proposal = run.operator.proposal("again")
    number = alter(run, "confirmed", b'"attempt":1', b'"attempt":9')
    run.operator.confirm(proposal)
    damage = shown(run)
    assert damage.seq == number
    assert run.effects("again") == 0
    assert run.engine is not None
    assert run.engine.poll() is None
    accept(run, damage)
    # Its confirmation is lost: the attempt is known by its folder, and an operator settles it.
    run.wait_status("quick", "in_doubt")
    assert "its runner recorded exit 0" in run.told("attempt_found")[0]["reason"]


def test_a_journal_cut_short_shows_what_its_attempts_remember(run: Run) -> None:
    run.kill_engine()
    lines = run.directory.journal.read_bytes().splitlines(keepends=True)
    kinds = [event.type for event in run.events()]
    run.directory.journal.write_bytes(b"".join(lines[: kinds.index("confirmed")]))
    run.start()
    damage = shown(run)
    assert damage.what.startswith("it was cut short: it lacks")
    assert damage.found == ("quick, attempt 1",)
    accept(run, damage)
    run.wait_status("quick", "in_doubt")
    run.settle_done("quick", "its mark is there")
    run.wait_status("quick", "done")
    assert run.effects("quick") == 1
    run.operator.wait(
        "the newest head on screen",
        lambda view: bool(view.live and view.live.head == view.state.head),
    )
    # Cut by one event more than any attempt remembers: the screen's last view does.
    run.kill_engine()
    lines = run.directory.journal.read_bytes().splitlines(keepends=True)
    run.directory.journal.write_bytes(b"".join(lines[:-1]))
    assert "it was cut short: it lacks what" in Client(run.directory).view().state.damage


def test_a_torn_line_is_reported_once_and_kept(run: Run) -> None:
    run.kill_engine()
    size = run.directory.journal.stat().st_size
    with run.directory.journal.open("ab") as file:
        file.write(b'{"v":1,"seq":')
    for _ in range(2):
        run.start()
        assert [one["file"] for one in run.told("line_set_aside")] == [f"journal.torn-{size}"]
        run.kill_engine()
    assert (run.directory.path / f"journal.torn-{size}").read_bytes() == b'{"v":1,"seq":'
    lines = Client(run.directory).view().state.log
    assert any("(13 bytes) was set aside" in line.text for line in lines)
