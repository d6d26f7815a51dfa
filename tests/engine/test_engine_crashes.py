from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

import pytest

from cockpit.errors import Refused
from tests.fakes import crash_points, crash_writes
from tests.fakes.crash_runs import Run, eventually, new_run
from tests.fakes.crash_writes import Point

pytestmark = pytest.mark.timeout(300)

CLEAN, DONE, DOUBT = "open", "done", "in_doubt"
STARTS, TELLS = "start runner", "write journal.jsonl attempt_started"
CLAIMS, SAYS, ENDS = "link identity.json", "write output", "replace exit.json"
ORDER = (
    "engine: write journal.jsonl confirmed",
    "engine: fsync journal.jsonl confirmed",
    "engine: replace order.json",
    "engine: fsync folder of the attempt",
    "engine: start runner",
    "runner: fsync identity.json",
    "runner: link identity.json",
    "runner: fsync folder of the attempt",
    "engine: unlink intent",
    "engine: write journal.jsonl attempt_started",
    "runner: write output",
    "runner: fsync exit.json",
    "runner: replace exit.json",
    "engine: write journal.jsonl attempt_ended",
    "engine: write journal.jsonl verified",
    "engine: write journal.jsonl step_finished",
    "engine: replace way-back.md",
)
PARTS = 3
SPARE = 60
"""Steps enough for every point of one part."""


def rest(run: Run, step: str) -> tuple[str, int]:
    """Where an attempt comes to rest by itself, and how often it had its effect."""

    def resting() -> bool:
        if list(run.directory.intents.glob("*.json")):
            return False
        status = run.status(step)
        confirmed, void = run.told("confirmed", step), run.told("confirmation_void", step)
        return status in (DONE, DOUBT) or (status == CLEAN and len(confirmed) == len(void))

    eventually(resting, f"the rest of {step}", 60)
    eventually(lambda: not run.left_behind(step), "the end of what was left behind")
    return run.status(step), run.effects(step)


def points_of(run: Run) -> list[Point]:
    """Every write that each step makes which goes well, from the intent to the way back."""
    first, second = (writes_of(run, f"plain{number}") for number in range(2))
    # An engine has other things to write too, now and then.
    seen = [one for one in first if one in second]
    torn = [one._replace(what=f"torn {one.what}") for one in seen if one.what.startswith("write")]
    return [*seen, *torn]


def writes_of(run: Run, step: str) -> list[Point]:
    """What a step writes that goes well."""
    shown = run.operator.proposal(step)
    crash_writes.arm(run.folder)
    run.operator.confirm(shown)
    run.wait_status(step, DONE)
    eventually(lambda: _is_over(crash_writes.seen(run.folder)), "the last write")
    crash_writes.disarm(run.folder)
    return crash_writes.seen(run.folder)


def _is_over(seen: list[Point]) -> bool:
    whats = [one.what for one in seen if one.process == "engine"]
    finished = "write journal.jsonl step_finished"
    return finished in whats and "fsync folder of the run" in whats[whats.index(finished) :]


def allowed(point: Point, seen: list[Point]) -> set[tuple[str, int]]:
    """The one class to which a death at a point belongs, by what was written before."""
    before = {(one.process, one.what) for one in seen if one != point}
    if point.process == "engine":
        return _allowed_to_engine(point, before)
    if ("runner", CLAIMS) not in before:
        return {(CLEAN, 0)}
    if ("runner", ENDS) in before:
        return {(DONE, 1)}
    if point.what.endswith("exit.json"):
        return {(DOUBT, 1)}
    acts = ("runner", SAYS) in before or point.what.endswith("output")
    return {(DOUBT, 0), (DOUBT, 1)} if acts else {(DOUBT, 0)}


