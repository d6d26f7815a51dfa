from __future__ import annotations

from collections.abc import Iterator

import pytest

from cockpit.earlier import Earlier, Took, directories, in_words, look_back
from cockpit.engine.proposals import took_before
from cockpit.journal import events as e
from cockpit.journal.state import RunState
from cockpit.record import read
from tests.fakes.written_runs import WrittenRun


@pytest.fixture
def own() -> Iterator[WrittenRun]:
    """The run that asks; what it took itself is no earlier time."""
    written = WrittenRun("staging")
    yield written
    written.close()


def rolled_back(environment: str, minutes: float) -> WrittenRun:
    run = WrittenRun(environment)
    run.done("switch_dns")
    run.write(e.TurnedBack("roll_back", "rehearsed"))
    run.write(e.RunEnded("rolled_back"), after_s=minutes * 60)
    run.close()
    return run


def asked(own: WrittenRun) -> Earlier:
    return look_back(directories("freshtrack", own.directory.path))


def words(own: WrittenRun, state: RunState, earlier: Earlier) -> str:
    return took_before(own.plan.runbook.step("switch_dns"), state, earlier)


def test_a_host_without_other_runs_knows_only_what_was_planned(own: WrittenRun) -> None:
    own.done("switch_dns")
    assert asked(own) == Earlier()
    assert words(own, RunState(), Earlier()).startswith("planned 30 s; it is ended after")


def test_a_confirmation_says_what_the_step_took_in_the_runs_before(own: WrittenRun) -> None:
    rolled_back("staging", 12)
    rolled_back("rehearsal", 1)
    told = words(own, RunState(), asked(own))
    took, _, ended = told.partition("; ")
    assert sorted(took.split(", ")) == ["3.2 s in rehearsal", "3.2 s in staging"]
    assert ended == "it is ended after 5 min"


def test_an_attempt_that_failed_is_never_shown_as_the_time_of_the_step(own: WrittenRun) -> None:
    own.attempt("switch_dns", code=1)
    own.write(e.StepFinished("switch_dns", 1, "failed"), by="engine")
    told = words(own, read(own.directory).state, asked(own))
    assert told.startswith("3.2 s in this run (FAILED); planned 30 s;")
    failed = WrittenRun("staging")
    failed.attempt("switch_dns", code=1)
    failed.close()
    assert asked(own).steps == {}


def test_a_rollback_takes_as_long_as_the_newest_one_took_outside_the_lab(own: WrittenRun) -> None:
    rolled_back("staging", 25)
    rolled_back("production", 14)
    rolled_back("rehearsal", 300)
    found = asked(own).rollback_s
    assert found in (14 * 60, 25 * 60)
    assert found is not None


def test_a_damaged_or_foreign_folder_tells_nothing_and_hinders_nothing(own: WrittenRun) -> None:
    run = rolled_back("staging", 12)
    whole = run.directory.journal.read_bytes()
    run.directory.journal.write_bytes(whole.replace(b"switch_dns", b"switch_xyz"))
    other = rolled_back("production", 12)
    (other.directory.path / "run.json").write_text("{}")
    assert asked(own) == Earlier()


def test_times_are_read_by_environment() -> None:
    assert in_words(()) == ""
    assert in_words((Took(1.94, "staging"), Took(3.2, "staging"))) == "1.9 s and 3.2 s in staging"
