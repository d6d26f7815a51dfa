from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec
import pytest

from cockpit.clock import NS, ClockMap, utc
from cockpit.journal import events as e
from cockpit.journal.chain import chained, event_of, fitting, line_of
from cockpit.journal.events import NAME, Event
from cockpit.journal.form import DEPTH
from cockpit.measures import LAST

PLAN = "0" * 64
NIGHT = 1_790_000_000.0
UTC = "2026-11-23T02:00:00.000Z"
NOTE = b'{"text":"all calm"}'


def event(data: object, **other: object) -> Event:
    made = msgspec.Raw(data if isinstance(data, bytes) else msgspec.json.encode(data))
    kind = "noted" if isinstance(data, bytes) else NAME[type(data)]
    whole = Event(1, 0, kind, UTC, "boot", 5, NIGHT, "ana", made)
    return msgspec.structs.replace(whole, **other)


def body(data: object, **other: object) -> bytes:
    return line_of(PLAN, event(data, **other))[0].rpartition(b"\t")[0]


def counts(one: bytes) -> bool:
    """Whether a line of that JSON, whose hash fits, is an event for readers and for the mending."""
    line = one + b"\t" + chained(PLAN, one).encode()
    read = [told.seq for told, _ in fitting([line], 0, PLAN)] == [0]
    assert read == (event_of(one) is not None)
    return read


SOUND = body(NOTE)
END = e.AttemptEnded("lower_ttl", 1, 0, "exited", 3.5, recorded={"rows": [{"a": 1, "b": None}]})


def test_what_the_writer_writes_counts() -> None:
    assert counts(SOUND)
    assert counts(body(END))
    assert counts(body(e.Noted('tabs\t, lines\n, \x7f, \u2028, "quotes" and \U0001f600')))


@pytest.mark.parametrize(
    "altered",
    [
        lambda one: one.replace(b'"data":', b'"data":\r'),
        lambda one: one.replace(b'"text":', b'"text":\r'),
        lambda one: one.replace(b'"text":', b'"text": '),
        lambda one: one.replace(b",", b", ", 1),
        lambda one: b" " + one,
        lambda one: one + b"\r",
        lambda one: one.replace(b"calm", b"c\\u0061lm"),
        lambda one: one.replace(b"all calm", b"all\\/calm"),
        lambda one: one.replace(b'"seq":0', b'"seq":-0'),
        lambda one: one.replace(b"1790000000.0", b"1.79e9"),
        lambda one: one.replace(b'{"text"', b'{"text":"none","text"'),
        lambda one: one.replace(b'"by":"ana"', b'"by":"bob","by":"ana"'),
        lambda one: one.replace(b'{"v":1,"seq":0', b'{"seq":0,"v":1'),
        lambda one: one.replace(b'"intent":""', b'"intent":"","more":1'),
        lambda one: one.replace(b',"intent":""', b""),
        lambda one: one.replace(b'{"text"', b'{"more":"\x7f\\u007f","text"'),
    ],
    ids=map(str, range(16)),
)
def test_a_line_that_is_not_written_as_the_writer_writes_it_is_damage_though_its_hash_fits(
    altered: Callable[[bytes], bytes],
) -> None:
    assert altered(SOUND) != SOUND
    assert not counts(altered(SOUND))


def test_fields_in_another_order_are_damage() -> None:
    assert not counts(body(b'{"reason":"","step":"a"}', type="step_skipped"))


def test_a_line_of_an_older_program_that_lacks_later_fields_still_counts() -> None:
    older = b'{"step":"a","attempt":1,"exit":0,"ended":"exited","took_s":3}'
    assert counts(body(older, type="attempt_ended"))


@pytest.mark.parametrize("other", [{"v": 2}, {"type": "foretold"}])
def test_a_line_of_a_newer_program_counts_where_it_is_plain_json(other: dict[str, object]) -> None:
    assert counts(body(NOTE, **other))
    assert not counts(body(NOTE, **other).replace(b'"text":', b'"text":\r'))
    more = body(NOTE, **other).replace(b'"intent":""', b'"intent":"","more":1')
    assert counts(more) == ("v" in other), "a newer format may hold more, this one does not"


# -- numbers and names -----------------------------------------------------------------------


ENDED = '{"step":"a","attempt":1,"exit":0,"ended":"exited","took_s":3.0}'
CLOCK = '{"boot_ns":1,"run_s":1.0,"speed":1.0,"why":"start"}'
ANSWER = '{"check":"c","title":"t","said":"pass","evidence":"","at":1.0,"fresh_for":60.0}'
WATCH = f'{{"watch":"w","answer":{ANSWER}}}'


