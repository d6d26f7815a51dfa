from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.widgets import Input

from cockpit.answer import Answer
from cockpit.clock import NS
from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.telemetry.live import Left
from cockpit.tui import calm
from cockpit.tui.dialogs.leave import Leave
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.dialogs.settle import Settle
from cockpit.tui.keys import KEYS
from cockpit.tui.lines.questions import moment_and_reason
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.panels.lines import Panel, Shown
from cockpit.tui.panels.timeline import Timeline
from cockpit.tui.screens.full import Full
from cockpit.tui.screens.page import Page
from cockpit.tui.screens.too_small import TooSmall
from cockpit.tui.screens.watch import Watch
from tests.fakes import screen_views as views
from tests.fakes.screens import Opened, opened


async def _asked(one: Opened, kind: str) -> dict[str, str | float]:
    await one.until(lambda: kind in one.client.kinds, f"{kind} was never asked")
    return next(details for sent, details in one.client.sent if sent == kind)


async def _answer(one: Opened, words: str) -> None:
    await one.until(lambda: isinstance(one.app.screen, Reason))
    dialog = one.app.screen
    assert isinstance(dialog, Reason)
    dialog.query_one(Input).value = words
    await one.pilot.press("enter")
    await one.pilot.pause()
    if dialog.said is not None:
        await _deliberately(one, dialog)


async def _deliberately(one: Opened, dialog: Reason) -> None:
    await one.until(lambda: dialog.said is not None and dialog.arming.readable_in is not None)
    one.real.at += 2
    await one.pilot.press("c")


TYPED = ["plus", *"24h", "space", *"scope"]
"""Keys that mean something elsewhere are letters here."""


def _rehearsal() -> View:
    at = -24 * 3600 - 1800.0
    story = views.Story("rehearsal").until("back_up")
    return story.view(at, views.live(at))


async def test_hold_needs_its_own_key_and_nothing_else() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("h")
        await _asked(one, "hold")


async def test_the_same_key_releases() -> None:
    async with opened(views.held()) as one:
        await one.says("h release")
        await one.pilot.press("h")
        await _asked(one, "release")


@pytest.mark.parametrize(
    ("key", "kind", "made"),
    [
        ("s", "skip", views.switched),
        ("n", "note", views.switched),
        ("b", "roll_back", views.switched),
        ("x", "call_off", views.midway),
    ],
)
async def test_what_goes_into_the_record_wants_a_reason(
    key: str, kind: str, made: Callable[[], View]
) -> None:
    async with opened(made()) as one:
        await one.pilot.press(key)
        await one.until(lambda: isinstance(one.app.screen, Reason))
        await one.pilot.press("enter")
        await one.says("a reason is wanted")
        await _answer(one, "because [of] the storm")
        assert (await _asked(one, kind))["text"] == "because [of] the storm"


@pytest.mark.parametrize(
    ("key", "made"),
    [("x", views.midway), ("b", views.switched), ("s", views.switched), ("p", views.midway)],
)
async def test_what_changes_the_run_wants_its_own_key_after_the_reason(
    key: str, made: Callable[[], View]
) -> None:
    async with opened(made()) as one:
        await one.pilot.press(key)
        await one.until(lambda: isinstance(one.app.screen, Reason))
        dialog = one.app.screen
        assert isinstance(dialog, Reason)
        await one.pilot.press(*TYPED, "enter", "enter", "c")
        await one.says("keys came too fast")
        one.real.at += 0.8
        await one.pilot.press("enter")
        await one.pilot.pause(0.3)
        assert one.client.kinds == []
        await one.says("You say")
        await _deliberately(one, dialog)
        await one.until(lambda: one.client.kinds)


COVERING = {
    "a panel over the screen": ("4", "z"),
    "the page of a signal": ("4", "z", "enter"),
    "the page of a service": ("2", "z", "enter"),
    "the log of a service": ("2", "z", "enter", "l"),
    "the page of a resolver": ("3", "z", "enter"),
    "the page of a step": ("up", "enter"),
    "every key": ("question_mark",),
}
"""Keys from the main screen to what covers it."""


async def _covered(one: Opened, by: str) -> None:
    pages = sum(key in ("z", "enter", "l", "question_mark") for key in COVERING[by])
    for key in COVERING[by]:
        await one.pilot.press(key)
    await one.until(lambda: len(one.app.screen_stack) == 1 + pages)


