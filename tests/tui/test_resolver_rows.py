from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from cockpit.engine.client import View
from cockpit.propagation.answers import Beside, Cell, CellState, Grid, Row
from cockpit.tui.lines import times
from cockpit.tui.lines.choice import ORDERS, SHOWN, Choice, columns_of, rows_of
from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.frame import Frame, framed
from cockpit.tui.lines.resolvers import resolvers
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.sheets import sheet
from cockpit.tui.lines.text import plain, width_of
from cockpit.tui.screens.full import Full
from cockpit.tui.screens.page import Page
from tests.fakes import screen_views as views
from tests.fakes import screen_world as world
from tests.fakes.screens import Opened, opened


def beside() -> tuple[Beside, ...]:
    apex, www = "freshtrackpro.test.", "www.freshtrackpro.test."
    hint = ("1 . ipv4hint=203.0.113.10",)
    return (
        Beside(apex, "AAAA", (), ()),
        Beside(www, "HTTPS", hint, (), views.T0 + 900),
        Beside(apex, "CAA", ('0 issue "ca.test"',), ('0 issue "ca.test"',)),
    )


def night(at: float = 112.0) -> View:
    """Ten resolvers in many states, one of them left out, with records beside the names."""
    made = views.grid(at, "nmoonnnhsh")

    def dressed(number: int, row: Row) -> Row:
        cells = tuple(replace(cell, rtt_ms=7.0 * ((number * 5) % 11)) for cell in row.cells)
        seen = Cell("kept", at=views.T0 + at)
        hint = Cell("old" if number % 2 else "new", ("1 . ipv4hint=203.0.113.10",))
        out = "invents an answer" if row.name == "Orange" else ""
        return replace(row, cells=cells, left_out=out, beside=(seen, hint, seen))

    rows = tuple(dressed(number, row) for number, row in enumerate(made.rows))
    grid = replace(made, rows=rows, beside=beside())
    return views.Story().switched().view(at, views.live(at, grid=grid))


def grid_of(view: View) -> Grid:
    assert view.live is not None
    assert view.live.grid is not None
    return view.live.grid


def names(view: View, **choice: str) -> list[str]:
    return [row.name for row in rows_of(grid_of(view), Choice(**choice))]  # type: ignore[arg-type]


def text_of(view: View, choice: Choice, width: int = 120) -> str:
    made = sheet(scene_of(view), "resolvers", width, choice).picture
    return "\n".join(map(plain, (made.conclusion, *made.body)))


@given(st.sampled_from(sorted(ORDERS)), st.sampled_from(sorted(SHOWN)))
def test_no_order_and_no_kind_invents_or_doubles_a_row(order: str, show: str) -> None:
    grid = grid_of(night())
    shown = rows_of(grid, Choice(order=order, show=show))
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(grid.rows)
    assert [row.role for row in shown] == sorted((row.role for row in shown), reverse=True)
    if show == "all":
        assert set(shown) == set(grid.rows)


def test_each_order_puts_first_what_it_is_called_for() -> None:
    view = night()
    rows = {row.name: row for row in grid_of(view).rows}
    assert names(view, order="by name")[:3] == ["Cloudflare", "Google", "Hotel"]
    assert rows[names(view, order="by country")[0]].country == "at"
    times = [
        max(cell.rtt_ms or 0 for cell in rows[name].cells)
        for name in names(view, order="slowest")[:10]
    ]
    assert times == sorted(times, reverse=True)
    left = [rows[name].cells[0].expires_at or 0 for name in names(view, order="longest left")[:10]]
    assert left == sorted(left, reverse=True)
    assert names(view, order="worst first")[9] == "Orange", "what does not count comes last"


def test_each_kind_shows_its_rows_and_no_other() -> None:
    view = night()
    assert names(view, show="left out") == ["Orange"]
    assert names(view, show="ours") == ["ns1", "ns2"]
    assert set(names(view, show="holding on")) == {"Telekom", "Hotel"}
    assert names(view, show="failing") == ["Office"]
    behind = set(names(view, show="not following"))
    assert behind >= {"Telekom", "Hotel"}
    assert not behind & {"Office", "Orange", "ns1"}


def test_words_find_a_row_by_name_country_address_and_answer() -> None:
    view = night()
    assert names(view, words="telek") == ["Telekom"]
    assert names(view, words="ch hold") == []
    assert names(view, words="127.9.9.101") == ["Cloudflare"]
    assert len(names(view, words="198.51.100")) == 12


def test_what_is_left_away_is_said_with_its_denominator() -> None:
    text = text_of(night(), Choice(show="left out"))
    assert "1 of 12 rows, left out" in text
    assert "no row is of that kind" in text_of(night(), Choice(words="nowhere"))
    assert "of 12 rows" not in text_of(night(), Choice())


