from __future__ import annotations

from dataclasses import replace

from cockpit.commands.dns import as_text
from cockpit.commands.status import screenful
from cockpit.countwords import many
from cockpit.engine.client import View
from cockpit.outlook import outlook
from cockpit.propagation.answers import Grid, Parent
from cockpit.propagation.convergence import share_words
from cockpit.runbook.targets import Authority
from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.frame import Picture
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
    few = "3 of about 5 caches, 95%: fewer than 30% new"
    assert few in "\n".join(printed(grid))
    assert few in body(sheet(scene_of(view), "resolvers", 116).picture)
    assert few in body(detail(scene_of(view), "resolver", "127.9.9.108", 90))
