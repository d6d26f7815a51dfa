from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.clock import NS, boot_ns
from cockpit.engine import attempts, patience
from cockpit.engine.patience import Patience
from cockpit.journal.events import AttemptEnded, AttemptStarted, Confirmed
from cockpit.patience import usual_silence, usual_time
from cockpit.runbook.plan import load_plan
from cockpit.runbook.words import Duration
from tests.fakes.crash_machine import Machine
from tests.fakes.crash_runs import KINDS, some_net, write_runbook
from tests.fakes.small_runbooks import NOTHING
from tests.fakes.small_runbooks import step as small_step

STEP = replace(small_step(NOTHING), estimate=Duration(60.0), timeout=Duration(600.0))


def test_a_step_takes_long_after_its_own_word_or_twice_its_estimate_or_its_timeout() -> None:
    assert usual_time(STEP).limit_s == 120.0
    assert usual_time(replace(STEP, soft_timeout=Duration(90.0))).limit_s == 90.0
    assert usual_time(replace(STEP, timeout=Duration(70.0))).limit_s == 70.0
    assert usual_time(STEP).words == "planned 1 min, ended after 10 min"


def test_the_usual_silence_is_the_runbooks_word_else_twice_the_record_else_the_estimate() -> None:
    assert usual_silence(STEP, ()) == (60.0, "it should take 1 min in all")
    assert usual_silence(STEP, (4.0, 31.0)) == (62.0, "its longest so far was 31 s")
    assert usual_silence(STEP, (0.2,)).limit_s == 10.0
    own = replace(STEP, silence=Duration(5.0))
    assert usual_silence(own, (90.0,)) == (5.0, "usual are 5 s at most")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    kinds = tuple(kind for kind in KINDS if kind.id in ("quick", "slow"))
    plan = load_plan(write_runbook(tmp_path, some_net(), kinds), "staging", {})
    loop = asyncio.new_event_loop()
    made = Machine(plan, loop)
    monkeypatch.setattr(attempts, "is_alive", made.alive)
    yield made
    made.close()
    loop.close()


def under_way(machine: Machine) -> None:
    """The slow step, whose runner acts and has written a line."""
    machine.ask("propose", step="slow")
    shown = machine.core.proposal
    assert shown is not None
    machine.ask("confirm", step="slow", attempt=1, digest=shown.digest)
    machine.claim(machine.runners[-1])
    machine.beat()
    machine.core.attempts.folder("slow", 1).output.write_text("slow begins\n")


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(patience, "boot_ns", lambda: boot_ns() + int(seconds * NS))


def told(machine: Machine) -> list[str]:
    last = machine.state.step("slow").last
    assert last is not None
    return list(last.long)


def test_a_runner_that_does_not_hold_the_timeout_is_said_with_its_pid(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way(machine)
    watching = Patience()
    for seconds, expected in (
        (0.5, []),
        (70.0, ["takes_long", "silent"]),
        (71.5, ["takes_long", "silent", "not_ended"]),
        (500.0, ["takes_long", "silent", "not_ended"]),
    ):
        later(monkeypatch, seconds)
        machine.loop.run_until_complete(watching.look(machine.core))
        assert told(machine) == expected, seconds
    line = machine.state.log[-1].text
    assert "has not ended it" in line
    assert f"pid {machine.runners[-1].number}" in line
    # Nobody was ended for it.
    assert machine.runners[-1].alive
    assert machine.state.step("slow").status == "running"


def test_a_wall_clock_that_jumped_makes_no_silence_older_than_the_attempt(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way(machine)
    for jump in (-1e9, 0.0, 1e9):
        monkeypatch.setattr(patience, "wall_s", lambda jump=jump: 1.8e9 + jump)
        machine.loop.run_until_complete(Patience().look(machine.core))
        assert machine.core.silence is None
    assert told(machine) == []


def test_what_is_usual_comes_from_runs_of_the_same_procedure_that_ended_well(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = machine.core.ledger
    for number, (exit_code, silent_s) in enumerate(((0, 12.0), (0, 30.0), (1, 900.0)), 1):
        ledger.tell(Confirmed("slow", number, "d", 1, [], [], {}))
        ledger.tell(AttemptStarted("slow", number, 1, 1, "boot"))
        ended = AttemptEnded("slow", number, exit_code, "exited", 40.0, silent_s=silent_s)
        ledger.tell(ended)
    other = Machine(machine.plan, machine.loop)
    monkeypatch.setattr(attempts, "is_alive", other.alive)
    under_way(other)
    watching = Patience()
    for seconds in (0.0, 59.0):
        later(monkeypatch, seconds)
        other.loop.run_until_complete(watching.look(other.core))
        assert other.core.silence is None
    later(monkeypatch, 61.0)
    other.loop.run_until_complete(watching.look(other.core))
    assert other.core.silence is not None
    assert other.core.silence.usual == "its longest so far was 30 s"
    other.close()


def test_the_confirmation_says_when_the_step_is_ended(machine: Machine) -> None:
    machine.ask("propose", step="slow")
    shown = machine.core.proposal
    assert shown is not None
    assert shown.took_before == "planned 1 s; it is ended after 1 min"
