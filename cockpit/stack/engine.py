"""The Docker engine's own API: over its Unix socket, and through `docker` where it lies elsewhere.

A remote engine (`ssh://`, a context, TLS) is reached by `docker system dial-stdio`, one child a
connection, behind a socket of our own: so one HTTP client serves every engine.
"""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from cockpit.errors import NotInstalled, TargetError

if TYPE_CHECKING:
    from cockpit.stack.wire import Wire

UNIX = "unix://"
OLDEST = (1, 41)
"""The API of Docker 20.10; older ones lack one-shot statistics."""
PATIENCE_S = 10.0
CHUNK = 65_536


class EngineRefused(TargetError):
    """The engine answered, and did not do it: what was asked about may be gone."""


class Engine:
    """One engine's API."""

    def __init__(self, wire: Wire, socket: str, *, is_local: bool) -> None:
        self._wire = wire
        self.socket = socket
        """The Unix socket through which it is reached."""
        self.is_local = is_local
        """Whether it runs on this host."""

    async def get(self, path: str, **parameters: object) -> Any:
        """The JSON of an answer; TargetError where the engine is silent, and EngineRefused."""
        return msgspec.json.decode(await self._answer(path, parameters))

    async def ping(self) -> None:
        """Return once the engine answered the cheapest question; TargetError where it is silent."""
        await self._answer("/_ping", {})

    async def _answer(self, path: str, parameters: Mapping[str, object]) -> bytes:
        with _in_words():
            async with asyncio.timeout(PATIENCE_S), self._answering(path, parameters) as answer:
                return b"".join([piece async for piece in answer])

    async def lines(self, path: str, **parameters: object) -> AsyncGenerator[str, None]:
        """The lines of an answer that does not end; TargetError where it does."""
        rest = b""
        async with aclosing(self.pieces(path, **parameters)) as pieces:
            async for piece in pieces:
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole if piece else [b""]:
                    yield line.decode(errors="replace")
        raise TargetError("the Docker engine ended its events", where="docker")

    async def pieces(self, path: str, **parameters: object) -> AsyncGenerator[bytes, None]:
        """An answer as it comes, to its end; the first piece, empty, says that it began."""
        with _in_words():
            async with self._answering(path, parameters) as answer:
                yield b""
                async for piece in answer:
                    yield piece

    @asynccontextmanager
    async def _answering(
        self, path: str, parameters: Mapping[str, object]
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The pieces of an answer; EngineRefused where there is none."""
        asked = f"{quote(path, safe='/:@')}?{urlencode(_parameters(parameters))}".rstrip("?")
        async with self._wire.connected(PATIENCE_S) as connection:
            status = await connection.ask(asked)
            async with aclosing(connection.pieces()) as pieces:
                if status != HTTPStatus.OK:
                    refusal = b"".join([piece async for piece in pieces])
                    raise EngineRefused(_message(refusal), where="docker")
                yield pieces

    def close(self) -> None:
        """Let go of its connections."""
        self._wire.close()


@asynccontextmanager
async def engine(context: str | None) -> AsyncIterator[Engine]:
    """An engine that answers: of a Docker context, of a host as `ssh://…`, or of this host."""
    from cockpit.stack.wire import Wire

    host = await endpoint(context)
    async with _socket(host, context) as socket:
        found = Engine(Wire(socket), socket, is_local=host.startswith(UNIX))
        try:
            version = (await found.get("/version"))["ApiVersion"]
            if tuple(map(int, version.split("."))) < OLDEST:
                what = f"the Docker engine speaks API {version}, older than 1.41"
                raise TargetError(what, where="docker", mend="install Docker 20.10 or newer")
            yield found
        finally:
            found.close()


@contextmanager
def _in_words() -> Iterator[None]:
    """TargetError where a connection is silent or breaks."""
    try:
        yield
    except TimeoutError as error:
        raise TargetError("the Docker engine gave no answer in time", where="docker") from error
    except OSError as error:
        raise TargetError("the Docker engine does not answer", where="docker") from error


async def endpoint(context: str | None) -> str:
    """Where a context's engine listens; the current context's by default."""
    if context and "://" in context:
        return context
    if not context and (host := os.environ.get("DOCKER_HOST")):
        return host
    named = (context,) if context else ()
    words = ("docker", "context", "inspect", *named, "--format", "{{.Endpoints.docker.Host}}")
    return (await said(words)).strip()


async def said(
    words: Sequence[str], directory: Path | None = None, complaints: list[str] | None = None
) -> str:
    """What a program that only reads says; its complaints are kept where they are wanted."""
    process = await _started(words, directory)
    try:
        out, complained = await process.communicate()
    finally:
        await _ended(process)
    lines = complained.decode(errors="replace").strip().splitlines()
    if process.returncode:
        raise TargetError(lines[-1] if lines else "no reason given", where=words[0])
    if complaints is not None:
        complaints += lines
    return out.decode(errors="replace")


async def _started(words: Sequence[str], directory: Path | None = None) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *words, cwd=directory, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
    except FileNotFoundError as error:
        # Python names the folder in the form in which it was given.
        if directory and Path(error.filename) == directory:
            mend = "put the stack's files there, or correct `directory` in the profile"
            raise TargetError("is not there", where=str(directory), mend=mend) from error
        what = f"the {words[0]} command is missing"
        raise NotInstalled(what, mend=f"install {words[0].capitalize()}") from error


async def _ended(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.wait()


@asynccontextmanager
async def _socket(host: str, context: str | None) -> AsyncIterator[str]:
    if host.startswith(UNIX):
        yield host.removeprefix(UNIX)
        return
    where = ("--host", host) if context is None or "://" in context else ("--context", context)
    words = ("docker", *where, "system", "dial-stdio")
    with TemporaryDirectory(prefix="cockpit-") as folder:
        path = f"{folder}/docker.sock"
        server = await asyncio.start_unix_server(_dialled(words), path)
        try:
            yield path
        finally:
            server.close()


def _dialled(words: Sequence[str]) -> Any:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
        ways = (_pump(reader, process.stdin), _pump(process.stdout, writer))
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            writer.close()
            await _ended(process)

    return connected


async def _pump(source: asyncio.StreamReader | None, sink: asyncio.StreamWriter | None) -> None:
    if source is None or sink is None:
        return
    with suppress(ConnectionError):
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()


def _parameters(given: Mapping[str, object]) -> dict[str, str]:
    """Query parameters; filters and other tables are JSON to the engine."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in given.items()
    }


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        return "the Docker engine refused, and gave no reason"
