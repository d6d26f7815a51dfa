from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cockpit import record
from cockpit.commands import journal, runs, status
from cockpit.commands import report as report_command
from cockpit.earlier import look_back
from cockpit.engine import wayback
from cockpit.engine.client import Client
from cockpit.engine.mend import examine
from cockpit.errors import CockpitError
from cockpit.journal import events as e
from cockpit.journal.chain import chained
from cockpit.journal.events import DATA
from cockpit.timewords import moment
from tests.fakes.written_runs import NIGHT, WrittenRun

EXAMPLES = int(os.environ.get("COCKPIT_FORGED_LINES", "25"))
pytestmark = pytest.mark.timeout(60 + 2 * EXAMPLES)
Fields = dict[str, Any]


def story(run: WrittenRun) -> Iterator[object]:
    """An event of every type, and steps whose record the way back reads."""
    former: list[e.Json] = [
        {"name": "app.freshtrack.pro", "type": "A", "values": ["203.0.113.10"], "ttl": 1800}
    ]
    ended: dict[str, e.Json] = {
        "former": former,
        "folder": "exports/back_export",
        "manifest": "0" * 64,
        "since": {"users": "7421"},
        "rows": {"users": 12},
        "images": {"web": "sha256:1"},
    }
    answer = run.answer("same_rows")
    yield e.ClockSet(5, NIGHT, 1.0, "start")
    yield e.EngineStarted(4242, 1, "0.1.0")
    yield e.SeatTaken(1, "ana", "droplet", "1:1", "start")
    yield e.TargetPinned("zone", "the zone")
    for step in ("lower_ttl", "copy_rest", "freeze_old", "switch_dns", "open_new", "back_export"):
        yield e.Seconded(step, 1, "d" * 64, "1:1", 5, proven=True)
        yield e.Confirmed(step, 1, "d" * 64, 1, [f"run {step}"], [answer], {"zone": "it"})
        yield e.AttemptStarted(step, 1, 4242, 1, "boot")
        yield e.AttemptLong(step, 1, "silent", 20.0, "usually 2 s")
        yield e.AttemptEnded(step, 1, 0, "exited", 3.25, recorded=ended, silent_s=1.0)
        yield e.Verified(step, 1, [answer])
        yield e.StepFinished(step, 1, "done")
    yield from the_rest(run)


def the_rest(run: WrittenRun) -> Iterator[object]:
    answer = run.answer("same_rows")
    yield e.Confirmed("restart_new", 1, "d" * 64, 1, [], [], {})
    yield e.ConfirmationVoid("restart_new", 1, "it was not started")
    yield e.AttemptInDoubt("restart_new", 1, "nobody knows")
    yield e.StepSettled("restart_new", 1, "done", "seen", [answer])
    yield e.StopRequested("restart_new", 1)
    yield e.StepSkipped("final_dump", "none")
    yield e.AttemptFound("smoke_test", 1, "d" * 64, is_alive=False, reason="its folder")
    yield e.IntentRefused("1", "hold", "no")
    yield e.PlanChangeSeen(run.plan.plan_digest, ["runbook.yaml"])
    yield e.PlanAccepted(
        run.plan.plan_digest, run.plan.procedure_digest, run.plan.plan_digest, [], [], "so"
    )
    yield e.LineSetAside("journal.torn-1", 5, "0" * 64)
    yield e.DamageAccepted("it", 1, "journal.damaged-1", 5, "0" * 64, "I accept", 0, [], [])
    yield e.Held("lunch")
    yield e.Released()
    yield e.T0Moved(NIGHT + 3600, "rain")
    yield e.T0Happened(NIGHT + 4000, "seen")
    yield e.VerdictGiven("roll_back", "it burns", ["5%"])
    yield e.WatchAnswered("rows", answer)
    yield e.ServiceTurned("web", "Web", "fine", "down", "none")
    yield e.Propagated("half of them")
    yield e.LabTurned("up")
    yield e.PhaseReached("before")
    yield e.SeatVacated(1, "left")
    yield e.TurnedBack("roll_back", "it burns")
    yield e.Noted("the disk died")
    yield e.RunEnded("rolled_back")
    yield e.EngineStopped("done")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> WrittenRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COCKPIT_HOME", str(tmp_path_factory.mktemp("home")))
        written = WrittenRun("production")
        for data in story(written):
            written.write(data)
        written.close()
    return written


def home_of(run: WrittenRun) -> Path:
    return run.directory.path.parents[2]


def lines_of(run: WrittenRun) -> list[bytes]:
    return [line.rpartition(b"\t")[0] for line in run.directory.journal.read_bytes().splitlines()]