@pytest.mark.parametrize("by", COVERING)
async def test_what_is_wanted_in_a_hurry_is_asked_for_from_every_page(by: str) -> None:
    view = views.roll_back_advised()
    async with opened(view) as one:
        await _covered(one, by)
        await one.pilot.press("h")
        await _asked(one, "hold")
        hints = one.app.screen.query_one("#hints", Shown)
        await one.pilot.press("k")
        await one.until(lambda: hints.text.strip() == "no step is running")
        one.real.at += 9
        await one.show(replace(view, boot_ns=view.boot_ns + 9 * NS))
        await one.until(lambda: "Esc back" in hints.text)
        for key, kind in (("n", "note"), ("b", "roll_back")):
            await one.pilot.press(key)
            await _answer(one, "because")
            assert (await _asked(one, kind))["text"] == "because"


async def test_a_running_step_is_stopped_from_a_services_page() -> None:
    async with opened(views.running()) as one:
        await _covered(one, "the page of a service")
        one.real.at += 1
        await one.pilot.press("k")
        await _asked(one, "stop")


async def test_the_reason_can_be_typed_anew_before_the_key() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("b")
        await one.until(lambda: isinstance(one.app.screen, Reason))
        await one.pilot.press(*"a", "enter")
        await one.says("types it anew")
        await one.pilot.press("e", "b")
        await _answer(one, "because")
        assert (await _asked(one, "roll_back"))["text"] == "because"


async def test_a_new_t0_is_shown_as_it_is_understood() -> None:
    async with opened(views.midway()) as one:
        await one.pilot.press("p")
        await one.until(lambda: isinstance(one.app.screen, Reason))
        await one.pilot.press(*["plus", *"24h", "space", *"storm"])
        await one.says("T-0 would be Thu 26 Nov 02:05 UTC")


async def test_escape_leaves_a_question_and_asks_nothing() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("b")
        await one.says("Switch DNS back")
        await one.says("187 rows to carry")
        await one.pilot.press("escape")
        await one.says("nothing changes")
        assert one.client.kinds == []


async def test_t0_moves_to_a_time_with_a_reason() -> None:
    async with opened(views.midway()) as one:
        await one.pilot.press("p")
        await _answer(one, "nonsense")
        await one.says("first when, then a blank, then why: +24h storm warning")
        await _answer(one, "2026-11-30T02:00+00:00")
        await one.says("a reason is wanted after the time")
        await _answer(one, "2026-11-31 02:00 storm")
        await one.says("there is no such day or time")
        await _answer(one, "+24h storm warning")
        asked = await _asked(one, "postpone")
        assert asked == {"value": views.T0 + 86400, "text": "storm warning"}


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("+24h storm", views.T0 + 86400),
        ("+90m storm", views.T0 + 5400),
        ("2026-11-25 04:00 storm", views.T0 + 115 * 60),
        ("2026-11-25T04:00+00:00 storm", views.T0 + 115 * 60),
        ("2026-11-25T05:00:00+01:00 storm", views.T0 + 115 * 60),
        ("2026-11-25T04:00Z storm", views.T0 + 115 * 60),
        ("02:05 storm", views.T0),
        ("tomorrow storm", None),
        ("+24h", None),
        ("25:99 storm", None),
    ],
)
def test_a_moment_is_read_as_people_write_it(typed: str, moment: float | None) -> None:
    assert moment_and_reason(typed, scene_of(views.midway()))[0] == moment


async def test_enter_while_the_seat_is_on_its_way_opens_no_page_before_the_confirmation() -> None:
    story = views.Story().until("open_new").tell(-30, e.SeatVacated(1, "ops left"))
    coming = story.view(-20.0, views.live(-20.0), seat_comes=True)
    async with opened(coming) as one:
        await one.pilot.press("enter")
        await one.says("the seat is on its way to you: press the key once more in a moment")
        assert isinstance(one.app.screen, Watch)
        await one.show(views.confirming())
        await one.pilot.press("enter")
        await _asked(one, "propose")
        await one.says("Confirm step 10")


