from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cockpit import cli
from cockpit.checks import registry
from cockpit.checks.stack import judged, not_told
from cockpit.commands import preflight
from cockpit.errors import NotInstalled
from cockpit.resources import shipped
from cockpit.runbook.checks import StackLintCheck
from cockpit.runbook.plan import load_plan
from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.model import Finding, Stack
from cockpit.stack.resolve import resolve
from cockpit.stack.rules import lint
from tests.fakes.preflights import docker_runbook
from tests.fakes.small_runbooks import World, asking
from tests.fakes.stack_cases import CALM, Project

UNTOLD = replace(CALM, disk_free=None, ports=None, is_clock_set=None, is_elsewhere=True)
"""What is known of an engine on another host."""
ON_443 = Project({"ports": [{"target": 80, "published": "443", "host_ip": ""}]})


def test_what_only_another_host_can_tell_is_unknown_until_the_runbook_accepts_it_by_name() -> None:
    found = lint(Stack(ON_443.written(), facts=UNTOLD))
    assert judged(found, "warnings").said == "unknown"
    answer = judged([not_told(one) for one in found], "warnings")
    assert answer.said == "pass"
    for rule in ("disk-short", "port-taken", "clock-unset"):
        assert rule in answer.evidence


@pytest.mark.parametrize("environment", ["production", "staging"])
def test_the_shipped_runbook_takes_no_silence_of_another_host_for_good(environment: str) -> None:
    book = load_plan(shipped("runbooks") / "freshtrack", environment, {}).runbook
    (check,) = (one for one in book.procedure.checks if isinstance(one, StackLintCheck))
    target = book.target(check.target)
    assert isinstance(target, ComposeTarget)
    assert (check.elsewhere, target.context) == ("unknown", None)


def test_what_the_engine_itself_could_not_say_stays_unknown_wherever_it_runs() -> None:
    found = lint(Stack(ON_443.written(), facts=replace(UNTOLD, memory=None)))
    assert judged([not_told(one) for one in found], "warnings").said == "unknown"


async def test_preflight_prints_no_escape_that_a_compose_file_holds(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = load_plan(shipped("runbooks") / "freshtrack", "production", {}).runbook
    (check,) = (one for one in preflight.standing(plan) if one.kind == "stack_lint")
    mode = Project({"environment": {"NODE_ENV": "dev\x1b[2J\x1b[31m"}})

    async def hostile(*_: object) -> list[Finding]:
        return lint(Stack(mode.written(), facts=CALM))

    monkeypatch.setattr("cockpit.checks.stack.faults", hostile)
    asked = replace(asking(World(tmp_path)), runbook=plan)
    await registry.ask(check, asked)
    (said,) = preflight.faulty(check, asked)
    assert "NODE_ENV is `dev`" in said
    assert "\x1b" not in said


def test_preflight_evaluates_a_stack_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COCKPIT_HOME", str(tmp_path / "home"))
    asked: list[str] = []

    async def counted(check: StackLintCheck, *_: object) -> list[Finding]:
        asked.append(check.id)
        return lint(Stack(Project({"restart": None}).written(), facts=CALM))

    monkeypatch.setattr("cockpit.checks.stack.faults", counted)
    book = docker_runbook(tmp_path, tmp_path, f"unix://{tmp_path}/nobody.sock")
    assert cli.main(["preflight", str(book), "--env", "production"]) == 1
    assert asked == ["stack_sound"]
    assert "(set `restart: unless-stopped`)" in capsys.readouterr().out


async def test_a_docker_without_its_compose_plugin_is_told_to_lack_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the Docker client says without the plugin, as it stands.
    docker = tmp_path / "docker"
    said = "unknown flag: --file\\n\\nRun 'docker --help' for more information"
    docker.write_text(f'#!/bin/sh\nprintf "{said}\\n" >&2\nexit 125\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    target = ComposeTarget(
        kind="compose", project="p", directory=str(tmp_path), files=("compose.yaml",)
    )
    with pytest.raises(NotInstalled, match="the Compose plugin of Docker is missing"):
        await resolve(target, ".")
