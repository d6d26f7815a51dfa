from __future__ import annotations

import random
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cockpit.propagation.answers import Cell, CellState, Row
from cockpit.propagation.census import words
from cockpit.propagation.convergence import (
    SLACK_S,
    Given,
    bound,
    judge,
    late,
    learn,
    share,
)
from cockpit.propagation.forecast import (
    NEVER,
    cached_share,
    expected_old,
    expected_share,
    held_for,
    layers,
)
from cockpit.propagation.memory import Memory
from cockpit.propagation.turns import Turns

NOON = 43200.0
NAME = "www.example.test."
NAMES = (NAME,)


def left(last: float, ttl: int = 60, *, over: bool = True, name: str = NAME) -> Given:
    return Given("old", "ns1", name, ttl, last, over=over)


def row(
    state: CellState,
    *,
    at: float = NOON,
    ttl: int | None = 60,
    name: str = "one",
    weight: float = 1.0,
    left_out: str = "",
    role: Literal["resolver", "authority"] = "resolver",
) -> Row:
    expires = None if ttl is None else at + ttl
    cell = Cell(state, ttl=ttl, expires_at=expires, at=at)
    return Row(name, name, "", role, "honest", weight, (cell,), left_out=left_out)


def test_nobody_is_expected_to_let_go_while_one_name_server_was_not_seen_to_turn() -> None:
    silent = replace(left(NOON - 50, 20, over=False), address="ns2")
    assert expected_old([left(NOON), silent], NAME, "new", NOON + 30) == 1.0


@pytest.mark.parametrize(("after", "old"), [(0, 1.0), (15, 0.75), (30, 0.5), (60, 0.0), (99, 0.0)])
def test_caches_filled_at_times_of_their_own_let_go_evenly(after: float, old: float) -> None:
    assert expected_old([left(NOON)], NAME, "new", NOON + after) == pytest.approx(old)


def test_nothing_is_expected_to_follow_while_an_authority_gives_the_old_answer() -> None:
    assert expected_old([left(NOON, over=False)], NAME, "new", NOON + 50) == 1.0
    assert expected_old([], NAME, "new", NOON) == 0.0


def test_each_name_is_expected_by_its_own_ttl() -> None:
    known = [left(NOON, 60), left(NOON, 3600, name="api.example.test.")]
    assert expected_old(known, NAME, "new", NOON + 60) == 0.0
    assert expected_old(known, "api.example.test.", "new", NOON + 360) == pytest.approx(0.9)


def test_the_expected_share_weighs_users_and_knows_clamps_and_the_silent() -> None:
    rows = [
        row("old", weight=6),
        row("old", weight=2, name="clamped"),
        row("timeout", ttl=None, weight=2, name="silent"),
        row("old", weight=50, name="liar", left_out="invents an answer"),
    ]
    told = expected_share(rows, NAMES, [left(NOON)], "new", {"clamped": 600.0}, NOON + 60)
    assert told == pytest.approx((6 + 2 * 60 / 600) / 10)
    assert expected_share([], NAMES, [left(NOON)], "new", {}, NOON) is None


def test_who_was_left_out_counts_neither_way() -> None:
    rows = [row("new"), row("old", name="liar", left_out="invents an answer")]
    assert share(rows, "new") == (1.0, 1, 1)


def test_what_keeps_an_address_beyond_resolvers_is_said_with_its_seconds() -> None:
    told = layers(60.0)
    assert told[0] == "Chrome up to 120 s after the switch"
    assert "Firefox up to 180 s after the switch" in told
    assert "Java up to 90 s after the switch" in told
    assert told[-1] == NEVER
    assert layers(None)[0] == "Chrome up to 60 s after its resolver"


def test_floors_and_caps_change_what_a_ttl_means() -> None:
    assert (held_for(60, floor=600), held_for(86400, cap=3600), held_for(60)) == (600, 3600, 60)
    assert cached_share(1.0, 60) == pytest.approx(60 / 61)


def test_the_absence_of_a_name_is_cached_too_and_bounds_the_switch() -> None:
    known: tuple[Given, ...] = ()
    absent = row("no_name", ttl=900, role="authority")
    for seen in (absent, row("new", at=NOON + 1, role="authority")):
        known = learn(known, [seen], NAMES)
    assert bound(known, "new") == NOON + 901
    long = learn((), [row("no_data", ttl=86400, role="authority")], NAMES)
    assert bound(long, "new") == NOON + 10800


