from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit.engine import acting, lock_files
from cockpit.engine.attempt_files import Order
from cockpit.engine.locks import hold
from cockpit.errors import Refused


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(lock_files, "_PLACES", (str(tmp_path),))
    return tmp_path


@pytest.fixture
def begun(place: Path) -> Iterator[acting.Acting]:
    """What the runner of a step locked, which acts on a database."""
    found = begin(place)
    yield found
    for descriptor in found.descriptors:
        os.close(descriptor)


def begin(place: Path) -> acting.Acting:
    run = str(place / "one")
    return acting.begin(Order(run, "", "move", 2, "", 60.0, "", targets=("database",)))


def is_let_in(place: Path, run: str, identity: str = "database") -> bool:
    held: dict[str, int] = {}
    try:
        hold(held, identity, place / run)
    except Refused:
        return False
    os.close(held[identity])
    return True


def files(place: Path) -> list[Path]:
    return list(place.glob("cockpit-acting-*"))


def test_what_acts_is_named_with_its_run_its_step_and_its_processes(
    place: Path, begun: acting.Acting
) -> None:
    with pytest.raises(Refused) as refused:
        hold({}, "database", place / "two")
    said = str(refused.value)
    assert "another run acts on this target: step move, attempt 2 of " in said
    assert f", {place / 'one'}; nobody follows it any more" in said
    assert f"still alive: pid {os.getpid()} (" in said
    assert refused.value.where == "database"
    assert begun.held
    assert is_let_in(place, "two", "another database")


def test_a_run_goes_on_beside_what_its_own_step_left_wherever_its_home_is_called_from(
    place: Path, begun: acting.Acting
) -> None:
    (place / "home").symlink_to(place)
    assert begun.held
    assert is_let_in(place, "one")
    assert is_let_in(place, "home/one")
    assert not is_let_in(place, "two")


def test_what_stands_in_such_a_file_lets_nobody_in_and_writes_to_no_terminal(
    place: Path, begun: acting.Acting
) -> None:
    (path,) = files(place)
    path.write_text(f"\033]0;owned\007step move, attempt 2 of ana, {place / 'two'}")
    assert begun.held
    with pytest.raises(Refused) as refused:
        hold({}, "database", place / "two")
    assert "\033" not in str(refused.value)
    assert is_let_in(place, "one")


def test_the_kernel_frees_it_when_the_last_process_that_inherited_it_has_ended(
    place: Path,
) -> None:
    begun = begin(place)
    program = subprocess.Popen(["sleep", "60"], pass_fds=begun.descriptors)
    try:
        for descriptor in begun.descriptors:
            os.close(descriptor)
        assert not is_let_in(place, "two")
    finally:
        program.kill()
        program.wait()
    assert is_let_in(place, "two")
    assert files(place) == [], "what nobody holds is in nobody's way"


def test_a_step_that_ended_well_gives_it_back_for_all_that_it_started(
    place: Path, begun: acting.Acting
) -> None:
    program = subprocess.Popen(["sleep", "60"], pass_fds=begun.descriptors)
    try:
        begun.let_go()
        assert files(place) == []
        assert is_let_in(place, "two")
    finally:
        program.kill()
        program.wait()


def test_an_attempt_that_ended_well_gives_nothing_back_for_another_that_may_still_act(
    place: Path, begun: acting.Acting
) -> None:
    again = begin(place)
    again.let_go()
    for descriptor in again.descriptors:
        os.close(descriptor)
    assert begun.held
    assert not is_let_in(place, "two")
    begun.let_go()
    assert is_let_in(place, "two")


def test_where_nobody_can_tell_whether_a_step_acts_no_other_run_does(place: Path) -> None:
    begun = begin(place)
    (path,) = begun.held
    begun.let_go()
    path.symlink_to(place / "elsewhere")
    with pytest.raises(Refused, match=f"whether a step still does is unknown: {path}: "):
        hold({}, "database", place / "two")
    assert is_let_in(place, "one")
    for descriptor in begun.descriptors:
        os.close(descriptor)


def test_the_descriptors_that_a_script_numbers_itself_are_not_those_that_it_inherits(
    begun: acting.Acting,
) -> None:
    assert min(begun.descriptors) > 9