@pytest.mark.parametrize("before", [(), ("enter",), ("2", "z"), ("question_mark",)])
async def test_a_vacant_seat_is_taken_by_its_key_alone(before: tuple[str, ...]) -> None:
    story = views.Story().tell(-100, e.SeatVacated(1, "ops left"))
    async with opened(story.view(-90, views.live(-90))) as one:
        for key in before:
            await one.pilot.press(key)
        await one.until(lambda: (len(one.app.screen_stack) > 1) is bool(before))
        await one.pilot.press("t")
        await _asked(one, "take_seat")


async def test_stop_asks_to_stop_what_runs() -> None:
    async with opened(views.running()) as one:
        await one.pilot.press("k")
        assert await _asked(one, "stop") == {"step": "rest", "attempt": 1}


async def test_a_word_that_is_typed_stops_nothing() -> None:
    async with opened(views.running()) as one:
        await one.pilot.press(*"ok")
        await one.says("keys came too fast: press k once more, alone")
        assert "stop" not in one.client.kinds
        one.real.at += 1
        await one.pilot.press("k")
        await _asked(one, "stop")
        assert one.client.kinds.count("stop") == 1


async def test_a_key_that_others_follow_at_once_stops_nothing() -> None:
    async with opened(views.running()) as one:
        one.app.presses.reading()
        for key in "ko":
            one.app.presses.add(object(), key)
        calm.stop(one.app)
        await one.says("keys came too fast: press k once more, alone")
        assert "stop" not in one.client.kinds


async def test_a_stop_is_chosen_by_name_without_a_key_of_its_own() -> None:
    async with opened(views.running()) as one:
        await one.app._act("wish('stop')")
        await _asked(one, "stop")


@pytest.mark.parametrize("keys", ["k", "enter k"])
async def test_stop_asks_to_end_what_a_step_in_doubt_left_running(keys: str) -> None:
    async with opened(views.lives_on()) as one:
        for key in keys.split():
            await one.pilot.press(key)
            one.real.at += 1
        assert await _asked(one, "stop") == {"step": "rest", "attempt": 1}
        if keys != "k":
            await one.says("pid 4711 (sh), 4712 (sleep): nothing is settled before its end")


async def test_a_failed_step_that_left_something_running_is_not_skipped_before_its_end() -> None:
    view = views.failed()
    assert view.live is not None
    left = (Left("rest", 1, "pid 4711 (sh)"),)
    async with opened(replace(view, live=replace(view.live, left=left))) as one:
        await one.pilot.press("s")
        await one.says("left pid 4711 (sh) running: k ends that first")
        assert "skip" not in one.client.kinds


async def test_what_left_nothing_running_offers_no_end_of_it() -> None:
    async with opened(views.in_doubt()) as one:
        await one.pilot.press("enter")
        await one.says("way back")
        assert "k end what lives on" not in one.text
        await one.pilot.press("k", "escape")
        await one.until(lambda: isinstance(one.app.screen, Watch))
        await one.pilot.press("k")
        await one.says("no step is running")
        assert "stop" not in one.client.kinds


@pytest.mark.parametrize(
    ("key", "made", "words"),
    [
        ("k", views.switched, "no step is running"),
        ("x", views.switched, "T-0 has begun: from here the way back is b"),
        ("p", views.switched, "T-0 has begun"),
        ("t", views.switched, "you have the seat already"),
        ("j", views.switched, "only a rehearsal's clock can be moved"),
        ("plus", views.switched, "only a rehearsal's clock can be moved"),
        ("b", views.rolling_back, "the run goes back already"),
        ("b", views.running, "a step is under way"),
        ("s", views.in_doubt, "it cannot be skipped"),
        ("s", views.observing, "you observe: ops has seat 1; t takes it over"),
        ("h", views.engine_gone, "the engine is gone"),
        ("b", views.damaged, "the journal is damaged"),
        ("b", views.completed, "the run has ended: completed"),
    ],
)
async def test_a_key_that_cannot_act_says_why(
    key: str, made: Callable[[], View], words: str
) -> None:
    async with opened(made()) as one:
        await one.pilot.press(key)
        await one.says(words)
        assert one.client.kinds == []


async def test_an_observer_may_note_and_hold() -> None:
    async with opened(views.observing()) as one:
        await one.pilot.press("h")
        await _asked(one, "hold")
        await one.pilot.press("n")
        await _answer(one, "I see it too")
        await _asked(one, "note")


