from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from cockpit.engine.client import View
from cockpit.tui.dialogs.base import Body
from cockpit.tui.dialogs.confirm import Confirm
from cockpit.tui.dialogs.reading import Reading
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.panels.lines import Shown
from cockpit.tui.screens.page import Page
from cockpit.tui.screens.watch import Watch
from tests.fakes import screen_views as views
from tests.fakes.screens import Opened, opened

SMALL = (80, 24)
LONG = "+24h " + "the gates were looked at one by one by both of us, and this is what we saw. " * 60
ASKS: dict[str, tuple[Callable[[], View], str, str]] = {
    "roll back": (views.switched, "b", "roll_back"),
    "call off": (views.midway, "x", "call_off"),
    "skip": (views.midway, "s", "skip"),
    "postpone": (views.midway, "p", "postpone"),
    "settle": (views.in_doubt, "enter f", "settle_failed"),
}
"""What asks for words first: its view, its keys, and what it asks of the engine."""


async def _open(one: Opened) -> Confirm:
    await one.pilot.press("enter")
    await one.until(lambda: isinstance(one.app.screen, Confirm))
    dialog = one.app.screen
    assert isinstance(dialog, Confirm)
    await one.until(lambda: dialog.query_one(Body).in_view)
    await one.pilot.pause(0.05)
    one.real.at += 5
    return dialog


async def _press(one: Opened, key: str) -> None:
    one.real.at += 2
    await one.pilot.press(key)
    await one.pilot.pause(0.3)


async def _to_the_end(one: Opened, key: str = "pagedown") -> None:
    for _ in range(40):
        await one.pilot.press(key)
        await one.pilot.pause(0.05)
        if "below" not in one.text:
            return


async def test_what_was_never_scrolled_to_cannot_be_confirmed() -> None:
    async with opened(views.confirming_long(), SMALL) as one:
        await _open(one)
        await one.says("lines below are unread ↓")
        await _press(one, "c")
        assert "confirm" not in one.client.kinds
        await _press(one, "end")
        await one.says("lines above are unread ↑")
        await _press(one, "c")
        assert "confirm" not in one.client.kinds


@pytest.mark.parametrize("key", ["pagedown", "space", "down"])
async def test_scrolled_to_its_end_it_confirms_a_second_later(key: str) -> None:
    async with opened(views.confirming_long(), SMALL) as one:
        dialog = await _open(one)
        await _to_the_end(one, key)
        await one.until(lambda: dialog.arming.readable_in is not None)
        await one.pilot.press("c")
        await asyncio.sleep(0.3)
        assert "confirm" not in one.client.kinds
        await _press(one, "home")
        await _press(one, "c")
        await one.until(lambda: "confirm" in one.client.kinds)


async def test_another_proposal_must_be_read_from_its_start_to_its_end() -> None:
    async with opened(views.confirming_long(), SMALL) as one:
        dialog = await _open(one)
        await _to_the_end(one)
        await one.until(lambda: dialog.arming.readable_in is not None)
        await one.show(views.confirming_long("another"))
        await one.says("above are unread ↑")
        await _press(one, "c")
        assert "confirm" not in one.client.kinds


async def test_what_fits_the_screen_needs_no_scrolling() -> None:
    async with opened(views.confirming()) as one:
        await _open(one)
        await one.says("c confirms what is shown above")


async def test_the_foot_names_its_other_keys_and_they_work() -> None:
    async with opened(views.confirming()) as one:
        await _open(one)
        await one.says("Esc leaves: nothing changes")
        await _press(one, "h")
        await one.until(lambda: "hold" in one.client.kinds)
        await _press(one, "question_mark")
        await one.until(lambda: isinstance(one.app.screen, Page))
        await _press(one, "escape")
        await _press(one, "n")
        await one.until(lambda: isinstance(one.app.screen, Reason))
        await _press(one, "escape")
        assert isinstance(one.app.screen, Confirm)
        await _press(one, "s")
        await one.says("s does nothing here: Esc leaves, then it works")
        await _press(one, "x")
        await _press(one, "c")
        await one.until(lambda: "confirm" in one.client.kinds)


