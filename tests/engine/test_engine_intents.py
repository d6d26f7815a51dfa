from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cockpit.clock import boot_ns
from cockpit.engine import intents
from cockpit.engine.intents import Intent
from tests.fakes import crash_points
from tests.fakes.crash_runs import Run, eventually, new_run, running

pytestmark = pytest.mark.timeout(240)

POINTS = ("intent waits", "intent read", "before {}", "torn {}", "after {}", "intent answered")
"""Where an engine is killed while it follows an intent whose answer is an event of that type."""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with running(tmp_path / "run") as begun:
        yield begun


@dataclass
class Crashing:
    """A run whose engine dies at points."""

    run: Run
    environment: dict[str, str]

    def ask(self, point: str, kind: intents.Kind, **details: str | float) -> str:
        """Ask something so that the engine dies at a point, and start it again; the intent's id."""
        (self.run.folder / "crash_at").write_text(point)
        name = self.run.operator.client.send(kind, **details)
        assert self.run.engine is not None
        assert self.run.engine.wait(10) == -signal.SIGKILL, point
        self.run.start(**self.environment)
        eventually(lambda: not intents.waiting(self.run.directory.intents), f"the end of {point}")
        return name


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Crashing]:
    run = new_run(tmp_path / "run", plains=len(POINTS))
    environment = crash_points.site_folder(run.folder)
    try:
        run.start(**environment)
        run.operator.view()
        yield Crashing(run, environment)
    finally:
        run.end()


def late(kind: intents.Kind, viewer: str, **details: Any) -> Intent:
    """An intent that was written before the host was started again."""
    return Intent(kind, viewer, seat=1, boot_id="the boot before", **details)


def answers(run: Run) -> Counter[str]:
    """How many events answer each intent."""
    return Counter(event.intent for event in run.events() if event.intent)


@pytest.mark.parametrize(
    ("kind", "told"), [("hold", "held"), ("note", "noted"), ("skip", "step_skipped")]
)
def test_an_intent_is_followed_once_wherever_its_engine_is_killed(
    kind: intents.Kind, told: str, crashing: Crashing
) -> None:
    for number, point in enumerate(POINTS):
        words = f"number {number}"
        name = crashing.ask(point.format(told), kind, step=f"plain{number}", text=words)
        assert answers(crashing.run)[name] == 1, point
        found = [event for event in crashing.run.events() if event.intent == name]
        assert found[0].type == told, point
        assert words in found[0].plain.values(), point


@pytest.mark.parametrize("point", ["intent waits", "torn {}", "after {}", "intent answered"])
def test_a_stop_reaches_its_step_wherever_its_engine_is_killed(
    point: str, crashing: Crashing
) -> None:
    run = crashing.run
    run.confirm_slow()
    crashing.ask(point.format("stop_requested"), "stop", step="slow", attempt=1)
    assert run.operator.settled("slow") == "in_doubt"
    ended = run.attempt("slow").exit()
    assert ended is not None
    assert ended.ended == "stopped"
    assert len(run.told("stop_requested")) == 1


def test_a_hold_that_waited_for_an_engine_is_followed_and_a_confirmation_is_not(run: Run) -> None:
    shown = run.operator.proposal("quick")
    viewer, folder = run.operator.client.viewer, run.directory.intents
    run.kill_engine()
    intents.send(folder, late("hold", viewer, text="stop all of it"))
    confirmed = late("confirm", viewer, step="quick", attempt=1, digest=shown.digest)
    intents.send(folder, confirmed)
    run.start()
    eventually(lambda: not intents.waiting(folder), "the answers")
    assert [one["reason"] for one in run.told("held")] == ["stop all of it"]
    assert "expired" in run.told("intent_refused")[0]["reason"]
    assert run.effects("quick") == 0


def test_a_stop_is_for_the_attempt_that_was_on_the_screen(run: Run) -> None:
    run.confirm_slow()
    viewer = run.operator.client.viewer

    def stop(attempt: int) -> None:
        intents.send(run.directory.intents, late("stop", viewer, step="slow", attempt=attempt))

    assert "expired" in run.refused(lambda: stop(2))
    assert run.status("slow") == "running"
    stop(1)
    run.wait_status("slow", "in_doubt")


def test_a_step_that_has_not_begun_is_stopped_before_it_begins(crashing: Crashing) -> None:
    run = crashing.run
    shown = run.operator.proposal("quick")
    (run.folder / "runners_wait").touch()
    run.operator.confirm(shown)
    run.wait_status("quick", "confirmed")
    run.send("stop", step="quick", attempt=1)
    eventually(lambda: bool(run.told("confirmation_void")), "the void confirmation")
    assert "stopped it before it began" in run.told("confirmation_void")[0]["reason"]
    (run.folder / "runners_wait").unlink()
    run.confirm("again")
    assert run.operator.settled("again") == "done"
    assert run.effects("quick") == 0


def test_what_lies_among_the_intents_and_is_none_holds_up_nothing(run: Run) -> None:
    run.operator.view()
    folder = run.directory.intents
    (folder / "1.json").mkdir()
    (folder / "1.json" / "full").touch()
    os.mkfifo(folder / "2.json")
    (folder / "3.json").symlink_to("/etc/passwd")
    (folder / "4.json").write_text("{")
    Path(os.fsdecode(bytes(folder) + b"/\xff.json")).write_text("{}")
    run.told_after("held", lambda: run.send("hold", text="the phone rings"))
    eventually(lambda: len(run.told("intent_refused")) == 5, "the refusals")
    # What cannot be deleted is left, and refused once: also by the next engine.
    eventually(lambda: {one.name for one in intents.waiting(folder)} == {"1.json"}, "the rest")
    run.kill_engine()
    run.start()
    time.sleep(0.3)
    assert len(run.told("intent_refused")) == 5


def test_a_key_pressed_later_than_now_or_beyond_every_clock_confirms_nothing() -> None:
    later = intents.Intent("second", "1:1", boot_ns=boot_ns() + 10**12)
    assert later.age_s() == float("inf")
    beyond = msgspec.json.encode(replace(later, boot_ns=2**63 + 5))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(beyond, type=intents.Intent)
