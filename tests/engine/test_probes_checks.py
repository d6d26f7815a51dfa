from pathlib import Path

import pytest

from cockpit.checks.base import CheckContext, Finding
from cockpit.checks.services import services, signal
from cockpit.decision.evidence import Leaning, Reading, Verdict
from cockpit.errors import TargetError
from cockpit.journal.state import RunState
from cockpit.redact import Redactor
from cockpit.runbook.checks import Expect, ServicesCheck, SignalCheck
from cockpit.runbook.model import Procedure, Profile, Runbook
from cockpit.runbook.words import Id, ProbeId, SignalId
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live, Tile, TileState
from tests.engine.fix_web import HandClock

NOW = 1_000_000.0


def context(live: Live) -> CheckContext:
    procedure = Procedure(cockpit=1, name=Id("x"), title="X", targets={}, checks=(), phases=())
    profile = Profile(cockpit=1, environment="staging", domain="x.test", targets={})
    book = Runbook(procedure, profile, ".")
    return CheckContext(
        book, HandClock(NOW), Secrets({}, Redactor()), RunState(), live, Path("/nonexistent")
    )


async def asked(*tiles: tuple[str, TileState, float]) -> Finding:
    found = tuple(Tile(name, name.capitalize(), state, "x", at, at) for name, state, at in tiles)
    check = ServicesCheck(
        kind="services", id=Id("c"), title="C", probes=(ProbeId("web"), ProbeId("redis"))
    )
    return await services(check, context(Live(1, 1, tiles=found)))


async def test_services_that_are_fine_and_fresh_pass() -> None:
    found = await asked(("web", "fine", NOW), ("redis", "fine", NOW - 29))
    assert found == Finding("pass", "2 of 2 fine")


@pytest.mark.parametrize("state", ["slow", "down"])
async def test_a_sick_service_fails_by_name(state: TileState) -> None:
    found = await asked(("web", "fine", NOW), ("redis", state, NOW))
    assert found.said == "fail"
    assert "Redis" in found.evidence


async def test_a_service_nobody_heard_of_lately_is_unknown() -> None:
    assert (await asked(("web", "fine", NOW), ("redis", "fine", NOW - 31))).said == "unknown"
    assert (await asked(("web", "fine", NOW), ("redis", "stale", NOW))).said == "unknown"
    assert (await asked(("web", "fine", NOW))).said == "unknown"


async def test_an_old_bad_sample_is_unknown_too() -> None:
    assert (await asked(("web", "fine", NOW), ("redis", "down", NOW - 31))).said == "unknown"


async def test_what_the_lab_does_not_play_hides_nothing() -> None:
    assert (await asked(("web", "fine", NOW), ("redis", "not_rehearsed", NOW))).said == "pass"
    assert (await asked(("web", "down", NOW), ("redis", "not_rehearsed", NOW))).said == "fail"
    nowhere = await asked(("web", "not_rehearsed", NOW), ("redis", "not_rehearsed", NOW))
    assert nowhere.said == "not_rehearsed"


async def measured(expect: Expect, leaning: Leaning = "good", at: float = NOW) -> Finding:
    reading = Reading("failing", "Failing?", leaning, 0.02, 0.01, 0.03, 0.1, 800, 0, "2%", at)
    check = SignalCheck(
        kind="signal", id=Id("c"), title="C", signal=SignalId("failing"), expect=expect
    )
    return await signal(check, context(Live(1, 1, verdict=Verdict("stay", "", (reading,)))))


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        (Expect(op="<", value=0.1), "pass"),
        (Expect(op="<", value=0.01), "fail"),
        (Expect(op="<=", value=3, unit="%"), "pass"),
        (Expect(op="<=", value=2, unit="%"), "unknown"),
        (Expect(op="<", value="1%"), "fail"),
    ],
)
async def test_a_signal_is_held_against_what_is_expected(expect: Expect, said: str) -> None:
    assert await measured(expect) == Finding(said, "2%")  # type: ignore[arg-type]


async def test_a_signal_without_enough_or_fresh_data_is_unknown() -> None:
    limit = Expect(op="<", value=0.1)
    assert (await measured(limit, "unknown")).said == "unknown"
    assert (await measured(limit, at=NOW - 61)).said == "unknown"


async def test_a_signal_that_is_not_measured_cannot_be_told() -> None:
    check = SignalCheck(
        kind="signal",
        id=Id("c"),
        title="C",
        signal=SignalId("failing"),
        expect=Expect(value=1),
    )
    with pytest.raises(TargetError, match="not measured"):
        await signal(check, context(Live(1, 1)))


async def test_a_signal_held_against_a_word_cannot_be_told() -> None:
    with pytest.raises(TargetError, match="cannot be compared"):
        await measured(Expect(value="calm"))
