from __future__ import annotations

from pathlib import Path

import pytest

from cockpit.errors import JournalDamaged, Refused
from cockpit.journal.chain import chained
from cockpit.journal.events import ConfirmationVoid, Event, Held, Noted
from cockpit.journal.file import JournalFile, JournalReader, set_aside

PLAN = "0" * 64


def journal(path: Path, notes: int = 3) -> JournalFile:
    kept = JournalFile(path, PLAN)
    for number in range(notes):
        kept.append("ops", 1000.0 + number, Noted(f"note {number}"))
    return kept


def read(path: Path) -> tuple[list[tuple[Event, str]], str]:
    reader = JournalReader(path, PLAN)
    return reader.read(), reader.damage


def test_events_come_back_in_order_with_their_chain(tmp_path: Path) -> None:
    kept = journal(tmp_path / "journal.jsonl")
    kept.close()
    events, damage = read(tmp_path / "journal.jsonl")
    assert [event.seq for event, _ in events] == [0, 1, 2]
    assert [event.plain["text"] for event, _ in events] == ["note 0", "note 1", "note 2"]
    assert damage == ""
    assert events[-1][1] == kept.head


def test_a_reader_gives_each_event_once(tmp_path: Path) -> None:
    kept = journal(tmp_path / "journal.jsonl", notes=1)
    reader = JournalReader(tmp_path / "journal.jsonl", PLAN)
    assert len(reader.read()) == 1
    assert reader.read() == []
    kept.append("ops", 1.0, Held("lunch"))
    assert [event.type for event, _ in reader.read()] == ["held"]
    kept.close()


def test_a_writer_that_starts_again_goes_on_with_the_chain(tmp_path: Path) -> None:
    journal(tmp_path / "journal.jsonl", notes=2).close()
    again = JournalFile(tmp_path / "journal.jsonl", PLAN)
    assert len(again.read()) == 2
    assert again.append("ops", 5.0, Noted("later")).seq == 2
    again.close()
    assert read(tmp_path / "journal.jsonl")[1] == ""


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    kept = journal(tmp_path / "journal.jsonl")
    with pytest.raises(Refused, match="another engine writes this journal"):
        JournalFile(tmp_path / "journal.jsonl", PLAN)
    kept.close()


def test_the_chain_of_another_plan_does_not_fit(tmp_path: Path) -> None:
    journal(tmp_path / "journal.jsonl").close()
    reader = JournalReader(tmp_path / "journal.jsonl", "1" * 64)
    assert reader.read() == []
    expected = "event 0 (noted) was altered, or this is the journal of another run"
    assert reader.damage == expected


def test_every_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path).close()
    sound = path.read_bytes()
    whole = [digest for _, digest in read(path)[0]]
    for position in range(len(sound)):
        broken = bytearray(sound)
        broken[position] ^= 0x01
        path.write_bytes(bytes(broken))
        reader = JournalReader(path, PLAN)
        events = reader.read()
        noticed = reader.damage or reader.torn
        assert noticed, f"byte {position}"
        assert [digest for _, digest in events] == whole[: len(events)]
        assert len(events) < len(whole)


def test_an_event_cut_out_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path).close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    assert read(path)[1] == "event 1 was cut out: event 2 (noted) comes next"


def test_events_that_changed_places_are_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path).close()
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third + second)
    assert read(path)[1] == "event 1 changed its place: it stands behind event 2"


def test_a_damaged_journal_takes_no_event(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path).close()
    path.write_bytes(path.read_bytes().replace(b"note 1", b"note 9"))
    before = path.read_bytes()
    kept = JournalFile(path, PLAN)
    assert [event.seq for event, _ in kept.read()] == [0]
    with pytest.raises(JournalDamaged, match="event 1 \\(noted\\) was altered"):
        kept.append("ops", 1.0, Noted("after the damage"))
    kept.close()
    assert path.read_bytes() == before


def test_a_line_whose_end_was_altered_is_damage_and_not_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path).close()
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    kept = JournalFile(path, PLAN)
    assert len(kept.read()) == 2
    assert kept.damage == "event 2 was altered: its line is broken"
    kept.close()
    assert list(tmp_path.glob("journal.torn-*")) == []


def test_a_journal_changed_behind_its_writers_back_is_noticed_when_it_is_read_again(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.jsonl"
    kept = journal(path)
    kept.must_hold(*kept.mark)
    sound = path.read_bytes()
    for changed in (sound.replace(b"note 0", b"nope 0"), sound[:-30], sound[40:]):
        path.write_bytes(changed)
        with pytest.raises(JournalDamaged, match="it was changed since it was written"):
            kept.must_hold(*kept.mark)
    path.write_bytes(sound)
    kept.must_hold(*kept.mark)
    kept.close()


def test_no_event_goes_into_a_file_that_another_one_replaced(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    kept = journal(path)
    path.rename(tmp_path / "former")
    path.write_bytes((tmp_path / "former").read_bytes())
    with pytest.raises(JournalDamaged, match="another file was put in its place"):
        kept.append("ops", 1.0, Noted("lost"))
    kept.close()


def test_a_reader_begins_anew_with_a_journal_that_was_put_back(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path).close()
    sound = path.read_bytes()
    path.write_bytes(sound.replace(b"note 1", b"nope 1"))
    reader = JournalReader(path, PLAN)
    assert [event.seq for event, _ in reader.read()] == [0]
    assert (reader.read(), reader.damage != "", reader.beginnings) == ([], True, 1)
    path.with_name("copy").write_bytes(sound)
    path.with_name("copy").rename(path)
    assert [event.seq for event, _ in reader.read()] == [0, 1, 2]
    assert (reader.damage, reader.beginnings) == ("", 2)


def test_a_torn_last_line_is_set_aside_and_never_dropped(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path, notes=2).close()
    sound = path.read_bytes()
    path.write_bytes(sound + b'{"v":1,"seq":2,"ty')
    kept = JournalFile(path, PLAN)
    assert len(kept.read()) == 2
    kept.append("ops", 9.0, Noted("after the crash"))
    kept.close()
    assert [one.read_bytes() for one in set_aside(tmp_path)] == [b'{"v":1,"seq":2,"ty']
    assert read(path)[1] == ""


def test_a_journal_that_became_shorter_is_damaged_for_who_has_read_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal(path).close()
    reader = JournalReader(path, PLAN)
    reader.read()
    path.write_bytes(path.read_bytes()[:-10])
    assert reader.read() == []
    assert reader.damage.startswith("it is shorter than what was already read")


def test_the_hash_is_of_the_previous_hash_and_the_json(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    kept = journal(path, notes=0)
    kept.append("ops", 1.0, ConfirmationVoid("switch", 1, "no runner"))
    kept.close()
    body, _, digest = path.read_bytes().rstrip(b"\n").rpartition(b"\t")
    assert chained(PLAN, body) == digest.decode()
