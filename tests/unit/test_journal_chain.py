from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cockpit.journal.chain import (
    Row,
    chained,
    first_fault,
    fitting,
    is_begun,
    line_of,
    lines_of,
    lost,
    proven,
    row_of,
)
from cockpit.journal.events import Event

PLAN = "0" * 64
COUNT = 9


def lines(count: int = COUNT) -> list[bytes]:
    """The lines of a journal of notes."""
    head, made = PLAN, []
    for number in range(count):
        data = msgspec.Raw(msgspec.json.encode({"text": f"note {number}"}))
        event = Event(1, number, "noted", "2026-11-23T02:00:00Z", "boot", number, 1.0, "ana", data)
        line, head = line_of(head, event)
        made.append(line)
    return made


SOUND = lines()
EVENTS = [row_of(line.rstrip(b"\n")).event for line in SOUND]


def read(text: bytes) -> tuple[int, str, list[Row]]:
    """How far it holds, the head there, and the rows behind."""
    rows = [row_of(line) for line in text.split(b"\n") if line]
    head, seq = PLAN, -1
    while rows and rows[0].event and rows[0].event.seq == seq + 1 and rows[0].follows(head):
        head, seq = rows.pop(0).digest, seq + 1
    return seq, head, rows


def named(made: list[bytes]) -> str:
    seq, head, rows = read(b"".join(made))
    return first_fault(seq + 1, head, rows)


def altered(made: list[bytes]) -> list[bytes]:
    made[4] = made[4].replace(b"note 4", b"nope 4")
    return made


def renumbered(made: list[bytes]) -> list[bytes]:
    made[4] = made[4].replace(b'"seq":4', b'"seq":8')
    return made


def with_another_hash(made: list[bytes]) -> list[bytes]:
    made[4] = made[4][:-4] + b"dad\n" if made[4][-4:-1] != b"dad" else made[4][:-4] + b"bad\n"
    return made


def unreadable(made: list[bytes]) -> list[bytes]:
    made[4] = b"\0\0\0\n"
    return made


def cut(made: list[bytes]) -> list[bytes]:
    return made[:4] + made[5:]


def cut_more(made: list[bytes]) -> list[bytes]:
    return made[:4] + made[7:]


def swapped(made: list[bytes]) -> list[bytes]:
    made[4], made[6] = made[6], made[4]
    return made


def repeated(made: list[bytes]) -> list[bytes]:
    return [*made[:5], made[3], *made[5:]]


def forged(made: list[bytes]) -> list[bytes]:
    return [*made[:4], made[4].replace(b"note 4", b"nope 4"), *made[4:]]


def of_another_run(made: list[bytes]) -> list[bytes]:
    made[0] = made[0].replace(b"ana", b"bob")
    return made


FAULTS: dict[Callable[[list[bytes]], list[bytes]], tuple[str, tuple[str, ...]]] = {
    altered: ("event 4 (noted) was altered: it does not fit its hash", ("4",)),
    renumbered: ("event 4 (noted) was altered: it does not fit its hash", ("4",)),
    with_another_hash: ("event 4 (noted) was altered: it does not fit its hash", ()),
    unreadable: ("event 4 was altered: it cannot be read", ("4 to 5",)),
    cut: ("event 4 was cut out: event 5 (noted) comes next", ("4 to 5",)),
    cut_more: ("events 4 to 6 were cut out: event 7 (noted) comes next", ("4 to 7",)),
    swapped: ("event 4 changed its place: it stands behind event 6", ()),
    repeated: ("event 3 (noted) stands there again", ()),
    forged: ("event 4 (noted) was put in: the true one stands behind it", ()),
    of_another_run: (
        "event 0 (noted) was altered, or this is the journal of another run",
        ("0",),
    ),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_first_event_that_does_not_fit_is_named_and_what_still_fits_is_kept(
    fault: Callable[[list[bytes]], list[bytes]],
) -> None:
    words, missing = FAULTS[fault]
    made = fault([*SOUND])
    assert named(made) == words
    seq, head, rows = read(b"".join(made))
    kept = proven(seq, head, rows)
    assert lost(seq, rows, kept) == missing
    gone = {number for one in missing for number in _numbers(one)}
    expected = [one for one in EVENTS[seq + 1 :] if one and one.seq not in gone]
    assert [event for event, _ in kept] == expected


def _numbers(words: str) -> range:
    first, _, last = words.partition(" to ")
    return range(int(first), int(last or first) + 1)


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "swap", "repeat", "drop_end"]),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=300, deadline=None)
@given(CHANGES)
def test_whatever_is_done_to_a_journal_nothing_is_kept_that_was_not_written(
    changes: list[tuple[str, int, int]],
) -> None:
    made = [*SOUND]
    for what, one, two in changes:
        if not made:
            return
        first, second = one % len(made), two % len(made)
        if what == "flip":
            line = bytearray(made[first])
            line[two % len(line)] ^= 1 << (one % 8)
            made[first] = bytes(line)
        elif what == "cut":
            del made[first]
        elif what == "swap":
            made[first], made[second] = made[second], made[first]
        elif what == "repeat":
            made.insert(second, made[first])
        else:
            made = made[: first + 1]
    seq, head, rows = read(b"".join(made))
    kept = [event for event, _ in proven(seq, head, rows)]
    assert all(event == EVENTS[event.seq] for event in kept)
    assert [event.seq for event in kept] == sorted({event.seq for event in kept})
    if rows:
        assert first_fault(seq + 1, head, rows)


@pytest.mark.parametrize("size", range(len(SOUND[0])))
def test_a_line_whose_writing_was_cut_off_is_told_from_one_that_was_altered(size: int) -> None:
    assert is_begun(SOUND[0][:size])
    assert not is_begun(SOUND[0][:-1] + b"\x0b")


@pytest.mark.parametrize(
    "data",
    [
        b"5",
        b"[]",
        b"{}",
        b'{"text":5}',
        b'{"text":"\xff\xfe"}',
        b'{"text":"\xed\xa0\x80"}',
        b'{"text":"a","more":1e999}',
        b'{"text":"a","more":' + b"[" * 3000 + b"]" * 3000 + b"}",
        b"[" * 3000,
    ],
    ids=map(str, range(9)),
)
def test_a_line_whose_data_is_not_what_its_type_says_is_named_though_its_hash_fits(
    data: bytes,
) -> None:
    whole = SOUND[-1].rpartition(b"\t")[0]
    body = whole.replace(b'{"text":"note 8"}', data)
    assert body != whole
    line = body + b"\t" + chained(SOUND[-2].rpartition(b"\t")[2].decode().strip(), body).encode()
    assert row_of(line).event is None
    assert len(list(fitting([one.rstrip(b"\n") for one in (*SOUND[:-1], line)], 0, PLAN))) == 8


def test_white_space_of_json_in_an_events_data_parts_no_line() -> None:
    data = msgspec.Raw(b'{"text":\r"a"}')
    event = Event(1, 0, "noted", "2026-11-23T02:00:00Z", "boot", 0, 1.0, "ana", data)
    text, recorded = lines_of(PLAN, (event, event))
    assert text.count(b"\n") == len(recorded) == 2
