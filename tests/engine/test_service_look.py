from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from cockpit.clock import live_clock
from cockpit.probes.listener import Container, Listener
from cockpit.probes.sample import ProbeContext
from cockpit.probes.service_look import BURST, ServiceLook
from cockpit.redact import Redactor
from cockpit.runbook.model import Probe
from cockpit.runbook.targets import ComposeTarget
from cockpit.runbook.words import Id, TargetId
from cockpit.secrets import Secrets
from cockpit.telemetry.look import Look
from tests.fakes.folded import TOKEN, folded, left
from tests.fakes.small_runbooks import World, runbook

ID = "0123456789abcdef"
MOMENT = "2026-12-05T02:05:0{}.000000000Z"


def framed(text: str, end: str = "\n") -> bytes:
    raw = f"{text}{end}".encode()
    return bytes((1, 0, 0, 0)) + len(raw).to_bytes(4) + raw


class Answering(Protocol):
    """What answers a connection as a Docker engine does."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Every request of it."""


class FakeDocker:
    """Stands in for a Docker engine: its log is what the test says, its other answers are fixed."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = 0
        self.says: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.refuses = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.decode().split()[1]
                if "/logs" in path:
                    await self._log(path, reader, writer)
                    return
                about = {"ApiVersion": "1.41", "RepoDigests": []}
                await _send(writer, "200 OK", about)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    async def _log(
        self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.asked.append(path)
        if self.refuses:
            await _send(writer, "501 Not Implemented", {"message": self.refuses})
            return
        self.open += 1
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        left = asyncio.create_task(reader.read())
        try:
            while not left.done():
                coming = asyncio.create_task(self.says.get())
                await asyncio.wait({left, coming}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    return
                piece = coming.result()
                writer.write(
                    b"0\r\n\r\n" if piece is None else b"%x\r\n%s\r\n" % (len(piece), piece)
                )
                await writer.drain()
                if piece is None:
                    return
        finally:
            self.open -= 1


async def _send(writer: asyncio.StreamWriter, status: str, body: object) -> None:
    raw = json.dumps(body).encode()
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(raw)}\r\n\r\n".encode() + raw)
    await writer.drain()


class Looking:
    """A look at one container, whose state the test says."""

    def __init__(self, docker: FakeDocker, context: ProbeContext, target: ComposeTarget) -> None:
        self.docker = docker
        self.listener = context.listeners["stack"] = Listener(
            target, context.secrets, context.clock
        )
        self.listener.trouble = ""
        probe = Probe(
            id=Id("web"),
            title="web",
            kind="container",
            target=TargetId("stack"),
            container="web",
        )
        self.look = ServiceLook(probe, target, context)

    def runs(self, status: str = "running", started: str = "1", **config: Any) -> None:
        labels = {"com.docker.compose.service": "web"}
        state = {"Status": status, "Running": status == "running", "StartedAt": started}
        about = {"Image": "busybox", "Labels": labels, **config}
        inspected = {"Id": ID, "Name": "/x-web-1", "State": state, "Config": about}
        self.listener.containers[ID] = Container(inspected)

    async def until(self, holds: Callable[[Look], object]) -> Look:
        deadline = time.monotonic() + 8
        while not holds(seen := self.look.look()):
            assert time.monotonic() < deadline, f"it shows {seen}"
            await asyncio.sleep(0.02)
        return seen


@asynccontextmanager
async def served_by(docker: Answering, folder: str) -> AsyncIterator[str]:
    server = await asyncio.start_unix_server(docker.answer, f"{folder}/docker.sock")
    try:
        yield f"unix://{folder}/docker.sock"
    finally:
        server.close()


@asynccontextmanager
async def looking(folder: Path) -> AsyncIterator[Looking]:
    with TemporaryDirectory(prefix="look-") as name:
        docker = FakeDocker()
        async with served_by(docker, name) as host:
            target = ComposeTarget(
                kind="compose",
                project="x",
                directory=name,
                files=("compose.yaml",),
                context=host,
            )
            book = runbook(World(folder, targets={"stack": target}))
            context = ProbeContext(book, live_clock(), Secrets({}, Redactor()), folder)
            one = Looking(docker, context, target)
            task = asyncio.create_task(one.look.run())
            try:
                yield one
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def texts(seen: Look) -> list[str]:
    return [text for _, text in seen.log]


async def test_a_log_comes_as_it_is_written_and_the_engine_is_let_go_of(tmp_path: Path) -> None:
    async with looking(tmp_path) as one:
        one.runs()
        await one.until(lambda look: look.state == "follows")
        one.docker.says.put_nowait(framed(f"{MOMENT.format(1)} listening"))
        seen = await one.until(lambda look: look.log)
        assert texts(seen) == ["listening"]
        assert one.docker.open == 1
    deadline = time.monotonic() + 8
    while one.docker.open:
        assert time.monotonic() < deadline, "the engine's answer is still open"
        await asyncio.sleep(0.02)


async def test_after_a_restart_the_log_goes_on_behind_its_last_line(tmp_path: Path) -> None:
    async with looking(tmp_path) as one:
        one.runs()
        one.docker.says.put_nowait(framed(f"{MOMENT.format(1)} first"))
        await one.until(lambda look: look.log)
        one.runs("exited")
        one.docker.says.put_nowait(None)
        seen = await one.until(lambda look: look.state == "waits")
        assert seen.words == "x-web-1 is exited"
        one.runs(started="2")
        one.docker.says.put_nowait(framed(f"{MOMENT.format(2)} second"))
        seen = await one.until(lambda look: len(look.log) == 2)
        assert texts(seen) == ["first", "second"]
    first, second = (parse_qs(urlsplit(path).query) for path in one.docker.asked)
    moment = datetime.fromisoformat("2026-12-05T02:05:01+00:00").timestamp()
    assert (first.get("since"), first["tail"]) == (None, ["1200"])
    assert second["since"] == [f"{moment:.0f}.000000001"]


async def test_a_log_that_is_refused_is_told_in_the_engines_words(tmp_path: Path) -> None:
    async with looking(tmp_path) as one:
        one.docker.refuses = "configured logging driver does not support reading"
        one.runs()
        seen = await one.until(lambda look: look.state == "refused")
        assert one.docker.refuses in seen.words
        assert dict(seen.about)["container"] == (f"x-web-1, {ID[:12]}",)


async def test_a_secret_of_the_container_is_hidden_from_its_first_line_on(tmp_path: Path) -> None:
    async with looking(tmp_path) as one:
        one.docker.says.put_nowait(framed(f"{MOMENT.format(1)} token kQ3v9fLxhunter used"))
        one.runs(Env=["API_TOKEN=kQ3v9fLxhunter"])
        seen = await one.until(lambda look: look.log)
    assert texts(seen) == ["token [API_TOKEN hidden] used"]


async def test_no_container_and_no_engine_are_told_apart(tmp_path: Path) -> None:
    async with looking(tmp_path) as one:
        seen = await one.until(lambda look: look.state == "waits")
        assert seen.words == "no container of web is there"
        one.listener.trouble = "docker: the Docker engine does not answer"
        await one.until(lambda look: look.words == one.listener.trouble)


async def test_a_flood_is_passed_over_and_said_so(tmp_path: Path) -> None:
    async with looking(tmp_path) as one:
        one.runs()
        piece = b"".join(framed(f"{MOMENT.format(1)} {'x' * 90}") for _ in range(640))
        for _ in range(20):
            one.docker.says.put_nowait(piece)
        seen = await one.until(lambda look: any("are left out" in text for text in texts(look)))
        assert sum(map(len, texts(seen))) < 200_000
        await one.until(lambda look: look.state == "follows" and len(one.docker.asked) > 1)


async def test_where_a_flood_is_passed_over_no_half_of_a_secret_is_shown(tmp_path: Path) -> None:
    async with looking(tmp_path) as one:
        one.runs(Env=[f"API_TOKEN={TOKEN}"])
        first, *_ = folded(TOKEN).splitlines()
        lines = (*["line"] * 2 * BURST, first, TOKEN[:60])
        # One frame, which is taken whole; its last line goes on in the next.
        text = "\n".join(f"{MOMENT.format(1)} {line}" for line in lines)
        one.docker.says.put_nowait(framed(text, ""))
        seen = await one.until(lambda look: any("are left out" in text for text in texts(look)))
    assert left(folded(TOKEN), "\n".join(texts(seen))) == []
    assert left(TOKEN, "\n".join(texts(seen))) == []