async def test_a_rehearsal_jumps_to_the_next_planned_moment() -> None:
    async with opened(_rehearsal()) as one:
        await one.says("j jump")
        await one.pilot.press("j")
        assert await _asked(one, "jump") == {"value": views.T0 - 24 * 3600}
        await one.pilot.press("plus")
        assert await _asked(one, "speed") == {"value": 2.0}


async def test_a_jump_goes_to_the_moment_at_which_a_waiting_gate_opens() -> None:
    at = 3 * 3600.0
    story = views.Story("rehearsal").switched().until("logins")
    async with opened(story.view(at, views.live(at))) as one:
        await one.pilot.press("j")
        # Planned for T+7d, later than a day after the switch was done.
        assert await _asked(one, "jump") == {"value": views.T0 + 61 + 7 * 86400}


# -- moving -----------------------------------------------------------------------------------


async def test_the_cursor_follows_the_next_step_until_it_is_moved() -> None:
    async with opened(views.midway()) as one:
        timeline = one.app.screen.query_one(Timeline)
        assert timeline.chosen is not None
        assert timeline.chosen.step.id == "warn"
        await one.show(views.switched())
        assert timeline.chosen.step.id == "errors"
        await one.pilot.press("down")
        assert timeline.chosen.step.id == "readings"
        await one.show(views.completed())
        assert timeline.chosen.step.id == "readings"


async def test_enter_on_another_step_opens_its_page() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("up", "enter")
        await one.until(lambda: isinstance(one.app.screen, Page))
        await one.says("Step 10: Switch DNS")
        await one.says("What you can do")
        await one.pilot.press("escape")
        await one.until(lambda: isinstance(one.app.screen, Watch))


async def test_tab_and_figures_move_between_the_panels() -> None:
    async with opened(views.switched()) as one:
        order = []
        for _ in range(5):
            assert one.app.focused is not None
            order.append(one.app.focused.id)
            await one.pilot.press("tab")
        assert order == ["timeline", "health", "resolvers", "decision", "log"]
        await one.pilot.press("4")
        assert one.app.focused is not None
        assert one.app.focused.id == "decision"


async def test_the_focus_is_marked_in_shape() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("2")
        health = one.app.screen.query_one("#health", Panel)
        await one.until(lambda: health.text.startswith("┏━ Health"))
        assert one.app.screen.query_one("#timeline", Panel).text.startswith("┌─ Timeline")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("2", "enter"), "grafana"),
        (("3", "enter"), "ns2"),
        (("4", "z"), "Because"),
        (("l",), "What happened"),
        (("o",), "Output of"),
    ],
)
async def test_every_panel_opens_over_the_whole_screen(keys: tuple[str, ...], words: str) -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press(*keys)
        await one.until(lambda: isinstance(one.app.screen, Full))
        await one.says(words)
        await one.says("PRODUCTION")


async def test_a_row_of_a_panel_opens_its_page() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("2", "enter", "down", "enter")
        await one.says("Service: grafana")
        await one.says("What you can do")


async def test_the_search_keeps_the_lines_with_the_words() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("slash")
        await one.until(lambda: isinstance(one.app.screen, Full))
        await one.pilot.press(*"caches", "enter")
        await one.says("Cloudflare has 5 caches")
        assert "New side opened" not in one.text
        await one.pilot.press("escape")
        await one.says("9 New side opened · attempt 1 · done")


async def test_help_lists_every_key_and_why_some_do_nothing() -> None:
    async with opened(views.switched(), size=(120, 60)) as one:
        await one.pilot.press("question_mark")
        await one.says("not now: no step is running")
        for key in KEYS:
            assert key.help in one.text


# -- settling, leaving ----------------------------------------------------------------------


async def test_a_step_in_doubt_is_settled_with_a_reason() -> None:
    async with opened(views.in_doubt()) as one:
        await one.pilot.press("enter")
        await one.until(lambda: isinstance(one.app.screen, Settle))
        await one.pilot.press("l")
        assert await _asked(one, "look") == {"step": "rest"}
        await one.pilot.press("d")
        await _answer(one, "counted by hand")
        assert await _asked(one, "settle_done") == {"step": "rest", "text": "counted by hand"}


