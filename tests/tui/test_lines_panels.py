from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len

from cockpit import status
from cockpit.answer import Answer, Said
from cockpit.decision.evidence import Reading
from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.journal.state import LogLine
from cockpit.outlook import STILL_RUNS
from cockpit.propagation.answers import Cell
from cockpit.runbook.words import Id
from cockpit.telemetry.live import Tile
from cockpit.tui.dialogs.leave import goes_on
from cockpit.tui.lines.bar import bar
from cockpit.tui.lines.decision import decision, way_back
from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.frame import Frame, Picture, framed
from cockpit.tui.lines.health import CALM, health, tile_words
from cockpit.tui.lines.help import help_page
from cockpit.tui.lines.hints import hints
from cockpit.tui.lines.log import log
from cockpit.tui.lines.now import next_line, now
from cockpit.tui.lines.output import output
from cockpit.tui.lines.proposal import Ask, gates_words, proposal
from cockpit.tui.lines.resolvers import cell_words, resolvers
from cockpit.tui.lines.scene import Scene, scene_of
from cockpit.tui.lines.settle import settle
from cockpit.tui.lines.sheets import sheet
from cockpit.tui.lines.spark import spark
from cockpit.tui.lines.text import as_ascii, cells, clip, fit, kept, plain, width_of, wrapped
from cockpit.tui.lines.timeline import timeline
from tests.fakes import screen_states as states
from tests.fakes import screen_views as views
from tests.fakes.screen_world import HEALTH
from tests.fakes.screens import words

PANELS: dict[str, Callable[[Scene, int, int], Picture]] = {
    "timeline": timeline,
    "health": health,
    "resolvers": resolvers,
    "decision": decision,
    "log": log,
}
PAGES = (("service", "backend"), ("resolver", "127.9.9.101"), ("signal", "failures"))
SIZES = [(76, 1), (76, 7), (52, 24), (60, 8), (116, 7), (60, 5), (40, 3), (150, 40)]


def _text(picture: Picture) -> str:
    told = [picture.title, plain(picture.conclusion), *map(plain, picture.body)]
    return "\n".join([*told, *map(plain, picture.foot)])


@pytest.mark.parametrize("name", views.VIEWS)
@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_fits_every_size_exactly(panel: str, name: str) -> None:
    view = views.VIEWS[name]()
    for ascii_only in (False, True):
        scene = scene_of(view, ascii_only=ascii_only)
        for width, height in SIZES:
            picture = PANELS[panel](scene, width, height)
            frame = Frame(width + 4, height + 2, ascii=ascii_only)
            lines = framed(picture, frame)
            assert len(lines) == height + 2
            for line in lines:
                assert width_of(line) == width + 4
                assert cell_len(plain(line)) == width + 4
                assert not ascii_only or plain(line).isascii()


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_without_data_says_so(panel: str) -> None:
    empty = views.Story().view(-170_000)
    state = replace(empty.state, log=(), steps={})
    said = _text(PANELS[panel](scene_of(replace(empty, state=state)), 60, 8))
    words = ("no data yet", "nothing happened yet", "0 of 15")
    assert any(word in said for word in words)


# -- states in words -----------------------------------------------------------------------------


def _tile(state: str) -> Tile:
    return Tile("p", "backend", state, "84 ms", 100.0, 0.0)  # type: ignore[arg-type]


def test_no_two_states_of_a_service_read_alike() -> None:
    said = {state: tile_words(_tile(state), 101.0) for state in status.TILE}
    assert len(set(said.values())) == len(said)


def test_an_answer_that_grew_old_is_no_longer_fine() -> None:
    assert tile_words(_tile("fine"), 101.0) == "84 ms"
    assert tile_words(_tile("fine"), 340.0) == "stale 4 min"


@pytest.mark.parametrize("ascii_only", [False, True])
def test_no_two_answers_of_a_resolver_read_alike(ascii_only: bool) -> None:
    scene = scene_of(views.switched(), ascii_only=ascii_only)
    assert scene.live is not None
    assert scene.live.grid is not None
    for side in ("new", "old"):
        grid = replace(scene.live.grid, wanted=side)
        said = {cell_words(scene, grid, Cell(state))[0] for state in status.CELL}  # type: ignore[arg-type]
        assert len(said) == len(status.CELL)


