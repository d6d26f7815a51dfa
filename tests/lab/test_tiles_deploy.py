from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cockpit.clock import wall_s
from cockpit.engine.start import begin, run_started
from cockpit.runbook.plan import load_plan
from cockpit.telemetry.live import Tile
from cockpit.tui.panels.lines import Lines
from tests.fakes.crash_runs import Kind, Run, some_net, write_runbook
from tests.fakes.walkers import Walker, at_the_screen
from tests.lab.fix_tiles import Deployed, lab_engine
from tests.lab.stack_engine import Engine

STEP = """\
      - id: deploy
        title: New side started
        why: The new side has to be there before anybody comes.
        success_looks_like: It is healthy.
        if_it_fails: Read what it says.
        ask: the owner
        action: {kind: compose, target: stack, operation: up, services: [web]}
        estimate: 20s
        timeout: 3m
        needs: []
        way_back: not needed, because nobody is there
"""
PROBE = """
probes:
  - {id: web, title: Web service, kind: container, target: stack, container: web}
"""
WEB = {
    "command": ["sh", "-c", "while true; do echo at your service; sleep 0.2; done"],
    "healthcheck": {"test": ["CMD", "true"], "interval": "1s", "retries": 1},
}


@pytest.fixture(scope="module")
def made() -> Iterator[Engine]:
    with lab_engine() as engine:
        yield engine


@pytest.fixture
def run(made: Engine, tmp_path: Path) -> Iterator[Run]:
    """A run whose first step deploys a project that is not there yet."""
    folder = tmp_path / "run"
    folder.mkdir()
    stack = Deployed(made, folder, {"web": WEB})
    stack.write()
    book = write_runbook(folder, some_net(), (Kind("quick", undone=True),))
    about = f"project: {stack.project}, directory: {folder}, files: [compose.yaml]"
    insert(book / "runbook.yaml", "    steps:\n", STEP)
    insert(book / "runbook.yaml", "targets:\n", "  stack: {kind: compose, about: It runs here}\n")
    own = f"  stack: {{kind: compose, {about}, context: '{made.host}'}}\n"
    insert(book / "staging.yaml", "targets:\n", own)
    with (book / "runbook.yaml").open("a") as file:
        file.write(PROBE)
    plan = load_plan(book, "staging", {})
    one = Run(folder, begin(plan, {}, run_started(plan, wall_s() + 86400)))
    try:
        one.start(DOCKER_CONFIG=made.environment["DOCKER_CONFIG"])
        yield one
    finally:
        one.end()
        stack.compose("down")


def insert(path: Path, after: str, more: str) -> None:
    text = path.read_text()
    at = text.index(after) + len(after)
    path.write_text(text[:at] + more + text[at:])


def tile(walker: Walker) -> Tile:
    live = walker.scene.live
    assert live is not None
    return live.tiles[0]


def shown(walker: Walker) -> str:
    return "\n".join(one.text for one in walker.app.screen.query(Lines) if one.display)


async def test_a_stack_is_deployed_killed_and_explained_by_keys_alone(
    made: Engine, run: Run
) -> None:
    async with at_the_screen(run.directory, has_lab=False) as walker:
        await walker.until("the tile", lambda: tile(walker).figure == "no container")
        line = walker.scene.outlook.next
        assert line is not None
        assert line.step.id == "deploy"
        await walker.do(line)
        assert any("web: healthy" in said for said in walker.scene.view.output)
        await walker.until("a healthy tile", lambda: tile(walker).figure == "healthy", 10)
        await walker.pilot.press("2", "z", "enter")
        await walker.until("its log", lambda: "at your service" in shown(walker), 10)
        name = str(tile(walker).detail[0]).removeprefix("container ")
        await asyncio.to_thread(made.docker, "kill", name)
        await walker.until("a dead tile", lambda: tile(walker).figure == "killed (137)", 10)
        await walker.until("its end on the page", lambda: "ended, exit 137" in shown(walker), 10)
        await walker.until("the end of its log", lambda: "is exited" in shown(walker), 10)
