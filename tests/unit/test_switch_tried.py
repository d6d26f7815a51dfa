from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cockpit.decision.rollback import t0_may_have_acted
from cockpit.engine.core import Core
from cockpit.engine.handlers import follow
from cockpit.engine.intents import Intent, Kind
from cockpit.errors import Refused
from cockpit.journal import events as e
from cockpit.journal.state import AttemptState, RunState, Seat, StepState, StepStatus
from cockpit.propagation.answers import Cell, CellState, Grid, Row
from tests.fakes.screen_runbook import screen_runbook

BOOK = screen_runbook()
SWITCH = BOOK.t0_step.id
NOW = 1_790_000_000.0


def tried(status: StepStatus, **more: Any) -> RunState:
    attempt = AttemptState(1, status, "", "", 0.0)
    return replace(RunState(steps={SWITCH: StepState(SWITCH, status, (attempt,))}), **more)


def seen(*states: CellState, at: float = NOW - 1) -> Grid:
    rows = [
        Row(f"ns{n}", "192.0.2.1", "", "authority", "honest", 1.0, (Cell(state),))
        for n, state in enumerate(states, 1)
    ]
    return Grid(("www.example.test.",), tuple(rows), at=at)


async def ask(kind: Kind, state: RunState, grid: Grid | None) -> list[object]:
    """What the engine tells the journal when it is asked for that."""
    told: list[object] = []
    core = SimpleNamespace(
        runbook=BOOK,
        ledger=SimpleNamespace(
            state=replace(state, seat=Seat(1, "ops", "droplet", "v", 0.0)),
            clock=SimpleNamespace(now=lambda: NOW, speed=1.0),
            tell=lambda data, *_: told.append(data),
            tell_all=told.extend,
        ),
        world=SimpleNamespace(grid=grid, verdict=None),
        attempts=SimpleNamespace(must_be_quiet=lambda: None),
        proposal=None,
        context=lambda: None,
    )
    intent = Intent(kind, "v", 1, value=NOW + 3600, text="rain")
    await follow(cast("Core", core), intent, "ops")
    return told


KINDS: tuple[Kind, ...] = ("call_off", "postpone")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", ["failed", "open"])
async def test_after_a_switch_that_changed_nothing_the_run_can_be_called_off_or_moved(
    kind: Kind, status: StepStatus
) -> None:
    told = await ask(kind, tried(status), seen("old", "old"))
    assert isinstance(told[0], e.TurnedBack | e.T0Moved)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("state", "grid", "why"),
    [
        (tried("in_doubt"), seen("old", "old"), "T-0 has begun"),
        (tried("done"), seen("old", "old"), "T-0 has begun"),
        (tried("failed", t0_actual=NOW - 9), seen("old", "old"), "T-0 has begun"),
        (tried("failed"), seen("old", "new"), "ns2 does not give the old answer"),
        (tried("failed"), seen("old", "timeout"), "ns2 does not give the old answer"),
        (tried("failed"), seen("old", at=NOW - 60), "nobody has looked"),
        (tried("failed"), None, "nobody has looked"),
    ],
)
async def test_a_switch_that_may_have_acted_can_only_be_rolled_back(
    kind: Kind, state: RunState, grid: Grid | None, why: str
) -> None:
    with pytest.raises(Refused, match=why):
        await ask(kind, state, grid)


def test_a_switch_that_was_never_tried_has_not_acted() -> None:
    assert not t0_may_have_acted(BOOK, RunState())