def test_an_address_with_several_caches_is_mixed_until_the_last_of_them_lets_go() -> None:
    memory = Memory()
    memory.hear([row("old", ttl=50)], NAMES, {})
    memory.hear([row("new", at=NOON + 10)], NAMES, {})
    told = memory.told(row("new", at=NOON + 10), NAMES, "new", NOON + 10)
    assert (told.cells[0].state, told.cells[0].expires_at) == ("mixed", NOON + 50)
    assert "another cache" in told.cells[0].note
    told = memory.told(row("new", at=NOON + 10), NAMES, "new", NOON + 51)
    assert told.cells[0].state == "new"
    assert told.history == ("old", "new")


def test_a_cache_whose_answer_has_just_run_out_follows_as_its_last_answer_did() -> None:
    memory = Memory()
    memory.hear([row("old", ttl=4)], NAMES, {})
    for second in (10, 20):
        heard = row("new", at=NOON + second, ttl=4)
        memory.hear([heard], NAMES, {})
    now = NOON + 29
    told = memory.told(heard, NAMES, "new", now)
    assert (told.cells[0].state, told.following, told.caches) == ("new", 1, 1)
    assert memory.share([heard], NAMES, "new", now) == 1.0
    silent = row("timeout", at=NOON + 30, ttl=None)
    memory.hear([silent], NAMES, {})
    assert memory.told(silent, NAMES, "new", NOON + 31).following == 0, "nobody knows"
    assert memory.share([silent], NAMES, "new", NOON + 31) is None


def test_caches_that_are_met_one_at_a_time_follow_once_enough_answers_met_them_all() -> None:
    memory = Memory()
    for second, left in ((0, 60), (1, 50), (2, 40), (3, 57), (4, 46), (5, 37)):
        memory.hear([row("old", at=NOON + second, ttl=left)], NAMES, {})
    told = []
    for turn in range(12):
        heard = row("new", at=NOON + 100 + 10 * turn, ttl=4)
        memory.hear([heard], NAMES, {})
        told.append(memory.told(heard, NAMES, "new", heard.cells[0].at + 6).following)
    assert told[0] == 1
    assert told[-1] == 3


def test_one_cache_that_changed_early_is_believed() -> None:
    memory = Memory()
    for turn in range(7):
        memory.hear([row("old", at=NOON + turn, ttl=3600 - turn)], NAMES, {})
    memory.hear([row("new", at=NOON + 10)], NAMES, {})
    told = memory.told(row("new", at=NOON + 10), NAMES, "new", NOON + 10)
    assert told.cells[0].state == "new", "its only cache was flushed"
    assert (told.caches, told.about) == (1, 1)


def test_answers_of_both_sides_in_turn_are_mixed_and_say_how() -> None:
    turning = Memory()
    for second, state in enumerate(("new", "old", "new", "old", "new")):
        heard = row(state, at=NOON + second, ttl=0)  # type: ignore[arg-type]
        turning.hear([heard], NAMES, {})
    cell = turning.told(heard, NAMES, "new", NOON + 5).cells[0]
    assert (cell.state, cell.note) == ("mixed", "it gives both answers in turn")
    for second in range(5, 14):
        heard = row("new", at=NOON + second, ttl=0)
        turning.hear([heard], NAMES, {})
    assert turning.told(heard, NAMES, "new", NOON + 14).cells[0].state == "new"


def test_several_caches_that_have_let_go_are_mixed_no_longer() -> None:
    memory, end = Memory(), NOON + 60
    for second in range(0, 60, 4):
        memory.hear([row("old", at=NOON + second, ttl=60 - second)], NAMES, {})
        memory.hear([row("new", at=NOON + second + 2, ttl=60)], NAMES, {})
    last = row("new", at=end - 2, ttl=60)
    assert memory.told(last, NAMES, "new", end - 1).cells[0].state == "mixed"
    last = row("new", at=end + 1, ttl=59)
    memory.hear([last], NAMES, {})
    assert memory.told(last, NAMES, "new", end + 1).cells[0].state == "new"


def test_a_resolver_whose_ttl_never_falls_does_not_count_and_says_why() -> None:
    memory = Memory()
    for second in range(12):
        heard = row("old", at=NOON + 3 * second, ttl=3600)
        memory.hear([heard], NAMES, {NAMES[0]: 3600})
    told = memory.told(heard, NAMES, "new", NOON + 36)
    assert told.mark == "constant"
    assert "its TTL does not fall" in told.left_out


def test_a_ttl_that_a_resolver_was_seen_to_raise_is_the_floor_of_its_own_bound() -> None:
    memory = Memory()
    for at, ttl in ((0, 600), (300, 300), (601, 600), (900, 300), (1202, 600)):
        memory.hear([row("old", at=NOON + at, ttl=ttl)], NAMES, {NAMES[0]: 60})
    assert memory.floor("one") == 600
    assert memory.floor("another") == 0


