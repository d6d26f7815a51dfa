from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cockpit.actions import compose_wait
from cockpit.actions.docker_engine import client
from cockpit.clock import live_clock
from cockpit.redact import Redactor
from cockpit.secrets import Secrets
from tests.lab.fix_servers import free_port, loopback
from tests.lab.fix_tiles import Deployed, daemon, import_busybox, lab_engine, watching
from tests.lab.stack_engine import Engine, until

QUICK = {"interval": "1s", "timeout": "5s", "retries": 1}


def healthy(*test: str) -> dict[str, Any]:
    return {"healthcheck": {"test": list(test), **QUICK}}


@pytest.fixture(scope="module")
def made() -> Iterator[Engine]:
    with lab_engine() as engine:
        yield engine


def deployed(made: Engine, folder: Path, **services: dict[str, Any]) -> Deployed:
    stack = Deployed(made, folder, services)
    stack.up()
    return stack


async def test_a_healthy_service_is_fine_with_what_it_uses(made: Engine, tmp_path: Path) -> None:
    limit = {"deploy": {"resources": {"limits": {"memory": "64M"}}}}
    stack = deployed(made, tmp_path, web={**healthy("CMD", "true"), **limit})
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "healthy")
        tile, _ = await seen.until("web", lambda one: "of 64 MiB" in " ".join(one.detail))
    most = next(line for line in tile.detail if line.startswith("memory at most "))
    assert "with page cache" in most
    assert "image cockpit-busybox:1" in tile.detail
    assert any(line.startswith("digest sha256:") for line in tile.detail)
    assert "restarts 0" in tile.detail
    assert any(line.startswith("health check exit 0") for line in tile.detail)


async def test_a_killed_container_is_seen_at_once(made: Engine, tmp_path: Path) -> None:
    stack = deployed(made, tmp_path, web={"restart": "unless-stopped"}, other={})
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "running")
        await asyncio.to_thread(made.docker, "kill", stack.container("web"))
        tile, took = await seen.until("web", lambda one: one.state == "down")
        assert tile.figure == "killed (137)"
        # Far below the probe's pace of 5 s: it was told, not asked.
        assert took < 2
        assert seen.tile("other").state == "fine"


async def test_a_service_that_ended_well_before_another_starts_is_fine_and_waited_for_no_more(
    made: Engine, tmp_path: Path
) -> None:
    waits = {"depends_on": {"tables": {"condition": "service_completed_successfully"}}}
    stack = deployed(made, tmp_path, tables={"command": ["true"]}, web=waits)
    said: list[str] = []
    docker = client(stack.target, ".")
    how = (Secrets({}, Redactor()), said.append, live_clock().real)
    await compose_wait.healthy(docker, {"tables": 1, "web": 1}, (), *how)
    assert any(line.startswith("tables: ended, exit 0") for line in said)
    async with watching(stack, tmp_path) as seen:
        await seen.says("tables", "fine", "ended, exit 0")
        await seen.says("web", "fine", "running")


async def test_a_paused_container_is_down_and_comes_back(made: Engine, tmp_path: Path) -> None:
    stack = deployed(made, tmp_path, web=healthy("CMD", "true"))
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "healthy")
        await asyncio.to_thread(made.docker, "pause", stack.container("web"))
        await seen.says("web", "down", "paused")
        await asyncio.to_thread(made.docker, "unpause", stack.container("web"))
        await seen.says("web", "fine", "healthy")


async def test_running_out_of_memory_is_said_so(made: Engine, tmp_path: Path) -> None:
    # What lies in a tmpfs is memory of the container that wrote it.
    eats = ["sh", "-c", "sleep 1; head -c 64m /dev/zero | tail"]
    limit = {"mem_limit": "16m", "memswap_limit": "16m", "command": eats, "init": False}
    stack = deployed(made, tmp_path, web=limit)
    async with watching(stack, tmp_path) as seen:
        tile = await seen.says("web", "down", "out of memory")
    assert "last exit code 137" in tile.detail


async def test_a_kill_after_memory_ran_out_is_said_to_be_a_kill(
    made: Engine, tmp_path: Path
) -> None:
    eats = "touch /data/full; sleep 1; head -c 64m /dev/zero | tail"
    limit = {"mem_limit": "16m", "memswap_limit": "16m", "init": False}
    once = f"test -e /data/full && exec sleep 1000; {eats}"
    again = {"command": ["sh", "-c", once], "restart": "unless-stopped"}
    stack = deployed(made, tmp_path, web={**limit, **again, "volumes": ["small:/data"]})
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "slow", "ran out of memory")
        # Before it is started again there is nothing to kill: one that restarts is `Running`, too.
        container, form = stack.container("web"), "{{.State.Status}} {{.RestartCount}}"
        wait = partial(
            until, lambda: made.docker("inspect", "-f", form, container) == "running 1\n"
        )
        await asyncio.to_thread(wait, 20, "it is not started again")
        await asyncio.to_thread(made.docker, "kill", container)
        await seen.says("web", "down", "killed (137)")


async def test_a_failing_health_check_tells_its_last_output(made: Engine, tmp_path: Path) -> None:
    test = "test -e /tmp/well || { echo disk of the queue is full; exit 1; }"
    stack = deployed(made, tmp_path, web=healthy("CMD-SHELL", test))
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "down", "unhealthy: disk of the queue is full")
        container = stack.container("web")
        await asyncio.to_thread(made.docker, "exec", container, "touch", "/tmp/well")
        await seen.says("web", "fine", "healthy")