@pytest.mark.parametrize("height", [1, 8, 24])
@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("panel", PANELS)
def test_stripped_of_colour_every_state_stays_apart(
    panel: str, ascii_only: bool, height: int
) -> None:
    said: dict[str, str] = {}
    for name, made in states.PANELS[panel].items():
        picture = PANELS[panel](scene_of(made(), ascii_only=ascii_only), 76, height)
        text = _text(replace(picture, body=tuple(map(as_ascii, picture.body))))
        assert text not in said, f"{name} reads like {said[text]}:\n{text}"
        said[text] = name


def test_stripped_of_colour_every_state_of_the_run_stays_apart() -> None:
    said: dict[str, str] = {}
    for name, made in states.HEADER.items():
        scene = scene_of(made())
        text = "\n".join(plain(line) for line in (bar(scene, 80), now(scene, 80)))
        assert text not in said, f"{name} reads like {said[text]}:\n{text}"
        said[text] = name


# -- what gives way ------------------------------------------------------------------------------


def test_where_room_is_short_the_sick_services_stay_and_the_rest_are_counted() -> None:
    said = _text(health(scene_of(views.switched()), 76, 1))
    assert "prometheus slow 2.1 s" in said
    assert "grafana no data 4m" in said
    assert "14 more" in said


@pytest.mark.parametrize("width", [32, 49, 60, 76])
@pytest.mark.parametrize("figure", ["2.1 s", "2.1 s, three times what it was, by 95 of 100"])
def test_a_sick_service_is_named_however_little_room_there_is(width: int, figure: str) -> None:
    tiles = tuple(
        replace(one, figure=figure) if one.state == "slow" else one
        for one in views.tiles(112.0, prometheus="slow")
    )
    view = replace(views.switched(), live=views.live(112.0, tiles=tiles))
    (line,) = health(scene_of(view), width, 1).body
    assert "! prometheus slow" in plain(line)
    assert " more" in plain(line)
    assert width_of(line) <= width


def test_a_service_and_its_container_are_one_tile_and_the_worse_one_speaks() -> None:
    view = HEALTH["shipped"]()
    said = _text(health(scene_of(view), 116, 14))
    assert "✗ loki" in said
    assert "DOWN out of memory" in said
    assert "slow restarted 1x" in said
    assert "box" not in said
    whole = _text(sheet(scene_of(view), "health", 76).picture)
    assert "caddy box" in whole
    assert "1 DOWN · ! 1 slow · ✓ 25 fine" in whole


def test_a_service_that_fails_keeps_its_words_though_its_container_is_fine() -> None:
    view = HEALTH["shipped"]()
    assert view.live is not None
    tiles = tuple(
        replace(one, state="down", figure="503 redis") if one.probe == "new_backend" else one
        for one in view.live.tiles
    )
    said = _text(health(scene_of(replace(view, live=replace(view.live, tiles=tiles))), 116, 14))
    assert "DOWN 503 redis" in said


EVERY_STATE = {
    "backend": "down", "caddy": "slow", "postgres": "silent", "redis": "stale", "loki": "off",
    "host": "off", "readings": "not_rehearsed", "mail_queue": "not_rehearsed",
}  # fmt: skip


@pytest.mark.parametrize("columns", [60, 80, 100])
@pytest.mark.parametrize("count", range(len(EVERY_STATE) + 1))
def test_the_title_of_the_services_is_never_cut(columns: int, count: int) -> None:
    at = 112.0
    states_ = dict(list(EVERY_STATE.items())[-count:]) if count else {}
    view = replace(views.switched(), live=views.live(at, tiles=views.tiles(at, **states_)))
    picture = health(scene_of(view), columns - 4, 1)
    top = plain(framed(picture, Frame(columns, 3))[0])
    assert "…" not in top
    told = dict.fromkeys(states_.values(), "")
    assert all(status.TILE[one].word in top for one in told if one not in CALM)


