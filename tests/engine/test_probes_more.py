from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

import pytest

from cockpit.probes import pgbouncer, redis, tls
from cockpit.probes.queried import only
from cockpit.probes.registry import sample
from cockpit.runbook.targets import RedisTarget
from tests.engine.fix_web import served
from tests.engine.test_probes_kinds import context, probe

DENIED = '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>'
LISTED = "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>"


@pytest.mark.parametrize(
    ("page", "state", "figure"),
    [
        ((403, DENIED), "fine", "0 ms"),
        ((200, LISTED), "slow", "open to strangers"),
        ((200, "<html>"), "down", "200, no S3"),
        ((503, ""), "down", "503, no S3"),
    ],
)
async def test_an_s3_store_is_well_when_it_refuses_strangers(
    page: tuple[int, str], state: str, figure: str
) -> None:
    async with served() as web:
        web.pages["/"] = page
        found = await sample(probe("s3"), context(web.target))
    assert (found.state, found.figure) == (state, figure)


def vector(*values: str) -> tuple[int, str]:
    result = [{"metric": {}, "value": [0, value]} for value in values]
    page = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return 200, json.dumps(page)


@pytest.mark.parametrize(
    ("kind", "page", "state", "figure"),
    [
        ("prometheus", vector("3.5"), "fine", "3.5 s"),
        ("prometheus", vector("12"), "slow", "12 s"),
        ("prometheus", vector(), "silent", "no series"),
        ("prometheus", vector("NaN"), "silent", "no data"),
        ("prometheus", vector("+Inf"), "silent", "no data"),
        ("prometheus", vector("-Inf"), "silent", "no data"),
        ("prometheus", vector("3", "12"), "silent", "no data"),
        ("prometheus", (400, '{"status": "error", "error": "parse"}'), "silent", "no data"),
        ("prometheus", (502, "<html>"), "silent", "no data"),
        # Loki's answers are recorded ones: no Loki can be had without a registry.
        ("loki", vector("12"), "slow", "12 s"),
        ("loki", vector("NaN"), "silent", "no data"),
        ("loki", vector("0", "90"), "silent", "no data"),
        ("loki", (500, "too many outstanding requests"), "silent", "no data"),
    ],
)
async def test_a_querys_value_is_the_figure(
    kind: str, page: tuple[int, str], state: str, figure: str
) -> None:
    query = 'sum(rate(x{a="b"}[5m]))'
    async with served() as web:
        path = "/loki/api/v1/query" if kind == "loki" else "/api/v1/query"
        web.pages[f"{path}?query={quote_plus(query)}"] = page
        found = await sample(probe(kind, query=query, limit=10.0, unit=" s"), context(web.target))
    assert (found.state, found.figure) == (state, figure)


@pytest.mark.parametrize(
    ("lines", "state", "figure"),
    [
        (vector("7"), "fine", "0 s"),
        (vector(), "silent", "nothing heard"),
        (vector("0"), "silent", "nothing heard"),
        ((500, "too many outstanding requests"), "silent", "no data"),
    ],
)
async def test_no_line_with_an_error_is_fine_only_where_lines_were_heard(
    lines: tuple[int, str], state: str, figure: str
) -> None:
    streams = '{job=~".+",path="/{id}"}'
    query = f'sum(count_over_time({streams} |~ "(?i)error" [5m]))'
    path = "/loki/api/v1/query?query="
    async with served() as web:
        web.pages[path + quote_plus(query)] = vector()
        web.pages[path + quote_plus(f"sum(count_over_time({streams}[5m]))")] = lines
        found = await sample(probe("loki", query=query, unit=" s"), context(web.target))
    assert (found.state, found.figure) == (state, figure)


async def test_a_log_query_without_streams_that_finds_nothing_is_unknown() -> None:
    async with served() as web:
        web.pages["/loki/api/v1/query?query=x"] = vector()
        found = await sample(probe("loki", query="x"), context(web.target))
    assert (found.state, found.figure) == ("silent", "nothing heard")


def test_a_scalar_is_a_value_too() -> None:
    page = {"status": "success", "data": {"resultType": "scalar", "result": [0, "7"]}}
    assert only(page) == 7


INFO = "# Server\r\nredis_version:7.0.15\r\nused_memory:1048576\r\nmaxmemory:2097152\r\n"


@pytest.mark.parametrize(
    ("more", "state", "figure"),
    [
        ("", "fine", "1 MiB"),
        ("maxmemory:1048577", "slow", "memory 100%"),
        ("maxmemory:0", "fine", "1 MiB"),
        ("aof_last_write_status:err", "down", "cannot write to disk"),
        ("loading:1", "slow", "loading its data"),
    ],
)
def test_redis_tells_memory_and_whether_its_data_reach_the_disk(
    more: str, state: str, figure: str
) -> None:
    found = redis.judged(redis.info(INFO + more), 0.001, 1.0)
    assert (found.state, found.figure) == (state, figure)


@pytest.mark.parametrize("answer", [b"+OK\r\n", b"$2\r\nok\r\n", b"$12\r\nserver:other\r\n"])
async def test_what_answers_but_not_as_a_redis_is_no_data(answer: bytes) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answers, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        target = RedisTarget(kind="redis", host="127.0.0.1", port=port)
        found = await sample(probe("redis"), context(target))
    assert found.state == "silent"
    assert "not as a Redis does" in found.detail[0]


