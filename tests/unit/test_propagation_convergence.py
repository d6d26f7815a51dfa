from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.propagation.answers import Cell, CellState, Row
from cockpit.propagation.convergence import (
    BEYOND,
    Given,
    Late,
    bound,
    bound_of,
    judge,
    late,
    learn,
    second_look,
    share,
    unturned,
)
from cockpit.propagation.forecast import expected_old

NOON = 43200.0
NAMES = ("www.example.test.",)


def authority(state: CellState, at: float, ttl: int = 60, address: str = "ns1") -> Row:
    return Row(address, address, "", "authority", "honest", 1.0, (Cell(state, ttl=ttl, at=at),))


def resolver(
    state: CellState,
    at: float = 0.0,
    *,
    name: str = "one",
    weight: float = 1.0,
    behaviour: Literal["honest", "clamps", "violates"] = "honest",
) -> Row:
    return Row(name, name, "", "resolver", behaviour, weight, (Cell(state, at=at),))


def seen(*rows: Row) -> tuple[Given, ...]:
    known: tuple[Given, ...] = ()
    for row in rows:
        known = learn(known, [row], NAMES)
    return known


def test_the_bound_counts_from_the_last_name_server_to_turn() -> None:
    known = seen(
        authority("old", NOON, address="ns1"),
        authority("old", NOON, address="ns2"),
        authority("old", NOON, address="ns3"),
        authority("new", NOON + 1, address="ns1"),
        authority("new", NOON + 2, address="ns2"),
        authority("old", NOON + 6, address="ns3"),
        authority("new", NOON + 7, address="ns3"),
    )
    assert bound(known, "new") == NOON + 67


def test_a_secondary_that_waits_for_its_refresh_moves_the_bound_with_it() -> None:
    known = seen(
        authority("old", NOON, address="ns2"),
        authority("old", NOON + 3599, address="ns2"),
        authority("new", NOON + 3600, address="ns2"),
    )
    assert bound(known, "new") == NOON + 3660


def test_a_ttl_lowered_too_late_still_counts_with_its_old_value() -> None:
    known = seen(
        authority("old", NOON, ttl=3600),
        authority("old", NOON + 10, ttl=60),
        authority("old", NOON + 600, ttl=60),
        authority("new", NOON + 601, ttl=60),
    )
    assert bound(known, "new") == NOON + 10 + 3600


def test_a_ttl_lowered_in_time_no_longer_counts() -> None:
    day = 86400.0
    known = seen(
        authority("old", NOON, ttl=3600),
        authority("old", NOON + 1, ttl=60),
        authority("old", NOON + 2 * day, ttl=60),
        authority("new", NOON + 2 * day + 1, ttl=60),
    )
    assert bound(known, "new") == NOON + 2 * day + 61


def test_a_resolver_that_raises_ttls_to_600_lets_go_540_seconds_later() -> None:
    known = seen(authority("old", NOON), authority("new", NOON + 7))
    honest, raised = bound(known, "new"), bound(known, "new", floor=600)
    assert honest is not None
    assert raised is not None
    assert raised - honest == 540


def test_each_changed_record_is_cached_on_its_own_so_the_longest_counts_not_the_sum() -> None:
    row = Row(
        "ns1",
        "ns1",
        "",
        "authority",
        "honest",
        1.0,
        (Cell("old", ttl=3600, at=NOON), Cell("old", ttl=60, at=NOON)),
    )
    turned = Row(
        "ns1",
        "ns1",
        "",
        "authority",
        "honest",
        1.0,
        (Cell("new", ttl=3600, at=NOON), Cell("new", ttl=60, at=NOON)),
    )
    names = ("www.example.test.", "app.example.test.")
    assert bound(learn(learn((), [row], names), [turned], names), "new") == NOON + 3600


def test_no_bound_is_claimed_where_the_old_answer_was_never_seen() -> None:
    assert bound(seen(authority("new", NOON)), "new") is None


def test_the_bound_moves_on_as_long_as_one_name_server_gives_the_old_answer() -> None:
    known = seen(authority("new", NOON, address="ns1"), authority("old", NOON, address="ns2"))
    later = learn(known, [authority("old", NOON + 30, address="ns2")], NAMES)
    assert (bound(known, "new"), bound(later, "new")) == (NOON + 60, NOON + 90)


def test_a_silent_name_server_may_have_given_the_old_answer_until_it_speaks_again() -> None:
    known = seen(
        authority("old", NOON), authority("timeout", NOON + 50), authority("new", NOON + 100)
    )
    assert bound(known, "new") == NOON + 160


def test_a_name_server_that_was_never_heard_may_give_what_others_gave_until_it_answers() -> None:
    silent = authority("timeout", NOON + 5, address="ns2")
    known = seen(authority("old", NOON), silent, authority("new", NOON + 10), silent)
    assert bound_of(NAMES[0], known, "new", 0.0) is None, "a cache may have its answer from ns2"
    assert [row.name for row in unturned(known, [silent], NAMES, "new")] == ["ns2"]
    turned = learn(known, [authority("new", NOON + 100, address="ns2")], NAMES)
    assert bound(turned, "new") == NOON + 160
    assert not unturned(turned, [silent], NAMES, "new"), "it had turned before it fell silent"
    still = learn(known, [authority("old", NOON + 100, address="ns2")], NAMES)
    assert [row.name for row in unturned(still, [silent], NAMES, "new")] == ["ns2"]