def test_a_call_off_with_nothing_to_put_back_has_no_step_that_is_still_to_come() -> None:
    story = views.Story()
    story.tell(-3000, e.TurnedBack("call_off", "a storm")).tell(-2990, e.RunEnded("called_off"))
    scene = scene_of(story.view(-2900, views.live(-2900)))
    assert "called off: nothing was done" in plain(now(scene, 120))
    said = _text(timeline(scene, 76, 20))
    assert "Call off" in said
    assert "later" not in said
    assert "✓ done" in said


def test_where_room_is_short_the_worst_resolvers_stay() -> None:
    said = _text(resolvers(scene_of(views.switched()), 76, 2))
    assert "Office SERVFAIL" in said
    assert "Telekom old, holds on" in said
    assert "8 new" in said


def test_a_switch_that_nobody_saw_is_not_called_one_that_is_to_come() -> None:
    view = views.midway()
    assert view.live is not None
    assert view.live.grid is not None
    unseen = replace(view.live.grid, unknown="since when the new answer is given is unknown")
    for grid, told in ((view.live.grid, "not switched yet"), (unseen, "nobody saw the switch")):
        scene = scene_of(replace(view, live=replace(view.live, grid=replace(grid, paused=""))))
        picture = resolvers(scene, 76, 12)
        assert told in plain(picture.conclusion)
        assert ("is given is unknown" in _text(picture)) == bool(grid.unknown)
        assert ("not switched yet" in _text(picture)) != bool(grid.unknown)


def test_on_the_way_back_what_is_to_come_is_the_switch_back() -> None:
    view = views.midway()
    assert view.live is not None
    assert view.live.grid is not None
    back = replace(view.live.grid, wanted="old", paused="", switched_at=None)
    picture = resolvers(scene_of(replace(view, live=replace(view.live, grid=back))), 76, 12)
    assert "not switched back yet" in plain(picture.conclusion)
    assert "not switched back yet: the new answer is the right one" in _text(picture)


def test_leaving_a_run_whose_engine_is_gone_does_not_say_that_it_watches() -> None:
    view = replace(views.switched(), engine_gone=True)
    assert "nothing watches" in goes_on(scene_of(view))
    assert "keeps watching" in goes_on(scene_of(views.switched()))


def test_the_keys_that_show_all_resolvers_stand_only_where_some_are_not_named() -> None:
    view = replace(views.switched(), live=views.live(112.0, grid=views.grid(112.0, "s" * 10)))
    assert "3 Enter" in _text(resolvers(scene_of(view), 76, 2))
    assert "3 Enter" not in _text(resolvers(scene_of(view), 400, 2))


def test_the_verdict_stands_in_the_frame_whatever_the_height() -> None:
    for height in (1, 2, 5, 8):
        picture = decision(scene_of(views.roll_back_advised()), 76, height)
        assert plain(picture.conclusion) == "verdict: ✗ ROLL BACK"


def test_the_decision_says_what_going_back_would_do_now() -> None:
    said = _text(decision(scene_of(views.roll_back_advised()), 60, 8))
    assert "187 rows to carry, 9 min, begin by 04:00 at latest" in said
    assert "it cannot bring back: mails that were sent from the new side" in said


@pytest.mark.parametrize("height", [2, 3, 8])
def test_a_rollback_that_is_decided_is_advised_no_more(height: int) -> None:
    view = views.roll_back_advised()
    assert view.live is not None
    assert view.live.verdict is not None
    why = "rolled back at 02:14:00 UTC: the old side serves again"
    decided = replace(view.live.verdict, word="decided", reason=why)
    view = replace(view, live=replace(view.live, verdict=decided))
    picture = decision(scene_of(view), 76, height)
    assert plain(picture.conclusion) == "verdict: · DECIDED"
    said = _text(picture)
    assert "rolled back at 02:14:00 UTC" in said
    assert "back now" not in said
    assert "begin by" not in said


def test_an_old_verdict_is_marked_as_old() -> None:
    assert "(old)" in plain(decision(scene_of(views.engine_gone()), 60, 8).conclusion)


