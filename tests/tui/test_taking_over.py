from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.widgets import Input

from cockpit.clock import NS
from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.tui.dialogs.handover import Handover
from cockpit.tui.dialogs.notice import Notice
from cockpit.tui.screens.watch import Watch
from tests.fakes import screen_views as views
from tests.fakes.screens import Opened, opened


async def _asks(one: Opened) -> Handover:
    await one.pilot.press("t")
    await one.until(lambda: isinstance(one.app.screen, Handover))
    dialog = one.app.screen
    assert isinstance(dialog, Handover)
    return dialog


def _taken(viewer: str, by: str) -> View:
    """The seat was taken over by a viewer."""
    at = -24 * 3600 + 500.0
    story = views.Story(viewer=views.OTHER if by == "ana" else views.VIEWER).until("first_copy")
    story.tell(at, e.SeatTaken(2, by, "laptop", viewer, "over", "ops sleeps", "27 runs, watch it"))
    return story.view(at, views.live(at))


async def test_it_wants_a_reason_and_then_a_handover_note() -> None:
    async with opened(views.observing()) as one:
        dialog = await _asks(one)
        await one.says("what its holder still asks is refused")
        await one.pilot.press("enter")
        await one.says("a reason is wanted")
        await one.pilot.press(*"ops sleeps", "enter")
        await one.until(lambda: dialog.query_one("#note", Input).has_focus)
        await one.pilot.press("enter")
        await one.says("a handover note is wanted")
        assert "take_seat" not in one.client.kinds
        await one.pilot.press(*"all is quiet", "enter")
        await one.until(lambda: "take_seat" in one.client.kinds)
        assert one.client.sent[-1] == ("take_seat", {"text": "ops sleeps", "note": "all is quiet"})


def _under(made: View) -> View:
    """The same moment, seen by somebody who looks on."""
    return replace(made, viewer=views.OTHER)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (views.running, "8 Rest of the rows copied running for 60 s of"),
        (views.in_doubt, "8 Rest of the rows copied: IN DOUBT"),
        (views.confirming, "open before them: 10 "),
        (views.held, "no step runs"),
    ],
)
async def test_it_says_what_is_taken_over_just_now(made: Callable[[], View], words: str) -> None:
    async with opened(_under(made())) as one:
        await _asks(one)
        await one.says("Just now")
        await one.says(words)


async def test_it_says_where_an_engine_is_silent_that_nobody_knows() -> None:
    view = _under(views.running())
    silent = replace(view, boot_ns=view.boot_ns + 90 * NS)
    async with opened(silent) as one:
        await _asks(one)
        await one.says("the engine is silent, for 90 s: nobody knows it better")


async def test_leaving_it_takes_nothing_over() -> None:
    async with opened(views.observing()) as one:
        await _asks(one)
        await one.pilot.press("x", "escape")
        await one.until(lambda: isinstance(one.app.screen, Watch))
        await one.says("nothing changes")
        assert "take_seat" not in one.client.kinds


async def test_who_loses_the_seat_is_told_in_words_that_stay() -> None:
    async with opened(views.midway()) as one:
        await one.show(_taken(views.OTHER, "ben"))
        await one.until(lambda: isinstance(one.app.screen, Notice))
        for words in ("taken over from you", "ben on laptop", "ops sleeps", "27 runs, watch it"):
            await one.says(words)
        await one.pilot.press("s", "enter")
        assert isinstance(one.app.screen, Notice)
        await one.pilot.press("escape")
        await one.until(lambda: isinstance(one.app.screen, Watch))
        await one.pilot.press("s")
        await one.says("you observe: ben has seat 2")
        assert "skip" not in one.client.kinds


async def test_who_takes_the_seat_is_told_so() -> None:
    async with opened(views.observing()) as one:
        await one.show(_taken(views.VIEWER, "ana"))
        await one.says("you have seat 2 now; ops is told")
        assert isinstance(one.app.screen, Watch)
