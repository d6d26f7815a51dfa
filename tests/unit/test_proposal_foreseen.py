from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cockpit.actions import registry
from cockpit.clock import NS
from cockpit.engine import proposals
from cockpit.engine.proposals import propose
from cockpit.engine.steps import _difference
from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.targets import ComposeTarget
from cockpit.runbook.words import TargetId
from cockpit.telemetry.live import Proposal
from tests.fakes.small_runbooks import World, asking, runbook, step

DOCKER = """#!/bin/sh
echo "$*" >> "$STATE/asked"
[ -e "$STATE/silent" ] && { echo 'Cannot connect' >&2; exit 1; }
case " $* " in
*" config "*) sed "s/JOBS/$JOBS_ENABLED/" "$STATE/config"; exit 0;;
*" --dry-run "*) cat "$STATE/dry" >&2; exit 0;;
*" ps "*) cat "$STATE/ps"; exit 0;;
*" image inspect "*) cat "$STATE/image"; exit 0;;
*" inspect "*) cat "$STATE/container"; exit 0;;
*" info "*) echo '{"ID": "ENGINE7", "ServerVersion": "20.10.24", "Name": "droplet"}'; exit 0;;
esac
exit 3
"""
OLD, NEW, NEWER = (f"sha256:{one * 16}" for one in ("0a1b", "7c8d", "9e9f"))
TARGET = ComposeTarget(kind="compose", project="p", directory="stack", files=("compose.yaml",))


@dataclass
class Docker:
    """What a made-up engine says."""

    state: Path

    def says(self, name: str, value: object) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        (self.state / name).write_text(text)

    def has(self, image: str) -> None:
        self.says("image", [{"Id": image, "RepoTags": ["backend:1"]}])

    def configures(self, **backend: object) -> None:
        about = {"image": "backend:1", "environment": {"JOBS": "JOBS"}, **backend}
        self.says("config", {"services": {"backend": about}})

    @property
    def asked(self) -> int:
        return len((self.state / "asked").read_text().splitlines())


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(0o755)
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("STATE", str(tmp_path / "state"))
    made = Docker(tmp_path / "state")
    made.configures()
    made.has(NEW)
    made.says("ps", "c1\n")
    made.says("dry", " Container p-backend-1  Recreate\n")
    container = {
        "Id": "c1" * 32,
        "Name": "/p-backend-1",
        "Image": OLD,
        "State": {"Status": "running", "Health": {"Status": "healthy"}},
        "Config": {"Labels": {"com.docker.compose.service": "backend"}},
    }
    made.says("container", [container])
    return made


def action(operation: str) -> ComposeAction:
    return ComposeAction(
        kind="compose",
        target=TargetId("stack"),
        operation=operation,  # type: ignore[arg-type]  # a parameter of the test
        environment={"JOBS_ENABLED": "false"},
    )


async def shown(folder: Path, operation: str = "up", known: Proposal | None = None) -> Proposal:
    world = World(folder, targets={"stack": TARGET})
    one = step(action(operation))
    context = asking(world)
    book = runbook(world, one.action)
    return await propose(one, replace(context, runbook=book), known)


async def test_what_compose_would_do_is_shown_and_bound(tmp_path: Path, docker: Docker) -> None:
    first = await shown(tmp_path)
    assert first.foreseen[0] == (
        "backend is replaced (another image): 0a1b0a1b0a1b stops, 7c8d7c8d7c8d starts"
    )
    assert first.foreseen[1].startswith("Compose's files resolve to ")
    assert first.closed == ()
    assert (await shown(tmp_path)).digest == first.digest
    # A tag that was pulled meanwhile is another image under the same name.
    docker.has(NEWER)
    pulled = await shown(tmp_path)
    assert pulled.digest != first.digest
    assert _difference(first, pulled) == (
        f"it would do something else: {first.foreseen[0]} before, {pulled.foreseen[0]} now"
    )


@pytest.mark.parametrize("operation", ["up", "build"])
async def test_an_image_that_compose_names_itself_is_looked_at_too(
    operation: str, tmp_path: Path, docker: Docker
) -> None:
    docker.configures(image=None, build={"context": "."})
    first = await shown(tmp_path, operation)
    assert "7c8d7c8d7c8d" in first.foreseen[0]
    assert "image inspect p-backend" in (docker.state / "asked").read_text()
    docker.has(NEWER)
    assert (await shown(tmp_path, operation)).digest != first.digest


async def test_another_value_in_composes_files_is_another_digest(
    tmp_path: Path, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await shown(tmp_path)
    docker.configures(mem_limit="64m")
    second = await shown(tmp_path)
    assert first.foreseen[0] == second.foreseen[0]
    assert first.digest != second.digest
    assert "Compose's files resolve to" in _difference(first, second)


async def test_composes_own_variables_are_those_of_the_step(tmp_path: Path, docker: Docker) -> None:
    docker.says("config", '{"services": {"JOBS": {"image": "backend:1"}}}')
    assert any(line.startswith("false starts") for line in (await shown(tmp_path)).foreseen)


async def test_an_engine_that_does_not_say_it_closes_the_step(
    tmp_path: Path, docker: Docker
) -> None:
    (docker.state / "silent").touch()
    closed = (await shown(tmp_path)).closed
    assert "what it would do could not be read: Cannot connect" in closed


@pytest.mark.parametrize("operation", ["stop", "down", "restart"])
async def test_what_ends_names_the_very_containers(
    operation: str, tmp_path: Path, docker: Docker
) -> None:
    first = await shown(tmp_path, operation)
    assert first.foreseen[0] == "backend: its container c1c1c1c1c1c1 of 0a1b0a1b0a1b"
    told = json.loads((docker.state / "container").read_text())
    docker.says("container", [{**told[0], "Id": "d2" * 32}])
    assert (await shown(tmp_path, operation)).digest != first.digest


@pytest.mark.parametrize("operation", ["pull", "build", "run"])
async def test_what_is_there_before_is_shown(
    operation: str, tmp_path: Path, docker: Docker
) -> None:
    assert (await shown(tmp_path, operation)).foreseen[0] == "backend: 7c8d7c8d7c8d before"


async def test_an_open_dialog_does_not_ask_it_all_every_two_seconds(
    tmp_path: Path, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await shown(tmp_path)
    asked = docker.asked
    docker.has(NEWER)
    again = await shown(tmp_path, known=first)
    assert (again.foreseen, again.digest) == (first.foreseen, first.digest)
    # The identity of the engine alone is read each time.
    assert docker.asked == asked + 1
    old = replace(first, foreseen_ns=first.foreseen_ns - int(proposals.AGAIN_S * NS))
    assert (await shown(tmp_path, known=old)).digest != first.digest


async def test_in_rehearsal_no_engine_is_asked(tmp_path: Path, docker: Docker) -> None:
    world = World(tmp_path, environment="rehearsal", targets={"stack": TARGET})
    context = asking(world)
    found = await registry.foresee(action("up"), context.runbook, context.secrets)
    assert (found.lines, found.digest) == ((), "")
    assert not (docker.state / "asked").exists()
