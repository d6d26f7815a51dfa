from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from cockpit.clock import live_clock
from cockpit.probes.registry import sample
from cockpit.probes.sample import Sample
from cockpit.redact import Redactor
from cockpit.runbook.targets import HttpTarget, PostgresTarget, RedisTarget
from cockpit.runbook.words import SecretId
from cockpit.secrets import Secrets
from tests.engine.test_probes_kinds import context, probe
from tests.lab.fix_servers import certify, free_port, loopback, openssl, running

PASSWORD = SecretId("password")
SERVER = ("bash", "-c", 'exec -a redis-server redis-check-rdb "$@"', "redis")
"""The server is the same program under another name; redis-tools starts no service."""


def secrets(folder: Path, value: str = "kQ3v9fLx") -> Secrets:
    path = folder / "password"
    path.write_text(value)
    path.chmod(0o600)
    return Secrets({"password": path}, Redactor())


def accepts(host: str, port: int) -> bool:
    import socket

    with socket.socket() as one:
        return one.connect_ex((host, port)) == 0


@contextmanager
def a_redis(folder: Path, *words: str) -> Iterator[RedisTarget]:
    assert shutil.which("redis-check-rdb"), "apt-get install redis-tools"
    host = f"{loopback()}.1"
    port = free_port(host)
    plain = ("--bind", host, "--port", str(port), "--dir", str(folder), "--save", "")
    with running(
        (*SERVER, *plain, "--requirepass", "kQ3v9fLx", *words),
        folder / "redis.log",
        lambda: accepts(host, port),
    ):
        yield RedisTarget(kind="redis", host=host, port=port, password=PASSWORD)


async def test_a_real_redis_tells_its_memory(tmp_path: Path) -> None:
    with a_redis(tmp_path, "--maxmemory", "64mb") as target:
        found = await sample(probe("redis"), context(target, secrets=secrets(tmp_path)))
    assert found.state == "fine"
    assert "of 64 MiB" in found.detail[0]
    assert any(line.startswith("Redis ") for line in found.detail)


async def test_a_redis_that_refuses_the_password_is_no_data(tmp_path: Path) -> None:
    with a_redis(tmp_path) as target:
        where = context(target, secrets=secrets(tmp_path, "not-the-one"))
        found = await sample(probe("redis"), where)
        without = RedisTarget(kind="redis", host=target.host, port=target.port)
        other = await sample(probe("redis"), context(without))
    assert (found.state, other.state) == ("silent", "silent")
    assert "Redis refused: WRONGPASS" in found.detail[0]
    assert "Redis refused: NOAUTH" in other.detail[0]
    assert "not-the-one" not in found.detail[0]


async def test_a_redis_that_is_gone_is_down(tmp_path: Path) -> None:
    with a_redis(tmp_path) as target:
        pass
    found = await sample(probe("redis"), context(target, secrets=secrets(tmp_path)))
    assert (found.state, found.figure) == ("down", "no answer")


@asynccontextmanager
async def served(folder: Path, host: str) -> AsyncIterator[int]:
    """A TLS server with the certificate that lies in a folder."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(folder / "server.crt", folder / "server.key")

    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(leave, host, 0, ssl=own)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def looked(folder: Path, host: str, *, authority: Path | None, limit: float = 1.0) -> Sample:
    where = str(authority) if authority else None
    async with served(folder, host) as port:
        target = HttpTarget(kind="http", url=f"https://{host}:{port}", sslrootcert=where)
        return await sample(probe("tls", limit=limit), context(target, clock=live_clock()))


async def test_a_certificate_is_read_from_the_server(tmp_path: Path) -> None:
    host = f"{loopback()}.1"
    made = certify(tmp_path, host)
    found = await looked(tmp_path, host, authority=made.certificate)
    # The tests' authority signs for two days.
    assert (found.state, found.figure) == ("fine", "48 hours left")
    assert f"names {host}" in found.detail
    assert "issuer lab authority" in found.detail
    soon = await looked(tmp_path, host, authority=made.certificate, limit=14)
    assert (soon.state, soon.figure) == ("slow", "48 hours left")


async def test_a_certificate_that_nobody_trusts_is_down(tmp_path: Path) -> None:
    host = f"{loopback()}.1"
    certify(tmp_path, host)
    found = await looked(tmp_path, host, authority=None)
    assert found.state == "down"
    assert found.figure.startswith("not trusted: ")


async def test_a_certificate_for_another_name_is_down(tmp_path: Path) -> None:
    host = f"{loopback()}.1"
    made = certify(tmp_path, "127.0.0.9")
    found = await looked(tmp_path, host, authority=made.certificate)
    assert (found.state, "mismatch" in found.figure) == ("down", True)


async def test_an_expired_certificate_is_down(tmp_path: Path) -> None:
    host = f"{loopback()}.1"
    made = certify(tmp_path, host)
    signer = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    openssl(
        *(tmp_path, "x509", "-req", "-in", "server.csr", *signer),
        *("-days", "-1", "-out", "server.crt"),
    )
    found = await looked(tmp_path, host, authority=made.certificate)
    assert (found.state, found.figure) == ("down", "not trusted: certificate has expired")


async def test_a_server_without_tls_is_down() -> None:
    host = f"{loopback()}.1"

    async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 no\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(say, host, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        target = HttpTarget(kind="http", url=f"https://{host}:{port}")
        found = await sample(probe("tls"), context(target, clock=live_clock()))
    assert (found.state, found.figure) == ("down", "no TLS")


@pytest.fixture
def console() -> Iterator[PostgresTarget]:
    assert shutil.which("pgbouncer"), "apt-get install pgbouncer"
    host = f"{loopback()}.1"
    port = free_port(host)
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "users").write_text('"stats" "kQ3v9fLx"\n')
        lines = (
            *("[databases]", "shop = host=127.0.0.1 port=1", "[pgbouncer]"),
            *(f"listen_addr = {host}", f"listen_port = {port}", "auth_type = md5"),
            *(f"auth_file = {folder}/users", "stats_users = stats", "unix_socket_dir ="),
        )
        (folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        words = ("setpriv", "--reuid", "65534", "--clear-groups", "pgbouncer")
        with running(
            (*words, folder / "pgbouncer.ini"), folder / "log", lambda: accepts(host, port)
        ):
            yield PostgresTarget(
                kind="postgres",
                host=host,
                port=port,
                database="shop",
                user="stats",
                password=PASSWORD,
                sslmode="disable",
            )


async def test_a_real_pgbouncers_console_tells_its_pools(
    console: PostgresTarget, tmp_path: Path
) -> None:
    found = await sample(probe("pgbouncer"), context(console, secrets=secrets(tmp_path)))
    assert (found.state, found.figure) == ("fine", "0/0 conn")
    refused = await sample(
        probe("pgbouncer"), context(console, secrets=secrets(tmp_path, "not-the-one"))
    )
    assert refused.state == "down"
    assert "not-the-one" not in "".join(refused.detail)
