from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from cockpit.decision.evidence import Verdict
from cockpit.journal import events as e
from cockpit.propagation.answers import Parent
from cockpit.status import CELL, CELL_BACK, SETTLED
from cockpit.tui.lines.decision import back_words, decision
from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.log import every_line, log
from cockpit.tui.lines.output import output
from cockpit.tui.lines.questions import _listed
from cockpit.tui.lines.resolvers import resolvers
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.schedule import schedule
from cockpit.tui.lines.sheets import sheet
from cockpit.tui.lines.text import cells, flowed, folded, kept, plain, said, width_of, wrapped
from cockpit.tui.lines.timeline import timeline
from tests.fakes import screen_states as states
from tests.fakes import screen_views as views
from tests.fakes import screen_world as world

HOUR = 3600.0


def _body(picture: object) -> str:
    return "\n".join(plain(line) for line in picture.body)  # type: ignore[attr-defined]


# -- what happened ------------------------------------------------------------------------------


def test_steps_of_the_way_back_stand_in_the_log_with_the_number_that_the_list_gives_them() -> None:
    scene = scene_of(views.rolling_back())
    listed = scene.outlook.line("back_switch")
    assert listed is not None
    lines = [plain(line) for line in every_line(scene, 120)]
    assert any(f" {listed.number} Switch DNS back · attempt 1" in line for line in lines)
    assert any(" 10 Switch DNS · attempt 1" in line for line in lines)


def test_a_list_of_ten_steps_and_more_has_its_titles_beneath_each_other() -> None:
    steps = views.Story().switched().view(112).runbook.forward
    lines = [plain(line) for line in _listed("These steps:", steps)[1:]]
    assert len(lines) > 10
    assert {line.index(step.title) for line, step in zip(lines, steps, strict=True)} == {6}


# -- wrapping -----------------------------------------------------------------------------------


def test_a_command_is_broken_between_words_and_keeps_every_character() -> None:
    command = (
        "by hand: Ask driver, observer, database, DNS and support in turn.  One no is a no-go."
    )
    for width in range(20, 70):
        rows = kept(command, width)
        assert "".join(rows) == command
        assert all(cells(row) <= width for row in rows)
        for row, following in pairwise(rows):
            assert row.endswith(" ") or following.startswith(" ")


def test_a_word_longer_than_its_row_is_broken_at_its_joints() -> None:
    rows = wrapped("see https://freshtrack.example.org/runs/production/report", 24)
    assert rows[0] == "see"
    assert all(row.endswith((".", "/", "-")) for row in rows[1:-1])


def test_a_folded_line_keeps_each_word_and_its_tone() -> None:
    line = (("  1  ", "dim"), ("one two three four", "strong"), (" five", "needs"))
    rows = folded(line, 12)
    assert all(width_of(row) <= 12 for row in rows)
    assert [word for row in rows for word in plain(row).split()] == plain(line).split()
    assert ("five", "needs") in rows[-1]


def test_keys_stay_whole_where_they_flow_into_a_second_row() -> None:
    rows = flowed([(("l", "key"), (" look again", "plain"))] * 4, "   ", 30)
    assert [plain(row) for row in rows] == ["l look again   l look again"] * 2


def test_signs_that_turn_the_direction_of_a_text_are_not_obeyed() -> None:
    assert said("fine \u202edeliaf\u202c all") == "fine deliaf all"
    assert kept("rm\u200b -rf", 20) == ["rm -rf"]


# -- the strip ----------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-40, -24, -23, -2.2, -2, -0.3, 0, 0.3, 2, 24, 100])
def test_the_mark_of_now_covers_no_label_of_the_strip(hours: float) -> None:
    view = views.Story().until("back_up").view(hours * HOUR, views.live(hours * HOUR))
    axis = plain(schedule(scene_of(view), 52)[0])
    assert axis.count("┃") == 1
    assert "T-0" in axis
    for label in axis.replace("┃", " ").split():
        assert label in ("-48h", "-24h", "-2h", "T-0", "+2h", "+24h", "+7d")


