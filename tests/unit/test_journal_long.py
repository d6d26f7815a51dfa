from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.answer import Answer
from cockpit.engine import heads
from cockpit.journal import events as e
from cockpit.journal import file as journal_file
from cockpit.journal.events import Event
from cockpit.journal.file import JournalFile, JournalReader
from cockpit.journal.fold import LOG_LINES, apply, fold
from cockpit.journal.state import RunState

PLAN = "0" * 64
ANSWER = Answer("seen", "It is there", "pass", "it is", 1.0, 60.0)
TELLS: tuple[object, ...] = (
    e.Held("lunch"),
    e.Released(),
    e.Noted("calm"),
    e.SeatTaken(1, "ana", "droplet", "1:2", "start"),
    e.SeatVacated(1, "ana left"),
    e.Confirmed("dump", 1, "digest", 1, ["dump it"], [ANSWER], {"db": "7"}),
    e.AttemptStarted("dump", 1, 7, 8, "boot"),
    e.AttemptLong("dump", 1, "silent", 9.0, "usual"),
    e.AttemptEnded("dump", 1, 0, "exited", 1.0),
    e.Verified("dump", 1, [ANSWER]),
    e.StepFinished("dump", 1, "done"),
    e.AttemptInDoubt("dump", 1, "gone"),
    e.StepSettled("dump", 1, "not_happened", "no mark"),
    e.WatchAnswered("rows", ANSWER),
    e.ServiceTurned("web", "Backend", "fine", "down", "-"),
    e.T0Moved(5.0, "rain"),
    e.TurnedBack("call_off", "rain"),
)


def recorded(folder: Path, told: list[object], at_once: int) -> list[tuple[Event, str]]:
    path = folder / "journal.jsonl"
    path.unlink(missing_ok=True)
    journal = JournalFile(path, PLAN)
    for at in range(0, len(told), at_once):
        journal.append_all("ana", float(at), told[at : at + at_once])
    journal.close()
    reader = JournalReader(path, PLAN)
    events = reader.read()
    assert (reader.damage, reader.torn) == ("", b"")
    return events


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    patch = pytest.MonkeyPatch()
    patch.setattr(os, "fsync", lambda _: None)
    yield tmp_path_factory.mktemp("journal")
    patch.undo()


@given(st.lists(st.sampled_from(TELLS), max_size=30), st.integers(1, 7), st.integers(1, 400))
def test_a_state_is_the_same_folded_at_once_one_by_one_and_read_in_any_pieces(
    folder: Path, told: list[object], at_once: int, chunk: int
) -> None:
    events = recorded(folder, told, at_once)
    assert [event.seq for event, _ in events] == list(range(len(told)))
    whole = fold(RunState(), events)
    step = RunState()
    for event, digest in events:
        before, shown = copy.deepcopy(step), step
        step = apply(step, event, digest)
        # Whoever holds the former state sees it as it was.
        assert shown == before
    assert step == whole
    assert type(whole) is RunState
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal_file, "CHUNK", chunk)
        reader = JournalReader(folder / "journal.jsonl", PLAN)
        assert fold(RunState(), reader.follow()) == whole
        assert reader.damage == ""


def test_the_newest_lines_are_kept_and_a_state_without_news_is_the_same_one(folder: Path) -> None:
    notes: list[object] = [e.Noted(f"note {number}") for number in range(LOG_LINES + 20)]
    state = fold(RunState(), recorded(folder, notes, 100))
    assert len(state.log) == LOG_LINES
    assert state.log[-1].text.endswith(f"note {LOG_LINES + 19}")
    assert state.seq == LOG_LINES + 19
    assert fold(state, ()) is state


def test_what_is_recorded_at_once_is_kept_up_to_where_its_writing_was_cut_off(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalFile(path, PLAN)
    journal.append_all("ana", 1.0, [e.Noted(f"note {number}") for number in range(3)])
    journal.close()
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        reader = JournalReader(path, PLAN)
        kept = reader.read()
        ends = [sum(map(len, lines[:count])) for count in range(4)]
        assert len(kept) == sum(end <= cut for end in ends) - 1
        assert reader.damage == ""
        assert reader.torn == whole[ends[len(kept)] : cut]


def test_a_full_disk_loses_all_that_should_have_been_recorded_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalFile(path, PLAN)
    journal.append("ana", 1.0, e.Noted("kept"))
    before = path.read_bytes()
    with monkeypatch.context() as full:

        def refused(_: int) -> None:
            raise OSError(28, "No space left on device")

        full.setattr(os, "fsync", refused)
        with pytest.raises(OSError, match="No space left"):
            journal.append_all("ana", 2.0, [e.Noted("lost"), e.Noted("lost too")])
    assert path.read_bytes() == before
    journal.append("ana", 3.0, e.Noted("kept too"))
    journal.close()
    assert [event.seq for event, _ in JournalReader(path, PLAN).read()] == [0, 1]


def test_a_head_that_others_carry_is_missed_where_its_event_is_gone(folder: Path) -> None:
    events = recorded(folder, [e.Noted("one"), e.Noted("two"), e.Noted("three")], 1)
    wanted = {events[0][1]: "one", events[2][1]: "what the screen showed last", "": "nothing"}
    assert heads.missing(wanted, events) == ""
    assert heads.missing(wanted, events[:2]) == (
        "it was cut short: it lacks what the screen showed last"
    )
    missing = heads.Missing(wanted)
    assert list(missing.among(events)) == events
    assert missing.words == ""
