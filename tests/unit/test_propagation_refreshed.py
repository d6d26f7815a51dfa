from __future__ import annotations

import pytest

from cockpit.propagation.answers import Cell, CellState, Row
from cockpit.propagation.convergence import Given, judge
from cockpit.propagation.memory import ANOTHER, Memory
from cockpit.propagation.refreshed import BESIDE, REFRESHED, UNTOLD, words

NOON = 43200.0
NAME = "www.example.test."
NAMES = (NAME,)
ZONE = {NAME: 60}


def row(state: CellState, at: float, ttl: int, note: str = "") -> Row:
    cell = Cell(state, ttl=ttl, expires_at=NOON + at + ttl, at=NOON + at, note=note)
    return Row("one", "192.0.2.1", "", "resolver", "honest", 1.0, (cell,))


def heard(*rows: Row) -> Memory:
    memory = Memory()
    for one in rows:
        memory.hear([one], NAMES, ZONE)
    return memory


def told(memory: Memory, last: Row) -> Cell:
    return memory.told(last, NAMES, "new", last.cells[0].at).cells[0]


@pytest.mark.parametrize("first", [row("old", 0, 30), row("old", 0, 17, "stale answer (EDE 3)")])
def test_one_cache_that_served_stale_once_is_not_called_two(first: Row) -> None:
    last = row("new", 5, 55)
    cell = told(heard(first, last), last)
    assert (cell.state, cell.note) == ("new", REFRESHED.format(side="old"))
    later = row("new", 40, 20)
    assert told(heard(first, last, later), later).note == ""


@pytest.mark.parametrize(
    ("old_ttl", "new_ttl", "zone", "note"),
    [
        (20, 30, 60, ANOTHER),  # it was fetched long before the old one was given
        (40, 55, 60, ANOTHER),  # nothing that is served stale has so long a TTL
        (30, 59, 60, UNTOLD),  # an empty cache may have fetched it by our own question
        (20, 55, 60, UNTOLD),  # fetched then, but the old TTL is not what stale ones are
        (20, 30, 3600, UNTOLD),  # a resolver may cut so long a TTL
        (20, 30, 0, UNTOLD),  # nobody knows the zone's own TTL
        (20, 600, 60, UNTOLD),  # a resolver that raises TTLs hides when it fetched
    ],
)
def test_of_an_old_answer_before_a_new_one_only_what_they_show_is_said(
    old_ttl: int, new_ttl: int, zone: int, note: str
) -> None:
    last, memory = row("new", 5, new_ttl), Memory()
    for one in (row("old", 0, old_ttl), last):
        memory.hear([one], NAMES, {NAME: zone})
    cell = told(memory, last)
    assert (cell.state, cell.note) == ("mixed", note.format(side="old"))
    assert (cell.left_at, cell.left_seen) == (NOON, NOON)


def test_another_engine_knows_as_much_of_it() -> None:
    before = heard(row("old", 0, 20), row("new", 5, 30))
    after = Memory()
    after.again(before.kept())
    last = row("new", 6, 29)
    assert told(after, last) == told(before, last)
    assert told(after, last).note == ANOTHER.format(side="old")
    older = Memory()
    older.again([type(one)(*(getattr(one, key) for key in FORMER)) for one in before.kept()])
    assert told(older, last).note == UNTOLD.format(side="old"), (
        "it did not write down what it heard"
    )


FORMER = ("resolver", "name", "best", "last", "row", "fetched", "published", "live")


@pytest.mark.parametrize(("given_at", "state"), [(-5, "mixed"), (5, "holds")])
def test_an_old_answer_heard_before_the_bound_is_not_held_against_a_later_new_one(
    given_at: int, state: str
) -> None:
    known = (Given("old", "192.0.2.9", NAME, 60, NOON - 60, over=True),)
    last = row("new", given_at + 8, 20)
    memory = heard(row("old", given_at, 25), last)
    shown = memory.told(last, NAMES, "new", last.cells[0].at)
    (judged,) = judge([shown], known, "new", {}, NAMES)
    assert judged.cells[0].state == state


def test_answers_in_turn_that_ended_before_the_bound_are_not_said_to_be_held_past_it() -> None:
    known = (Given("old", "192.0.2.9", NAME, 60, NOON - 60, over=True),)
    looks = [row("old" if at % 2 else "new", at, 1) for at in (-6, -5, -4, -3, -2, -1)]
    last = row("new", 4, 60)
    shown = heard(*looks, last).told(last, NAMES, "new", NOON + 4)
    assert shown.cells[0].state == "mixed"
    (judged,) = judge([shown], known, "new", {}, NAMES)
    assert judged.cells[0].state == "mixed"


@pytest.mark.parametrize(
    ("first", "second", "note"),
    [
        (row("old", 0, 30), row("new", 2, 58), REFRESHED),
        (row("old", 0, 30), row("new", 2, 60), UNTOLD),
        (row("old", 0, 30), row("new", 2, 20), BESIDE),
        (row("old", 0, 12), row("new", 2, 58), UNTOLD),
    ],
)
def test_a_second_question_tells_one_stale_cache_from_several_where_its_answer_shows_it(
    first: Row, second: Row, note: str
) -> None:
    assert words(first.cells[0], second.cells[0], 60, "old") == note.format(side="old")
