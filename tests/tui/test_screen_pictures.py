from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from cockpit.tui.taste import Taste
from tests.fakes import screen_states as states
from tests.fakes import screen_views as views
from tests.fakes.screen_world import rolled_back
from tests.fakes.screens import opened

SIZES = {"120x40": (120, 40), "80x24": (80, 24)}
MOMENTS = {name.replace(" ", "_"): made for name, made in views.VIEWS.items()} | {
    "late_switch": states.late_switch,
    "skipped": states.skipped,
    "postponed": states.postponed,
    "rolled_back": rolled_back,
    "called_off": states.called_off,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MOMENTS)
async def test_main_screen(name: str, size: str, svg: SnapshotAssertion) -> None:
    async with opened(MOMENTS[name](), SIZES[size]) as one:
        assert await one.settled() == svg


@pytest.mark.parametrize("theme", ["light", "contrast", "ansi"])
async def test_theme(theme: str, svg: SnapshotAssertion) -> None:
    taste = Taste(f"cockpit-{theme}", ascii=theme == "ansi")
    async with opened(views.roll_back_advised(), taste=taste) as one:
        assert await one.settled() == svg


PAGES = {
    "help": "question_mark",
    "every_step": "1 z",
    "every_service": "2 z",
    "every_resolver": "3 z",
    "decision": "4 z",
    "log": "l",
    "step": "up enter",
    "service": "2 z enter",
    "resolver": "3 z enter",
    "signal": "4 z enter",
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
async def test_page(name: str, size: str, svg: SnapshotAssertion) -> None:
    async with opened(states.spreading(), SIZES[size]) as one:
        for key in PAGES[name].split():
            await one.pilot.press(key)
            await one.pilot.pause()
        assert await one.settled() == svg


@pytest.mark.parametrize("environment", ["staging", "rehearsal"])
async def test_environment(environment: str, svg: SnapshotAssertion) -> None:
    story = views.Story(environment).until("open_new")  # type: ignore[arg-type]
    seen = views.live(-20, proposal=views.proposal("switch", -20))
    async with opened(story.view(-20, seen), (80, 24)) as one:
        await one.pilot.press("enter")
        await one.settled()
        one.real.at += 5
        await one.pilot.pause(0.3)
        assert await one.settled() == svg