def test_done_phases_fold_and_the_current_one_is_open() -> None:
    said = _text(timeline(scene_of(views.switched()), 76, 7))
    assert "3 phases" in said
    assert "10/10" in said
    assert "11  Errors and response times" in said
    assert "Tell the customers" not in said


def test_the_cursor_opens_the_phase_that_it_stands_in() -> None:
    said = _text(timeline(scene_of(views.switched()), 76, 7, "lower_ttl"))
    assert "▸ 2  Lower the TTL to 60 s" in said


def test_points_of_no_return_are_named() -> None:
    said = _text(timeline(scene_of(views.switched()), 52, 24))
    assert "‡ no return" in said
    assert "T-0" in said


# -- the confirmation, the settling --------------------------------------------------------------


def _confirmation(view: View, **ask: object) -> str:
    scene = scene_of(view)
    assert scene.outlook.next is not None
    return _text(proposal(scene, scene.outlook.next, replace(Ask(), **ask), 76))  # type: ignore[arg-type]


def test_a_failing_gate_is_shown_with_what_was_seen() -> None:
    said = _confirmation(views.gate_failing(), refusal="one gate is not open")
    assert "✗ FAIL: new side has its certificate" in said
    assert "another name" in said
    assert "must pass" in said
    assert "not yet: one gate is not open" in said


def test_a_refusal_that_is_longer_than_a_row_is_shown_whole() -> None:
    run = "/var/lib/cockpit/runs/production/freshtrack-20260921T201320Z"
    holder = f"another run acts on this target: engine 4711 of ana, {run}"
    said = _confirmation(views.confirming(), refusal=f"{holder} (end that run, or wait for it)")
    assert f"engine 4711 of ana, {run} (end that run, or wait for it)" in " ".join(said.split())


def test_what_runs_is_shown_character_by_character() -> None:
    said = _confirmation(views.confirming(lines=("psql  -c 'select   1'",)))
    assert "psql  -c 'select   1'" in said


def test_an_answer_grown_old_in_the_dialog_is_stale() -> None:
    view = views.confirming()
    later = replace(view, boot_ns=view.boot_ns + 600 * 1_000_000_000)
    assert "~ stale: old side refuses writes" in _confirmation(later)


def _weighed(*more: Reading) -> Scene:
    view = views.switched()
    assert view.live is not None
    assert view.live.verdict is not None
    verdict = replace(view.live.verdict, readings=(*view.live.verdict.readings, *more))
    procedure = view.runbook.procedure
    share = replace(procedure.signals[0], id=Id("served"), kind="share", title="Requests served")
    runbook = replace(
        view.runbook, procedure=replace(procedure, signals=(*procedure.signals, share))
    )
    return scene_of(replace(view, runbook=runbook, live=replace(view.live, verdict=verdict)))


SERVED = Reading(
    "served", "Requests on the new side", "good", 0.757, 0.7, 0.8, 0.5, 628, 0,
    "75.7% of 628 requests", views.T0 + 100,
)  # fmt: skip


def test_a_share_that_only_informs_is_no_answer_to_a_question() -> None:
    scene = _weighed(SERVED)
    rows = words(sheet(scene, "decision", 116).picture.body).splitlines()
    row = next(row for row in rows if "Requests on the new side" in row)
    assert " no " not in row
    assert "✓" not in row
    assert "75.7% of 628 requests" in row
    page = words(detail(scene, "signal", "served", 90).body)
    assert "it only informs" in page


def test_readings_that_have_no_room_are_counted_in_the_title() -> None:
    scene = _weighed(SERVED, replace(SERVED, signal="served_too"))
    told = plain(decision(scene, 60, 5).conclusion)
    assert told.startswith("1 more · ")
    assert "more" not in plain(decision(scene, 60, 9).conclusion)


def test_a_signals_page_says_its_limit_its_baseline_and_the_time_it_counts_in() -> None:
    page = words(detail(scene_of(views.switched()), "signal", "failures", 90).body)
    for told in ("Limit", "a rollback beyond", "Baseline", "in the last"):
        assert told in page
    slower = words(detail(scene_of(views.switched()), "signal", "latency", 90).body)
    assert "0.9 to 1.4, with 95% certainty" in slower