async def test_what_is_read_again_after_a_note_is_readable_for_a_second_again() -> None:
    async with opened(views.confirming()) as one:
        dialog = await _open(one)
        await _press(one, "n")
        await one.until(lambda: isinstance(one.app.screen, Reason))
        one.real.at += 70
        await one.pilot.pause(0.4)
        assert isinstance(one.app.screen, Reason)
        await one.pilot.press("escape")
        await one.until(lambda: isinstance(one.app.screen, Watch))
        assert dialog not in one.app.screen_stack
        await one.says("closed after a minute")


async def _words(one: Opened, keys: str, words: str) -> Reason:
    """Open a question and end the typing of its answer."""
    await one.pilot.press(*keys.split())
    await one.until(lambda: isinstance(one.app.screen, Reason))
    dialog = one.app.screen
    assert isinstance(dialog, Reason)
    dialog.query_one(Input).value = words
    await one.pilot.pause(0.1)
    await one.pilot.press("enter")
    await one.until(lambda: dialog.said is not None)
    return dialog


@pytest.mark.parametrize("name", ASKS)
async def test_words_longer_than_the_screen_are_read_before_they_change_the_run(name: str) -> None:
    made, keys, kind = ASKS[name]
    async with opened(made(), SMALL) as one:
        dialog = await _words(one, keys, LONG)
        await one.says("below are unread ↓")
        await _press(one, "c")
        assert isinstance(one.app.screen, Reason)
        await _press(one, "end")
        await one.says("unread ↑")
        await _press(one, "c")
        assert kind not in one.client.kinds
        await _press(one, "home")
        await _to_the_end(one)
        await one.until(lambda: dialog.arming.readable_in is not None)
        await _press(one, "c")
        await one.until(lambda: kind in one.client.kinds)


def _losing(*lost: str) -> View:
    view = views.switched()
    assert view.live is not None
    assert view.live.verdict is not None
    verdict = replace(view.live.verdict, cannot_bring_back=lost)
    return replace(view, live=replace(view.live, verdict=verdict))


async def test_what_was_read_during_the_typing_is_not_read_again() -> None:
    lost = tuple(f"mail {name} that was sent" for name in "abcdefghijklmnopqrstuvwxyz")
    async with opened(_losing(*lost), SMALL) as one:
        await one.pilot.press("b")
        await one.until(lambda: isinstance(one.app.screen, Reason))
        dialog = one.app.screen
        assert isinstance(dialog, Reason)
        for _ in range(8):
            await one.pilot.press("pagedown")
            await one.pilot.pause(0.1)
        dialog.query_one(Input).value = "it fails"
        await one.pilot.press("enter")
        await one.until(lambda: dialog.said is not None and dialog.arming.readable_in is not None)
        await one.show(_losing("another loss", *lost[:25]))
        await one.says("above are unread ↑")
        await _press(one, "c")
        assert one.client.kinds == []


async def test_other_figures_on_a_page_are_no_other_page() -> None:
    async with opened(_losing("Readings lost: 3 of 187 missing"), SMALL) as one:
        dialog = await _words(one, "b", "it fails")
        await one.until(lambda: dialog.arming.readable_in is not None)
        await one.show(_losing("Readings lost: 14 of 1190 missing"))
        assert dialog.arming.readable_in is not None
        await _press(one, "c")
        await one.until(lambda: "roll_back" in one.client.kinds)


async def test_beneath_a_dialog_the_footer_offers_no_key_that_does_nothing() -> None:
    async with opened(views.confirming()) as one:
        watch = one.app.screen
        await _open(one)
        footer = watch.query_one("#hints", Shown)
        await one.until(lambda: "Esc closes the dialog" in footer.text)
        assert "skip" not in footer.text
        await one.pilot.press("escape")
        await one.until(lambda: "skip" in footer.text)


@given(
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 24)), max_size=12),
)
def test_a_page_is_whole_only_when_each_of_its_rows_was_in_view(
    total: int, views: list[tuple[int, int]]
) -> None:
    reading, seen = Reading(), set[int]()
    reading.of("page")
    for top, rows in views:
        view = range(min(top, total), min(total, top + rows))
        reading.seen("page", view)
        reading.seen("another", range(total))
        seen |= set(view)
    assert reading.is_whole(total) == (len(seen) == total)
    assert (reading.unread(total, range(0)) == "") == (len(seen) == total)
    reading.of("another")
    assert not reading.is_whole(total)
