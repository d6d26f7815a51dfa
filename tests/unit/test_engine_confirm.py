from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cockpit.actions import registry
from cockpit.actions.base import Foreseen
from cockpit.clock import NS, boot_ns
from cockpit.engine import proposals, second
from cockpit.engine.processes import find
from cockpit.journal.events import Confirmed, Seconded
from cockpit.journal.file import JournalReader
from cockpit.journal.fold import decoded
from cockpit.runbook.plan import load_plan
from cockpit.telemetry.live import NOBODY_YET, Proposal
from tests.fakes.crash_machine import Machine, without_processes
from tests.fakes.crash_runs import KINDS, some_net, write_runbook

WORDS = {
    "gated": "gates: [again_seen]",
    "seconded": "second_person: true",
    "typed": "second_person: true\n        irreversible: true\n        typed_word: switch",
}
Make = Callable[[str], Machine]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A machine whose step `quick` says something more."""
    made: list[Machine] = []
    loop = asyncio.new_event_loop()
    without_processes(monkeypatch, lambda: made[-1])

    def machine(kind: str) -> Machine:
        few = tuple(one for one in KINDS if one.id in ("quick", "slow", "again"))
        book = write_runbook(tmp_path, some_net(), few)
        path = book / "runbook.yaml"
        more = f"verify: [quick_seen]\n        {WORDS[kind]}"
        path.write_text(path.read_text().replace("verify: [quick_seen]", more))
        made.append(Machine(load_plan(book, "staging", {}), loop))
        return made[-1]

    yield machine
    for one in made:
        one.close()
    loop.close()


def shown(machine: Machine) -> Proposal:
    machine.ask("propose", step="quick")
    found = machine.core.proposal
    assert found is not None
    return found


def confirm(machine: Machine, found: Proposal, **more: Any) -> str:
    return machine.ask("confirm", step="quick", attempt=found.attempt, digest=found.digest, **more)


def told(machine: Machine, kind: type) -> list[Any]:
    events = JournalReader(machine.directory.journal, machine.plan.plan_digest).read()
    names = {Confirmed: "confirmed", Seconded: "seconded"}
    return [decoded(event, kind) for event, _ in events if event.type == names[kind]]


# -- between the keypress and the start ---------------------------------------------------------


def test_a_gate_that_closed_between_keypress_and_start_begins_nothing_and_is_named(
    make: Make, tmp_path: Path
) -> None:
    machine = make("gated")
    (tmp_path / "effects").write_text("again\n")
    found = shown(machine)
    assert found.closed == ()
    (tmp_path / "effects").write_text("")
    refusal = confirm(machine, found)
    assert (
        refusal
        == "what was shown no longer holds: The mark of again is there: pass before, fail now"
    )
    assert machine.runners == []
    # What is on screen from now on is what was just seen.
    assert machine.core.proposal is not None
    assert machine.core.proposal.gates[0].said == "fail"


def test_what_was_opened_more_than_a_minute_ago_is_confirmed_only_once_it_was_asked_again(
    make: Make, tmp_path: Path
) -> None:
    machine = make("gated")
    (tmp_path / "effects").write_text("again\n")
    found = shown(machine)
    machine.core.opened_ns -= 61 * NS
    refusal = confirm(machine, found)
    assert refusal == "it was opened more than a minute ago: ask its gates again"
    assert machine.runners == []
    assert confirm(machine, shown(machine)) == ""
    assert len(machine.runners) == 1


def test_a_gate_whose_evidence_alone_changed_is_the_same_answer(make: Make, tmp_path: Path) -> None:
    machine = make("gated")
    (tmp_path / "effects").write_text("again\n")
    found = shown(machine)
    time.sleep(0.01)
    assert confirm(machine, found) == ""
    assert len(machine.runners) == 1


def test_what_would_do_something_else_than_was_shown_is_not_begun(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make("gated")
    (Path(machine.plan.runbook.directory).parent / "effects").write_text("again\n")
    numbers = itertools.count(1)

    async def foresee(*_: object) -> Foreseen:
        number = next(numbers)
        return Foreseen((f"backend is replaced by image {number}",), str(number))

    monkeypatch.setattr(registry, "foresee", foresee)
    found = shown(machine)
    refusal = confirm(machine, found)
    assert "backend is replaced by image 1 before, backend is replaced by image 2 now" in refusal
    assert machine.runners == []


def test_a_target_that_is_another_one_at_the_start_is_not_acted_on(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make("gated")
    names = iter(["host one", "host two"])

    async def identify(*_: object) -> str:
        return next(names)

    monkeypatch.setattr(proposals, "identify", identify)
    monkeypatch.setattr(proposals, "target_ids", lambda _: ("zone",))
    (Path(machine.plan.runbook.directory).parent / "effects").write_text("again\n")
    found = shown(machine)
    assert confirm(machine, found) == "what was shown no longer holds: a target is another one"
    assert machine.runners == []


# -- the second person --------------------------------------------------------------------------


def other_viewer() -> str:
    """A screen that is not the driver's: some other process of this test."""
    parent = find(os.getppid())
    assert parent is not None
    return f"{parent.pid}:{parent.started}"


