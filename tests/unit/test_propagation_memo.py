from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cockpit.propagation.ask import DAMAGE
from cockpit.propagation.classify import Reply
from cockpit.propagation.memo import Memo, walk
from cockpit.propagation.reading import Heard, read

QUESTION_OWNER = b"\xc0\x0c"
NAME = b"\3www\4shop\4test\0"
OTHER = b"\5other\4test\0"
PARENT = b"\xc0\x10"
TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "OPT": 41}
ASKED = ("A", "AAAA", "MX", "TXT", "CNAME", "SOA")


def soa(minimum: int) -> bytes:
    numbers = (7, 3600, 600, 604800, minimum)
    return PARENT + PARENT + b"".join(one.to_bytes(4) for one in numbers)


DATA = {
    "A": st.sampled_from([b"\xc0\0\2\1", b"\xc0\0\2\2"]),
    "AAAA": st.sampled_from([b"\x20\1\x0d\xb8" + bytes(11) + b"\1", bytes(16)]),
    "MX": st.sampled_from([b"\0\x0a\2mx\xc0\x10", b"\0\x0a\2MX\xc0\x10", b"\0\1" + QUESTION_OWNER]),
    "TXT": st.sampled_from([b"\3one", b"\3One", b"\3one\3two", b"\0"]),
    "CNAME": st.sampled_from([OTHER, QUESTION_OWNER, b"\3api\xc0\x10"]),
    "SOA": st.sampled_from([0, 60, 9000]).map(soa),
    "OPT": st.sampled_from([b"", b"", b"\0\3\0\2ab", b"\0\x0f\0\2\0\6"]),
}
TTLS = st.sampled_from([0, 1, 59, 60, 61, 300, 3600, 0x7FFFFFFF, 0x80000000])


class Record(NamedTuple):
    owner: bytes
    kind: int
    klass: int
    data: bytes

    def wire(self, ttl: int) -> bytes:
        if self.kind == TYPES["OPT"]:
            ttl &= 0x0101FFFF
        head = self.kind.to_bytes(2) + self.klass.to_bytes(2) + ttl.to_bytes(4)
        return self.owner + head + len(self.data).to_bytes(2) + self.data


EDNS = Record(b"\0", TYPES["OPT"], 1232, b"")


@st.composite
def records(draw: st.DrawFn, asked: str, *, plain: bool) -> Record:
    """A record; a plain one is just of the kind that was asked for."""
    if plain:
        return Record(QUESTION_OWNER, TYPES[asked], 1, draw(DATA[asked]))
    kind = draw(st.sampled_from([asked, asked, asked, *TYPES]))
    owners = [QUESTION_OWNER] * 4 + [NAME, OTHER, PARENT, b"\3api\xc0\x10"]
    owner = b"\0" if kind == "OPT" else draw(st.sampled_from(owners))
    data = draw(st.one_of(*[DATA[kind]] * 9, st.binary(max_size=20)))
    return Record(owner, TYPES[kind], draw(st.sampled_from([1] * 9 + [3])), data)


class Case(NamedTuple):
    asked: int
    head: bytes
    sections: Sequence[Sequence[Record]]
    rounds: Sequence[Sequence[int]]
    """The TTLs, twice or more: everything else is the same."""
    damage: tuple[int, int]

    def question(self) -> bytes:
        return NAME + self.asked.to_bytes(2) + b"\0\1"

    def wires(self) -> list[bytes]:
        every = [one for section in self.sections for one in section]
        counts = b"".join(len(section).to_bytes(2) for section in self.sections)
        start = self.head + b"\0\1" + counts + self.question()
        made = []
        for ttls in self.rounds:
            wire = bytearray(start + b"".join(map(Record.wire, every, ttls)))
            at, byte = self.damage
            if at < len(wire) - len(start):
                wire[len(start) + at] ^= byte
            made.append(bytes(wire))
        return made


@st.composite
def cases(draw: st.DrawFn) -> Case:
    asked = draw(st.sampled_from(ASKED))
    plain, whole = (draw(st.sampled_from([True, True, False])) for _ in range(2))
    any_record = records(asked, plain=False)
    answers = draw(st.lists(records(asked, plain=plain), max_size=3))
    edns = [EDNS]
    none: list[Record] = []
    later = draw(st.sampled_from([none, none, [Record(PARENT, TYPES["SOA"], 1, soa(60))], edns]))
    if whole:
        sections = (answers, later, draw(st.sampled_from([none, edns, edns * 2])))
    else:
        some = st.lists(any_record, max_size=2)
        sections = (answers, draw(some), draw(some))
    count = sum(map(len, sections))
    ttls = st.lists(TTLS, min_size=count, max_size=count)
    flags = draw(st.sampled_from([b"\x84", b"\x84", b"\x80"]))
    code = draw(st.sampled_from([0] * 6 + [2, 3, 5, 9]))
    return Case(
        TYPES[asked],
        b"\x12\x34" + flags + bytes([0x80 | code]),
        sections,
        draw(st.lists(ttls, min_size=2, max_size=3)),
        (0, 0) if whole else draw(st.tuples(st.integers(0, 60), st.integers(0, 255))),
    )


def by_dnspython(wire: bytes, *, authoritative: bool) -> Reply | None:
    try:
        message = dns.message.from_wire(wire)
    except DAMAGE:
        return None
    return read(Heard(message, 0.0), 0.0, authoritative=authoritative)


def remembered(memo: Memo, wire: bytes) -> Reply | None:
    try:
        reply, ttl = memo.recall(wire) or memo.parse(wire)
    except DAMAGE:
        return None
    return reply._replace(ttl=ttl)