@pytest.mark.parametrize("width", [76, 116, 160])
def test_on_the_whole_screen_every_resolver_answers_in_each_names_column(width: int) -> None:
    rows = words(sheet(scene_of(views.switched()), "resolvers", width).picture.body).splitlines()
    telekom = next(row for row in rows if row.startswith("Telekom"))
    assert telekom.count("holds on") == 2
    assert "Telekom: raises small TTLs" in "\n".join(rows)


def test_settling_says_a_failure_once() -> None:
    scene = scene_of(views.failed())
    line = scene.outlook.line("rest")
    assert line is not None
    assert line.state.last is not None
    reason = line.state.last.reason
    last = replace(line.state.last, message="users differ in 3 rows")
    twice = replace(line, state=replace(line.state, attempts=(last,)))
    said = _text(settle(scene, twice, 92))
    assert reason in said
    assert said.count("users differ in 3 rows") == 1


def test_a_step_without_a_declared_target_says_that_nothing_is_read_back() -> None:
    found = views.confirming(targets=())
    scene = scene_of(found)
    line = scene.outlook.next
    assert line is not None
    said = words(proposal(scene, line, Ask(), 90).body)
    assert "none declared: nothing is read back" in said


def test_a_stale_gate_is_neither_counted_as_passed_nor_silently_confirmed() -> None:
    view = views.confirming()
    assert view.live is not None
    assert view.live.proposal is not None
    gates = tuple(replace(gate, at=gate.at - 400) for gate in view.live.proposal.gates)
    shown = replace(view.live.proposal, gates=gates)
    scene = scene_of(replace(view, live=replace(view.live, proposal=shown)))
    line = scene.outlook.next
    assert line is not None
    assert gates_words(scene, line) == ("gates: 3 stale", "unknown")
    foot = words(proposal(scene, line, Ask(), 90).foot)
    assert "what is stale is asked again first" in foot


@pytest.mark.parametrize(("gates", "told"), [(1, "1 gate, being asked"), (3, "3 gates, being")])
def test_gates_that_are_being_asked_are_never_said_to_be_none(gates: int, told: str) -> None:
    scene = scene_of(views.confirming(asking=True, gates=(), targets=()))
    line = scene.outlook.next
    assert line is not None
    asked = replace(line, step=replace(line.step, gates=line.step.gates[:gates]))
    assert gates_words(scene, asked)[0].startswith(told)
    assert "none" not in plain(next_line(scene, 120))
    without = replace(line, step=replace(line.step, gates=()))
    assert gates_words(scene, without)[0] == "gates: none"


def test_what_a_rollback_could_not_bring_back_is_never_called_nothing_falsely() -> None:
    scene = scene_of(views.switched())
    assert scene.live is not None
    assert scene.live.verdict is not None
    bare = replace(scene.live.verdict, cannot_bring_back=())
    assert "not worked out" in words(tuple(way_back(scene, bare, 90)))
    fresh = scene_of(views.fresh())
    assert "nothing: no step has begun" in words(tuple(way_back(fresh, bare, 90)))


def test_a_target_that_is_another_one_is_marked() -> None:
    view = views.confirming()
    state = replace(view.state, pinned={"zone": "another zone"})
    assert "it was another zone before" in " ".join(
        _confirmation(replace(view, state=state)).split()
    )


