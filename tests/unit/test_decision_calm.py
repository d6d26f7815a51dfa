"""The verdict's word over time: prompt where it grows worse, calm where it hovers."""

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.decision import calm
from cockpit.decision.calm import RANK, Fear, Spoken, Standing
from cockpit.decision.evidence import Leaning, VerdictWord
from cockpit.decision.tree import Finding
from tests.fakes.streams import WINDOW, Stream

MINUTE = 60.0
QUARTER = 15


def after(
    words: list[VerdictWord], fear: Leaning = "good", standing: Standing | None = None
) -> list[VerdictWord]:
    """What is shown at each look, a minute apart."""
    found = []
    standing = standing or Standing()
    for minute, word in enumerate(words):
        now = minute * MINUTE
        standing = calm.judge(standing, Finding(word, word, ("s",)), now, now)
        standing = calm.let_go(standing, now, WINDOW, lambda _: fear)
        found.append(calm.shown(standing).word)
    return found


def said(*words: tuple[VerdictWord, int]) -> list[VerdictWord]:
    """Each word for so many minutes."""
    return [word for word, count in words for _ in range(count)]


def test_a_worse_word_is_shown_at_once_and_a_rollback_at_its_second_look() -> None:
    worse: list[VerdictWord] = ["stay", "not_enough_data", "scale_up", "fix_forward", "roll_back"]
    assert after([*worse, "roll_back"]) == [
        "stay",
        "not_enough_data",
        "scale_up",
        "fix_forward",
        "fix_forward",
        "roll_back",
    ]


def test_a_milder_word_waits_for_a_whole_window_without_the_worse_one() -> None:
    found = after(said(("fix_forward", 1), ("stay", 20)))
    assert found.index("stay") == QUARTER
    assert set(found[:QUARTER]) == {"fix_forward"}


def test_a_milder_word_waits_until_the_evidence_leaves_the_worse_one_out() -> None:
    words = said(("roll_back", 3), ("watch", 200))
    assert set(after(words, fear="bad")[1:]) == {"roll_back"}
    assert "watch" in after(words, fear="warn")


def test_so_little_traffic_that_nothing_can_be_told_holds_no_word_for_ever() -> None:
    words = said(("roll_back", 3), ("not_enough_data", 300))
    assert after(words, fear="unknown").index("not_enough_data") == 2 + 4 * QUARTER
    words = said(("watch", 1), ("not_enough_data", 300))
    assert after(words, fear="unknown").index("not_enough_data") == 8 * QUARTER


def test_enough_data_is_said_at_a_second_look_that_leaves_no_doubt() -> None:
    words: list[VerdictWord] = ["not_enough_data", "stay", "stay"]
    assert after(words) == ["not_enough_data", "stay", "stay"]
    assert after(words, fear="bad") == ["not_enough_data"] * 3


def test_after_a_rollback_the_word_falls_to_the_worst_that_was_said_since() -> None:
    words = said(("roll_back", 3), ("fix_forward", 2), ("stay", 40))
    found = after(words)
    assert found[2 + QUARTER] == "fix_forward"
    assert found[4 + QUARTER] == "stay"


def test_one_signal_that_hovers_at_its_limit_says_one_word() -> None:
    words: list[VerdictWord] = ["watch", "fix_forward"] * 60
    assert after(words) == ["watch", *["fix_forward"] * 119]


def test_a_resource_that_is_short_no_more_is_no_reason_to_scale_up_for_ever() -> None:
    words = said(("scale_up", 1), ("watch", 20))
    assert after(words, fear="warn").index("watch") == QUARTER


def test_an_end_of_the_question_is_said_at_once_and_begins_anew() -> None:
    words: list[VerdictWord] = ["roll_back", "roll_back", "decided", "stay"]
    assert after(words) == ["watch", "roll_back", "decided", "stay"]


def test_a_clock_that_goes_back_begins_anew() -> None:
    standing = Standing(calm=(Spoken("fix_forward", "x", (), 1000),))
    assert calm.judge(standing, Finding("stay", "y"), 500, 500).word == "stay"