@pytest.mark.parametrize(
    ("kind", "data", "was", "now"),
    [
        ("t0_moved", '{"planned":1.0,"reason":""}', "1.0", "1e+308"),
        ("t0_moved", '{"planned":1.0,"reason":""}', "1.0", "-1.0"),
        ("t0_happened", '{"actual":1.0,"evidence":""}', "1.0", "253402300800.0"),
        ("attempt_ended", ENDED, "3.0", "1e+308"),
        ("attempt_ended", ENDED, "3.0", "-1.0"),
        ("attempt_ended", ENDED, '"attempt":1', f'"attempt":{10**30}'),
        ("attempt_ended", ENDED, '"attempt":1', '"attempt":-1'),
        ("attempt_ended", ENDED, '"exit":0', f'"exit":{10**30}'),
        ("attempt_ended", ENDED, '"a"', '"../../a"'),
        ("attempt_ended", ENDED, '"a"', '".."'),
        ("attempt_ended", ENDED, '"a"', '"a\\u0000"'),
        ("attempt_ended", ENDED, '"a"', '"' + "a" * 300 + '"'),
        ("clock_set", CLOCK, '"run_s":1.0', '"run_s":1e+300'),
        ("clock_set", CLOCK, '"boot_ns":1', f'"boot_ns":{10**400}'),
        ("clock_set", CLOCK, '"speed":1.0', '"speed":0.0'),
        ("clock_set", CLOCK, '"speed":1.0', '"speed":1e+300'),
        ("watch_answered", WATCH, '"at":1.0', '"at":1e+17'),
        ("watch_answered", WATCH, '"fresh_for":60.0', '"fresh_for":1e+300'),
        ("verdict_given", '{"verdict":"stay","reason":"","evidence":[]}', "stay", "flee"),
    ],
    ids=map(str, range(19)),
)
def test_a_number_or_name_that_no_reader_could_tell_is_damage(
    kind: str, data: str, was: str, now: str
) -> None:
    assert counts(body(data.encode(), type=kind))
    assert was in data
    assert not counts(body(data.replace(was, now, 1).encode(), type=kind))


@pytest.mark.parametrize(
    "other",
    [
        {"run_s": 1e308},
        {"run_s": -1.0},
        {"run_s": 253_402_300_800.0},
        {"boot_ns": -1},
        {"boot_ns": 2**63},
        {"v": -1},
        {"utc": "yesterday"},
        {"utc": "2026-13-23T02:00:00.000Z"},
        {"utc": "0001-01-01T00:00:00"},
    ],
    ids=str,
)
def test_a_time_that_is_none_is_damage(other: dict[str, object]) -> None:
    assert not counts(body(NOTE, **other))


@pytest.mark.parametrize("speed", [1.0, 600.0, 1_000_000.0])
@pytest.mark.parametrize("at", [-(2**63), 0, 2**63])
def test_the_run_clock_reads_a_date_however_long_a_run_lies_about(speed: float, at: int) -> None:
    assert 0 <= ClockMap(2**62, NIGHT, speed).at(at) <= LAST
    assert utc(ClockMap(2**62, NIGHT, speed).at(at)).year <= 9000
    assert ClockMap(0, NIGHT, speed).at(NS) == NIGHT + speed


# -- nesting -------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    """A line that is nested so deeply as a whole; a bracket in a text is none."""
    inner = depth - 3
    text = b"[" * 90 + b'\\"{'
    return body(
        b'{"step":"a","attempt":1,"exit":0,"ended":"exited","took_s":3.0,"message":"%s",'
        b'"recorded":{"a":%s}}' % (text, b"[" * inner + b"]" * inner),
        type="attempt_ended",
    )


def deeper(frames: int, one: bytes) -> bool:
    return deeper(frames - 1, one) if frames else event_of(one) is not None


@pytest.mark.parametrize("frames", [0, sys.getrecursionlimit() // 2])
def test_how_deep_a_line_may_be_nested_is_the_same_whatever_reads_it(frames: int) -> None:
    assert deeper(frames, nested(DEPTH))
    assert not deeper(frames, nested(DEPTH + 1))
    assert not deeper(frames, nested(990))
    assert not deeper(frames, nested(100_000))


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert counts(body(e.StepSettled("a", 1, "done", "[[[[")))
    assert counts(body(e.AttemptEnded("a", 1, 0, "exited", 1.0, recorded={"rows": [[]] * 500})))
    assert counts(body(e.Noted("[" * 500)))