def test_settling_shows_what_is_known_and_every_way_out() -> None:
    scene = scene_of(views.in_doubt())
    line = scene.outlook.line("rest")
    assert line is not None
    said = _text(settle(scene, line, 92))
    for told in ("IN DOUBT", "its runner is gone", "49011 differ", "look again", "run it again"):
        assert told in said
    assert "copying sensor_readings: 41200 of 90211 rows" in said


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (("fail", "pass"), "may have had its effect: check 1 holds"),
        (("fail", "unknown"), "may have had its effect: check 1 is unknown"),
        ((), "nothing shows that it had no effect"),
        (("fail", "fail"), ""),
    ],
)
def test_settling_says_why_a_step_may_not_run_again(answers: tuple[Said, ...], why: str) -> None:
    view = views.in_doubt()
    assert view.live is not None
    seen = tuple(
        Answer(f"c{at}", f"check {at}", said, "seen", views.T0 - 700)
        for at, said in enumerate(answers)
    )
    scene = scene_of(replace(view, live=replace(view.live, looked=("rest", seen))))
    line = scene.outlook.line("rest")
    assert line is not None
    once = replace(line, step=replace(line.step, idempotent=False))
    said = " ".join(_text(settle(scene, once, 92)).split())
    assert why in said
    assert ("run it again (it may have had its effect)" in said) == bool(why)
    harmless = replace(line, step=replace(line.step, idempotent=True))
    assert "may have had its effect" not in _text(settle(scene, harmless, 92))


def test_a_failure_that_its_action_told_may_be_tried_again_whatever_is_seen() -> None:
    view = views.failed()
    assert view.live is not None
    there = Answer("disk", "same rows", "pass", "equal", views.T0 - 700)
    scene = scene_of(replace(view, live=replace(view.live, looked=("rest", (there,)))))
    line = scene.outlook.line("rest")
    assert line is not None
    assert not line.step.idempotent
    assert "may have had its effect" not in _text(settle(scene, line, 92))
    left = replace(there, check=STILL_RUNS, said="fail", evidence="container migrate runs")
    scene = scene_of(replace(view, live=replace(view.live, looked=("rest", (left,)))))
    said = " ".join(_text(settle(scene, line, 92)).split())
    assert "it may still act: container migrate runs" in said


@pytest.mark.parametrize("name", views.VIEWS)
def test_every_page_of_every_moment_can_be_drawn(name: str) -> None:
    scene = scene_of(views.VIEWS[name]())
    for width in (76, 116):
        for panel in (*PANELS, "output"):
            assert sheet(scene, panel, width).picture.body
        for line in scene.outlook.lines():
            assert detail(scene, "step", line.step.id, width).body
        for kind, key in (
            ("service", "backend"),
            ("resolver", "127.9.9.101"),
            ("signal", "failures"),
        ):
            assert detail(scene, kind, key, width).body
        assert width_of(hints(scene, width)) == width
        assert help_page(scene, width).body
        assert output(scene, width).body


# -- text from outside ---------------------------------------------------------------------------


def test_text_from_outside_is_never_a_command_to_the_terminal() -> None:
    view = views.switched()
    evil = LogLine(99, view.now, "noted: \x1b[2J[bold]x[/] \x07\ttab")
    state = replace(view.state, log=(*view.state.log, evil))
    said = _text(log(scene_of(replace(view, state=state)), 60, 8))
    assert "noted: [bold]x[/] tab" in said
    assert "\x1b" not in said


def test_texts_are_cut_where_the_cells_end() -> None:
    assert clip("漢字漢字", 5) == "漢字…"
    assert clip("plain", 5) == "plain"
    assert clip("plainer", 5) == "plai…"
    assert width_of(fit((("漢字", "plain"), ("abc", "dim")), 6)) == 6
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert all(cells(row) <= 10 for row in wrapped("x" * 35 + " and more words", 10))
    assert "".join(kept("a  b" * 9, 7)) == "a  b" * 9


def test_every_sign_has_a_likeness_in_ascii() -> None:
    used = "┌┐└┘─│┏┓┗┛━┃╔╗╚╝═║·▁▂▃▄▅▆▇█▌▸▶↓↑±‡…✓✗"
    swapped = plain(as_ascii(((used, "plain"),)))
    assert swapped.isascii()
    assert "?" not in swapped
    assert len(swapped) == len(used)
    assert all(cell_len(sign) == cells(sign) == 1 for sign in used)


def test_a_gap_in_a_history_is_a_gap() -> None:
    assert spark([1.0, None, 2.0], 4) == "·▅·█"
    assert spark([], 3) == "···"
    assert spark([0.0, 0.0], 2) == "▁▁"
