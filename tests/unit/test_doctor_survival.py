from __future__ import annotations

from pathlib import Path

import pytest

from cockpit import logind, systemd
from cockpit.commands import doctor_survival
from cockpit.logind import configured


def write(root: Path, name: str, *lines: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("[Login]", *lines, "")))
    return path


def test_an_engine_at_a_terminal_that_is_hung_up_is_seen_to_live_on() -> None:
    assert doctor_survival.tried(["session"]) == {"session"}


def test_the_doctor_says_so_where_nothing_was_left_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_survival, "tried", lambda _forms: frozenset())
    told = doctor_survival.outliving()
    assert "a session of its own is ended" in told.found
    assert told.mend != ""


def test_logind_is_read_as_it_reads_its_files_itself(tmp_path: Path) -> None:
    assert configured(tmp_path).kills is None
    write(tmp_path, "etc/systemd/logind.conf", "#KillUserProcesses=no", "#KillExcludeUsers=root")
    assert configured(tmp_path).kills is False
    assert configured(tmp_path).where.endswith("logind.conf, its default")
    vendor = write(tmp_path, "usr/lib/systemd/logind.conf.d/50-vendor.conf", "KillUserProcesses=1")
    found = configured(tmp_path)
    assert (found.kills, found.where) == (True, str(vendor))
    # A later folder's file of the same name takes its place; a later name wins.
    write(tmp_path, "etc/systemd/logind.conf.d/50-vendor.conf", "KillUserProcesses=no")
    assert configured(tmp_path).kills is False
    write(
        tmp_path,
        "etc/systemd/logind.conf.d/60-ours.conf",
        " KillUserProcesses = yes",
        "KillExcludeUsers=ana",
        "KillExcludeUsers=bo",
    )
    found = configured(tmp_path)
    assert [found.kills_of(user) for user in ("root", "ana", "bo", "eve")] == [
        False,
        False,
        False,
        True,
    ]


def test_logind_may_end_the_processes_of_named_users_alone(tmp_path: Path) -> None:
    write(tmp_path, "etc/systemd/logind.conf", "KillUserProcesses=yes", "KillOnlyUsers=eve")
    found = configured(tmp_path)
    assert [found.kills_of(user) for user in ("eve", "ana", "root")] == [True, False, False]


@pytest.mark.parametrize(
    ("setting", "words", "mends"),
    [
        ("KillUserProcesses=yes", "it ends the engine at logout", True),
        ("", "it may end the engine at logout", True),
        ("KillUserProcesses=no", "what eve leaves running stays", False),
    ],
)
def test_an_unprivileged_operator_is_warned_where_a_logout_ends_the_engine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str, words: str, mends: bool
) -> None:
    write(tmp_path, "etc/systemd/logind.conf", setting)
    settings = configured(tmp_path)
    monkeypatch.setattr(systemd, "BOOTED", tmp_path)
    monkeypatch.setattr(systemd, "can_start_units", lambda: False)
    monkeypatch.setattr(logind, "configured", lambda: settings)
    monkeypatch.setenv("LOGNAME", "eve")
    told = doctor_survival.kill_user_processes()
    assert words in told.found
    assert bool(told.mend) is mends


@pytest.mark.parametrize(
    ("cgroups", "unit"),
    [
        ("0::/system.slice/cockpit-x.service\n", "cockpit-x.service"),
        ("0::/user.slice/user-0.slice/session-7.scope\n", "session-7.scope"),
        ("9:name=systemd:/system.slice/a.service\n4:memory:/b.service\n0::/\n", "a.service"),
        ("0::/user.slice/user-1.slice/user@1.service/app.slice/x.scope\n", "x.scope"),
        ("0::/\n", ""),
    ],
)
def test_the_unit_of_a_process_is_read_in_old_and_new_hierarchies(cgroups: str, unit: str) -> None:
    assert systemd.unit_in(cgroups) == unit
