from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.propagation.census import (
    Caches,
    Census,
    answers_for,
    answers_for_all,
    expected_instants,
    fullest,
    old_at_most,
    words,
)

NOON = 43200.0


def test_caches_that_were_not_met_are_estimated_as_chao_does() -> None:
    census = Census(seen=9, once=3, twice=2, samples=30)
    assert census.about == 10
    assert census.unseen == pytest.approx(0.1)
    assert Census(seen=4, once=0, twice=1, samples=40).about == 4
    assert Census().unseen is None


@pytest.mark.parametrize(
    ("caches", "ttl", "instants"), [(10, 60, 9.3), (20, 60, 17.1), (20, 3600, 19.95)]
)
def test_a_long_ttl_tells_caches_apart_that_a_short_one_hides(
    caches: int, ttl: int, instants: float
) -> None:
    assert expected_instants(caches, ttl) == pytest.approx(instants, abs=0.06)


@pytest.mark.parametrize(("share", "n"), [(0.5, 5), (0.2, 14), (0.1, 29), (0.05, 59), (0.01, 299)])
def test_how_many_new_answers_in_a_row_show_that_little_is_old(share: float, n: int) -> None:
    assert answers_for(share) == n
    told = old_at_most(n)
    assert told is not None
    assert told <= share
    assert told <= 3 / n


@pytest.mark.parametrize(("caches", "n"), [(1, 1), (2, 6), (4, 16), (10, 51), (20, 117)])
def test_how_many_answers_meet_every_cache(caches: int, n: int) -> None:
    assert answers_for_all(caches) == n


def test_uneven_load_takes_more_answers() -> None:
    assert answers_for_all(4, least_load=0.05) > answers_for_all(4)


def test_equal_expiry_is_one_cache_and_other_instants_are_others() -> None:
    caches = Caches()
    for at, expires in ((0, 3600), (10, 3600.4), (20, 1800), (30, 3599.2), (40, 1800)):
        caches.hear(NOON + at, round(expires - at), "old")
    assert caches.count() == Census(seen=2, once=0, twice=1, samples=5)
    caches.hear(NOON + 1900, 1700, "old")
    assert caches.count().seen == 1, "what has expired is no cache of today"
    assert caches.best.seen == 2


def test_an_old_answer_in_another_cache_is_known_until_it_expires() -> None:
    caches = Caches()
    caches.hear(NOON, 50, "old")
    caches.hear(NOON + 5, 60, "new")
    assert caches.still("old", NOON + 5) == NOON + 50
    assert caches.still("old", NOON + 51) is None
    assert caches.with_state("new", NOON + 6) == 1


def test_a_ttl_that_never_falls_is_not_countable() -> None:
    caches = Caches()
    for turn in range(12):
        caches.hear(NOON + 10 * turn, 300, "old")
    assert caches.mark == "constant"


def served_stale(ttl: int, published: int, *, is_stale: bool = False) -> Caches:
    """One cache of a zone whose servers are gone: its answer ran out, and is given all the same."""
    caches = Caches()
    for at in range(0, published, 5):
        caches.hear(NOON + at, published - at, "old", published)
    for turn in range(8):
        caches.hear(NOON + published + 5 * turn, ttl, "old", published, is_stale=is_stale)
    return caches


@pytest.mark.parametrize(
    ("ttl", "published", "is_stale"), [(30, 20, False), (30, 60, False), (17, 60, False)]
)
def test_a_cache_that_serves_stale_is_one_however_often_it_does(
    ttl: int, published: int, *, is_stale: bool
) -> None:
    caches = served_stale(ttl, published, is_stale=is_stale)
    assert (caches.best.seen, caches.best.about) == (1, 1)
    assert caches.with_state("old", NOON + published + 36) == 1


def test_a_cache_that_says_that_it_serves_stale_is_one_whatever_its_ttl() -> None:
    caches = served_stale(30, 30, is_stale=True)
    assert (caches.best.seen, caches.best.about) == (1, 1)


def test_a_cache_that_is_stale_once_and_then_fetches_anew_is_one() -> None:
    caches = Caches()
    for at, ttl in ((0, 8), (3, 5), (9, 30), (12, 5), (15, 2), (18, 30), (21, 5)):
        caches.hear(NOON + at, ttl, "old", 8)
    assert (caches.best.seen, caches.best.about) == (1, 1)
    assert caches.with_state("old", NOON + 22) == 1


def test_a_cache_met_with_just_what_a_stale_answer_has_counts_once_its_ttl_falls() -> None:
    caches = Caches()
    for at, ttl in ((0, 100), (5, 30), (10, 90), (15, 20)):
        caches.hear(NOON + at, ttl, "old", 300)
    assert caches.count().seen == 2


