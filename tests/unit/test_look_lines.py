from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cockpit.probes.loglines import HOLD_S, LONGEST, MOST, LogLines
from cockpit.probes.own_secrets import learn
from cockpit.redact import Redactor
from cockpit.secrets import Secrets
from cockpit.stack.logstream import Entry, Frames, entry
from cockpit.telemetry.look import LOG_LINES
from tests.fakes.small_runbooks import Still

SECRET = "kQ3v9fLxhunter"


def lines(*known: str) -> LogLines:
    redactor = Redactor()
    for number, value in enumerate(known):
        redactor.learn(f"secret{number}", value)
    return LogLines(Secrets({}, redactor), Still(0.0).real)


def said(kept: LogLines) -> list[str]:
    return [text for _, text in kept.kept]


def framed(stream: int, text: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(text).to_bytes(4) + text


TEXTS = st.lists(
    st.tuples(
        st.sampled_from((1, 2)),
        st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=40),
    ),
    max_size=12,
)


@given(TEXTS, st.integers(1, 64))
def test_a_log_is_read_alike_in_pieces_of_any_size(told: list[tuple[int, str]], size: int) -> None:
    sent = b"".join(framed(stream, text.encode() + b"\n") for stream, text in told)
    frames = Frames(raw=False)
    got = [one for at in range(0, len(sent), size) for one in frames.feed(sent[at : at + size])]
    assert [one.text for one in (*got, *frames.end())] == [
        entry(text.encode()).text for _, text in told
    ]


def test_a_line_that_comes_in_two_frames_is_one_line_also_where_the_other_stream_is_between() -> (
    None
):
    frames = Frames(raw=False)
    sent = framed(1, b"begins ") + framed(2, b"an error\n") + framed(1, b"and ends\n")
    assert [one.text for one in frames.feed(sent)] == ["an error", "begins and ends"]


def test_a_terminals_log_has_no_frames() -> None:
    frames = Frames(raw=True)
    assert [one.text for one in frames.feed(b"one\r\ntw")] == ["one"]
    assert [one.text for one in frames.end()] == ["tw"]


def test_a_line_without_an_end_is_not_gathered_for_ever() -> None:
    frames = Frames(raw=True)
    got = [one for _ in range(40) for one in frames.feed(b"x" * 1024)]
    assert sum(len(one.text) for one in got) > 30 * 1024


def test_the_moment_stands_before_the_line_and_the_log_goes_on_right_behind_it() -> None:
    one = entry(b"2026-12-05T02:05:00.000000001Z connected")
    moment = datetime(2026, 12, 5, 2, 5, tzinfo=UTC).timestamp()
    assert (one.text, round(one.at)) == ("connected", moment)
    assert one.since == f"{moment:.0f}.000000002"
    assert entry(b"2026-12-05T02:05:00.999999999Z x").since == f"{moment + 1:.0f}.000000000"
    assert entry(b"no moment here") == Entry(0.0, "", "no moment here")
    assert entry(b"2026-99-99T02:05:00Z x").at == 0.0


# -- cleaning and bounds ------------------------------------------------------------------------


def test_escape_sequences_of_a_log_never_reach_the_terminal() -> None:
    kept = lines()
    kept.take([Entry(1.0, "", "\x1b[2J\x1b[31mred\x1b[0m \x07bell")])
    assert said(kept) == ["red bell"]


def test_a_secret_in_a_log_is_hidden() -> None:
    kept = lines(SECRET)
    kept.take([Entry(1.0, "", f"login with {SECRET} failed"), Entry(2.0, "", "next")])
    kept.flush()
    assert said(kept) == ["login with [secret0 hidden] failed", "next"]


@given(st.integers(1, len(SECRET) - 1), st.booleans())
def test_a_secret_that_is_broken_into_two_lines_is_hidden_whenever_they_come(
    at: int, together: bool
) -> None:
    kept = lines(SECRET)
    halves = [Entry(1.0, "", f"a {SECRET[:at]}"), Entry(2.0, "", f"{SECRET[at:]} z")]
    for batch in [halves] if together else [[one] for one in halves]:
        kept.take(batch)
    kept.flush()
    assert said(kept) == ["a [secret0 hidden] z"]


def test_a_line_that_ends_as_a_secret_begins_waits_for_the_next_one_and_not_longer() -> None:
    redactor, clock = Redactor(), Still(0.0)
    redactor.learn("secret0", SECRET)
    kept = LogLines(Secrets({}, redactor), clock.real)
    for number in range(3):
        kept.take([Entry(1.0, "", f"line {number} ends in k")])
        clock.at += HOLD_S / 2
    assert said(kept) == ["line 0 ends in k", "line 1 ends in k"]
    clock.at += HOLD_S
    assert said(kept)[-1] == "line 2 ends in k"


def test_lines_that_are_all_secrets_are_shown_in_time_and_hidden() -> None:
    redactor, clock = Redactor(), Still(0.0)
    redactor.learn("secret0", SECRET)
    kept = LogLines(Secrets({}, redactor), clock.real)
    for _ in range(20):
        kept.take([Entry(1.0, "", SECRET)])
        clock.at += 0.2
    found = said(kept)
    assert len(found) > 10
    assert set(found) == {"[secret0 hidden]"}


@given(st.lists(st.integers(0, 3 * LONGEST), max_size=200))
def test_what_is_kept_of_a_log_is_bounded(sizes: list[int]) -> None:
    kept = lines()
    kept.take(Entry(1.0, "", "x" * size) for size in sizes)
    kept.take(Entry(2.0, "", str(number)) for number in range(1200))
    found = said(kept)
    assert len(found) == LOG_LINES
    assert found[-1] == "1199"
    assert sum(map(len, found)) <= MOST + LONGEST


def test_a_flood_of_long_lines_is_bounded_by_its_size() -> None:
    kept = lines()
    kept.take(Entry(1.0, "", "x" * 1500) for _ in range(LOG_LINES))
    assert sum(map(len, said(kept))) <= MOST


def test_what_a_container_was_given_is_known_before_its_log_is_read() -> None:
    redactor = Redactor()
    variables = [
        "JWT_SECRET=tH1s1sSecret",
        "URL=redis://:pa55w0rd@redis:6379",
        "NODE_ENV=production",
    ]
    learn(Secrets({}, redactor), {"Config": {"Env": variables}}, is_local=True)
    text = redactor.hide("tH1s1sSecret and pa55w0rd in production")
    assert text == "[JWT_SECRET hidden] and [URL hidden] in production"
