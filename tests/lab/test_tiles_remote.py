from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cockpit.stack.look import facts
from cockpit.stack.resolve import resolve
from tests.lab.fix_ssh import knowing, ssh_host
from tests.lab.fix_tiles import SEEN_S, Deployed, lab_engine, looking, watching
from tests.lab.stack_engine import Engine
from tests.lab.stack_project import perform

WEB = {
    "command": ["sh", "-c", "while true; do echo here I am; sleep 0.2; done"],
    "healthcheck": {"test": ["CMD", "true"], "interval": "1s", "retries": 1},
    "mem_limit": "64m",
}


@pytest.fixture(scope="module")
def made() -> Iterator[Engine]:
    with lab_engine() as engine:
        yield engine


@pytest.fixture(params=["ssh", "context", "context to ssh"])
def elsewhere(
    made: Engine, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """What a profile names to reach the engine; nothing else leads to it."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", made.environment["DOCKER_CONFIG"])
    with TemporaryDirectory(prefix="ssh-") as name:
        folder = Path(name)
        if request.param == "context":
            yield context(made, "socket", made.host)
            return
        with ssh_host(folder, made.host) as host:
            monkeypatch.setenv("PATH", knowing(folder)["PATH"])
            yield host if request.param == "ssh" else context(made, "droplet", host)


def context(made: Engine, name: str, host: str) -> str:
    made.docker("context", "create", name, "--docker", f"host={host}")
    return name


async def test_actions_tiles_log_and_lint_reach_an_engine_on_another_host(
    made: Engine, elsewhere: str, tmp_path: Path
) -> None:
    stack = Deployed(made, tmp_path, {"web": WEB}, context=elsewhere)
    stack.write()
    done = await asyncio.to_thread(perform, stack.target, "up", "web")
    assert not done.failed
    assert done.said[-1].startswith("1 service ready")
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "healthy")
        await asyncio.to_thread(made.docker, "kill", stack.container("web"))
        _, took = await seen.until("web", lambda one: one.figure == "killed (137)")
        assert took < SEEN_S
        async with looking(seen) as one:
            read = await one.until(lambda look: look.log)
            assert read.log[0][1] == "here I am"
    known = await facts(await resolve(stack.target, str(tmp_path)), elsewhere, None)
    assert known.memory is not None
    made.docker("rm", "--force", stack.container("web"))