async def test_hold_note_and_help_work_while_a_step_is_settled() -> None:
    async with opened(views.in_doubt()) as one:
        await one.pilot.press("enter")
        await one.until(lambda: isinstance(one.app.screen, Settle))
        await one.pilot.press("h")
        await _asked(one, "hold")
        await one.pilot.press("n")
        await _answer(one, "support has two calls")
        await _asked(one, "note")
        await one.pilot.press("question_mark")
        await one.says("not now: no step is running")
        await one.pilot.press("escape")
        await one.until(lambda: isinstance(one.app.screen, Settle))


async def test_a_step_is_called_done_only_after_a_look() -> None:
    view = views.in_doubt()
    assert view.live is not None
    blind = replace(view, live=replace(view.live, looked=None))
    async with opened(blind) as one:
        await one.pilot.press("enter")
        assert await _asked(one, "look") == {"step": "rest"}
        await one.says("d it is done (look first: l)")
        await one.pilot.press("d")
        await one.pilot.pause(0.2)
        assert isinstance(one.app.screen, Settle)
        await one.show(view)
        await one.pilot.press("d")
        await one.says("Your words and what was seen go into the record")


async def test_a_step_that_may_have_had_its_effect_is_not_run_again_by_its_key() -> None:
    view = views.in_doubt()
    assert view.live is not None
    there = Answer("disk", "same rows", "pass", "equal", views.T0 - 700)
    async with opened(replace(view, live=replace(view.live, looked=("rest", (there,))))) as one:
        await one.pilot.press("enter")
        await one.says("r run it again (it may have had its effect)")
        await one.pilot.press("r")
        await one.says("not declared idempotent, and may have had its effect: same rows holds")
        assert isinstance(one.app.screen, Settle)


async def test_a_failed_step_that_may_have_had_its_effect_is_not_run_again_by_its_key() -> None:
    view = views.half_done()
    assert view.live is not None
    assert view.live.proposal is not None
    looked = ("rest", view.live.proposal.seen)
    async with opened(replace(view, live=replace(view.live, looked=looked))) as one:
        await one.pilot.press("enter")
        await one.says("r run it again (it may have had its effect)")
        await one.pilot.press("r")
        await one.says("may have had its effect: the old side is frozen")
        assert isinstance(one.app.screen, Settle)
        assert "propose" not in one.client.kinds


async def test_a_failed_step_is_confirmed_again_with_what_is_seen_of_it_now() -> None:
    view = views.half_done()
    async with opened(view) as one:
        await one.pilot.press("enter", "r")
        await one.says("Confirm step 8, attempt 2")
        await one.says("FAIL: both sides hold the same rows: users differ")
        await one.says("mark it done with a reason, or roll back")


async def test_a_look_from_before_the_attempt_is_no_look() -> None:
    view = views.in_doubt()
    assert view.live is not None
    old = Answer("disk", "same rows", "pass", "equal", views.T0 - 5000)
    async with opened(replace(view, live=replace(view.live, looked=("rest", (old,))))) as one:
        await one.pilot.press("enter")
        await one.says("not looked yet")


async def test_a_step_in_doubt_can_be_settled_as_failed() -> None:
    async with opened(views.in_doubt()) as one:
        await one.pilot.press("enter", "f")
        await _answer(one, "half of the rows are there")
        asked = {"step": "rest", "text": "half of the rows are there"}
        assert await _asked(one, "settle_failed") == asked


async def test_what_did_not_happen_can_run_again() -> None:
    async with opened(views.in_doubt()) as one:
        await one.pilot.press("enter", "r")
        await _answer(one, "no row arrived")
        assert (await _asked(one, "settle_not_happened"))["text"] == "no row arrived"


async def test_a_failed_step_runs_again_by_way_of_its_confirmation() -> None:
    async with opened(views.failed()) as one:
        await one.pilot.press("enter", "r")
        assert await _asked(one, "propose") == {"step": "rest"}
        await one.says("Confirm step 8, attempt 2")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_who_looks_on_is_told_in_the_settling_why_nothing_can_be_settled(
    size: tuple[int, int],
) -> None:
    view = replace(views.in_doubt(), viewer="4243:1")
    async with opened(view, size) as one:
        await one.pilot.press("enter")
        await one.until(lambda: isinstance(one.app.screen, Settle))
        await one.says("d  f  r  b: you observe: ")
        for key in "dfrb":
            await one.pilot.press(key)
            await one.until(lambda: one.text.count("t takes it over") == 2)
            one.real.at += 9
            await one.show(replace(view))
            await one.until(lambda: one.text.count("t takes it over") == 1)
        assert isinstance(one.app.screen, Settle)
        assert set(one.client.kinds) <= {"look"}