def test_one_that_was_never_heard_is_named_though_nobody_gave_the_former_answer() -> None:
    silent = authority("refused", NOON, address="ns2")
    known = learn((), [authority("new", NOON), silent], NAMES)
    assert [row.name for row in unturned(known, [silent], NAMES, "new")] == ["ns2"]
    later = learn(known, [authority("old", NOON + 1, address="ns3"), silent], NAMES)
    turned = learn(later, [authority("new", NOON + 9, address="ns3"), silent], NAMES)
    assert bound_of(NAMES[0], turned, "new", 0.0) is None


def test_a_ttl_that_one_who_was_never_heard_may_not_have_lowered_counts_until_it_answers() -> None:
    silent = authority("timeout", NOON, address="ns2")
    known = seen(authority("old", NOON, ttl=3600), silent, authority("old", NOON + 5, ttl=60))
    known = learn(known, [authority("old", NOON + 9, ttl=60, address="ns2")], NAMES)
    assert bound(known, "new") == NOON + 9 + 3600


def test_the_way_back_has_a_bound_of_its_own() -> None:
    known = seen(
        authority("old", NOON),
        authority("new", NOON + 1),
        authority("new", NOON + 900),
        authority("old", NOON + 901),
    )
    assert bound(known, "old") == NOON + 961


def test_the_bound_stays_known_after_it_has_passed() -> None:
    known = seen(authority("old", NOON), *(authority("new", NOON + s) for s in (1, 500, 90000)))
    assert bound(known, "new") == NOON + 61


def test_whoever_fails_or_holds_on_counts_as_not_following() -> None:
    rows = [
        resolver("new", weight=6),
        resolver("old", weight=1),
        resolver("holds", weight=1, behaviour="violates"),
        resolver("servfail", weight=1),
        resolver("timeout", weight=1),
        resolver("unasked", weight=90),
        authority("new", NOON),
    ]
    assert share(rows, "new") == (0.6, 1, 5)
    assert share(rows, "old") == (0.1, 1, 5)


def test_no_share_is_claimed_before_anyone_was_asked() -> None:
    assert share([resolver("unasked")], "new") == (None, 0, 0)


def test_after_the_bound_an_old_answer_is_one_that_is_held_on_to() -> None:
    known = seen(authority("old", NOON), authority("new", NOON + 7))
    rows = [
        resolver("old", NOON + 60, name="in time"),
        resolver("old", NOON + 68, name="within a second"),
        resolver("old", NOON + 80, name="late"),
        resolver("new", NOON + 80, name="follows"),
        resolver("old", NOON + 80, name="clamped", behaviour="clamps"),
    ]
    assert late(judge(rows, known, "new", {"clamped": 900.0}, NAMES)).violators == ("late",)
    rows = [resolver("old", NOON + 950, name="clamped", behaviour="clamps")]
    assert late(judge(rows, known, "new", {"clamped": 900.0}, NAMES)).violators == ("clamped",)


def test_an_answer_that_will_be_kept_beyond_the_bound_is_noted_before_it() -> None:
    known = seen(authority("old", NOON), authority("new", NOON + 7))
    kept = Cell("old", ttl=1700, expires_at=NOON + 1710, at=NOON + 10)
    fair = Cell("old", ttl=50, expires_at=NOON + 60, at=NOON + 10)
    row = Row("one", "one", "", "resolver", "honest", 1.0, (kept, fair))
    (judged,) = judge([row], known, "new", {}, NAMES * 2)
    assert [cell.note for cell in judged.cells] == [BEYOND, ""]
    (clamped,) = judge([row], known, "new", {"one": 3600.0}, NAMES * 2)
    assert clamped.cells == row.cells
    assert (judged.own_bound, clamped.own_bound) == (None, NOON + 3607)


def test_nobody_holds_on_while_a_name_server_itself_gives_the_old_answer() -> None:
    known = seen(authority("new", NOON, address="ns1"), authority("old", NOON, address="ns2"))
    assert late(judge([resolver("old", NOON + 500)], known, "new", {}, NAMES)).violators == ()


def test_on_the_way_back_it_is_the_new_answer_that_is_held_on_to() -> None:
    known = seen(authority("new", NOON), authority("old", NOON + 1))
    rows = [resolver("new", NOON + 100, name="late"), resolver("old", NOON + 100, name="back")]
    assert late(judge(rows, known, "old", {}, NAMES)).violators == ("late",)


looks = st.lists(
    st.tuples(
        st.sampled_from(["ns1", "ns2"]),
        st.sampled_from(["old", "new", "timeout", "mixed", "other"]),
        st.integers(1, 50),
        st.sampled_from([30, 60, 3600]),
    ),
    max_size=30,
)