def test_turns_are_seldom_often_after_a_switch_and_at_once_when_an_answer_ran_out() -> None:
    turns, one = Turns(polite=True), row("old", ttl=3600)
    assert turns.due([one], 0.0, NOON, None) == {"one"}
    assert turns.due([one], 5.0, NOON + 5, None) == set()
    assert turns.due([one], 5.0, NOON + 5, NOON) == {"one"}
    assert turns.due([one], 16.0, NOON + 16, None) == {"one"}
    short = row("old", ttl=3)
    assert turns.due([short], 19.5, NOON + 19.5, None) == {"one"}
    assert turns.due([short], 20.0, NOON + 20, None) == set(), "never twice in a second"
    assert turns.due([replace(one, left_out="lies")], 45.0, NOON + 45, None) == set()
    assert Turns(polite=False).due([one], 0.0, NOON, None) == {"one"}


@settings(deadline=None, max_examples=25)
@given(
    st.integers(0, 2**32),
    st.integers(1, 40),
    st.sampled_from([20, 60, 300]),
    st.floats(0.0, 30.0),
)
def test_no_honest_cache_breaks_the_bound(seed: int, size: int, ttl: int, lag: float) -> None:
    rng = random.Random(seed)
    turns = [NOON, NOON + lag]
    known: tuple[Given, ...] = ()
    for second in range(-ttl, round(lag) + 3):
        now = NOON + second
        for at, turned in enumerate(turns):
            state: CellState = "new" if now >= turned else "old"
            seen = row(state, at=now, ttl=ttl, name=f"ns{at}", role="authority")
            known = learn(known, [seen], NAMES)
    end = bound(known, "new")
    assert end is not None
    filled = [rng.choice(turns) - rng.uniform(0, ttl) for _ in range(size)]
    ends = [at + ttl for at in filled]
    assert max(ends) <= end
    for at in range(0, round(end - NOON) + 10, 7):
        now = NOON + at
        rows = [
            row("old" if expires > now else "new", at=now, ttl=1, name=str(number))
            for number, expires in enumerate(ends)
        ]
        assert not any(late(judge(rows, known, "new", {}, NAMES)))
    gone = [row("old", at=end + SLACK_S + 1, ttl=600)]
    assert late(judge(gone, known, "new", {}, NAMES)).violators == ("one",)


def test_who_was_asked_by_a_gate_is_left_alone_for_a_second_by_the_watch_and_by_other_gates() -> (
    None
):
    turns, one, another = Turns(polite=True), row("old", ttl=3600), replace(row("old"), name="two")
    assert turns.reserve(["one"], 100.0) == 0.0
    assert turns.due([one, another], 100.5, NOON, None) == {"two"}
    assert turns.reserve(["one", "two"], 100.6) == pytest.approx(0.9), "the watch asked two at .5"
    assert turns.reserve(["one"], 100.6) == pytest.approx(1.9), "each gate after the one before"
    assert turns.due([one, another], 103.6, NOON, None) == {"one"}
    assert Turns(polite=False).reserve(["one"], 0.0) == 0.0


def heard_new(looks: int) -> Memory:
    memory = Memory()
    for turn in range(looks):
        memory.hear([row("new", at=NOON + 61 * turn)], NAMES, {})
    return memory


@pytest.mark.parametrize("state", ["timeout", "servfail", "no_name"])
def test_of_a_resolver_that_fell_silent_no_share_of_its_answers_is_claimed(
    state: CellState,
) -> None:
    memory, now = heard_new(49), NOON + 49 * 61
    told = memory.told(row("new", at=now), NAMES, "new", now)
    assert told.old_at_most == pytest.approx(1 - 0.05 ** (1 / 49))
    ttl = 900 if state == "no_name" else None
    told = memory.told(row(state, at=now, ttl=ttl), NAMES, "new", now)
    assert (told.following, told.old_at_most) == (0, None)
    assert words(told.following, told.caches, 3, told.old_at_most, "old") == (
        "0 of about 3 caches known to give new"
    )


def test_no_share_is_claimed_while_another_cache_is_known_to_hold_the_old_answer() -> None:
    memory = Memory()
    for turn in range(3):
        memory.hear([row("old", at=NOON + turn, ttl=600)], NAMES, {})
    memory.hear([row("new", at=NOON + 5)], NAMES, {})
    told = memory.told(row("new", at=NOON + 5), NAMES, "new", NOON + 5)
    assert told.cells[0].state == "mixed"
    assert told.old_at_most is None


def test_caches_are_known_to_follow_only_by_the_name_that_does_least() -> None:
    names, memory = (NAME, "api.example.test."), Memory()
    new, old = row("new", at=NOON).cells[0], row("old", at=NOON).cells[0]
    both = replace(row("new"), cells=(new, old))
    memory.hear([both], names, {})
    told = memory.told(both, names, "new", NOON)
    assert (told.following, told.old_at_most) == (0, None)