async def test_the_settling_closes_when_it_is_settled() -> None:
    async with opened(views.in_doubt()) as one:
        await one.pilot.press("enter")
        await one.until(lambda: isinstance(one.app.screen, Settle))
        await one.show(views.switched())
        await one.until(lambda: isinstance(one.app.screen, Watch))


async def test_q_leaves_and_the_run_goes_on() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("q")
        await one.until(lambda: isinstance(one.app.screen, Leave))
        await one.says("The run goes on")
        await one.pilot.press("q")
        await _asked(one, "leave")
    assert one.app.return_code == 0


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_run_that_has_ended_without_an_engine_is_shown_as_one_that_is_only_read(
    size: tuple[int, int],
) -> None:
    gone = replace(views.completed(), engine_gone=True)
    for view in (gone, replace(gone, live=None, engine_gone=False)):
        async with opened(view, size) as one:
            await one.says("completed")
            assert "only read" in one.text.splitlines()[0]
            for words in ("ENGINE GONE", "attach", "no engine yet", "driver", "silent"):
                assert words not in "\n".join(one.text.splitlines()[:3])
            await one.pilot.press("n")
            await one.says("the run has ended: completed: it can only be read")
            await one.pilot.press("q")
            await one.says("The run has ended: completed; nothing goes on.")
            assert "seat" not in one.text
            await one.pilot.press("q")
            await one.until(lambda: not one.app.is_running)
            assert one.client.kinds == []


async def test_leaving_an_ended_run_says_that_its_engine_still_watches() -> None:
    async with opened(views.completed()) as one:
        await one.pilot.press("q")
        await one.says("The run has ended: completed; the engine still watches.")


async def test_only_a_rehearsal_offers_to_end() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("q")
        await one.says("The run goes on")
        assert "end the rehearsal" not in one.text
    async with opened(_rehearsal()) as one:
        await one.pilot.press("q")
        await one.says("end the rehearsal")
        await one.pilot.press("e")
        await _asked(one, "finish")


async def test_ctrl_q_does_not_quit_by_accident() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("ctrl+q", "ctrl+c")
        assert one.app.is_running
        assert isinstance(one.app.screen, Watch)


# -- what comes from outside ----------------------------------------------------------------


async def test_a_refusal_of_the_engine_is_said_for_a_few_seconds() -> None:
    async with opened(views.switched()) as one:
        story = views.Story().switched()
        story.tell(80, e.Noted("one")).tell(100, e.Noted("two"))
        story.tell(110, e.IntentRefused("i", "skip", "it is done"), "ops")
        await one.show(story.view(112, views.live(112)))
        message = one.app.screen.query_one("#message", Shown)
        await one.until(lambda: "skip by ops was not followed: it is done" in message.text)
        one.real.at += 9
        await one.show(story.view(113, views.live(113)))
        await one.until(lambda: "not followed" not in message.text)


async def test_a_client_that_cannot_write_says_so() -> None:
    class Full(views.FakeClient):
        def send(self, kind: str, **details: str | float) -> str:
            raise OSError(28, "No space left on device")

    async with opened(views.switched()) as one:
        one.app.follower._client = Full(views.switched())
        await one.pilot.press("h")
        await one.says("hold could not be written: No space left on device")


async def test_below_80x24_it_says_so_and_comes_back() -> None:
    async with opened(views.switched(), size=(120, 40)) as one:
        await one.pilot.resize_terminal(70, 20)
        await one.until(lambda: isinstance(one.app.screen, TooSmall))
        await one.says("70x20 is too small")
        await one.says("PRODUCTION")
        await one.pilot.resize_terminal(80, 24)
        await one.until(lambda: isinstance(one.app.screen, Watch))


async def test_ages_go_on_while_nothing_happens() -> None:
    async with opened(views.switched()) as one:
        view = views.switched()
        await one.show(replace(view, boot_ns=view.boot_ns + 7 * NS))
        await one.says("OLD: 7 s ago")
        await one.says("the engine has been silent")