@settings(max_examples=600)
@given(case=cases(), authoritative=st.booleans())
def test_what_is_read_by_hand_or_remembered_is_what_dnspython_reads(
    case: Case, *, authoritative: bool
) -> None:
    memo = Memo(case.question(), authoritative=authoritative)
    for wire in case.wires():
        oracle = by_dnspython(wire, authoritative=authoritative)
        seen = remembered(memo, wire)
        assert seen == (None if oracle is None else oracle._replace(rtt_ms=seen and seen.rtt_ms))


def answer(*ttls: int, kind: str = "A", data: bytes = b"\xc0\0\2\1") -> bytes:
    question = NAME + TYPES[kind].to_bytes(2) + b"\0\1"
    head = b"\x12\x34\x81\x80\0\1" + len(ttls).to_bytes(2) + bytes(4)
    return (
        head
        + question
        + b"".join(
            Record(QUESTION_OWNER, TYPES[kind], 1, data[:-1] + bytes([at])).wire(ttl)
            for at, ttl in enumerate(ttls)
        )
    )


def memo_of(kind: str = "A") -> Memo:
    return Memo(NAME + TYPES[kind].to_bytes(2) + b"\0\1", authoritative=False)


def test_an_answer_that_differs_in_its_ttls_alone_is_parsed_once() -> None:
    memo = memo_of()
    first = answer(300, 200)
    assert memo.recall(first) is None
    memo.parse(first)
    known = memo.recall(b"\x99\x99" + answer(17, 40)[2:])
    assert known is not None
    assert (known[0].values, known[1]) == (("192.0.2.0", "192.0.2.1"), 17)


ADDRESS = Record(QUESTION_OWNER, TYPES["A"], 1, b"\xc0\0\2\1")
STRAY = ADDRESS._replace(owner=OTHER)
ALIAS = Record(QUESTION_OWNER, TYPES["CNAME"], 1, OTHER)
ABSENT = Record(PARENT, TYPES["SOA"], 1, soa(60))
TRAPS: dict[str, tuple[Sequence[Sequence[Record]], Sequence[int], Sequence[int]]] = {
    "a stray address beside": (([ADDRESS, STRAY], [], []), (60, 60), (60, 5)),
    "a stray address behind": (([ADDRESS], [], [STRAY]), (60, 60), (60, 5)),
    "the alias's own ttl": (([ALIAS, STRAY], [], []), (60, 60), (5, 60)),
    "what the zone says of absence": (([], [ABSENT], []), (30, 0), (3600, 0)),
    "absence at the end of an alias": (([ALIAS], [ABSENT], []), (60, 60), (5, 60)),
    "two zones say it": (([], [ABSENT, ABSENT._replace(owner=OTHER)], []), (60, 60), (60, 5)),
    "a zone that says nothing of this name": (
        ([], [ABSENT._replace(owner=OTHER)], []),
        (60,),
        (5,),
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_only_the_ttls_that_count_are_counted_when_an_answer_is_remembered(trap: str) -> None:
    sections, *rounds = TRAPS[trap]
    case = Case(1, b"\x12\x34\x84\x80", sections, rounds, (0, 0))
    memo = memo_of()
    for wire in case.wires():
        oracle = by_dnspython(wire, authoritative=False)
        assert oracle is not None
        seen = remembered(memo, wire)
        assert seen is not None
        assert seen._replace(rtt_ms=0.0) == oracle


@pytest.mark.parametrize(
    "sections",
    [
        ([ADDRESS], [EDNS], []),
        ([ADDRESS], [], [EDNS, EDNS]),
        ([ADDRESS], [], [EDNS._replace(owner=QUESTION_OWNER)]),
        ([ADDRESS], [], [EDNS._replace(data=b"\0\3")]),
    ],
)
def test_an_answer_with_damaged_edns_is_none(sections: Sequence[Sequence[Record]]) -> None:
    count = sum(map(len, sections))
    (wire,) = Case(1, b"\x12\x34\x84\x80", sections, [[0] * count], (0, 0)).wires()
    assert by_dnspython(wire, authoritative=False) is None
    assert remembered(memo_of(), wire) is None


@pytest.mark.parametrize("top", [0x80000000, 0xFFFFFFFF])
def test_a_ttl_with_its_top_bit_set_is_none_at_all(top: int) -> None:
    memo = memo_of()
    memo.parse(answer(300))
    assert memo.recall(answer(top)) is None
    assert memo.parse(answer(top))[1] == 0


def test_an_answer_with_more_shapes_than_are_kept_is_still_read() -> None:
    rng, memo = random.Random(3), memo_of("TXT")
    for _ in range(40):
        cut = rng.randrange(1, 60)
        data = bytes([cut]) + b"a" * cut + bytes([60 - cut]) + b"b" * (60 - cut)
        wire = answer(rng.randrange(90), kind="TXT", data=data)
        oracle = by_dnspython(wire, authoritative=False)
        assert oracle is not None
        assert memo.parse(wire) == (oracle._replace(rtt_ms=None), oracle.ttl)


def test_walking_over_any_bytes_ends() -> None:
    rng = random.Random(11)
    for size in range(12, 400):
        walk(rng.randbytes(size), 12)
    wire = answer(60)
    spots = walk(wire, 12 + len(NAME) + 4)
    assert spots is not None
    assert [(one.kind, wire[one.at + 7]) for one in spots] == [(1, 60)]
    assert walk(wire + b"x", 12 + len(NAME) + 4) is None
