from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from cockpit.rehearsal.http1 import HttpServer, Request, Response, json
from cockpit.rehearsal.spec import WEB_PORT, free_net
from cockpit.rehearsal.tasks import end


async def echo(request: Request) -> Response:
    return json(200, method=request.method, path=request.path, size=len(request.body))


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    server = HttpServer(f"{free_net()}.10", WEB_PORT, echo)
    await server.start()
    yield server
    await server.stop()


async def talk(server: HttpServer, said: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(server.address, WEB_PORT)
    writer.write(said)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


async def test_many_requests_go_over_one_connection(server: HttpServer) -> None:
    get = b"GET /a?b=c HTTP/1.1\r\nhost: lab\r\n\r\n"
    post = b"POST /d HTTP/1.1\r\ncontent-length: 3\r\nconnection: close\r\n\r\nxyz"
    answer = await talk(server, get + get + post)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.count(b'"path":"/a"') == 2
    assert b'"method":"POST","path":"/d","size":3' in answer


async def test_a_head_request_gets_the_length_and_no_body(server: HttpServer) -> None:
    async with httpx.AsyncClient() as http:
        reply = await http.head(f"http://{server.address}:{WEB_PORT}/")
    assert reply.status_code == 200
    assert int(reply.headers["content-length"]) > 0
    assert reply.content == b""


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\n",
    ],
)
async def test_what_is_not_understood_is_refused_and_cut_off(
    server: HttpServer, said: bytes
) -> None:
    answer = await talk(server, said)
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_stopped_server_cuts_off_and_refuses(server: HttpServer) -> None:
    reader, writer = await asyncio.open_connection(server.address, WEB_PORT)
    await server.stop()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(server.address, WEB_PORT)


async def test_a_task_that_loses_one_cancellation_is_ended_all_the_same() -> None:
    async def stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end([task])
    assert task.cancelled()