def test_a_held_word_says_since_when_it_is_milder_and_what_is_measured_now() -> None:
    standing = Standing(calm=(Spoken("roll_back", "Failing: 14%", ("s",), 8040),))
    standing = calm.judge(standing, Finding("stay", "all is well", ("s", "t")), 8100, 8100)
    found = calm.shown(standing)
    assert found.word == "roll_back"
    assert found.reason == (
        "until 02:14:00 UTC Failing: 14%; now only STAY, not yet for sure: all is well"
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_reason_to_roll_back_is_one_while_one_signal_asks_for_it(seed: int) -> None:
    stream = Stream(seed)
    stream.failing = lambda minute: 0.14 if minute >= 5 else 0.005
    looks = [look for look in stream.looks(40) if look.shown == "roll_back"]
    assert {look.found for look in looks} >= {"roll_back"}
    (reason,) = {look.reason for look in looks}
    assert reason.startswith("failures: 1")
    assert reason.endswith(" UTC")


def test_another_signal_that_asks_for_a_rollback_is_its_new_reason() -> None:
    standing = Standing()
    for minute, (signal, share) in enumerate((("s", 14), ("s", 15), ("s", 13), ("t", 3), ("t", 4))):
        finding = Finding("roll_back", f"{signal}: {share}", (signal,))
        standing = calm.judge(standing, finding, minute * MINUTE, minute * MINUTE)
    assert calm.shown(standing).reason == "t: 3, at 00:03:00 UTC"


def test_after_a_restart_the_same_signal_keeps_the_reason_that_the_journal_has() -> None:
    standing = calm.recalled("roll_back", "Failing: 14%, at 02:14:00 UTC", 0)
    for share in ("12%", "16%"):
        standing = calm.judge(standing, Finding("roll_back", f"Failing: {share}", ("s",)), 60, 60)
    assert calm.shown(standing).reason == "Failing: 14%, at 02:14:00 UTC"
    standing = calm.judge(standing, Finding("roll_back", "Rows lost: 3", ("t",)), 120, 120)
    assert calm.shown(standing).reason == "Rows lost: 3, at 00:02:00 UTC"


def test_after_a_restart_the_journals_word_stands_until_the_evidence_leaves_it_out() -> None:
    standing = calm.recalled("roll_back", "Failing: 14%", 0)
    unsure: list[VerdictWord] = ["not_enough_data"] * 5
    assert after(unsure, "unknown", standing) == ["roll_back"] * 5
    assert after(["roll_back"], "bad", standing) == ["roll_back"]
    assert calm.recalled("not_yet", "", 0) == Standing()
    assert calm.recalled("a word of a newer program", "", 0) == Standing()


FEARS: Mapping[Leaning, Fear] = {
    "good": lambda _: "good",
    "warn": lambda _: "warn",
    "unknown": lambda _: "unknown",
    "bad": lambda _: "bad",
}
SAID = st.lists(
    st.tuples(
        st.sampled_from(sorted(RANK)),
        st.sampled_from(sorted(FEARS)),
        st.floats(1.0, 400.0),
    ),
    min_size=1,
    max_size=120,
)


@given(SAID)
def test_whatever_comes_nothing_milder_is_shown_than_what_was_found(
    looks: list[tuple[VerdictWord, Leaning, float]],
) -> None:
    standing, now, last = Standing(), 0.0, dict.fromkeys(RANK, -1e9)
    shown: VerdictWord = "stay"
    for word, fear, gap in looks:
        now += gap
        standing = calm.judge(standing, Finding(word, word, ("s",)), now, now)
        standing = calm.let_go(standing, now, WINDOW, FEARS[fear])
        found = word if word != "roll_back" or standing.looks.count > 1 else "watch"
        before, shown = shown, calm.shown(standing).word
        # A clear breach is never hidden: nor is anything that was found.
        assert RANK[shown] >= RANK[found]
        # It turns milder only after its time without the worse word, and then what it was
        # told by is no longer feared, or long past.
        if RANK[shown] < RANK[before]:
            quiet = now - last[before]
            assert quiet >= calm.needs(Spoken(before, "", (), 0), WINDOW)
            assert fear != "bad" or quiet >= 8 * WINDOW
        last |= {one: now for one in RANK if RANK[one] <= RANK[found] or one == word == shown}


def flaps(words: list[VerdictWord]) -> list[tuple[VerdictWord, ...]]:
    """Two changes within a window."""
    turns = [at for at in range(1, len(words)) if words[at] != words[at - 1]]
    return [
        (words[one - 1], words[one], words[two])
        for one, two in pairwise(turns)
        if two - one < QUARTER
    ]


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("rate", "failing", "slowness"),
    [
        (2.5, 0.005, 1.0),
        (2.5, 0.02, 1.0),
        (10, 0.015, 1.0),
        (10, 0.05, 1.0),
        (10, 0.1, 1.0),
        (40, 0.025, 1.0),
        (40, 0.03, 1.0),
        (40, 0.08, 1.0),
        (40, 0.1, 1.0),
        (40, 0.11, 1.0),
        (10, 0.005, 1.3),
        (40, 0.005, 1.3),
        (40, 0.005, 1.4),
        (40, 0.005, 2.0),
    ],
)
def test_noise_at_a_limit_changes_the_word_at_most_once_a_window(
    seed: int, rate: float, failing: float, slowness: float
) -> None:
    stream = Stream(seed, rate)
    stream.failing, stream.slowness = lambda _: failing, lambda _: slowness
    looks = list(stream.looks(360))[30:]
    shown = [look.shown for look in looks]
    assert flaps(shown) == []
    assert all(RANK[look.shown] >= RANK[look.found] for look in looks if look.found != "roll_back")


def test_a_fault_that_is_mended_is_green_again_within_half_an_hour() -> None:
    stream = Stream(1)
    stream.failing = lambda minute: 0.14 if 20 < minute <= 40 else 0.005
    told = dict(stream.verdicts(80))
    assert told[20] == "stay"
    assert told[30] == "roll_back"
    assert told[70] == "stay"
    ranks = [RANK[told[minute]] for minute in range(41, 80)]
    assert ranks == sorted(ranks, reverse=True)