# -- which day ----------------------------------------------------------------------------------


def test_a_step_done_on_another_day_than_its_phase_says_which() -> None:
    said_ = _body(timeline(scene_of(states.another_day()), 52, 24))
    assert "Lower the TTL to 60 s    Tue 00:05 ✓ done" in said_
    assert "Copy all rows          02:05 23:05 ✓ done" in said_


def test_a_day_is_named_in_the_log_where_it_begins() -> None:
    rows = [plain(line) for line in log(scene_of(states.over_midnight()), 100, 8).body]
    days = [at for at, row in enumerate(rows) if row.startswith(("Tue 24 Nov", "Wed 25 Nov"))]
    assert [rows[at][:10] for at in days] == ["Tue 24 Nov", "Wed 25 Nov"]
    assert rows[days[1] + 1].startswith("00:05:00  released")


def test_the_log_of_today_needs_no_day() -> None:
    view = views.Story().until("switch").view(112, views.live(112))
    rows = [plain(line) for line in log(scene_of(view), 60, 6).body]
    assert not any("Nov" in row for row in rows)


def test_the_search_finds_a_step_by_its_title_and_by_its_id() -> None:
    scene = scene_of(views.switched())
    for words in ("New side opened", "open_new"):
        found = [plain(line) for line in every_line(scene, 80, words)]
        assert any("9 New side opened · attempt 1 · done" in row for row in found)


# -- words of the journal -----------------------------------------------------------------------


@pytest.mark.parametrize("how", SETTLED)
def test_a_settled_attempt_says_as_what(how: str) -> None:
    story = views.Story().until("freeze").confirm("rest", -880)
    story.tell(-760, e.AttemptInDoubt("rest", 1, "its runner is gone"), "engine")
    story.tell(-700, e.StepSettled("rest", 1, how, "seen by hand"))  # type: ignore[arg-type]
    state = story.state()
    assert (
        state.log[-1].text == f"rest · attempt 1 · settled as {SETTLED[how]} by ops: seen by hand"
    )
    status = {"done": "done", "failed": "failed", "not_happened": "open"}[how]
    assert state.step("rest").status == status


def test_gates_that_are_judged_again_answer_in_words() -> None:
    texts = [line.text for line in states.postponed().state.log]
    assert "judged again: 20 GiB are free: not rehearsed here" in texts


def test_a_service_that_did_not_change_is_no_news_and_says_a_word_once() -> None:
    story = views.Story().tell(-5, e.ServiceTurned("r", "readings", "silent", "silent", "no data"))
    assert not any("readings" in line.text for line in story.state().log)
    story.tell(-4, e.ServiceTurned("r", "readings", "fine", "silent", "no data"))
    assert story.state().log[-1].text == "readings: fine -> no data"


# -- resolvers ----------------------------------------------------------------------------------


def test_what_does_not_count_and_what_fails_is_in_the_title() -> None:
    assert "all follow · 1 left out" in plain(
        resolvers(scene_of(world.left_out()), 76, 8).conclusion
    )
    assert "none old · ✗ 2 fail" in plain(resolvers(scene_of(world.failing()), 76, 8).conclusion)
    holding = plain(resolvers(scene_of(world.holding()), 76, 8).conclusion)
    assert "still old past 02:07:41" in holding


def test_no_end_is_claimed_while_a_name_server_was_not_seen_to_turn() -> None:
    view = world.left_out()
    assert view.live is not None
    assert view.live.grid is not None
    grid = replace(view.live.grid, bound=None, unknown="until when is unknown: ns2 is silent")
    untold = replace(view, live=replace(view.live, grid=grid))
    assert "no time known · 1 left out" in plain(resolvers(scene_of(untold), 76, 8).conclusion)