@given(looks)
def test_the_bound_never_lies_before_any_old_answer_that_was_seen_could_expire(
    steps: list[tuple[str, CellState, int, int]],
) -> None:
    now, least = 0.0, 0.0
    known: tuple[Given, ...] = ()
    for address, state, pause, ttl in steps:
        now += pause
        known = learn(known, [authority(state, now, ttl, address)], NAMES)
        if state in ("old", "mixed", "other"):
            least = max(least, now + ttl)
    found = bound(known, "new")
    assert (found is None) == (least == 0.0)
    assert found is None or found >= least
    assert len(known) <= 40


def test_the_lag_of_a_name_servers_own_caches_is_added_to_when_it_was_seen_to_turn() -> None:
    lagging = replace(authority("old", NOON), lag=20.0)
    turned = replace(authority("new", NOON + 2), lag=20.0)
    assert bound(seen(lagging, turned), "new") == NOON + 2 + 20 + 60


@pytest.mark.parametrize(
    ("ttls", "note", "kind"),
    [
        ((30, 30), "", "stale"),
        ((20, 18), "", "violators"),
        ((1700, 1698), "", "violators"),
        ((20, 18), "stale answer (EDE 3)", "stale"),
        ((90, 90), "stale answer (EDE 3)", "stale"),
        ((0, 0), "", "untold"),
        ((7, 30), "", "untold"),
        ((7, 1700), "", "violators"),
    ],
)
def test_a_second_answer_tells_what_is_served_stale_from_what_is_kept(
    ttls: tuple[int, int], note: str, kind: str
) -> None:
    known = seen(authority("old", NOON), authority("new", NOON + 1))
    first, second = (
        Cell("old", ttl=ttl, at=NOON + 100 + at * 2, note=note) for at, ttl in enumerate(ttls)
    )
    told = second_look(first, second, "new")
    (row,) = judge([replace(resolver("old"), cells=(told,))], known, "new", {}, NAMES)
    assert late([row]) == Late(**{one: (row.name,) * (one == kind) for one in Late._fields})


def test_without_a_second_answer_a_short_ttl_accuses_nobody_and_excuses_nobody() -> None:
    cell = Cell("holds", ttl=20, at=NOON)
    assert late([replace(resolver("holds"), cells=(cell,))]).untold == ("one",)
    worse = replace(cell, ttl=1700)
    assert late([replace(resolver("holds"), cells=(cell, worse))]).violators == ("one",)
    assert second_look(Cell("old", ttl=20), Cell("timeout"), "new") == Cell("timeout")
    new = Cell("new", ttl=20)
    assert second_look(new, new, "new") == new, "what another cache behind it holds is no stale one"


TWO = ("a.example.test.", "b.example.test.")


def of_two(state: CellState, at: float, ttls: tuple[int, int] = (60, 60)) -> Row:
    """A look at two names, of which the second one is heard a little later."""
    cells = tuple(
        Cell(state, ttl=ttl, at=at + late) for ttl, late in zip(ttls, (0, 1), strict=True)
    )
    return replace(authority(state, at), cells=cells)


def test_what_was_learned_of_one_name_outlives_what_another_one_lasts() -> None:
    known: tuple[Given, ...] = ()
    for row in (of_two("old", NOON), of_two("new", NOON + 10)):
        known = learn(known, [row], TWO)
    assert [bound_of(name, known, "new", 0.0) for name in TWO] == [NOON + 70, NOON + 71]
    assert [expected_old(known, name, "new", NOON + 41) for name in TWO] == [29 / 60, 0.5]


def test_whoever_keeps_a_name_past_that_names_own_bound_holds_on_whatever_others_may() -> None:
    known: tuple[Given, ...] = ()
    ttls = (60, 3600)
    for row in (of_two("old", NOON, ttls), of_two("new", NOON + 10, ttls)):
        known = learn(known, [row], TWO)
    kept = Cell("old", ttl=900, at=NOON + 600, expires_at=NOON + 1500)
    asked = replace(resolver("old"), cells=(kept, kept))
    (row,) = judge([asked], known, "new", {}, TWO)
    assert [cell.state for cell in row.cells] == ["holds", "old"]
    (row,) = judge([asked], known, "new", {"one": 700.0}, TWO)
    assert [cell.state for cell in row.cells] == ["old", "old"], "a clamp has its own bound"


def test_a_name_that_an_authority_still_gives_excuses_no_other_name() -> None:
    known = learn((), [of_two("old", NOON)], TWO)
    half = of_two("new", NOON + 10)
    known = learn(
        known, [replace(half, cells=(half.cells[0], Cell("old", ttl=60, at=NOON + 10)))], TWO
    )
    kept = Cell("old", ttl=60, at=NOON + 600)
    (row,) = judge([replace(resolver("old"), cells=(kept, kept))], known, "new", {}, TWO)
    assert [cell.state for cell in row.cells] == ["holds", "old"]
