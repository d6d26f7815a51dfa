from __future__ import annotations

from pathlib import Path

import pytest

from cockpit.checks.base import CheckContext
from cockpit.checks.time import soak
from cockpit.clock import ClockMap, RunClock, boot_ns
from cockpit.journal.events import Json
from cockpit.journal.state import AttemptState, RunState, StepState
from cockpit.propagation import former
from cockpit.propagation.providers.base import record_set
from cockpit.redact import Redactor
from cockpit.runbook.checks import SoakCheck
from cockpit.runbook.targets import Authority, DnsTarget
from cockpit.runbook.words import Duration, Id, StepId, TargetId
from cockpit.secrets import Secrets
from cockpit.telemetry.live import Live
from tests.fakes.dns_lab import runbook_of

DONE = 1_790_000_000.0
FOUND = (
    record_set("www.example.test.", "A", ("192.0.2.1",), 3600),
    record_set("api.example.test.", "A", ("192.0.2.1",), 300),
)
SOAK = SoakCheck(
    kind="soak",
    id=Id("s"),
    title="Soak",
    after=StepId("lower"),
    duration=Duration(600),
    zone=TargetId("zone"),
)


def lowered(lag: float, recorded: dict[str, Json], after_s: float, folder: Path) -> CheckContext:
    target = DnsTarget(
        kind="dns",
        zone="example.test.",
        names=("www.example.test.", "api.example.test."),
        old="192.0.2.1",
        new="192.0.2.2",
        provider="manual",
        authorities=(Authority(name="ns1", address="192.0.2.53", lag=Duration(lag)),),
    )
    attempt = AttemptState(1, "done", "", "", 0.0, recorded=recorded)
    return CheckContext(
        runbook=runbook_of(target),
        clock=RunClock(ClockMap(boot_ns(), DONE + after_s, 0.001)),
        secrets=Secrets({}, Redactor()),
        state=RunState(steps={"lower": StepState("lower", "done", (attempt,), DONE)}),
        live=Live(0, 0),
        run_directory=folder,
    )


@pytest.mark.parametrize(
    ("lag", "after_s", "word"),
    [
        (0, 601, "fail"),
        (0, 3599, "fail"),
        (0, 3601, "pass"),
        (20, 3601, "fail"),
        (20, 7199, "fail"),
        (20, 7201, "pass"),
        (5000, 7201, "fail"),
        (5000, 8601, "pass"),
    ],
)
async def test_a_lowered_ttl_waits_for_the_one_that_was_found_twice_where_a_server_caches(
    lag: float, after_s: float, word: str, tmp_path: Path
) -> None:
    recorded: dict[str, Json] = {"former": former.as_json(FOUND)}
    finding = await soak(SOAK, lowered(lag, recorded, after_s, tmp_path))
    assert finding.said == word
    assert "the TTL was 1 h" in finding.evidence
    assert ("twice" in finding.evidence) == (lag > 0)


async def test_what_the_journal_does_not_hold_is_read_from_the_attempt_and_else_unknown(
    tmp_path: Path,
) -> None:
    context = lowered(0, {}, 86400, tmp_path)
    assert (await soak(SOAK, context)).said == "unknown"
    folder = tmp_path / "attempts" / "lower" / "1"
    folder.mkdir(parents=True)
    former.keep(folder, FOUND)
    assert (await soak(SOAK, context)).said == "pass"
