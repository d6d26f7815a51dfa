import pytest

from cockpit.decision.evidence import Leaning, Reading
from cockpit.decision.tree import Finding, Looks, advised, find, look


def reading(leaning: Leaning, high: float = 0.05) -> Reading:
    return Reading("s", "Sick?", leaning, 0.04, 0.03, high, 0.1, 100, 7, "4% of 100", 50.0)


GOOD = reading("good")


@pytest.mark.parametrize("kind", ["losses", "failures", "latency"])
def test_any_signal_beyond_its_limit_rolls_back(kind: str) -> None:
    others = [(other, GOOD) for other in ("losses", "failures", "latency") if other != kind]
    finding = find([*others, (kind, reading("bad"))])
    assert finding == Finding("roll_back", "Sick: 4% of 100", ("s",))


def test_lost_rows_are_named_before_slow_answers() -> None:
    lost = Reading("l", "Rows lost?", "bad", 3, 3, 3, 0, 100, 0, "3 of 100 missing", 50.0)
    assert find([("latency", reading("bad")), ("losses", lost)]).reason.startswith("Rows lost")


def test_more_failures_than_usual_are_fixed_forward() -> None:
    assert find([("losses", GOOD), ("failures", reading("warn"))]).word == "fix_forward"


def test_failures_that_may_be_beyond_the_limit_are_watched() -> None:
    finding = find([("failures", reading("warn", high=0.12))])
    assert finding.word == "watch"
    assert "7 more requests would tell" in finding.reason


def test_slow_answers_scale_up_where_a_resource_is_short_and_are_watched_elsewhere() -> None:
    slow = [("latency", reading("warn"))]
    assert find(slow).word == "watch"
    scaled = find(slow, ["memory 94% used"])
    assert scaled.word == "scale_up"
    assert "memory 94% used" in scaled.reason


def test_one_unknown_signal_is_not_green() -> None:
    finding = find([("losses", GOOD), ("failures", reading("unknown"))])
    assert finding.word == "not_enough_data"
    assert "7 more needed" in finding.reason


def test_no_signal_at_all_is_not_green() -> None:
    assert find([]).word == "not_enough_data"
    assert find([("share", GOOD)]).word == "not_enough_data"


def test_where_all_is_good_one_stays() -> None:
    assert find([("losses", GOOD), ("failures", GOOD), ("share", reading("unknown"))]).word == (
        "stay"
    )


def test_a_rollback_is_advised_only_by_a_second_look_with_newer_observations() -> None:
    bad = Finding("roll_back", "Failing: 60%")
    first = look(Looks(), bad, 1000, 990)
    assert advised(bad, first).word == "watch"
    assert "00:17:40" in advised(bad, first).reason
    too_soon = look(first, bad, 1059, 1055)
    assert advised(bad, too_soon).word == "watch"
    same_data = look(first, bad, 1100, 990)
    assert advised(bad, same_data).word == "watch"
    second = look(first, bad, 1060, 1055)
    assert second.count == 2
    assert advised(bad, second) == bad


def test_a_look_that_says_otherwise_begins_the_count_anew() -> None:
    bad, good = Finding("roll_back", "x"), Finding("stay", "y")
    looks = look(look(Looks(), bad, 0, 1), good, 60, 61)
    assert (looks.word, looks.count) == ("stay", 1)
    assert look(looks, bad, 120, 121).count == 1


def test_a_clock_that_goes_back_begins_the_count_anew() -> None:
    bad = Finding("roll_back", "x")
    assert look(Looks("roll_back", 2, 1000, 999), bad, 500, 499).count == 1