def write(run: WrittenRun, bodies: list[bytes]) -> None:
    """A journal of these lines, whose hashes all fit."""
    head, text = run.plan.plan_digest, b""
    for body in bodies:
        head = chained(head, body)
        text += body + b"\t" + head.encode() + b"\n"
    run.directory.journal.write_bytes(text)


def asked(run: WrittenRun, out: Path) -> Iterator[Callable[[], object]]:
    """Whatever reads a journal."""
    yield from (
        status.run,
        lambda: status.run(as_json=True),
        journal.run,
        lambda: journal.run(as_json=True),
        lambda: journal.run(verify=True),
        runs.run,
        lambda: report_command.run(out=out),
        lambda: the_way_back(run),
        lambda: the_screen(run),
        lambda: look_back([run.directory]),
        lambda: examine(run.directory, "it").view,
    )


def the_way_back(run: WrittenRun) -> str:
    return wayback.page(run.plan.runbook, record.read(run.directory).state, run.directory.path, [])


def the_screen(run: WrittenRun) -> str:
    view = Client(run.directory).view()
    return f"{moment(view.now)} {moment(view.state.t0)} {view.state.damage}"


# -- what a forger may write ---------------------------------------------------------------------

NUMBERS = st.sampled_from(
    [0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, 10**30, 0.5, -0.5, 1e12, 1e17, 1e308, -1e308]
)
WORDS = "done pass stay fine lower_ttl open_new never_heard_of ../../x .. / { %s {0} ` 2026-11-23Z"
TEXTS = st.sampled_from([*WORDS.split(), "", "\0", "\n", "\x1b[2J", "a" * 400, "é" * 200])
JSON = st.recursive(
    NUMBERS | TEXTS | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def alike(value: object) -> st.SearchStrategy[object]:
    """Other JSON of the same type, mostly."""
    found: st.SearchStrategy[object] = JSON
    match value:
        case bool():
            found = st.booleans()
        case int():
            found = NUMBERS.filter(lambda one: isinstance(one, int)) | st.integers(0, 10)
        case float():
            found = st.floats(0, 2.2e11) | NUMBERS.map(float)
        case str():
            found = TEXTS
        case list():
            found = st.lists(alike(value[0]) if value else JSON, max_size=3)
        case dict():
            found = st.fixed_dictionaries(
                {name: st.just(one) | alike(one) for name, one in value.items()}
            )
    return found


@st.composite
def forged(draw: st.DrawFn, bodies: list[bytes]) -> list[bytes]:
    """A journal in which one event or two say something else."""
    made = list(bodies)
    for at in draw(st.lists(st.integers(0, len(bodies) - 1), min_size=1, max_size=2, unique=True)):
        whole: Fields = msgspec.json.decode(made[at])
        how = draw(st.sampled_from(["field", "field", "field", "envelope", "data", "type", "raw"]))
        data: Fields = whole["data"]
        if how == "field" and isinstance(data, dict) and data:
            name = draw(st.sampled_from(sorted(data)))
            data[name] = draw(alike(data[name]) | alike(data[name]) | JSON)
        elif how == "envelope":
            name = draw(st.sampled_from(sorted(set(whole) - {"seq", "data"})))
            whole[name] = draw(alike(whole[name]) | JSON)
        elif how == "type":
            whole["type"] = draw(st.sampled_from([*DATA, "foretold"]))
        elif how == "data":
            whole["data"] = draw(alike(data) | JSON)
        made[at] = msgspec.json.encode(whole)
        if how == "raw":
            made[at] = made[at].replace(b"{", draw(st.sampled_from([b"{ ", b"[", b"{\r"])), 3)
    return made


def test_the_forged_journals_begin_from_a_sound_one_with_every_type(
    run: WrittenRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(home_of(run)))
    told = {msgspec.json.decode(body)["type"] for body in lines_of(run)}
    assert told == set(DATA)
    assert record.read(run.directory).state.damage == ""
    for ask in asked(run, tmp_path):
        ask()


@pytest.fixture(scope="module")
def sound(run: WrittenRun) -> list[bytes]:
    return lines_of(run)


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
@given(data=st.data())
def test_whatever_a_forged_line_says_every_command_ends_with_words(
    run: WrittenRun,
    sound: list[bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    data: st.DataObject,
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(home_of(run)))
    try:
        write(run, data.draw(forged(sound)))
        for ask in asked(run, tmp_path / "out"):
            with suppress(CockpitError):  # words as well
                ask()
    finally:
        write(run, sound)
