from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from cockpit import systemd
from cockpit.actions import registry
from cockpit.actions import unit as units
from cockpit.engine.__main__ import main
from cockpit.errors import ActionFailed
from cockpit.runbook.actions import UnitAction
from tests.fakes.crash_runs import new_run
from tests.fakes.small_runbooks import World, acting, runbook

INSTALL = UnitAction(kind="unit", operation="install")
REMOVE = UnitAction(kind="unit", operation="remove")


def test_the_confirmation_shows_the_unit_line_by_line_and_what_is_asked_of_systemd(
    tmp_path: Path,
) -> None:
    book = runbook(World(tmp_path, "production"), INSTALL)
    path = "/etc/systemd/system/cockpit-small-production.service"
    first, *lines, reload, enable = registry.describe(INSTALL, book)
    assert first == f"write {path}:"
    assert [line.strip() for line in lines] == units.text_of(book).splitlines()
    assert (reload, enable) == (
        "systemctl daemon-reload",
        "systemctl enable cockpit-small-production.service",
    )
    assert registry.describe(REMOVE, book) == (
        "systemctl disable cockpit-small-production.service",
        f"delete {path}",
        "systemctl daemon-reload",
    )


def test_the_unit_watches_a_run_that_has_not_ended_and_names_no_step(tmp_path: Path) -> None:
    lines = units.text_of(runbook(World(tmp_path, "production"), INSTALL)).splitlines()
    (start,) = [line for line in lines if line.startswith("ExecStart=")]
    words = shlex.split(start.removeprefix("ExecStart="))
    assert words[1:] == ["-m", "cockpit.engine", "--unfinished", "small", "production"]
    assert "KillMode=process" in lines
    assert not [line for line in lines if "PASS" in line or "TOKEN" in line]


def test_a_folder_with_signs_that_systemd_reads_is_written_as_it_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", '/srv/100% "mine" $HOME')
    text = units.text_of(runbook(World(tmp_path, "production"), INSTALL))
    assert 'Environment="COCKPIT_HOME=/srv/100%% \\"mine\\" $HOME"' in text
    assert 'RequiresMountsFor="/srv/100%% \\"mine\\" $HOME"' in text


async def test_a_host_without_systemd_is_told_what_to_do_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "BOOTED", tmp_path / "nowhere")
    context = acting(World(tmp_path, "production"), INSTALL, [])
    with pytest.raises(ActionFailed, match="only root on a host that systemd runs") as told:
        await registry.run(INSTALL, context)
    assert "`cockpit run` lets the engine watch again" in told.value.mend


async def test_a_rehearsal_installs_nothing_on_this_host(tmp_path: Path) -> None:
    said: list[str] = []
    world = World(tmp_path, "rehearsal")
    recorded = await registry.run(INSTALL, acting(world, INSTALL, said))
    assert recorded == {"not_rehearsed": True}
    assert registry.describe(INSTALL, runbook(world, INSTALL))[-1].startswith("here: nothing runs")


def test_after_a_reboot_without_an_unfinished_run_nothing_is_watched(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--unfinished", "small", "production"]) == 0
    assert "no run is unfinished, nothing to watch" in capsys.readouterr().err


def test_after_a_reboot_a_run_that_cannot_be_read_is_said_and_tried_again_by_systemd(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = new_run(tmp_path / "run")
    (run.directory.path / "run.json").write_text("{")
    assert main(["--unfinished", "survival", "staging"]) == 1
    assert "run.json cannot be read" in capsys.readouterr().err