def _allowed_to_engine(point: Point, before: set[tuple[str, str]]) -> set[tuple[str, int]]:
    if ("engine", STARTS) not in before:
        return {(CLEAN, 0)}
    if ("engine", TELLS) in before or point.what in (TELLS, f"torn {TELLS}"):
        return {(DONE, 1)}
    # Engine and runner race for one name: whoever wins, the other does nothing.
    return {(CLEAN, 0), (DONE, 1)}


def die_at(run: Run, point: Point, step: str) -> list[Point]:
    """Confirm a step, so that a process dies at a point; gives what was written until then."""
    shown = run.operator.proposal(step)
    assert shown.closed == ()
    crash_writes.arm(run.folder, point)
    run.operator.confirm(shown)
    eventually(lambda: not (run.folder / "armed").exists(), f"the death at {point}", 60)
    if point.process == "engine":
        assert run.engine is not None
        assert run.engine.wait(20) == -signal.SIGKILL, point
    return crash_writes.seen(run.folder)


def must_fit(run: Run, step: str, expected: set[tuple[str, int]], point: object) -> None:
    """The class is the one that belongs there, and the effect as often as it was confirmed."""
    status, effects = rest(run, step)
    assert (status, effects) in expected, point
    confirmed, void = run.told("confirmed", step), run.told("confirmation_void", step)
    assert effects <= len(confirmed) - len(void), point
    # The same as a screen shows it that is opened now.
    assert run.fresh_status(step) == status, point


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_is_killed_at_any_write_a_step_is_clean_in_doubt_or_done(
    part: int, tmp_path: Path
) -> None:
    run = new_run(tmp_path / "run", plains=SPARE)
    environment = crash_points.site_folder(run.folder)
    try:
        run.start(**environment)
        points = points_of(run)
        assert {f"{one.process}: {one.what}" for one in points} >= set(ORDER)
        mine = points[part::PARTS]
        assert len(mine) < SPARE
        for number, point in enumerate(mine, 2):
            step = f"plain{number}"
            seen = die_at(run, point, step)
            if point.process == "engine":
                run.start(**environment)
            must_fit(run, step, allowed(point, seen), point)
    finally:
        run.end()


@pytest.mark.parametrize("point", ["before effect", "after effect"])
def test_a_child_that_is_killed_beside_its_effect_leaves_a_doubt(
    point: str, tmp_path: Path
) -> None:
    run = new_run(tmp_path / "run", plains=1)
    try:
        run.start(**crash_points.site_folder(run.folder))
        (run.folder / "crash_at").write_text(point)
        run.confirm("plain0")
        must_fit(run, "plain0", {(DOUBT, int(point == "after effect"))}, point)
        assert not (run.folder / "crash_at").exists()
    finally:
        run.end()


def test_an_engine_that_is_killed_at_any_write_of_its_recovery_voids_once(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", plains=SPARE)
    environment = crash_points.site_folder(run.folder)
    starts = Point("engine", STARTS, 1)
    try:
        run.start(**environment)
        die_at(run, starts, "plain0")
        crash_writes.arm(run.folder)
        run.start(**environment)
        must_fit(run, "plain0", {(CLEAN, 0)}, "its recovery")
        crash_writes.disarm(run.folder)
        points = crash_writes.seen(run.folder)
        whats = [one.what for one in points]
        assert {"link identity.json", "write journal.jsonl confirmation_void"} <= set(whats)
        for number, point in enumerate(points, 1):
            step = f"plain{number}"
            die_at(run, starts, step)
            crash_writes.arm(run.folder, point)
            with suppress(Refused):  # it may die before it is seen, or right after
                run.start(**environment)
            assert run.engine is not None
            assert run.engine.wait(20) == -signal.SIGKILL, point
            run.start(**environment)
            must_fit(run, step, {(CLEAN, 0)}, point)
            assert len(run.told("confirmation_void", step)) == 1, point
        # What is clean can begin.
        run.confirm("plain0")
        must_fit(run, "plain0", {(DONE, 1)}, "the next attempt")
    finally:
        run.end()
