from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from cockpit.checks import registry
from cockpit.checks.quiet import judged
from cockpit.runbook.checks import QuietCheck
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import HttpTarget
from cockpit.runbook.words import Duration, Id, ProbeId, TargetId
from cockpit.telemetry.store import Samples
from tests.fakes.small_runbooks import NIGHT, World, asking, serving

HALF_AN_HOUR = 1800.0
CHECK = QuietCheck(
    kind="quiet",
    id=Id("untouched"),
    title="Untouched",
    probe=ProbeId("old_writes"),
    duration=Duration(HALF_AN_HOUR),
)


def every(seconds: float, back: float = HALF_AN_HOUR) -> list[tuple[float, float]]:
    return [(NIGHT - back + at * seconds, 0.0) for at in range(int(back / seconds) + 1)]


def said(rates: list[tuple[float, float]]) -> tuple[str, str]:
    return tuple(judged(rates, NIGHT, HALF_AN_HOUR, 60.0))  # type: ignore[return-value]  # two words


def test_half_an_hour_without_a_write_passes() -> None:
    assert said(every(15)) == ("pass", "none for 30 min")


def test_one_write_in_it_fails_and_says_when() -> None:
    rates = sorted([*every(15), (NIGHT - 600, 2.0)])
    assert said(rates) == ("fail", "2/min 10 min ago; none for 30 min is asked")


def test_time_in_which_nobody_watched_is_unknown() -> None:
    assert said([])[0] == "unknown"
    assert said(every(15, back=420)) == (
        "unknown",
        "watched without a gap for 7 min, of 30 min that are asked",
    )
    torn = [one for one in every(15) if not NIGHT - 900 < one[0] < NIGHT - 600]
    assert said(torn)[0] == "unknown"
    old = [(at - 120, rate) for at, rate in every(15)]
    assert said(old)[0] == "unknown"


@given(some.lists(some.floats(0.0, HALF_AN_HOUR), max_size=200))
def test_it_never_passes_over_a_gap(ages: list[float]) -> None:
    rates = sorted((NIGHT - age, 0.0) for age in ages)
    times = [NIGHT - HALF_AN_HOUR, *(at for at, _ in rates), NIGHT]
    widest = max(later - earlier for earlier, later in pairwise(times))
    assert (said(rates)[0] == "pass") == (widest <= 60.0)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("write_attempts_total 4\n", ("pass", "none for 30 min")),
        ("other_total 4\n", ("unknown", "its metrics have no write_attempts_total")),
    ],
)
async def test_it_is_asked_of_telemetry_and_of_metrics_that_have_the_counter(
    tmp_path: Path, page: str, expected: tuple[str, str]
) -> None:
    with serving({"/metrics": (200, page)}) as (url, _):
        context = asking(World(tmp_path, targets={"old": HttpTarget(kind="http", url=url)}), CHECK)
        probe = Probe(
            id=Id("old_writes"),
            title="old writes",
            kind="metric",
            target=TargetId("old"),
            metric="write_attempts_total",
        )
        object.__setattr__(context.runbook.procedure, "probes", (probe,))
        samples = Samples(tmp_path / "telemetry.sqlite")
        for at, rate in every(5):
            samples.record(at, "old_writes", "value", rate)
        samples.close()
        answer = await registry.ask(CHECK, context)
    assert answer.said == expected[0]
    assert expected[1] in answer.evidence