def test_on_the_way_back_the_old_answer_is_the_right_one() -> None:
    picture = resolvers(scene_of(world.leading_back()), 58, 7)
    assert picture.title == "Resolvers: who still sees the new side"
    assert "60% old" in _body(picture)
    assert (CELL["new"].token, CELL_BACK["new"].token) == ("fine", "plain")
    assert CELL_BACK["old"].token == "fine"


def test_nothing_is_called_fine_that_nobody_looked_at_for_a_while() -> None:
    for made, panel in ((world.stale_grid, resolvers), (world.old_verdict, decision)):
        picture = panel(scene_of(made()), 76, 8)
        tones = {tone for line in (*picture.body, picture.conclusion) for _, tone in line}
        assert not any("fine" in tone.split() for tone in tones)


def test_our_own_servers_that_disagree_stand_first_where_room_is_short() -> None:
    assert _body(resolvers(scene_of(world.serials_differ()), 76, 2)).startswith("ns2 (ours) · old")


def test_the_whole_screen_shows_caches_the_curve_and_the_way_back() -> None:
    text = _body(sheet(scene_of(states.spreading()), "resolvers", 116).picture)
    for words in (
        "3 of about 5 caches new, 95%: under 30% old",
        "TTL raised by itself",
        "left out: gives other name servers",
        "48% of the caches met",
        "62% expected by now",
        "those that raise TTLs too by 02:21:01",
        "Observed",
        "a switch back would be kept out by new answers for up to 60 s",
        "Chrome up to 160 s",
    ):
        assert words in text


def test_beside_the_grid_stands_what_still_reaches_the_old_side_by_its_own_count() -> None:
    view = states.spreading()
    assert view.live is not None
    for live, words in (
        (replace(view.live, old_requests=None), "unknown how many requests reach it"),
        (replace(view.live, old_requests=4.0), "4.0 requests a minute reach it still"),
        (
            replace(view.live, old_requests=4.0, old_by_name=1.0),
            "1.0 of them by a name that does not move",
        ),
    ):
        text = _body(sheet(scene_of(replace(view, live=live)), "resolvers", 116).picture)
        assert words in text


def test_a_parent_that_names_others_stands_by_its_address_beside_the_grid() -> None:
    view = states.spreading()
    assert view.live is not None
    assert view.live.grid is not None
    parents = (
        Parent("a.nic.test.", "192.0.2.1", fits=True, words="names the same 2", at=1.0),
        Parent("b.nic.test.", "192.0.2.2", fits=False, words="names others", at=1.0),
    )
    grid = replace(view.live.grid, parents=parents)
    shown = replace(view, live=replace(view.live, grid=grid))
    text = _body(sheet(scene_of(shown), "resolvers", 116).picture)
    assert "1 of 2 servers name ours" in text
    assert "b.nic.test. (192.0.2.2) names others" in text


def test_name_servers_that_nobody_asks_are_named_and_no_serial_is_called_equal() -> None:
    view = states.spreading()
    assert view.live is not None
    assert view.live.grid is not None
    grid = replace(view.live.grid, unlisted=("ns3.nic.test. (192.0.2.3)",))
    shown = scene_of(replace(view, live=replace(view.live, grid=grid)))
    text = _body(sheet(shown, "resolvers", 116).picture)
    assert "name servers that the profile leaves out: ns3.nic.test. (192.0.2.3)" in text
    panel = _body(resolvers(shown, 76, 20))
    assert "1 more not asked" in panel
    assert "equal" not in panel
    assert "equal" in _body(resolvers(scene_of(view), 76, 20))


def test_a_resolvers_page_shows_what_is_known_of_it() -> None:
    text = _body(detail(scene_of(states.spreading()), "resolver", "127.9.9.108", 90))
    for words in ("fra-2", "raises small TTLs", "about 5 caches", "holds on, 4 looks", "12%"):
        assert words in text


# -- the decision, output -----------------------------------------------------------------------


