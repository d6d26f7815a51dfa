from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from tempfile import TemporaryDirectory

import pytest

from cockpit.errors import TargetError
from cockpit.stack.engine import Engine, engine
from tests.engine.test_service_look import served_by

VERSION = b'{"ApiVersion": "1.41"}'
SILENT = "the Docker engine does not answer"


def whole(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


class Server:
    """Stands in for a Docker engine that answers with these bytes, whatever they are."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        """What is said next; the version once nothing is left."""
        self.asked: list[str] = []
        self.connections = 0
        self.closes = False
        """Whether it closes a connection behind each answer."""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.asked.append(head.decode().split()[1])
                writer.write(self.answers.pop(0) if self.answers else whole(VERSION))
                await writer.drain()
                if self.closes:
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Server, Engine]]:
    server = Server()
    with TemporaryDirectory(prefix="wire-") as name:
        async with served_by(server, name) as host, engine(host) as api:
            yield server, api


async def refusal(api: Engine) -> str:
    with pytest.raises(TargetError) as found:
        await api.get("/info")
    return found.value.what


async def test_all_questions_to_a_docker_engine_go_over_one_connection() -> None:
    async with connected() as (server, api):
        for number in range(5):
            server.answers.append(whole(b"%d" % number))
            assert await api.get("/containers/a:b/json", stream="false", filters=["x"]) == number
        assert server.connections == 1
        assert server.asked[-1] == "/containers/a:b/json?stream=false&filters=%5B%22x%22%5D"


async def test_questions_at_once_get_each_its_own_answer() -> None:
    async with connected() as (server, api):
        server.answers = [whole(b"1"), whole(b"2"), whole(b"3")]
        found = await asyncio.gather(*(api.get("/info") for _ in range(3)))
        assert sorted(found) == [1, 2, 3]


async def test_a_connection_that_the_engine_closed_meanwhile_is_replaced() -> None:
    async with connected() as (server, api):
        server.closes = True
        for number in range(3):
            server.answers.append(whole(b"%d" % number, more="Connection: close\r\n"))
            assert await api.get("/info") == number
        server.answers.append(whole(b"7"))
        assert await api.get("/info") == 7
        for _ in range(20):
            await asyncio.sleep(0)  # the server's end is seen in a later turn of the loop
        assert await api.get("/info") == {"ApiVersion": "1.41"}


async def test_a_refusal_is_told_in_the_engines_words_and_the_connection_serves_on() -> None:
    async with connected() as (server, api):
        server.answers.append(whole(b'{"message": "no such container"}', "404 Not Found"))
        assert await refusal(api) == "no such container"
        assert await api.get("/info") == {"ApiVersion": "1.41"}
        assert server.connections == 1


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5",
        b"no HTTP at all\r\n\r\n",
    ],
)
async def test_an_answer_that_breaks_off_is_none_and_the_next_one_counts(broken: bytes) -> None:
    async with connected() as (server, api):
        server.answers.append(broken)
        server.closes = True
        assert await refusal(api) == SILENT
        assert await api.get("/info") == {"ApiVersion": "1.41"}


async def test_a_silent_engine_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with connected() as (server, api):
        monkeypatch.setattr("cockpit.stack.engine.PATIENCE_S", 0.05)
        server.answers.append(b"HTTP/1.1 200 OK\r\n")
        assert await refusal(api) == "the Docker engine gave no answer in time"


async def test_events_are_whole_lines_however_they_arrive() -> None:
    async with connected() as (server, api):
        pieces = (b'{"a"', b': 1}\n{"b": 2}\n{"', b'c\xc2\x85": 3}\n')
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        server.answers.append(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        async with aclosing(api.lines("/events")) as lines:
            found = [await anext(lines) for _ in range(4)]
        assert found == ["", '{"a": 1}', '{"b": 2}', '{"c\x85": 3}']


async def test_events_that_end_are_no_quiet() -> None:
    async with connected() as (server, api):
        server.answers.append(whole(b'{"a": 1}\n'))
        with pytest.raises(TargetError, match="ended its events"):
            assert [line async for line in api.lines("/events")] == []