def test_records_beside_the_names_are_columns_of_their_own() -> None:
    text = text_of(night(), Choice(page=1))
    for words in ("apex AAAA", "www HTTPS", "apex CAA", "as declared"):
        assert words in text
    assert "www.freshtrackpro.test. HTTPS: 1 . ipv4hint=203.0.113.10 to nothing" in text
    assert "freshtrackpro.test. AAAA: stays nothing" in text


@pytest.mark.parametrize("width", [76, 90, 116, 200])
def test_every_record_gets_a_column_on_some_page_at_every_width(width: int) -> None:
    grid, seen = grid_of(night()), set()
    for page in range(1, 4):
        one, heads = columns_of(grid, Choice(page=page), width)
        seen |= set(heads) if one is not grid else set()
    assert seen == {"apex AAAA", "www HTTPS", "apex CAA"}
    for page in range(4):
        made = sheet(scene_of(night()), "resolvers", width, Choice(page=page)).picture
        assert all(width_of(line) <= width for line in made.body)


def test_a_record_that_is_wrong_at_our_own_servers_is_said_on_the_main_screen() -> None:
    view = night()
    grid = grid_of(view)
    wrong = Cell("other", ("2001:db8::10",), at=views.T0)
    rows = tuple(
        replace(row, beside=(wrong, *row.beside[1:])) if row.role == "authority" else row
        for row in grid.rows
    )
    assert view.live is not None
    bad = replace(view, live=replace(view.live, grid=replace(grid, rows=rows)))
    assert "1 record wrong" in plain(resolvers(scene_of(bad), 100, 8).conclusion)
    assert "record" not in plain(resolvers(scene_of(view), 100, 8).conclusion)
    assert "our own servers: other" in text_of(bad, Choice())


def test_a_resolver_that_raises_ttls_is_not_called_late_before_its_own_bound() -> None:
    view = night(200.0)
    grid = grid_of(view)
    past, own = f"past {times.hhmmss(grid.bound or 0.0)}", views.T0 + 900

    def told(states: dict[str, CellState]) -> str:
        rows = tuple(
            replace(
                row,
                cells=tuple(replace(cell, state=states.get(row.name, "new")) for cell in row.cells),
                left_out="",
                own_bound=own if row.behaviour == "clamps" else None,
            )
            for row in grid.rows
        )
        assert view.live is not None
        shown = replace(view, live=replace(view.live, grid=replace(grid, rows=rows)))
        return plain(resolvers(scene_of(shown), 100, 8).conclusion)

    (clamps,) = (row.name for row in grid.rows if row.behaviour == "clamps")
    assert f"1 raises TTLs, by {times.hhmmss(own)}" in told({clamps: "old"})
    assert past not in told({clamps: "old"})
    assert f"still old {past}" in told({clamps: "old", "Quad9": "holds"})
    assert f"still old {past}" in told({clamps: "holds"}), "its own bound is over, too"


def test_the_page_says_when_each_stretch_of_answers_was_heard() -> None:
    view = night()
    rows = tuple(
        replace(
            row,
            history=("old", "old", "new"),
            history_at=(views.T0 + 60, views.T0 + 70, views.T0 + 80),
        )
        for row in grid_of(view).rows
    )
    assert view.live is not None
    shown = replace(view, live=replace(view.live, grid=replace(grid_of(view), rows=rows)))
    page = detail(scene_of(shown), "resolver", "resolver:Quad9", 100)
    text = "\n".join(map(plain, page.body))
    assert "old, 2 looks" in text
    assert " to " in text.partition("old, 2 looks")[2].splitlines()[0]
    assert "HTTPS" in text


def test_rows_seen_from_elsewhere_and_the_hosts_own_are_marked_in_words() -> None:
    view = night()
    grid = replace(grid_of(view), absent_s=900.0)
    marks: dict[str, dict[str, object]] = {
        "Google": {"through": "ops@office"},
        "Quad9": {"own": True},
    }
    rows = tuple(replace(row, **marks.get(row.name, {})) for row in grid.rows)  # type: ignore[arg-type]
    assert view.live is not None
    shown = replace(view, live=replace(view.live, grid=replace(grid, rows=rows)))
    text = text_of(shown, Choice())
    assert "seen through ops@office" in text
    assert "this host's own" in text
    assert "stays so in caches for up to 15 min" in text
    page = detail(scene_of(shown), "resolver", "resolver:Google", 100)
    assert "by ssh and dig there" in "\n".join(map(plain, page.body))


# -- the keys -----------------------------------------------------------------------------------


async def the_grid(one: Opened) -> Full:
    await one.pilot.press("3", "z")
    await one.until(lambda: isinstance(one.app.screen, Full))
    assert isinstance(one.app.screen, Full)
    return one.app.screen


async def test_the_keys_that_sort_and_choose_are_on_screen_and_say_what_holds_now() -> None:
    async with opened(night(), (80, 24)) as one:
        await the_grid(one)
        await one.says("s worst first   f all   r records   / words   ? keys")
        await one.pilot.press("s")
        await one.says("s by name")
        await one.pilot.press("f")
        await one.says("f not following")
        await one.says("of 12 rows, not following")
        await one.pilot.press("question_mark")
        await one.until(lambda: isinstance(one.app.screen, Page))
        await one.says("the next order: worst, name, country")


