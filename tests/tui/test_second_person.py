from __future__ import annotations

import asyncio

import pytest
from syrupy.assertion import SnapshotAssertion

from cockpit.tui.dialogs.confirm import Confirm
from cockpit.tui.dialogs.second import Second
from cockpit.tui.lines.now import now
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.text import plain
from cockpit.tui.screens.watch import Watch
from tests.fakes import screen_changes as waits
from tests.fakes import screen_views as views
from tests.fakes.screens import Opened, opened


async def _read(one: Opened, key: str, seconds: float = 5.0) -> None:
    await one.pilot.press(key)
    await one.until(lambda: isinstance(one.app.screen, Confirm))
    dialog = one.app.screen
    assert isinstance(dialog, Confirm)
    await one.until(lambda: dialog.arming.readable_in is not None)
    one.real.at += seconds


async def _nothing(one: Opened, kind: str) -> None:
    await one.pilot.pause()
    await asyncio.sleep(0.3)
    assert kind not in one.client.kinds


async def test_the_driver_is_told_that_another_login_must_confirm() -> None:
    async with opened(waits.wanted(driving=True)) as one:
        await _read(one, "enter")
        await one.says("nobody yet: another login presses y on a screen of their own")
        await one.says("not yet: a second person has not confirmed it")
        await one.pilot.press("c")
        await _nothing(one, "confirm")


@pytest.mark.parametrize(
    ("told", "words"),
    [("bob", "bob"), ("root", "root, not proven to be another person: both are root")],
)
async def test_the_driver_sees_who_confirmed_and_when(told: str, words: str) -> None:
    async with opened(waits.wanted(driving=True, told=told)) as one:
        await _read(one, "enter")
        await one.says(words)
        await one.says("10 s ago")
        await one.pilot.press("c")
        await one.until(lambda: "confirm" in one.client.kinds)


async def test_another_login_confirms_exactly_what_the_driver_sees_with_the_same_care() -> None:
    async with opened(waits.wanted(driving=False)) as one:
        await _read(one, "y", seconds=0.5)
        await one.says("Second person: step")
        await one.says("www.freshtrackpro.com  A  203.0.113.10 -> 198.51.100.20")
        await one.pilot.press("c")
        await _nothing(one, "second")
        one.real.at += 5
        await one.pilot.press("c")
        await one.until(lambda: "second" in one.client.kinds)
        sent = next(details for kind, details in one.client.sent if kind == "second")
        assert sent == {"step": "switch", "attempt": 1, "digest": "abc123", "typed": ""}
        assert "propose" not in one.client.kinds
        assert "confirm" not in one.client.kinds
        one.client.shown = waits.wanted(driving=False, told="bob")
        await one.until(lambda: isinstance(one.app.screen, Watch))
        await one.says("confirmed as second person: the driver begins it")


async def test_leaving_takes_nothing_from_the_driver() -> None:
    async with opened(waits.wanted(driving=False)) as one:
        await _read(one, "y")
        await one.pilot.press("escape")
        await one.until(lambda: isinstance(one.app.screen, Watch))
        await _nothing(one, "withdraw")


async def test_who_drives_is_no_second_person_and_where_none_is_wanted_the_key_says_so() -> None:
    async with opened(waits.wanted(driving=True)) as one:
        await one.pilot.press("y")
        await one.says("you drive: another login confirms it")
    async with opened(views.observing()) as one:
        await one.pilot.press("y")
        await one.says("the driver has nothing open that asks for a second person")
        assert not isinstance(one.app.screen, Second)


@pytest.mark.parametrize(
    ("driving", "way"), [(True, "on a screen of their own"), (False, "y opens")]
)
def test_both_screens_say_that_a_second_person_is_wanted(driving: bool, way: str) -> None:
    said = plain(now(scene_of(waits.wanted(driving=driving)), 200))
    assert "A SECOND PERSON confirms " in said
    assert way in said
    assert "SECOND PERSON" not in plain(now(scene_of(waits.wanted(driving=driving, told="b")), 200))


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_second_person_s_page(size: tuple[int, int], svg: SnapshotAssertion) -> None:
    foreseen = ("backend is replaced (another image): 0a1b0a1b0a1b stops, 7c8d7c8d7c8d starts",)
    async with opened(waits.wanted(driving=False, foreseen=foreseen), size) as one:
        await _read(one, "y")
        await one.pilot.pause(0.3)
        assert await one.settled() == svg(name=f"second-{size[0]}x{size[1]}")
