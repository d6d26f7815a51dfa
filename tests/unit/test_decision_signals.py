"""Streams of requests as the lab makes them, judged once a run minute."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from cockpit.decision.signals import Evidence, failed_column, feared, read
from cockpit.decision.windows import Balance, Ledger, Slot
from tests.fakes.streams import FAILURES, LATENCY, LOSSES, Stream, signal


def from_minute(start: int, value: float, before: float) -> Callable[[int], float]:
    return lambda minute: value if minute > start else before


def minutes_to_rollback(stream: Stream, fault: int = 5) -> int:
    for minute, word in stream.verdicts(fault + 21):
        if word == "roll_back":
            assert minute > fault, "a rollback was advised before there was a fault"
            return minute - fault
    pytest.fail("no rollback was advised within twenty minutes")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("failing", "within"), [(0.14, 20), (0.3, 5), (0.6, 4)])
def test_failing_requests_are_noticed_in_time(seed: int, failing: float, within: int) -> None:
    stream = Stream(seed)
    stream.failing = from_minute(5, failing, 0.005)
    assert minutes_to_rollback(stream) <= within


@pytest.mark.parametrize("seed", range(4))
def test_three_times_slower_answers_are_noticed_in_time(seed: int) -> None:
    stream = Stream(seed)
    stream.slowness = from_minute(5, 3.0, 1.0)
    assert minutes_to_rollback(stream) <= 20


@pytest.mark.parametrize("seed", range(4))
def test_lost_readings_are_noticed_in_time(seed: int) -> None:
    stream = Stream(seed)
    stream.losing = from_minute(5, 0.08, 0.0)
    assert minutes_to_rollback(stream) <= 6


@pytest.mark.parametrize("seed", range(3))
def test_a_calm_night_is_told_to_stay(seed: int) -> None:
    said = dict(Stream(seed).verdicts(180))
    assert "roll_back" not in said.values()
    assert {word for minute, word in said.items() if minute > 20} == {"stay"}


@pytest.mark.parametrize(("seed", "rate"), [(1, 1), (2, 1), (3, 1), (4, 10), (5, 10), (6, 30)])
def test_a_day_at_one_percent_gives_no_false_alarm(seed: int, rate: float) -> None:
    stream = Stream(seed, rate, usual=0.01)
    assert all(word != "roll_back" for _, word in stream.verdicts(1440))


def judged(hits: float, total: float, baseline: dict[str, float] | None = None) -> str:
    counts = {FAILURES.total: total, failed_column(FAILURES): hits}
    evidence = Evidence(
        now=60, since=0, new=(Slot(0, 60, counts),), baseline=baseline or {}, newest=60
    )
    return read(FAILURES, evidence).leaning


@pytest.mark.parametrize(
    ("hits", "total", "leaning"),
    [
        (0, 34, "unknown"),
        (0, 35, "good"),
        (1, 1, "warn"),
        (3, 3, "warn"),
        (4, 5, "warn"),
        (5, 5, "bad"),
        (60, 100, "bad"),
        (60, 1000, "warn"),
        (200, 1500, "bad"),
        (7, 1500, "good"),
    ],
)
def test_failures_lean_as_far_as_their_number_allows(hits: int, total: int, leaning: str) -> None:
    assert judged(hits, total) == leaning


@pytest.mark.parametrize(("hits", "total"), [(3, 5), (4, 10), (20, 120), (190, 1500)])
def test_it_says_how_many_more_requests_make_an_alarm(hits: int, total: int) -> None:
    counts = {FAILURES.total: float(total), failed_column(FAILURES): float(hits)}
    reading = read(FAILURES, Evidence(now=60, since=0, new=(Slot(0, 60, counts),), newest=60))
    if reading.leaning == "bad":
        return
    scale = (total + reading.needed) / total
    assert judged(hits * scale, total * scale) == "bad"


def test_an_old_side_that_fails_as_often_makes_it_no_news() -> None:
    assert judged(60, 1000) == "warn"
    assert judged(60, 1000, {FAILURES.total: 1000, failed_column(FAILURES): 55}) == "good"


def test_a_fresh_fault_need_not_fill_the_window() -> None:
    calm = {FAILURES.total: 100.0, failed_column(FAILURES): 0.0}
    sick = {FAILURES.total: 100.0, failed_column(FAILURES): 60.0}
    slots = [Slot(i * 60, (i + 1) * 60, sick if i == 14 else calm) for i in range(15)]
    reading = read(FAILURES, Evidence(now=900, since=0, new=slots, newest=900))
    assert reading.leaning == "bad"
    assert reading.value is not None
    assert reading.value > 0.1


def test_the_figure_stands_in_words_with_its_interval_and_limit() -> None:
    counts = {FAILURES.total: 812.0, failed_column(FAILURES): 17.0}
    reading = read(FAILURES, Evidence(now=60, since=0, new=(Slot(0, 60, counts),), newest=55))
    assert reading.words == "2.1% (1.3-3.3) of 812, limit 10%"
    assert (reading.sample, reading.needed, reading.at) == (812, 0, 55)


def test_without_requests_it_says_how_many_are_needed() -> None:
    reading = read(FAILURES, Evidence(now=60, since=0))
    assert (reading.leaning, reading.value, reading.needed) == ("unknown", None, 35)


def test_trouble_makes_every_reading_unknown() -> None:
    reading = read(FAILURES, Evidence(now=60, since=0, trouble="no metrics for 3 min"))
    assert (reading.leaning, reading.words) == ("unknown", "no metrics for 3 min")


def test_latency_without_an_old_side_is_unknown() -> None:
    stream = Stream(1)
    counts = stream.measured(200, 0, 1.0)
    reading = read(LATENCY, Evidence(now=60, since=0, new=(Slot(0, 60, counts),), newest=60))
    assert reading.leaning == "unknown"


@pytest.mark.parametrize(("slowness", "leaning"), [(1.0, "good"), (1.6, "warn"), (3.0, "bad")])
def test_latency_leans_by_the_ratio_of_medians(slowness: float, leaning: str) -> None:
    stream = Stream(7)
    slots = (Slot(0, 60, stream.measured(1500, 0, slowness)),)
    evidence = Evidence(now=60, since=0, new=slots, baseline=stream.baseline, newest=60)
    assert read(LATENCY, evidence).leaning == leaning


def balances(*pairs: tuple[float, float, float]) -> tuple[Balance, ...]:
    return tuple(Balance(at, accepted, stored, stored) for at, accepted, stored in pairs)


def lost(*pairs: tuple[float, float, float]) -> tuple[str, float | None]:
    found = balances(*pairs)
    reading = read(LOSSES, Evidence(now=0, since=0, balances=found, newest=found[-1].at))
    return reading.leaning, reading.value


def test_one_row_that_stays_away_beyond_the_grace_is_lost() -> None:
    assert lost((0, 0, 0), (60, 50, 49), (120, 99, 98), (180, 150, 149)) == ("bad", 1)


def test_rows_under_way_are_not_lost() -> None:
    assert lost((0, 0, 0), (60, 50, 30), (120, 100, 100), (180, 150, 128)) == ("good", 0)


def test_within_the_grace_nobody_can_tell() -> None:
    assert lost((0, 0, 0), (60, 50, 30), (119, 100, 70)) == ("unknown", None)


def test_a_quiet_night_is_unknown_not_good() -> None:
    assert lost((0, 0, 0), (60, 0, 0), (120, 0, 0), (180, 0, 0)) == ("unknown", None)


def test_rows_stored_while_one_reads_invent_no_loss() -> None:
    found = (Balance(0, 0, -3, 2), Balance(60, 50, 47, 50), Balance(180, 150, 150, 150))
    reading = read(LOSSES, Evidence(now=180, since=0, balances=found, newest=180))
    assert reading.value == 0


def test_the_share_informs_and_leans_to_nothing_else() -> None:
    one = signal("share", 0.5)
    slots = (Slot(0, 60, {one.total: 75.0}),)
    reading = read(one, Evidence(now=60, since=0, new=slots, old={one.total: 25.0}, newest=60))
    assert (reading.leaning, reading.value, reading.sample) == ("good", 0.75, 100)
    assert read(one, Evidence(now=60, since=0)).leaning == "unknown"


def test_rows_lost_before_a_hole_stay_lost_and_nothing_is_claimed_over_it() -> None:
    ledger = Ledger(keep=900, gap=30)
    for at in range(0, 300, 10):
        ledger.feed(at, at * 2, (at * 2 - at // 100, at * 2 - at // 100))
    ledger.tear()
    ledger.feed(400, 2000, (700, 700))
    evidence = Evidence(now=400, since=0, balances=ledger.balances, newest=400, unmeasured=110)
    reading = read(LOSSES, evidence)
    assert (reading.leaning, reading.value, reading.at) == ("bad", 1, 290)
    assert reading.words == "1 of 580 missing; 1 min 50 s of it not measured"


def test_no_loss_before_a_hole_counts_only_while_it_is_fresh() -> None:
    ledger = Ledger(keep=900, gap=30)
    for at in range(0, 300, 10):
        ledger.feed(at, at * 2, (at * 2, at * 2))
    ledger.tear()
    for now, leaning in ((320, "good"), (600, "unknown")):
        ledger.feed(now, 2000, (2000, 2000))
        evidence = Evidence(now=now, since=0, balances=ledger.balances, newest=now)
        assert read(LOSSES, evidence).leaning == leaning


def test_a_hole_in_the_window_is_said_beside_the_figure() -> None:
    counts = {FAILURES.total: 812.0, failed_column(FAILURES): 17.0}
    slots = (Slot(0, 60, counts),)
    evidence = Evidence(now=130, since=0, new=slots, newest=125, unmeasured=65)
    assert read(FAILURES, evidence).words.endswith(", limit 10%; 1 min 5 s of it not measured")


@pytest.mark.parametrize(
    ("hits", "total", "leaning"),
    [(0, 60, "unknown"), (0, 200, "warn"), (0, 1500, "good"), (12, 1500, "good"),
     (30, 1500, "warn"), (120, 1500, "bad"), (300, 1500, "bad")],
)  # fmt: skip
def test_what_is_feared_is_the_worst_that_999_in_a_thousand_do_not_leave_out(
    hits: int, total: int, leaning: str
) -> None:
    counts = {FAILURES.total: float(total), failed_column(FAILURES): float(hits)}
    evidence = Evidence(now=60, since=0, new=(Slot(0, 60, counts),), newest=60)
    assert feared(FAILURES, evidence) == leaning


def test_slowness_is_feared_until_enough_responses_say_otherwise() -> None:
    stream = Stream(7)
    for count, slowness, leaning in (
        (20, 1.0, "unknown"),
        (1500, 1.0, "good"),
        (1500, 1.4, "warn"),
    ):
        slots = (Slot(0, 60, stream.measured(count, 0, slowness)),)
        evidence = Evidence(now=60, since=0, new=slots, baseline=stream.baseline, newest=60)
        assert feared(LATENCY, evidence) == leaning


@pytest.mark.parametrize(
    ("counter", "told"),
    [("http_requests_total", "of 100 requests"), ("readings_accepted_total", "of 100 readings")],
)
def test_a_share_is_said_of_what_its_counter_counts(counter: str, told: str) -> None:
    one = replace(signal("share", 0.5), total=counter)
    slots = (Slot(0, 60, {counter: 75.0}),)
    reading = read(one, Evidence(now=60, since=0, new=slots, old={counter: 25.0}, newest=60))
    assert told in reading.words
