from __future__ import annotations

from cockpit.tui.pace import BOUND_MOST_S, BOUND_S, ECHOES, MARKS, SILENT_S, Pace
from tests.fakes.screens import FakeReal


def paced() -> tuple[Pace, FakeReal]:
    real = FakeReal()
    return Pace(real), real


def answering() -> tuple[Pace, FakeReal]:
    """A terminal that has answered its first frame."""
    pace, real = paced()
    pace.answer(pace.frame(), real.at)
    return pace, real


def test_no_frame_goes_before_the_last_was_answered() -> None:
    pace, real = answering()
    mark = pace.frame()
    assert pace.wait_s == BOUND_S
    real.at += 0.2
    assert pace.answer(mark, real.at) is not None
    assert pace.wait_s == 0
    assert round(pace.round_trip_s, 3) == 0.2


def test_an_unanswered_frame_holds_back_the_next_for_a_bounded_time() -> None:
    pace, real = answering()
    pace.frame()
    real.at += BOUND_S
    assert pace.wait_s == 0


def test_a_link_that_stands_still_is_not_filled() -> None:
    pace, real = answering()
    began, frames = real.at, 0
    while real.at - began < 600:
        real.at += 0.25
        if not pace.wait_s:
            pace.frame()
            frames += 1
    assert frames < 600 / BOUND_MOST_S + 8


def test_after_the_stall_frames_flow_as_before() -> None:
    pace, real = answering()
    for _ in range(4):
        mark = pace.frame()
        real.at += 60
    assert (pace.answer(mark, real.at) or 0) >= 60
    pace.frame()
    assert 0 < pace.wait_s <= BOUND_S


def test_one_answer_stands_for_all_frames_before_it() -> None:
    pace, real = answering()
    first = pace.frame()
    real.at += BOUND_S
    second = pace.frame()
    pace.answer(second, real.at)
    assert pace.unanswered == 0
    assert pace.answer(first, real.at) is None


def test_the_echo_of_a_key_waits_for_nothing_but_is_bounded() -> None:
    pace, real = answering()
    pace.frame()
    pace.key_at = real.at
    for _ in range(ECHOES - 1):
        assert pace.wait_s == 0
        pace.frame()
    assert pace.wait_s > 0


def test_a_terminal_that_answers_nothing_is_not_waited_for() -> None:
    pace, real = paced()
    for _ in range(3 * MARKS):
        pace.frame()
        assert pace.wait_s == 0
        real.at += 0.25
    assert pace.unanswered < MARKS


def test_what_a_silent_terminal_was_sent_counts_as_shown_after_a_while() -> None:
    pace, real = paced()
    pace.frame()
    assert not pace.is_shown(1)
    real.at += SILENT_S + 0.1
    assert pace.is_shown(1)


def test_a_terminal_that_once_answered_must_answer_again_before_anything_counts_as_shown() -> None:
    pace, real = answering()
    pace.frame()
    real.at += 3600
    assert not pace.is_shown(2)


def test_answers_that_nobody_asked_for_change_nothing() -> None:
    pace, real = answering()
    pace.frame()
    assert pace.answer(9, real.at) is None
    assert pace.unanswered == 1