@pytest.mark.parametrize("form", ["CMD", "CMD-SHELL"])
async def test_a_health_program_that_is_missing_is_named(
    made: Engine, tmp_path: Path, form: str
) -> None:
    words = ("curl", "-f", "http://127.0.0.1/")
    test = words if form == "CMD" else (" ".join(words),)
    stack = deployed(made, tmp_path, web=healthy(form, *test))
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "down", "curl is missing in the image")


async def test_a_health_check_that_hangs_is_said_so(made: Engine, tmp_path: Path) -> None:
    hangs = {"test": ["CMD", "sleep", "60"], "interval": "1s", "timeout": "1s", "retries": 1}
    stack = deployed(made, tmp_path, web={"healthcheck": hangs})
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "down", "health check timed out")


async def test_a_restart_loop_is_said_so(made: Engine, tmp_path: Path) -> None:
    crashes = {"command": ["sh", "-c", "exit 3"], "restart": "on-failure"}
    stack = deployed(made, tmp_path, web=crashes)
    async with watching(stack, tmp_path) as seen:
        tile, _ = await seen.until("web", lambda one: one.figure.startswith("restart"))
        assert tile.state == "down"
        await seen.says("web", "down", "restart loop: exited 3")


async def test_a_full_volume_is_told_by_the_health_check(made: Engine, tmp_path: Path) -> None:
    writes = {**healthy("CMD-SHELL", "echo ok >/data/x && rm /data/x"), "volumes": ["small:/data"]}
    stack = deployed(made, tmp_path, web=writes)
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "healthy")
        fill = (
            "exec",
            stack.container("web"),
            "sh",
            "-c",
            "dd if=/dev/zero of=/data/f bs=1k || true",
        )
        await asyncio.to_thread(made.docker, *fill)
        tile, _ = await seen.until("web", lambda one: one.state == "down")
    assert "No space left on device" in tile.figure


async def test_a_removed_service_has_no_container(made: Engine, tmp_path: Path) -> None:
    stack = deployed(made, tmp_path, web={}, other={})
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "running")
        await asyncio.to_thread(made.docker, "rm", "--force", stack.container("web"))
        await seen.says("web", "down", "no container")


async def test_a_replica_that_was_removed_is_missed(
    made: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", made.environment["DOCKER_CONFIG"])
    stack = deployed(made, tmp_path, web={"deploy": {"replicas": 3}})
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "running")
        await asyncio.to_thread(made.docker, "rm", "--force", stack.container("web").split()[0])
        await seen.says("web", "slow", "2 of 3 containers")


async def test_a_one_off_run_is_no_service(made: Engine, tmp_path: Path) -> None:
    stack = deployed(made, tmp_path, web={})
    async with watching(stack, tmp_path) as seen:
        await seen.says("web", "fine", "running")
        await asyncio.to_thread(stack.compose, "run", "--no-TTY", "web", "sh", "-c", "exit 0")
        await asyncio.sleep(0.5)
        assert seen.tile("web").figure == "running"


async def test_when_the_engine_ends_tiles_say_no_data_and_come_back(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="tiles-") as name, ExitStack() as last, ExitStack() as first:
        own = first.enter_context(daemon(Path(name)))
        import_busybox(own)
        stack = deployed(own, tmp_path, web={"restart": "always"})
        async with watching(stack, tmp_path) as seen:
            await seen.says("web", "fine", "running")
            await asyncio.to_thread(first.close)
            tile, _ = await seen.until("web", lambda one: one.state == "silent")
            assert tile.figure == "no engine"
            assert tile.detail == ("docker: the Docker engine does not answer",)
            await asyncio.to_thread(last.enter_context, daemon(Path(name)))
            await seen.says("web", "fine", "running")
            last.callback(own.docker, "rm", "--force", stack.container("web"))


async def test_an_engine_that_hangs_is_said_and_what_it_told_grows_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience_s = 2.0
    monkeypatch.setattr("cockpit.probes.listener.MEASURE_S", 0.5)
    monkeypatch.setattr("cockpit.stack.engine.PATIENCE_S", patience_s)
    with TemporaryDirectory(prefix="tiles-") as name, daemon(Path(name)) as own:
        import_busybox(own)
        stack = deployed(own, tmp_path, web={})
        pid = int((Path(name) / "pid").read_text())
        async with watching(stack, tmp_path) as seen:
            await seen.says("web", "fine", "running")
            os.kill(pid, signal.SIGSTOP)
            try:
                tile, _ = await seen.until("web", lambda one: one.state == "silent")
                assert tile.figure == "no engine"
                assert tile.detail == ("docker: the Docker engine gave no answer in time",)
                assert live_clock().now() - tile.at >= patience_s
            finally:
                os.kill(pid, signal.SIGCONT)
            await seen.says("web", "fine", "running")
        own.docker("rm", "--force", stack.container("web"))


async def test_an_engine_elsewhere_is_heard_through_the_docker_command(tmp_path: Path) -> None:
    net = f"{loopback()}.1"
    host = f"tcp://{net}:{free_port(net)}"
    with TemporaryDirectory(prefix="tiles-") as name, daemon(Path(name), "--host", host) as own:
        import_busybox(own)
        stack = deployed(own, tmp_path, web=healthy("CMD", "true"))
        stack.context = host
        async with watching(stack, tmp_path) as seen:
            await seen.says("web", "fine", "healthy")
            await asyncio.to_thread(own.docker, "kill", stack.container("web"))
            _, took = await seen.until("web", lambda one: one.figure == "killed (137)")
            assert took < 2
        own.docker("rm", "--force", stack.container("web"))
