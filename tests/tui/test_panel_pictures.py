from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.fakes.screen_states import OUTPUT, PANELS
from tests.fakes.screen_views import fresh
from tests.fakes.screens import opened

SIZES = {"120x40": (120, 40), "80x24": (80, 24)}
Pictures = dict[tuple[str, str], str]
DRAWN: Pictures = {}
"""Every panel in every state and size, by panel and name: one app a size draws them all."""


@pytest.fixture
async def pictures() -> Pictures:
    for size, cells in SIZES.items() if not DRAWN else ():
        async with opened(fresh(), cells) as one:
            for panel, states in PANELS.items():
                for state, made in states.items():
                    DRAWN[panel, f"{state}-{size}"] = one.panel(panel, made())
            await one.sheet("output")
            for state, made in OUTPUT.items():
                DRAWN["output", f"{state}-{size}"] = one.panel("sheet", made())
    return DRAWN


def _named(panel: str) -> list[str]:
    return [f"{state}-{size}" for state in (PANELS | {"output": OUTPUT})[panel] for size in SIZES]


@pytest.mark.parametrize("name", _named("header"))
def test_header(name: str, pictures: Pictures, svg: SnapshotAssertion) -> None:
    assert pictures["header", name] == svg


@pytest.mark.parametrize("name", _named("timeline"))
def test_timeline(name: str, pictures: Pictures, svg: SnapshotAssertion) -> None:
    assert pictures["timeline", name] == svg


@pytest.mark.parametrize("name", _named("health"))
def test_health(name: str, pictures: Pictures, svg: SnapshotAssertion) -> None:
    assert pictures["health", name] == svg


@pytest.mark.parametrize("name", _named("resolvers"))
def test_resolvers(name: str, pictures: Pictures, svg: SnapshotAssertion) -> None:
    assert pictures["resolvers", name] == svg


@pytest.mark.parametrize("name", _named("decision"))
def test_decision(name: str, pictures: Pictures, svg: SnapshotAssertion) -> None:
    assert pictures["decision", name] == svg


@pytest.mark.parametrize("name", _named("log"))
def test_log(name: str, pictures: Pictures, svg: SnapshotAssertion) -> None:
    assert pictures["log", name] == svg


@pytest.mark.parametrize("name", _named("output"))
def test_output(name: str, pictures: Pictures, svg: SnapshotAssertion) -> None:
    assert pictures["output", name] == svg