def confirm_as(machine: Machine, by: str, found: Proposal, **more: Any) -> str:
    asked = {"step": "quick", "attempt": found.attempt, "digest": found.digest, "seat": 0}
    return machine.ask("second", by=by, **{"viewer": other_viewer(), **asked, **more})


def test_a_step_that_asks_for_a_second_person_begins_only_with_one(make: Make) -> None:
    machine = make("seconded")
    found = shown(machine)
    assert found.closed == (NOBODY_YET,)
    assert "what was shown" not in confirm(machine, found)
    assert machine.runners == []
    found = shown(machine)
    assert confirm_as(machine, "bob", found) == ""
    assert machine.core.proposal is not None
    assert machine.core.proposal.closed == ()
    assert confirm(machine, found) == ""
    assert len(machine.runners) == 1
    (confirmed,) = told(machine, Confirmed)
    assert (confirmed.second, confirmed.second_proven) == ("bob", True)
    assert machine.state.step("quick").attempts[0].by == "ana and bob"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"by": "ana"}, "ana drives: another login is wanted"),
        ({"digest": "0" * 64}, "what was confirmed is not what is shown now: look again"),
        ({"attempt": 2}, "what was confirmed is not what is shown now: look again"),
        ({"step": "slow"}, "the driver does not have it open"),
        ({"boot_ns": boot_ns() - 61 * NS}, "expired"),
    ],
)
def test_a_second_person_is_another_login_that_saw_the_same(
    asked: dict[str, Any], words: str, make: Make
) -> None:
    machine = make("seconded")
    found = shown(machine)
    by = asked.pop("by", "bob")
    assert words in confirm_as(machine, by, found, **asked)
    assert told(machine, Seconded) == []
    assert confirm(machine, found) == NOBODY_YET
    assert machine.runners == []


def test_a_second_person_has_a_screen_and_a_terminal_of_their_own(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make("seconded")
    found = shown(machine)
    assert "a screen of" in confirm_as(machine, "bob", found, viewer=machine.viewer)
    monkeypatch.setattr(second, "terminal", lambda _pid: 34816)
    assert "a terminal of" in confirm_as(machine, "bob", found)
    assert told(machine, Seconded) == []


def test_where_both_are_root_it_is_recorded_as_not_proven(make: Make) -> None:
    machine = make("seconded")
    machine.ask("leave")
    machine.ask("take_seat", by="root")
    found = shown(machine)
    assert confirm_as(machine, "root", found) == ""
    assert confirm(machine, found) == ""
    (confirmed,) = told(machine, Confirmed)
    assert (confirmed.second, confirmed.second_proven) == ("root", False)
    by = machine.state.step("quick").attempts[0].by
    assert by == "root and root (not proven to be another person)"


def test_a_second_persons_confirmation_counts_for_a_minute(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = make("seconded")
    monkeypatch.setattr(proposals, "SECOND_S", 0.05)
    found = shown(machine)
    assert confirm_as(machine, "bob", found) == ""
    time.sleep(0.06)
    assert confirm(machine, found) == NOBODY_YET
    assert machine.runners == []


def test_a_second_persons_confirmation_counts_once(make: Make) -> None:
    machine = make("seconded")
    found = shown(machine)
    assert confirm_as(machine, "bob", found) == ""
    assert confirm(machine, found) == ""
    runner = machine.runners[0]
    machine.claim(runner)
    machine.end(runner, 1, "exited")
    machine.beat()
    assert machine.state.step("quick").status == "failed"
    again = shown(machine)
    assert again.closed == (NOBODY_YET,)


def test_who_confirmed_as_second_person_and_takes_the_seat_then_is_the_first(make: Make) -> None:
    machine = make("seconded")
    found = shown(machine)
    assert confirm_as(machine, "bob", found) == ""
    taken = {"text": "ana sleeps", "note": "step quick is open"}
    assert machine.ask("take_seat", by="bob", viewer=other_viewer(), **taken) == ""
    assert confirm(machine, found, by="bob", viewer=other_viewer()) == NOBODY_YET
    assert machine.runners == []


def test_a_word_that_is_to_be_typed_is_typed_by_both(make: Make) -> None:
    machine = make("typed")
    found = shown(machine)
    assert confirm_as(machine, "bob", found) == "the word to type is switch"
    assert confirm_as(machine, "bob", found, typed="switch") == ""
    assert confirm(machine, found, typed="switch") == ""


def test_a_step_that_asks_for_none_takes_none(make: Make, tmp_path: Path) -> None:
    machine = make("gated")
    (tmp_path / "effects").write_text("again\n")
    assert confirm_as(machine, "bob", shown(machine)) == "it asks for no second person"
