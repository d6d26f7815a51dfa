from __future__ import annotations

import random
import socket
import stat
from pathlib import Path

import pytest

from cockpit.errors import Refused, TargetError
from cockpit.rehearsal.clock import JournalClock
from cockpit.rehearsal.faults import Faults, Side
from cockpit.rehearsal.scenarios import SCENARIOS
from cockpit.rehearsal.spec import ROLES, WEB_PORT, free_net, load, prepare
from tests.fakes.rehearsals import HandJournal

TRIES = 4000


@pytest.fixture
def journal(tmp_path: Path) -> HandJournal:
    journal = HandJournal(tmp_path / "journal.jsonl")
    journal.go(1.0)
    return journal


def faults(journal: HandJournal, scenario: str, side: Side) -> Faults:
    clock = JournalClock(journal.path)
    clock.poll()
    return Faults(SCENARIOS[scenario], side, clock, random.Random(7), 0.1)


def share_failing(planted: Faults) -> float:
    return sum(planted.fails() for _ in range(TRIES)) / TRIES


def mean_delay(planted: Faults) -> float:
    return sum(planted.delay() for _ in range(TRIES)) / TRIES


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("side", ["old", "new"])
def test_every_night_is_calm_before_t0(journal: HandJournal, scenario: str, side: Side) -> None:
    planted = faults(journal, scenario, side)
    assert share_failing(planted) == pytest.approx(0.005, abs=0.004)
    assert mean_delay(planted) == pytest.approx(0.1, rel=0.05)


def test_errors_rise_on_the_new_side_alone_five_minutes_after_t0(journal: HandJournal) -> None:
    journal.t0()
    journal.jump(240)
    assert share_failing(faults(journal, "errors", "new")) < 0.01
    journal.jump(70)
    assert share_failing(faults(journal, "errors", "new")) == pytest.approx(0.14, abs=0.02)
    assert share_failing(faults(journal, "errors", "old")) < 0.01


def test_the_slow_new_side_takes_three_times_as_long(journal: HandJournal) -> None:
    journal.t0()
    journal.jump(301)
    assert mean_delay(faults(journal, "slow", "new")) == pytest.approx(0.3, rel=0.05)
    assert mean_delay(faults(journal, "slow", "old")) == pytest.approx(0.1, rel=0.05)


def test_readings_are_lost_on_the_new_side_alone(journal: HandJournal) -> None:
    shares: dict[Side, float] = {"old": 0.0, "new": 0.08}
    for side, share in shares.items():
        planted = faults(journal, "data-loss", side)
        lost = sum(planted.loses() for _ in range(TRIES)) / TRIES
        assert lost == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize("side", ["old", "new"])
def test_silence_and_a_full_disk_come_after_the_onset(journal: HandJournal, side: Side) -> None:
    def planted() -> tuple[bool, bool]:
        return (
            faults(journal, "silence", side).silences(),
            faults(journal, "full-disk", side).has_full_disk(),
        )

    journal.t0()
    assert planted() == (False, False)
    journal.jump(301)
    assert planted() == (side == "new", side == "new")


def test_a_prepared_lab_keeps_its_secrets_to_itself(tmp_path: Path) -> None:
    spec = prepare(tmp_path / "lab", "127.99.3", 7, "calm", tmp_path / "journal.jsonl")
    assert load(tmp_path / "lab") == spec
    for name in (*(f"{role}_password" for role in ROLES), "dns_key"):
        assert len(spec.secret(name)) >= 16
        mode = (tmp_path / "lab" / "secrets" / name).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_a_lab_off_loopback_or_of_an_unknown_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="loopback"):
        prepare(tmp_path / "lab", "10.0.0", 7, "calm", tmp_path / "journal.jsonl")
    with pytest.raises(Refused, match="no scenario"):
        prepare(tmp_path / "lab", "127.99.3", 7, "sunshine", tmp_path / "journal.jsonl")
    with pytest.raises(TargetError, match="no lab here"):
        load(tmp_path / "lab")


def test_a_lab_is_not_prepared_over_another(tmp_path: Path) -> None:
    prepare(tmp_path / "lab", "127.99.3", 7, "calm", tmp_path / "journal.jsonl")
    with pytest.raises(Refused, match="already"):
        prepare(tmp_path / "lab", "127.99.4", 8, "calm", tmp_path / "journal.jsonl")


def test_a_net_is_free_when_nobody_listens_on_it() -> None:
    first = free_net(seed=3)
    assert first.startswith("127.")
    with socket.create_server((f"{first}.10", WEB_PORT)):
        assert free_net(seed=3) != first
