from __future__ import annotations

from pathlib import Path

import pytest

from cockpit.clock import wall_s
from cockpit.rehearsal.clock import JournalClock
from tests.fakes.rehearsals import NIGHT, HandJournal


@pytest.fixture
def journal(tmp_path: Path) -> HandJournal:
    return HandJournal(tmp_path / "journal.jsonl")


def test_the_clock_is_real_until_the_journal_sets_it(journal: HandJournal) -> None:
    clock = JournalClock(journal.path)
    clock.poll()
    assert clock.speed == 1.0
    assert clock.now() == pytest.approx(wall_s(), abs=1)


def test_the_clock_reads_what_the_journal_says(journal: HandJournal) -> None:
    journal.go(60.0, NIGHT)
    clock = JournalClock(journal.path)
    clock.poll()
    assert (clock.speed, clock.t0) == (60.0, None)
    assert clock.now() == pytest.approx(journal.now(), abs=1)


def test_a_jump_is_told_from_a_change_of_speed(journal: HandJournal) -> None:
    journal.go(60.0)
    clock = JournalClock(journal.path)
    clock.poll()
    jumps = clock.jumps
    journal.go(10.0)
    clock.poll()
    assert clock.jumps == jumps
    journal.jump(3600)
    clock.poll()
    assert clock.jumps == jumps + 1


def test_a_line_that_is_still_being_written_waits_for_its_end(journal: HandJournal) -> None:
    journal.go(60.0)
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-20])
    clock = JournalClock(journal.path)
    clock.poll()
    assert clock.speed == 1.0
    journal.path.write_bytes(whole)
    clock.poll()
    assert clock.speed == 60.0


def test_other_events_pass_and_the_actual_t0_is_known(journal: HandJournal) -> None:
    journal.go(60.0)
    journal.write("noted", {"text": "clock_set and t0_happened are only words here"})
    journal.t0()
    clock = JournalClock(journal.path)
    clock.poll()
    assert clock.t0 == pytest.approx(journal.now(), abs=1)


async def test_a_sleeper_wakes_when_the_clock_jumps_over_its_time(journal: HandJournal) -> None:
    journal.go(1.0)
    clock = JournalClock(journal.path)
    clock.poll()
    due = clock.now() + 3600
    journal.jump(7200)
    clock.poll()
    began = clock.real()
    await clock.until(due)
    assert clock.real() - began < 1