async def test_words_typed_after_the_slash_choose_rows_and_enter_opens_the_one_found() -> None:
    async with opened(night()) as one:
        screen = await the_grid(one)
        await one.pilot.press("slash", *"tele")
        await one.says("1 of 12 rows with “tele”")
        assert screen.query_one(Input).value == "tele"
        await one.pilot.press("enter", "enter")
        await one.says("Resolver: Telekom")
        await one.pilot.press("escape", "escape")
        assert one.client.kinds == []


async def test_these_keys_do_nothing_on_another_panels_page() -> None:
    async with opened(night()) as one:
        await one.pilot.press("2", "z")
        await one.until(lambda: isinstance(one.app.screen, Full))
        before = one.text
        await one.pilot.press("s", "f", "r")
        await one.pilot.pause()
        assert isinstance(one.app.screen, Full)
        assert "worst first" not in one.text
        assert before.splitlines()[3:] == one.text.splitlines()[3:]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (0.5, "still old past 00:02:41"),
        (-0.5, "1 due, not asked since 00:02:41"),
    ],
)
def test_only_an_answer_heard_past_the_bound_is_called_overdue(asked: float, told: str) -> None:
    view = night(170.0)
    made = views.grid(170.0, "n" * 9 + "o", switched=True)
    assert made.bound is not None
    bound = made.bound
    last = made.rows[9]
    cell = replace(last.cells[0], at=bound + asked, expires_at=bound + 4)
    rows = (*made.rows[:9], replace(last, cells=(cell, cell)), *made.rows[10:])
    assert view.live is not None
    view = replace(view, live=replace(view.live, grid=replace(made, rows=rows)))
    conclusion = plain(resolvers(scene_of(view), 76, 9).conclusion)
    assert told.replace("00:02:41", times.hhmmss(bound)) in conclusion
    assert ("still old" in conclusion) == (asked > 0)


@pytest.mark.parametrize(
    ("is_left_out", "told"), [(False, "nobody answers"), (True, "nobody is counted")]
)
def test_where_nobody_answers_or_counts_none_is_said_to_follow(
    told: str, *, is_left_out: bool
) -> None:
    view, made = night(170.0), views.grid(170.0, "t" * 10, switched=True)
    words = "its TTL does not fall" if is_left_out else ""
    rows = tuple(
        replace(row, left_out=words) if row.role == "resolver" else row for row in made.rows
    )
    assert view.live is not None
    view = replace(view, live=replace(view.live, grid=replace(made, rows=rows)))
    conclusion = plain(resolvers(scene_of(view), 76, 9).conclusion)
    assert told in conclusion
    assert "all follow" not in conclusion
    assert "none old" not in conclusion


def test_one_that_follows_since_is_mixed_and_not_late_for_what_another_cache_said_before() -> None:
    view, made = night(170.0), views.grid(170.0, "n" * 9 + "m", switched=True)
    assert made.bound is not None
    last = made.rows[9]
    cell = replace(last.cells[0], at=made.bound + 3, left_at=made.bound - 3)
    rows = (*made.rows[:9], replace(last, cells=(cell, cell)), *made.rows[10:])
    assert view.live is not None
    view = replace(view, live=replace(view.live, grid=replace(made, rows=rows)))
    conclusion = plain(resolvers(scene_of(view), 76, 9).conclusion)
    assert conclusion.endswith(" · 1 mixed")


@pytest.mark.parametrize(("asked", "told"), [(3.0, "still old"), (-3.0, "1 due")])
def test_at_80_columns_who_fails_and_who_is_left_out_is_not_cut_off_by_who_is_late(
    asked: float, told: str
) -> None:
    made = views.grid(170.0, "nsnnnnsnno")
    assert made.bound is not None
    last = made.rows[9]
    cell = replace(last.cells[0], at=made.bound + asked)
    out = replace(made.rows[8], left_out="invents an answer")
    rows = (*made.rows[:8], out, replace(last, cells=(cell, cell)), *made.rows[10:])
    seen = views.live(170.0, grid=replace(made, rows=rows))
    view = views.Story().switched().view(170.0, seen)
    for height in (2, 7):
        shown = plain(framed(resolvers(scene_of(view), 76, height), Frame(80, height + 2))[0])
        assert f"70% of 20 answers · {told} · ✗ 2 fail · 1 left out ─" in shown


def test_of_a_grid_that_is_old_it_is_said_how_many_are_due_and_never_that_they_are_late() -> None:
    picture = resolvers(scene_of(world.RESOLVERS["stale"]()), 76, 2)
    shown = plain(framed(picture, Frame(80, 4))[0])
    assert "stale, looked 4 min ago · 70% of 20 answers · 3 due " in shown
    assert "still" not in shown