@pytest.mark.parametrize(
    ("ends", "state", "figure"),
    [
        ("Dec 31 00:00:00 2026 GMT", "fine", "30 days left"),
        ("Dec 11 00:00:00 2026 GMT", "slow", "10 days left"),
        ("Dec  2 00:00:00 2026 GMT", "slow", "24 hours left"),
        ("Nov 30 00:00:00 2026 GMT", "down", "expired"),
    ],
)
def test_a_certificate_tells_what_it_has_left(ends: str, state: str, figure: str) -> None:
    issuer = ((("organizationName", "Let's Encrypt"),), (("commonName", "E7"),))
    certificate = {
        "notAfter": ends,
        "subjectAltName": (("DNS", "shop.example"), ("DNS", "www.shop.example")),
        "issuer": issuer,
    }
    found = tls.judged(certificate, 1_796_083_200.0, 14)
    assert (found.state, found.figure) == (state, figure)
    assert found.detail[:2] == ("names shop.example, www.shop.example", "issuer Let's Encrypt, E7")


def pool(**figures: object) -> dict[str, object]:
    plain = {"database": "shop", "user": "app", "cl_active": 3, "cl_waiting": 0}
    return {**plain, "sv_active": 2, "sv_idle": 4, "maxwait": 0, **figures}


@pytest.mark.parametrize(
    ("pools", "state", "figure"),
    [
        ([pool()], "fine", "2/6 conn"),
        ([pool(cl_waiting=5, maxwait=0)], "fine", "5 waiting"),
        ([pool(cl_waiting=5, maxwait=9)], "slow", "5 waiting"),
        ([pool(database="pgbouncer", cl_waiting=9, maxwait=9)], "fine", "0/0 conn"),
    ],
)
def test_a_pool_in_which_clients_wait_long_is_slow(
    pools: list[dict[str, object]], state: str, figure: str
) -> None:
    found = pgbouncer.judged(pools, 1.0)
    assert (found.state, found.figure) == (state, figure)


# -- what cannot be had here: recorded answers, which show nothing of the real ones ---------------


@pytest.mark.parametrize(
    ("page", "state", "figure"),
    [
        ((200, '{"database": "ok", "version": "12.3.0"}'), "fine", "0 ms"),
        ((503, '{"database": "failing", "version": "12.3.0"}'), "down", "database failing"),
        ((503, '{"database": "ok", "version": "12.3.0"}'), "down", "answered 503"),
        ((500, '{"database": "ok", "version": "12.3.0"}'), "down", "answered 500"),
        ((502, "<html>"), "down", "answered 502"),
    ],
)
async def test_grafana_tells_whether_its_database_answers(
    page: tuple[int, str], state: str, figure: str
) -> None:
    async with served() as web:
        web.pages["/api/health"] = page
        found = await sample(probe("grafana"), context(web.target))
    assert (found.state, found.figure) == (state, figure)


def beats(*states: int, age_s: float = 5.0) -> str:
    now = datetime.now(UTC)
    earlier, last = (
        {"status": 1, "time": f"{now - timedelta(seconds=ago):%Y-%m-%d %H:%M:%S.000}"}
        for ago in (age_s + 20, age_s)
    )
    found = {str(at): [earlier, last | {"status": one}] for at, one in enumerate(states)}
    return json.dumps({"heartbeatList": found, "uptimeList": {}})


@pytest.mark.parametrize(
    ("page", "state", "figure"),
    [
        (lambda: beats(1, 1, 1), "fine", "all up"),
        (lambda: beats(1, 0, 1), "down", "1 of 3 down"),
        (lambda: beats(1, 2, 3), "slow", "1 of 3 up"),
        (lambda: beats(1, 1, age_s=3600), "silent", "2 of 2 old"),
        (lambda: beats(0, 1, age_s=3600), "silent", "2 of 2 old"),
        (lambda: beats(1).replace("-", "x"), "silent", "1 of 1 old"),
        (beats, "silent", "no data"),
        (lambda: beats(1, 1, age_s=-1e8), "silent", "2 of 2 old"),
        (lambda: beats(1, 1, age_s=-5), "fine", "all up"),
        (lambda: "[]", "down", "another page"),
    ],
)
async def test_uptime_kuma_tells_what_its_monitors_say(
    page: Callable[[], str], state: str, figure: str
) -> None:
    path = "/api/status-page/heartbeat/shop"
    async with served() as web:
        web.pages[path] = (200, page())
        found = await sample(probe("uptime_kuma", path=path), context(web.target))
    assert (found.state, found.figure) == (state, figure)


@pytest.mark.parametrize("kind", ["grafana", "uptime_kuma", "traefik", "nginx"])
async def test_a_page_that_is_not_there_is_down_with_its_reason(kind: str) -> None:
    async with served() as web:
        found = await sample(probe(kind, path="/none"), context(web.target))
    assert (found.state, found.figure) == ("down", "answered 404")
    assert found.detail


async def test_a_page_that_is_another_ones_is_no_data() -> None:
    async with served() as web:
        web.pages["/none"] = (200, "<html>welcome</html>")
        web.pages["/api/overview"] = (200, "{}")
        for kind in ("nginx", "traefik"):
            found = await sample(probe(kind, path="/none"), context(web.target))
            assert (found.state, found.figure) == ("silent", "no data")


async def test_an_nginx_that_drops_connections_is_slow() -> None:
    text = (
        "Active connections: 3 \nserver accepts handled requests\n 10 8 20 \n"
        "Reading: 0 Writing: 1 Waiting: 2 \n"
    )
    async with served() as web:
        web.pages["/status"] = (200, text)
        found = await sample(probe("nginx", path="/status"), context(web.target))
    assert (found.state, found.figure) == ("slow", "2 dropped")
