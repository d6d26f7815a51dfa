from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cockpit.propagation.answers import CellState
from cockpit.propagation.classify import Outcome, Reply, canonical, cell, classify

OLD, NEW = "192.0.2.10", "192.0.2.20"


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ((NEW,), "new"),
        ((OLD,), "old"),
        ((OLD, NEW), "mixed"),
        ((NEW, "203.0.113.9"), "mixed"),
        (("203.0.113.9",), "other"),
        (("203.0.113.9", "203.0.113.10"), "other"),
        ((), "no_data"),
    ],
)
def test_an_answer_is_judged_against_both_known_sides(
    values: tuple[str, ...], state: CellState
) -> None:
    assert classify(Reply("answer", values), OLD, NEW) == state


@pytest.mark.parametrize("outcome", ["no_name", "servfail", "error", "refused", "timeout"])
def test_what_is_no_answer_is_never_a_side(outcome: Outcome) -> None:
    assert cell(Reply(outcome), OLD, NEW).state == outcome


@pytest.mark.parametrize(
    ("values", "note", "told"),
    [
        ((OLD, NEW), "", "both in one answer"),
        ((OLD, "203.0.113.9"), "", "in one answer: old, 203.0.113.9"),
        ((NEW, "203.0.113.9"), "EDE 3", "in one answer: new, 203.0.113.9; EDE 3"),
        ((NEW, OLD, "203.0.113.9"), "", "in one answer: new, old, 203.0.113.9"),
        (
            (OLD, *(f"203.0.113.{at}" for at in range(5))),
            "",
            "in one answer: old, 203.0.113.0, 203.0.113.1, 203.0.113.2, 2 more",
        ),
        (("203.0.113.8", "203.0.113.9"), "", ""),
    ],
)
def test_what_stands_beside_a_side_in_one_answer_is_said(
    values: tuple[str, ...], note: str, told: str
) -> None:
    assert cell(Reply("answer", values, note=note), OLD, NEW).note == told


SPELT = {
    "old": ("2001:db8::a", "2001:DB8:0:0::A", "2001:0db8:0000::000a"),
    "new": ("2001:db8::14", "2001:DB8::0014"),
    "other": ("2001:db8::1", "192.0.2.10", "old.example.test.", "2001:db8::a0"),
}


@given(
    drawn=st.lists(
        st.sampled_from([(side, one) for side, every in SPELT.items() for one in every])
    ),
    outcome=st.sampled_from(["answer", "no_name", "servfail", "error", "refused", "timeout"]),
    has_swapped=st.booleans(),
)
def test_a_cell_leads_to_a_side_only_where_every_value_does(
    drawn: list[tuple[str, str]], outcome: Outcome, *, has_swapped: bool
) -> None:
    old, new = SPELT["old"][0], SPELT["new"][0]
    if has_swapped:
        old, new = new, old
    state = cell(Reply(outcome, tuple(one for _, one in drawn), ttl=60), old, new).state
    swapped = {"old": "new", "new": "old", "other": "other"}
    sides = {swapped[side] if has_swapped else side for side, _ in drawn}
    if outcome != "answer":
        assert state == outcome
    elif len(sides) > 1:
        assert state == "mixed"
    else:
        assert state == next(iter(sides), "no_data")


def test_one_value_in_two_spellings_is_one_value() -> None:
    assert canonical("2001:DB8:0::1") == canonical("2001:db8::1")
    assert canonical("App.Example.test") == canonical("app.example.test.")
    assert classify(Reply("answer", ("2001:DB8:0::1",)), "2001:db8::2", "2001:db8::1") == "new"


def test_a_cell_expires_when_its_ttl_has_run_since_receipt() -> None:
    one = cell(Reply("answer", (OLD,), ttl=60, at=1000.0, rtt_ms=3.5), OLD, NEW)
    assert (one.expires_at, one.ttl, one.rtt_ms) == (1060.0, 60, 3.5)
    assert cell(Reply("timeout", at=1000.0), OLD, NEW).expires_at is None
