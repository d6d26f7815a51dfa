import math
import random

import pytest

from cockpit.decision import statistics


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(2, 5, 0.1176, 0.7693), (10, 55, 0.1019, 0.3033), (0, 35, 0.0, 0.0989), (1, 1, 0.2065, 1.0)],
)
def test_wilsons_interval_is_the_published_one(
    hits: int, total: int, low: float, high: float
) -> None:
    interval = statistics.wilson(hits, total)
    assert interval.low == pytest.approx(low, abs=1e-3)
    assert interval.high == pytest.approx(high, abs=1e-3)


def test_without_observations_every_share_is_possible() -> None:
    assert statistics.wilson(0, 0)[1:] == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (0, 20), (3, 30), (14, 100), (1, 2)])
def test_so_many_more_requests_settle_a_share(hits: int, total: int) -> None:
    more = statistics.more_for_share(hits, total, 0.1)
    if more == statistics.ENDLESS:
        assert hits / total == pytest.approx(0.1)
        return
    scale = (total + more) / total
    settled = statistics.wilson(hits * scale, total + more)
    assert not settled.low <= 0.1 <= settled.high
    if more:
        scale = (total + more - 1) / total
        short = statistics.wilson(hits * scale, total + more - 1)
        assert short.low <= 0.1 <= short.high


def histogram(times: list[float], edges: list[float]) -> list[tuple[float, float]]:
    return [(edge, float(sum(time <= edge for time in times))) for edge in edges]


EDGES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, math.inf]


def test_a_medians_interval_holds_the_true_median() -> None:
    held = 0
    for seed in range(100):
        chance = random.Random(seed)
        times = [chance.uniform(0.0, 0.1) for _ in range(200)]
        interval = statistics.median(histogram(times, EDGES))
        assert interval is not None
        held += interval.low <= 0.05 <= interval.high
    assert held >= 90


def test_a_median_beyond_the_last_edge_is_told_as_that_edge() -> None:
    interval = statistics.median(histogram([9.0] * 50, EDGES))
    assert interval is not None
    assert interval.value == 2.5


def test_five_response_times_have_no_interval() -> None:
    assert statistics.median(histogram([0.1] * 5, EDGES)) is None
    assert statistics.median([]) is None


def test_a_ratio_is_as_wide_as_both_its_sides_allow() -> None:
    wide = statistics.ratio(statistics.Interval(3, 2, 4), statistics.Interval(1, 0.5, 2))
    assert wide == (3, 1, 8)
    assert statistics.ratio(wide, statistics.Interval(0, 0, 0)).value == math.inf


def test_a_ratio_says_how_many_more_would_settle_it() -> None:
    open_one = statistics.Interval(1.5, 1.0, 2.5)
    more = statistics.more_for_ratio(open_one, 100, 2.0)
    assert more == 300
    assert statistics.more_for_ratio(statistics.Interval(1.5, 1.4, 1.6), 100, 2.0) == 0
    assert statistics.more_for_ratio(statistics.Interval(2.0, 1.4, 2.6), 100, 2.0) == (
        statistics.ENDLESS
    )


def test_divergence_grows_from_nothing_with_the_distance() -> None:
    assert statistics.divergence(0.1, 0.1) == pytest.approx(0)
    assert 0 < statistics.divergence(0.14, 0.1) < statistics.divergence(1.0, 0.1)
    assert statistics.divergence(0.0, 0.1) > 0
