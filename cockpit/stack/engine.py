"""The Docker engine's own API: over its Unix socket, and through `docker` where it lies elsewhere.

A remote engine (`ssh://`, a context, TLS) is reached by `docker system dial-stdio`, one child a
connection, behind a socket of our own: so one HTTP client serves every engine.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cockpit.errors import NotInstalled, TargetError

if TYPE_CHECKING:
    import httpx

UNIX = "unix://"
OLDEST = (1, 41)
"""The API of Docker 20.10; older ones lack one-shot statistics."""
PATIENCE_S = 10.0
KEEP_S = 60.0
"""Seconds for which a connection that nobody uses is kept: elsewhere, each is a child."""
CHUNK = 65_536


class EngineRefused(TargetError):
    """The engine answered, and did not do it: what was asked about may be gone."""


class Engine:
    """One engine's API."""

    def __init__(self, client: httpx.AsyncClient, socket: str, *, is_local: bool) -> None:
        self._client = client
        self.socket = socket
        """The Unix socket through which it is reached."""
        self.is_local = is_local
        """Whether it runs on this host."""

    async def get(self, path: str, **parameters: object) -> Any:
        """The JSON of an answer; TargetError where the engine is silent, and EngineRefused."""
        return (await self._answer(path, parameters)).json()

    async def ping(self) -> None:
        """Return once the engine answered the cheapest question; TargetError where it is silent."""
        await self._answer("/_ping", {})

    async def _answer(self, path: str, parameters: Mapping[str, object]) -> httpx.Response:
        import httpx

        try:
            answer = await self._client.get(path, params=_parameters(parameters))
        except httpx.HTTPError as error:
            raise TargetError(_words(error), where="docker") from error
        if answer.status_code != httpx.codes.OK:
            raise EngineRefused(_message(answer.content), where="docker")
        return answer

    async def lines(self, path: str, **parameters: object) -> AsyncIterator[str]:
        """The lines of an answer that does not end; TargetError where it does."""
        async with self._answering(path, parameters) as answer:
            yield ""
            async for line in answer.aiter_lines():
                yield line
        raise TargetError("the Docker engine ended its events", where="docker")

    async def pieces(self, path: str, **parameters: object) -> AsyncGenerator[bytes, None]:
        """An answer as it comes, to its end; the first piece, empty, says that it began."""
        async with self._answering(path, parameters) as answer:
            yield b""
            async for piece in answer.aiter_bytes():
                yield piece

    @asynccontextmanager
    async def _answering(
        self, path: str, parameters: Mapping[str, object]
    ) -> AsyncIterator[httpx.Response]:
        """An answer whose end nobody knows; TargetError where the engine is silent or refuses."""
        import httpx

        wait = httpx.Timeout(PATIENCE_S, read=None)
        try:
            async with self._client.stream(
                "GET", path, params=_parameters(parameters), timeout=wait
            ) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise EngineRefused(_message(await answer.aread()), where="docker")
                yield answer
        except httpx.HTTPError as error:
            raise TargetError(_words(error), where="docker") from error


@asynccontextmanager
async def engine(context: str | None) -> AsyncIterator[Engine]:
    """An engine that answers: of a Docker context, of a host as `ssh://…`, or of this host."""
    import httpx

    host = await endpoint(context)
    async with _socket(host, context) as socket:
        # Nothing is encrypted here: with its own default it would read every authority's
        # certificate each time, which is each second while no engine answers.
        unused = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        transport = httpx.AsyncHTTPTransport(
            uds=socket, verify=unused, limits=httpx.Limits(keepalive_expiry=KEEP_S)
        )
        client = httpx.AsyncClient(
            transport=transport, base_url="http://docker", timeout=PATIENCE_S, trust_env=False
        )
        async with client:
            found = Engine(client, socket, is_local=host.startswith(UNIX))
            version = (await found.get("/version"))["ApiVersion"]
            if tuple(map(int, version.split("."))) < OLDEST:
                what = f"the Docker engine speaks API {version}, older than 1.41"
                raise TargetError(what, where="docker", mend="install Docker 20.10 or newer")
            yield found


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


def _words(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.TimeoutException):
        return "the Docker engine gave no answer in time"
    return "the Docker engine does not answer"
