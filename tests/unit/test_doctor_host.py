from __future__ import annotations

import os
import platform
from collections.abc import Callable

import pytest

from cockpit.commands import doctor, doctor_host
from cockpit.commands.diagnosis import Diagnosis

COMPOSE = Diagnosis("Docker Compose", "", "", "Compose steps")


def says(release: dict[str, str]) -> Callable[[], dict[str, str]]:
    return lambda: release


@pytest.mark.parametrize(
    ("release", "is_planned"),
    [
        ({"ID": "ubuntu", "VERSION_ID": "24.04", "PRETTY_NAME": "Ubuntu 24.04.3 LTS"}, True),
        ({"ID": "ubuntu", "VERSION_ID": "22.04", "PRETTY_NAME": "Ubuntu 22.04.5 LTS"}, False),
        ({"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian 12"}, False),
        ({"NAME": "Something"}, False),
    ],
)
def test_a_release_that_the_stack_was_not_planned_for_is_said_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, release: dict[str, str], is_planned: bool
) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", says(release))
    found = doctor_host.release()
    assert found.found == release.get("PRETTY_NAME", "Something")
    assert bool(found.mend) is not is_planned
    assert not found.is_missed


def test_a_host_that_does_not_say_its_release_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(platform, "freedesktop_os_release", refuse)
    assert doctor_host.release().mend


@pytest.mark.parametrize(("gigabytes", "is_enough"), [(0.95, False), (1.95, True), (4.0, True)])
def test_a_host_of_less_than_2_gb_lacks_memory(
    monkeypatch: pytest.MonkeyPatch, gigabytes: float, is_enough: bool
) -> None:
    sizes = {"SC_PHYS_PAGES": int(gigabytes * 1e9 / 4096), "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    assert (doctor_host.memory().mend == "") is is_enough


@pytest.mark.parametrize(
    ("version", "knows"),
    [("2.24.4", True), ("v2.40.3", True), ("3.0.0", True), ("2.24.3", False), ("2.9.10", False)],
)
def test_a_compose_that_merges_instead_of_overriding_is_to_be_updated(
    version: str, knows: bool
) -> None:
    asked = Diagnosis(COMPOSE.what, version, "", COMPOSE.wanted_for)
    found = doctor_host.knows_tags(asked)
    assert (found.mend == "") is knows
    assert found.found == version


def test_a_compose_that_is_missing_stays_missing() -> None:
    missing = Diagnosis(COMPOSE.what, "docker: not there", "install it", COMPOSE.wanted_for)
    assert doctor_host.knows_tags(missing) is missing


def test_the_doctor_says_all_of_it_of_this_host() -> None:
    assert {doctor_host.release, doctor_host.memory} <= set(doctor.HOST)