def test_a_stale_cache_beside_an_honest_one_makes_no_crowd() -> None:
    caches = Caches()
    for turn in range(8):
        caches.hear(NOON + 10 * turn, 30, "old", 300)
        caches.hear(NOON + 10 * turn + 5, 200 - 10 * turn, "old", 300)
    assert (caches.best.seen, caches.best.about) == (1, 1), "the other one tells no time"


def test_what_was_counted_before_a_ttl_turned_out_to_be_constant_is_no_count() -> None:
    caches = Caches()
    for turn in range(12):
        caches.hear(NOON + 5 * turn, 60, "old", 60)
    caches.hear(NOON + 60, 41, "old", 60)
    assert not caches.mark, "it falls after all"
    assert caches.best.seen < 10


def test_a_stale_answer_after_an_engines_start_is_no_cache_more() -> None:
    before = served_stale(30, 60)
    best, last, row, fetched, published, live, heard = before.kept()
    caches = Caches(best, last, row)
    caches.again(fetched, published, live, heard)
    caches.hear(NOON + 105, 30, "old", 60)
    assert caches.best.about == 1


def test_a_short_ttl_seen_whole_each_time_is_not_constant() -> None:
    caches = Caches()
    for turn in range(12):
        caches.hear(NOON + 10 * turn, 5, "old", 5)
    assert caches.mark == ""


def test_a_ttl_that_only_rises_is_marked() -> None:
    caches = Caches()
    for turn in range(10):
        caches.hear(NOON + 10 * turn, 100 + turn * 20, "old")
    assert caches.mark == "rising"


def polled(own: int, published: int, *, every: int = 10) -> Caches:
    """One cache with a TTL of its own, asked regularly."""
    caches, expires = Caches(), NOON
    for turn in range(3 * own // every + 3):
        now = NOON + every * turn
        if expires <= now:
            expires = now + own
        caches.hear(now, round(expires - now), "old", published)
    return caches


@pytest.mark.parametrize(
    ("own", "published", "mark"), [(900, 60, "raised"), (300, 3600, "capped"), (120, 120, "")]
)
def test_a_ttl_of_the_resolvers_own_choosing_is_marked(own: int, published: int, mark: str) -> None:
    assert polled(own, published).mark == mark


def test_the_count_is_told_with_what_it_leaves_open() -> None:
    assert words(12, 12, 14, 0.0496, "old") == "12 of about 14 caches new, 95%: under 5% old"
    assert words(0, 12, 14, 0.0496, "old") == "about 14 caches, 95%: under 5% old"
    assert words(12, 12, 14, None, "old") == "12 of about 14 caches known to give new"
    assert words(1, 1, 1, None, "new") == "1 of 1 cache known to give old"
    assert words(0, 0, 0, None, "old") == "caches not countable"
    assert fullest([Census(2, 1, 1, 3), Census(5, 1, 1, 9)]).seen == 5
    assert fullest([]) == Census()


@given(st.integers(1, 20), st.integers(0, 2**32))
def test_a_population_is_never_counted_higher_than_it_is(size: int, seed: int) -> None:
    rng = random.Random(seed)
    expires = [NOON + rng.uniform(600, 3600) for _ in range(size)]
    caches = Caches()
    for turn in range(60):
        now = NOON + turn
        caches.hear(now, int(rng.choice(expires) - now), "old")
    # TTLs are floors, so one cache's instants lie within a second of each other.
    assert caches.count().seen <= size


@given(st.integers(1, 6), st.sampled_from([20, 60, 300]), st.integers(0, 2**32))
def test_caches_that_let_go_at_whole_seconds_and_fetch_anew_are_never_counted_higher(
    size: int, ttl: int, seed: int
) -> None:
    rng, caches, now = random.Random(seed), Caches(), NOON + 0.3
    expires = [int(NOON) + rng.randint(1, ttl) for _ in range(size)]
    for _ in range(150):
        which = rng.randrange(size)
        if int(now) >= expires[which]:
            expires[which] = int(now) + ttl
        caches.hear(now, expires[which] - int(now), "old", ttl)
        assert caches.best.seen <= size
        now += rng.uniform(1.0, ttl / 10)


def test_the_share_of_old_answers_lies_within_the_stated_confidence() -> None:
    rng, wrong = random.Random(7), 0
    for _ in range(2000):
        share, following = rng.uniform(0.01, 0.6), 0
        while following < 300 and rng.random() >= share:
            following += 1
        told = old_at_most(30) if following >= 30 else None
        wrong += told is not None and share > told
    assert wrong / 2000 <= 0.05


def test_the_estimate_comes_near_the_truth_for_equal_caches() -> None:
    rng, told = random.Random(3), []
    for _ in range(200):
        expires = [NOON + rng.uniform(600, 3600) for _ in range(10)]
        caches = Caches()
        for turn in range(30):
            caches.hear(NOON + turn, int(rng.choice(expires) - NOON - turn), "old")
        told.append(caches.best.about)
    assert sum(told) / len(told) == pytest.approx(10.0, abs=0.6)
