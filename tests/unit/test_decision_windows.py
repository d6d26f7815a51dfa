from cockpit.decision.windows import MOST, Ledger, Window, spanned, summed


def test_a_window_counts_what_happened_between_samples() -> None:
    window = Window(keep=100, gap=30)
    for at, total in ((0, 7), (10, 9), (20, 14)):
        window.feed(at, {"requests": total})
    assert summed(window.since(0)) == {"requests": 7}
    assert summed(window.since(10)) == {"requests": 5}
    assert summed(window.since(11)) == {}


def test_a_restarted_service_counts_from_nothing() -> None:
    window = Window(keep=100, gap=30)
    window.feed(0, {"requests": 500, "failed": 2})
    window.feed(10, {"requests": 20, "failed": 3})
    assert summed(window.since(0)) == {"requests": 20, "failed": 3}


def test_a_vanished_column_means_a_restart_too() -> None:
    window = Window(keep=100, gap=30)
    window.feed(0, {"requests": 5, "failed": 2})
    window.feed(10, {"requests": 8})
    assert summed(window.since(0)) == {"requests": 8}


def test_a_long_silence_is_a_hole_whose_counts_nobody_claims() -> None:
    window = Window(keep=100, gap=30)
    for at, total in ((0, 0), (10, 10), (41, 90), (50, 95)):
        window.feed(at, {"requests": total})
    assert summed(window.since(0)) == {"requests": 15}
    assert spanned(window.since(0)) == 19
    assert window.unmeasured(0) == 31
    assert window.unmeasured(20) == 21
    assert window.unmeasured(41) == 0


def test_a_torn_window_is_not_joined_however_short_the_silence() -> None:
    window = Window(keep=100, gap=30)
    for at, total in ((0, 0), (10, 10)):
        window.feed(at, {"requests": total})
    window.tear()
    window.feed(12, {"requests": 40})
    window.feed(20, {"requests": 44})
    assert summed(window.since(0)) == {"requests": 14}
    assert window.unmeasured(0) == 2


def test_a_hole_leaves_the_window_with_its_time() -> None:
    window = Window(keep=100, gap=30)
    for at, total in ((0, 0), (10, 10), (60, 20), (90, 30), (120, 40), (150, 50), (180, 60)):
        window.feed(at, {"requests": total})
    assert window.unmeasured(0) == 0
    assert window.newest == 180


def test_a_clock_that_goes_back_starts_the_window_anew() -> None:
    window = Window(keep=100, gap=30)
    for at, total in ((50, 0), (60, 10), (20, 30), (30, 31)):
        window.feed(at, {"requests": total})
    assert summed(window.since(0)) == {"requests": 1}


def test_what_is_too_old_is_let_go() -> None:
    window = Window(keep=100, gap=30)
    for at in range(0, 300, 10):
        window.feed(at, {"requests": at})
    assert window.since(0)[0].end >= 290 - 100
    assert window.newest == 290


def test_memory_is_bounded_and_nothing_is_lost_from_the_count() -> None:
    window = Window(keep=900, gap=30)
    for tenth in range(9000):
        window.feed(tenth / 10, {"requests": tenth})
    assert len(window.since(0)) <= MOST + 1
    assert summed(window.since(0)) == {"requests": 8999}


def test_a_forgotten_window_begins_with_the_next_sample() -> None:
    window = Window(keep=100, gap=30)
    window.feed(0, {"requests": 1})
    window.feed(1, {"requests": 2})
    window.forget()
    assert window.newest is None
    window.feed(2, {"requests": 9})
    assert window.since(0) == ()


def test_a_ledger_follows_accepted_rows_over_a_restart() -> None:
    ledger = Ledger(keep=100, gap=30)
    ledger.feed(0, 50, (1000, 1000))
    ledger.feed(10, 60, (1010, 1010))
    ledger.feed(20, 4, (1014, 1014))
    newest = ledger.balances[-1]
    assert (newest.accepted, newest.most_open, newest.least_open) == (14, 0, 0)


def test_a_ledger_is_bounded_and_keeps_the_newest() -> None:
    ledger = Ledger(keep=900, gap=30)
    for tenth in range(9000):
        ledger.feed(tenth / 10, tenth, (tenth, tenth))
        assert ledger.balances[-1].accepted == tenth
    assert len(ledger.balances) <= MOST + 2
    assert ledger.balances[0].accepted == 0


def test_a_ledger_begins_a_new_stretch_after_a_silence_and_after_a_tear() -> None:
    ledger = Ledger(keep=900, gap=30)
    ledger.feed(0, 10, (5, 5))
    ledger.feed(20, 20, (15, 15))
    ledger.feed(100, 90, (80, 80))
    ledger.tear()
    ledger.feed(101, 95, (85, 85))
    ledger.feed(110, 99, (88, 88))
    found = ledger.balances
    assert [one.stretch for one in found] == [0, 0, 1, 2, 2]
    assert [one.accepted for one in found] == [0, 10, 0, 0, 4]
    assert found[-1].least_open == 1
    assert ledger.unmeasured(0) == 81
    ledger.feed(50, 99, (88, 88))
    assert [one.at for one in ledger.balances] == [50]
    assert ledger.unmeasured(0) == 0
