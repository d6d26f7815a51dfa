from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input

from cockpit.engine.client import View
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.screens.watch import Watch
from cockpit.tui.taste import Taste
from tests.fakes import screen_views as views
from tests.fakes.screen_states import late_switch, stopping, vacant
from tests.fakes.screens import Opened, opened

SIZES = {"120x40": (120, 40), "80x24": (80, 24)}
Done = Callable[[Opened], Awaitable[None]]


def _typing(keys: str, words: str = "") -> Done:
    """Press keys, and put words into the line."""

    async def done(one: Opened) -> None:
        await one.pilot.press(*keys.split())
        await one.until(lambda: not isinstance(one.app.screen, Watch))
        if words:
            one.app.screen.query_one(Input).value = words
        await one.pilot.pause()

    return done


def _ready(keys: str, words: str) -> Done:
    """Press keys, type words, end the typing, and let it be read."""

    async def done(one: Opened) -> None:
        await _typing(keys, words)(one)
        await one.pilot.press("enter")
        dialog = one.app.screen
        assert isinstance(dialog, Reason)
        await one.until(lambda: dialog.said is not None and dialog.arming.readable_in is not None)
        one.real.at += 2
        dialog._tick()
        await one.pilot.pause()

    return done


def _read(keys: str, words: str = "") -> Done:
    """Open a confirmation, type words where one is wanted, and let it be read."""

    async def done(one: Opened) -> None:
        await _typing(keys, words)(one)
        await one.pilot.pause(0.05)
        one.real.at += 5
        one.app.screen._tick()  # type: ignore[attr-defined]
        await one.pilot.pause()

    return done


async def _nothing(one: Opened) -> None:
    await one.pilot.pause()


async def _palette(one: Opened) -> None:
    await one.pilot.press("colon")
    await one.until(lambda: one.app.screen.query(Input))
    line = one.app.screen.query_one(Input)
    line.cursor_blink = False
    line.value = "way back"
    await one.pilot.pause(0.4)


def _blind() -> View:
    view = views.in_doubt()
    assert view.live is not None
    return replace(view, live=replace(view.live, looked=None))


def _rehearsal() -> View:
    story = views.Story("rehearsal").until("back_up")
    return story.view(-24 * 3600, views.live(-24 * 3600))


DIALOGS: dict[str, tuple[Callable[[], View], Done]] = {
    "skip": (views.midway, _typing("s")),
    "skip_ready": (views.midway, _ready("s", "the notice is up already")),
    "postpone": (views.midway, _typing("p")),
    "postpone_understood": (views.midway, _typing("p", "+24h a storm over the data centre")),
    "postpone_refused": (views.midway, _typing("p enter")),
    "call_off": (views.midway, _typing("x")),
    "call_off_ready": (views.midway, _ready("x", "the vendor's support is not there")),
    "call_off_at_once": (views.fresh, _typing("x")),
    "take_over": (views.observing, _typing("t")),
    "roll_back": (views.switched, _typing("b")),
    "roll_back_ready": (views.roll_back_advised, _ready("b", "failures above 10%")),
    "note": (views.switched, _typing("n", "support has two calls")),
    "leave": (views.switched, _typing("q")),
    "leave_rehearsal": (_rehearsal, _typing("q")),
    "typed_word": (views.irreversible, _read("enter", "DECOMM")),
    "settle_in_doubt": (views.in_doubt, _typing("enter")),
    "settle_lives_on": (views.lives_on, _typing("enter")),
    "settle_not_looked": (_blind, _typing("enter")),
    "settle_failed": (views.failed, _typing("enter")),
    "settle_as_done": (views.in_doubt, _ready("enter d", "counted by hand")),
    "settle_as_failed": (views.in_doubt, _typing("enter f")),
    "confirm": (views.confirming, _read("enter")),
    "confirm_long": (views.confirming_long, _read("enter")),
    "confirm_again": (views.half_done, _read("enter r")),
    "confirm_gate_unknown": (views.gate_unknown, _read("enter")),
    "confirm_gate_failing": (views.gate_failing, _read("enter")),
    "held": (views.held, _nothing),
    "stopping": (stopping, _nothing),
    "late_switch": (late_switch, _nothing),
    "vacant_seat": (vacant, _nothing),
    "palette": (views.switched, _palette),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", DIALOGS)
async def test_dialog(name: str, size: str, svg: SnapshotAssertion) -> None:
    made, opens = DIALOGS[name]
    async with opened(made(), SIZES[size]) as one:
        await opens(one)
        assert await one.settled() == svg


async def test_in_16_colours_the_screen_stays_in_sight_around_a_dialog(
    svg: SnapshotAssertion,
) -> None:
    async with opened(views.switched(), taste=Taste("cockpit-ansi")) as one:
        await one.pilot.press("n")
        picture = await one.settled()
        for shown in ("PRODUCTION", "NOW", "NEXT", "Timeline", "Note"):
            assert shown in picture
        assert picture == svg


@pytest.mark.parametrize(("columns", "rows"), [(79, 40), (120, 23), (40, 10), (20, 4)])
async def test_too_small(columns: int, rows: int, svg: SnapshotAssertion) -> None:
    async with opened(views.switched(), (columns, rows)) as one:
        assert await one.settled() == svg
