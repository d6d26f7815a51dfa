from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.commands.dns import as_text
from cockpit.commands.status import screenful
from cockpit.countwords import MOST_NAMED, many
from cockpit.engine.client import View
from cockpit.outlook import outlook
from cockpit.propagation.answers import Cell, Grid, Parent
from cockpit.propagation.convergence import share_words
from cockpit.runbook.targets import Authority
from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.frame import Picture
from cockpit.tui.lines.resolvers import resolvers
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.sheets import sheet
from cockpit.tui.lines.text import plain
from tests.fakes import screen_states as states
from tests.fakes.dns_targets import dns_target


def spread(**change: object) -> tuple[View, Grid]:
    view = states.spreading()
    assert view.live is not None
    assert view.live.grid is not None
    grid = replace(view.live.grid, **change)  # type: ignore[arg-type]
    return replace(view, live=replace(view.live, grid=grid)), grid


def printed(grid: Grid) -> list[str]:
    target = dns_target((Authority(name="ns1", address="127.0.0.1"),), ())
    return list(as_text(grid, target, grid.at, ascii_only=False))


def body(picture: Picture) -> str:
    return "\n".join(map(plain, picture.body))


def test_a_share_is_never_rounded_up_and_loses_nothing_to_binary_fractions() -> None:
    assert share_words(299 / 300) == "99%"
    assert [share_words(part / 100) for part in range(101)] == [f"{part}%" for part in range(101)]
    assert share_words(None) == "?"


def test_one_of_three_hundred_that_holds_on_is_not_all_in_any_text() -> None:
    view, grid = spread(share=299 / 300, expected=299 / 300, following=299, counted=300)
    text = printed(grid)
    assert "99% of users by weight lead to the new side (299 of 300 answers)" in text
    assert "expected by now: 99%" in text
    ahead = outlook(view.runbook, view.state, view.now)
    assert "99% of resolvers follow (299 of 300)" in screenful(view, ahead, ())
    assert "99% by weight, 299 of 300 answers" in body(
        sheet(scene_of(view), "resolvers", 116).picture
    )


def test_where_one_was_asked_every_text_says_one_answer_and_one_server() -> None:
    view, grid = spread(following=0, counted=1, parents=(Parent("a", "192.0.2.1", True, "", 0.0),))
    assert "(0 of 1 answer)" in "\n".join(printed(grid))
    page = sheet(scene_of(view), "resolvers", 116).picture
    assert "of 1 answer " in f"{plain(page.conclusion)} "
    assert "1 of 1 server names ours" in body(page)
    assert "0 of 1 answer;" in body(page)
    assert [many(count, "record") for count in (0, 1, 2)] == ["0 records", "1 record", "2 records"]


def test_on_the_way_back_it_is_the_new_answer_of_which_few_are_left() -> None:
    view, grid = spread(wanted="old")
    few = "95%: under 30% new"
    grid = replace(grid, rows=tuple(replace(row, old_at_most=0.3) for row in grid.rows))
    assert view.live is not None
    view = replace(view, live=replace(view.live, grid=grid))
    assert few in "\n".join(printed(grid))
    assert few in body(sheet(scene_of(view), "resolvers", 116).picture)
    assert few in body(detail(scene_of(view), "resolver", "127.9.9.108", 90))


@pytest.mark.parametrize("most", [MOST_NAMED, None])
def test_very_many_values_and_servers_in_one_sentence_are_counted_and_in_detail_all_named(
    most: int | None,
) -> None:
    values = tuple(f"203.0.113.{number}" for number in range(1, 73))
    _, grid = spread()
    odd, late = Cell("other", values, 60), Cell("holds", (), 600)
    rows = [replace(grid.rows[0], name="pop", cells=(odd, odd))]
    rows += [replace(row, name=f"r{at}", cells=(late, late)) for at, row in enumerate(grid.rows)]
    grid = replace(grid, rows=tuple(one for one in rows if one.role == "resolver"))
    target = dns_target((Authority(name="ns1", address="127.0.0.1"),), ())
    text = list(as_text(grid, target, grid.at, ascii_only=False, most=most))
    (gives,) = (line for line in text if line.startswith("pop @"))
    (past,) = (line for line in text if line.startswith("past that"))
    if most is None:
        assert gives.endswith(", ".join(values))
        assert past.endswith(", ".join(f"r{at}" for at in range(10)))
    else:
        assert gives.endswith("gives 203.0.113.1, 203.0.113.2, 203.0.113.3 and 69 more")
        assert past.endswith("the old answer: r0, r1, r2 and 7 more")


def test_the_panel_names_few_of_very_many_name_servers_and_still_says_what_they_answer() -> None:
    view, grid = spread()
    assert view.live is not None
    one = next(row for row in grid.rows if row.role == "authority")
    ours = tuple(replace(one, name=f"ns{number}") for number in range(1, 73))
    seen = tuple(row for row in grid.rows if row.role == "resolver") + ours
    view = replace(view, live=replace(view.live, grid=replace(grid, rows=seen)))
    told = body(resolvers(scene_of(view), 76, 9))
    assert "ns1 ns2 ns3 and 69 more (ours)  ✓ new" in told