def test_where_nothing_is_weighed_the_panel_says_why_and_not_that_the_switch_is_missing() -> None:
    view = world.not_yet()
    assert view.live is not None
    assert view.live.verdict is not None
    why = "the runbook decides by no signal"
    found = replace(view.live.verdict, word="not_weighed", reason=why)
    scene = scene_of(replace(view, live=replace(view.live, verdict=found)))
    for height in (2, 5):
        picture = decision(scene, 58, height)
        assert why in _body(picture)
        assert "switch" not in _body(picture)
        assert "NOT WEIGHED" in plain(picture.conclusion)


def test_before_the_switch_there_is_one_calm_line_and_no_unknown_answers() -> None:
    picture = decision(scene_of(world.not_yet()), 58, 5)
    text = _body(picture)
    assert "nothing to weigh before the switch" in text
    assert "unknown" not in text
    assert "back now: 0 rows to carry" in text


@pytest.mark.parametrize(
    ("rows", "age", "short", "words"),
    [
        (187, 8.0, 0, "187 rows to carry (8 s ago), "),
        (187, 8.0, 1, "187 rows, "),
        (187, 240.0, 1, "187 rows (4 min ago), "),
        (None, None, 0, "rows to carry not counted yet, "),
        (None, 5.0, 0, "rows to carry unknown, "),
    ],
)
def test_rows_to_carry_are_said_with_the_age_of_their_count(
    rows: int | None, age: float | None, short: int, words: str
) -> None:
    scene = scene_of(world.DECISION["roll_back"]())
    at = 0.0 if age is None else scene.now - age
    verdict = Verdict("roll_back", "it fails", to_carry=rows, carried_at=at, rollback_s=540.0)
    assert plain(back_words(scene, verdict, short=short)).startswith(f"{words}9 min")


@pytest.mark.parametrize(
    ("short", "words"),
    [(0, "time unknown: no estimate is declared"), (1, "time unknown"), (2, "? time")],
)
def test_a_way_back_that_nobody_estimated_is_of_unknown_length_never_of_none(
    short: int, words: str
) -> None:
    line = plain(back_words(scene_of(views.fresh()), Verdict("not_weighed", "no"), short=short))
    assert line.endswith(words)
    assert "0.0" not in line
    shown = world.DECISION["roll_back"]()
    assert shown.live is not None
    for rows in (None, 1200):
        verdict = Verdict("not_weighed", "no signal", to_carry=rows, carried_at=shown.now - 240)
        bare = replace(shown, live=replace(shown.live, verdict=verdict))
        for height in (2, 5):
            told = _body(decision(scene_of(bare), 76, height))
            assert "time unknown" in told
            assert "…" not in told


def test_a_figure_keeps_its_limit_where_room_is_short() -> None:
    text = _body(decision(scene_of(world.DECISION["roll_back"]()), 58, 5))
    assert "14.2% (11.8-16.9), limit 10%" in text


def test_once_the_run_goes_back_the_panel_says_how_far() -> None:
    picture = decision(scene_of(views.rolling_back()), 58, 5)
    assert plain(picture.conclusion) == "↶ ROLLING BACK"
    assert "1 of 4 steps back are done, next 2 Carry the rows back" in _body(picture)


def test_a_line_that_was_drawn_over_shows_what_was_drawn_last() -> None:
    text = _body(output(scene_of(states.escapes()), 60))
    assert "progress 90%" in text
    assert "progress 10%" not in text


def test_a_stopped_attempt_is_not_said_to_have_just_exited() -> None:
    picture = output(scene_of(states.stopped()), 60)
    assert plain(picture.conclusion) == "stopped after 60 s, exit 143"


# -- the bar ------------------------------------------------------------------------------------


def test_a_step_page_of_a_service_says_why_it_is_off() -> None:
    view = views.midway()
    probe = replace(view.runbook.procedure.probes[0], after="open_new")  # type: ignore[arg-type]
    book = replace(view.runbook, procedure=replace(view.runbook.procedure, probes=(probe,)))
    text = _body(detail(scene_of(replace(view, runbook=book)), "service", "backend", 80))
    assert "to be off: “New side opened” has not started it yet" in text
