from __future__ import annotations

import asyncio
import json
import os
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from cockpit.probes.listener import ROUNDS, SELDOM_ROUNDS, Container, is_due
from cockpit.probes.registry import sample
from cockpit.redact import Redactor
from cockpit.runbook.targets import ComposeTarget
from cockpit.secrets import Secrets
from tests.engine.test_probes_kinds import context, probe
from tests.engine.test_service_look import served_by
from tests.fakes.folded import TOKEN, folded, left
from tests.fakes.rehearsals import eventually

VERSION = {"ApiVersion": "1.41"}
LOOKS = range(SELDOM_ROUNDS + 1)


class FakeProject:
    """Stands in for a Docker engine with a project: its containers and events are the test's."""

    def __init__(self) -> None:
        self.there: dict[str, dict[str, Any]] = {}
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.asked: list[str] = []
        self.hangs_at = "nothing"
        """The end of the path at which it halts: from then on nothing is answered."""

    def has(self, service: str, depends: str = "", number: int = 1, **state: Any) -> None:
        labels = {"com.docker.compose.service": service, "com.docker.compose.depends_on": depends}
        self.there[f"{service}-{number}"] = {
            "Name": f"/p-{service}-{number}",
            "Config": {"Image": "web:1", "Labels": labels},
            "State": {"Status": "running", "Running": True, **state},
        }

    def removes(self, service: str, number: int = 1) -> None:
        name = f"{service}-{number}"
        del self.there[name]
        actor = {"ID": name, "Attributes": {"com.docker.compose.service": service}}
        self.events.put_nowait({"Action": "destroy", "Actor": actor})

    def changes(self, service: str, number: int = 1) -> None:
        name = f"{service}-{number}"
        actor = {"ID": name, "Attributes": {"com.docker.compose.service": service}}
        self.events.put_nowait({"Action": "update", "Actor": actor})

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.decode().split()[1].partition("?")[0]
                self.asked.append(path)
                if any(one.endswith(self.hangs_at) for one in self.asked):
                    continue
                if path == "/events":
                    await self._tell(writer)
                raw = json.dumps(self._found(path)).encode()
                size = len(raw)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, raw))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _found(self, path: str) -> object:
        if path == "/containers/json":
            return [
                {"Id": key, "State": one["State"]["Status"], "Labels": one["Config"]["Labels"]}
                for key, one in self.there.items()
            ]
        if path.endswith("/stats"):
            return {}
        return self.there.get(path.split("/")[-2], {}) if "/containers/" in path else VERSION

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            raw = json.dumps(await self.events.get()).encode() + b"\n"
            writer.write(b"%x\r\n%s\r\n" % (len(raw), raw))
            await writer.drain()


def container(status: str = "running", **state: Any) -> Container:
    return Container({"State": {"Status": status, **state}})


def inspected_at(known: Container, listed: str) -> list[int]:
    return [count for count in LOOKS if is_due(known, listed, count)]


def test_a_container_with_a_health_check_is_inspected_each_minute_for_its_output() -> None:
    known = container(Health={"Status": "healthy"})
    assert inspected_at(known, "running") == list(range(ROUNDS, SELDOM_ROUNDS + 1, ROUNDS))


def test_a_container_without_one_is_inspected_now_and_then() -> None:
    assert inspected_at(container(), "running") == [SELDOM_ROUNDS]


def test_a_container_that_the_engine_lists_in_another_state_is_inspected_at_once() -> None:
    assert inspected_at(container(), "exited") == list(LOOKS)
    assert inspected_at(container("exited"), "running") == list(LOOKS)


def test_a_container_that_is_not_well_is_inspected_at_each_look() -> None:
    assert inspected_at(container("restarting"), "restarting") == list(LOOKS)
    assert inspected_at(container(Health={"Status": "starting"}), "running") == list(LOOKS)


def test_no_request_searches_the_disk_for_the_module_that_httpcore_asks_for() -> None:
    assert find_spec("sniffio") is not None


