from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input

from cockpit.engine.client import View
from cockpit.tui.screens.service import Service, ServiceLog
from cockpit.tui.screens.watch import Watch
from tests.fakes import screen_services as services
from tests.fakes import screen_views as views
from tests.fakes.screens import Opened, opened

SIZES = {"120x40": (120, 40), "80x24": (80, 24)}


@asynccontextmanager
async def on_page(view: View, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Opened]:
    """The page of the sickest service, by the keys that open it."""
    async with opened(view, size) as one:
        await one.pilot.press("2", "z", "enter")
        await one.until(lambda: isinstance(one.app.screen, Service))
        yield one


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", services.STATES)
async def test_service(name: str, size: str, svg: SnapshotAssertion) -> None:
    async with on_page(services.STATES[name](), SIZES[size]) as one:
        assert await one.settled() == svg


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["with_log", "refused"])
async def test_log(name: str, size: str, svg: SnapshotAssertion) -> None:
    async with on_page(services.STATES[name](), SIZES[size]) as one:
        await one.pilot.press("l")
        await one.until(lambda: isinstance(one.app.screen, ServiceLog))
        assert await one.settled() == svg


async def test_a_service_is_followed_while_its_page_or_its_log_is_open_and_not_longer() -> None:
    async with on_page(services.with_log()) as one:
        await one.until(lambda: one.client.looked_at == ["backend"])
        await one.pilot.press("l")
        await one.until(lambda: isinstance(one.app.screen, ServiceLog))
        await one.pilot.press("escape")
        await one.until(lambda: isinstance(one.app.screen, Service))
        assert one.client.looked_at == ["backend"]
        await one.pilot.press("escape", "escape")
        await one.until(lambda: isinstance(one.app.screen, Watch))
        await one.until(lambda: one.client.looked_at == ["backend", ""])
        assert one.client.kinds == []


async def test_the_log_is_searched_as_it_comes() -> None:
    async with on_page(services.with_log()) as one:
        await one.pilot.press("slash")
        await one.until(lambda: isinstance(one.app.screen, ServiceLog))
        await one.pilot.press(*"REDIS:", "enter")
        await one.says("3 lines with “REDIS:”")
        await one.says("redis: trying again in 1 s")
        assert "listening on 3000" not in one.text
        more = (*services.LINES, (services.NOW, "redis: connected again"))
        look = replace(services.LOOK, log=more)
        await one.show(replace(services.with_log(), look=look))
        await one.says("redis: connected again")
        await one.says("4 lines with “REDIS:”")
        one.app.screen.query_one(Input).value = "nowhere"
        await one.says("no line holds these words")
        await one.pilot.press("escape")
        await one.says("listening on 3000")


async def test_the_newest_line_stays_in_sight_until_the_operator_scrolls_up() -> None:
    lines = tuple((services.NOW, f"line {number}") for number in range(200))
    view = replace(services.with_log(), look=replace(services.LOOK, log=lines))
    async with on_page(view, (80, 24)) as one:
        await one.pilot.press("l")
        await one.says("line 199")
        more = (*lines, (services.NOW, "line 200"))
        await one.show(replace(view, look=replace(services.LOOK, log=more)))
        await one.says("line 200")
        await one.pilot.press("home")
        await one.until(lambda: "line 0" in one.text)
        await one.show(replace(view, look=replace(services.LOOK, log=(*more, (0.0, "line 201")))))
        assert "line 201" not in one.text


async def test_the_page_has_the_health_outputs_the_newest_first_and_no_value_of_a_variable() -> (
    None
):
    async with on_page(services.with_log(), (120, 80)) as one:
        await one.says("Last health outputs")
        assert one.text.index("503 checks redis: down") < one.text.index("exit 0")
        await one.says("JWT_SECRET_FILE")
        await one.says("freshtrack-backend-1 ran out of memory")
        await one.says("✗ DOWN: out of memory")


async def test_what_another_service_said_is_never_shown_as_this_ones() -> None:
    look = replace(services.LOOK, probe="redis")
    async with on_page(replace(services.with_log(), look=look), (120, 60)) as one:
        await one.says("the engine opens it")
        assert "listening on 3000" not in one.text


async def test_a_rehearsal_says_that_containers_are_not_played() -> None:
    view = services.with_log()
    state = replace(view.state, environment="rehearsal")
    async with on_page(replace(view, state=state), (120, 60)) as one:
        await one.says("not rehearsed here")
        await one.pilot.press("l")
        await one.says("Log of backend")
        await one.says("not rehearsed here")
        assert one.client.looked_at == []


async def test_the_keys_of_the_page_stand_among_all_keys() -> None:
    async with opened(views.switched(), size=(120, 70)) as one:
        await one.pilot.press("question_mark")
        await one.says("On a service's page")
        await one.says("the log of its container, as it comes")
