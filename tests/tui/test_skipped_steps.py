from __future__ import annotations

import pytest

from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.tui.dialogs.confirm import Confirm
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.lines.detail import detail
from cockpit.tui.lines.now import next_line, now
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.text import plain
from cockpit.tui.lines.timeline import timeline
from tests.fakes import screen_views as views
from tests.fakes.screen_states import skipped
from tests.fakes.screens import opened, words


def _nothing_waits() -> View:
    """The last step but one of a list whose last one is done was passed over."""
    story = views.Story().switched().until("logins")
    story.tell(3600, e.StepSkipped("decommission", "the old side is kept"))
    return story.view(7 * 24 * 3600.0, views.live(7 * 24 * 3600.0))


async def test_enter_on_a_skipped_step_that_another_waits_for_opens_its_confirmation() -> None:
    async with opened(skipped()) as one:
        await one.pilot.press("enter")
        await one.until(lambda: isinstance(one.app.screen, Confirm))
        await one.until(lambda: "propose" in one.client.kinds)
        assert one.client.sent[-1] == ("propose", {"step": "first_copy"})


def test_now_says_why_the_run_stands() -> None:
    said = plain(now(scene_of(skipped()), 120))
    assert "5 Put up the notice waits for 4, which was skipped: Enter opens it" in said


def test_its_page_says_what_waits_for_it_and_that_enter_opens_it() -> None:
    page = words(detail(scene_of(skipped()), "step", "first_copy", 100).body)
    assert "Enter opens its confirmation: 5 Put up the notice waits for it, 11 steps in all" in page


def test_a_skipped_step_that_nothing_waits_for_is_settled() -> None:
    page = words(detail(scene_of(_nothing_waits()), "step", "decommission", 100).body)
    assert "nothing: no open step waits for it" in page


async def test_before_it_is_skipped_the_steps_that_stay_closed_are_named() -> None:
    async with opened(views.midway()) as one:
        await one.pilot.press("s")
        await one.until(lambda: isinstance(one.app.screen, Reason))
        await one.says("these stay closed until Enter opens it again:")
        await one.says("6 Go or no-go")
        await one.says("15 Decommission the old side")


@pytest.mark.parametrize("width", [52, 76])
def test_a_skipped_step_is_counted_as_skipped_and_not_as_done(width: int) -> None:
    rows = words(timeline(scene_of(skipped()), width, 30).body).splitlines()
    row = next(row for row in rows if "T-24h" in row)
    assert "1 skipped" in row
    assert row.rstrip().endswith("0/2")


def test_a_phase_of_which_only_a_skipped_step_is_left_says_how_many_are_done() -> None:
    story = views.Story().switched().until("readings")
    story.tell(3600, e.StepSkipped("logins", "nobody is up"))
    scene = scene_of(story.view(4000.0, views.live(4000.0)))
    rows = words(timeline(scene, 76, 40).body).splitlines()
    row = next(row for row in rows if "T+15m" in row)
    assert "1 skipped" in row
    assert "2/3" in row


@pytest.mark.parametrize("width", [80, 120])
def test_next_at_a_verdict_to_roll_back_names_the_way_back_first(width: int) -> None:
    said = plain(next_line(scene_of(views.roll_back_advised()), width))
    assert said.index("b way back") < said.index("Enter open")


def test_next_says_when_at_80_columns_too() -> None:
    assert "02:21, in 14:00" in plain(next_line(scene_of(views.switched()), 80))


async def test_next_names_the_keys_that_lead_to_it_from_another_panel() -> None:
    async with opened(views.switched()) as one:
        await one.says("Enter open")
        await one.pilot.press("3")
        await one.says("1 Enter open")
        await one.pilot.press("1", "up")
        await one.says("Esc Enter open")
        await one.pilot.press("escape")
        await one.until(lambda: "Esc Enter" not in one.text)


async def test_after_the_way_back_was_chosen_enter_opens_what_comes_next() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("3", "b")
        await one.until(lambda: isinstance(one.app.screen, Reason))
        dialog = one.app.screen
        assert isinstance(dialog, Reason)
        await one.pilot.press(*"failing", "enter")
        await one.until(lambda: dialog.said is not None and dialog.arming.readable_in is not None)
        one.real.at += 2
        await one.pilot.press("c")
        await one.until(lambda: "roll_back" in one.client.kinds)
        await one.until(lambda: "1 Enter" not in one.text)