@pytest.mark.parametrize("question", ["/stats", "/json", "/_ping"])
async def test_an_engine_that_halts_is_told_at_the_first_question_without_an_answer(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cockpit.stack.engine.PATIENCE_S", 0.5)
    monkeypatch.setattr("cockpit.probes.listener.MEASURE_S", 1e6)
    monkeypatch.setattr("cockpit.probes.listener.PING_S", 0.2 if question == "/_ping" else 1e6)
    project, kind = FakeProject(), probe("container", container="web")
    for number in range(5):
        project.has("web", number=number)
    project.hangs_at = question if question == "/stats" else "nothing"
    with TemporaryDirectory(prefix="look-") as name:
        async with served_by(project, name) as host:
            aim = ComposeTarget(kind="compose", project="p", directory=".", files=(), context=host)
            where = context(aim)
            try:
                await sample(kind, where)
                listener = where.listeners[kind.target]
                if question != "/stats":
                    await eventually(lambda: all(one.use for one in listener.of("web")))
                    project.asked.clear()
                    project.hangs_at = question
                if question == "/json":
                    project.changes("web")
                await eventually(lambda: "no answer in time" in listener.trouble)
                assert sum(one.endswith(question) for one in project.asked) == 1
            finally:
                await where.close()


async def test_a_replica_that_is_gone_is_missed_until_compose_wants_fewer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(3, tmp_path, monkeypatch)
    project = FakeProject()
    for number in (1, 2, 3):
        project.has("web", number=number)
    kind = probe("container", container="web")
    with TemporaryDirectory(prefix="look-") as name:
        async with served_by(project, name) as host:
            aim = ComposeTarget(
                kind="compose",
                project="p",
                directory=str(tmp_path),
                files=("compose.yaml",),
                context=host,
            )
            where = context(aim)

            async def says(figure: str) -> bool:
                return (await sample(kind, where)).figure == figure

            try:
                assert (await sample(kind, where)).figure == "running"
                listener = where.listeners[kind.target]
                await eventually(lambda: listener.wanted == {"web": 3})
                assert await says("running")
                project.removes("web", 3)
                await eventually(lambda: says("2 of 3 containers"))
                found = await sample(kind, where)
                wants(1, tmp_path, monkeypatch)
                project.removes("web", 2)
                await eventually(lambda: says("running"))
                (tmp_path / "compose.yaml").unlink()
                project.removes("web", 1)
                project.has("web")
                await eventually(lambda: bool(listener.uncounted))
                unknown = await sample(kind, where)
            finally:
                await where.close()
    assert (found.state, found.detail[0]) == (
        "slow",
        "2 of 3 containers that Compose wants are there",
    )
    assert "how many containers Compose wants is unknown" in unknown.detail[-1]


def wants(count: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `docker` that resolves a project of so many replicas."""
    config = {"services": {"web": {"deploy": {"replicas": count}}}}
    text = f"#!/bin/sh\ntest -e {folder}/compose.yaml && echo '{json.dumps(config)}'\n"
    docker = folder / "docker"
    docker.with_suffix(".new").write_text(text, encoding="utf-8")
    docker.with_suffix(".new").chmod(0o755)
    docker.with_suffix(".new").replace(docker)
    (folder / "compose.yaml").write_text("services: {web: {}}\n", encoding="utf-8")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


async def test_a_service_that_did_its_work_stays_fine_when_nobody_waits_for_it_any_more() -> None:
    project = FakeProject()
    project.has("tables", Status="exited", Running=False, ExitCode=0)
    project.has("app", "tables:service_completed_successfully:false")
    kind = probe("container", container="tables")
    with TemporaryDirectory(prefix="look-") as name:
        async with served_by(project, name) as host:
            aim = ComposeTarget(kind="compose", project="p", directory=".", files=(), context=host)
            where = context(aim)
            try:
                assert (await sample(kind, where)).figure == "ended, exit 0"
                project.removes("app")
                listener = where.listeners[kind.target]
                await eventually(lambda: not listener.of("app"))
                found = await sample(kind, where)
            finally:
                await where.close()
    assert (found.state, found.figure) == ("fine", "ended, exit 0")


@pytest.mark.parametrize("pads", [0, 3900, 4096 - 60])
async def test_what_a_health_check_printed_is_shown_without_any_part_of_a_folded_secret(
    pads: int,
) -> None:
    redactor = Redactor()
    redactor.learn("token", TOKEN)
    whole = f"{'x' * pads}\n{folded(TOKEN)}"
    # As the engine keeps it.
    kept = whole if len(whole) <= 4096 else f"{whole[:4096]}..."
    log = [{"ExitCode": 1, "Output": kept}]
    project = FakeProject()
    project.has("web", Health={"Status": "unhealthy", "Log": log})
    kind = probe("container", container="web")
    with TemporaryDirectory(prefix="look-") as name:
        async with served_by(project, name) as host:
            aim = ComposeTarget(kind="compose", project="p", directory=".", files=(), context=host)
            where = context(aim, secrets=Secrets({}, redactor))
            try:
                found = await sample(kind, where)
                known = where.listeners[kind.target].of("web")[0]
            finally:
                await where.close()
    assert found.figure.startswith("unhealthy")
    assert left(folded(TOKEN), "\n".join((found.figure, *found.detail))) == []
    (entry,) = known.state["Health"]["Log"]
    assert left(folded(TOKEN), entry["Output"]) == []
