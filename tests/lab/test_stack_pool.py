from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from psycopg import sql

from cockpit.rehearsal.postgres import BINARIES, Certificate, EmbeddedPostgres
from tests.lab.fix_servers import certify, free_port, loopback, running
from tests.lab.stack_project import SHIPPED
from tests.lab.test_tiles_servers import accepts

HOSTS = {
    "production": "new-db.freshtrackpro.com",
    "staging": "new-db.staging.freshtrackpro.com",
}
PASSWORD = "kQ3v9fLx-of-the-lab"
USERS = "".join(f'"{name}" "{PASSWORD}"\n' for name in ("app", "jobs", "pgbouncer"))


@contextmanager
def pool(environment: str, host: str, database: tuple[str, int], ca: str) -> Iterator[int]:
    """Debian's PgBouncer on the shipped files; only addresses and folders are the lab's."""
    port = free_port(host)
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        named = {"/etc/pgbouncer/": f"{folder}/", "/run/secrets/": f"{folder}/"}
        named |= {"listen_addr = 0.0.0.0": f"listen_addr = {host}\nunix_socket_dir ="}
        named |= {
            "listen_port = 6432": f"listen_port = {port}",
            "port=25060": f"port={database[1]}",
        }
        named |= {f"host={HOSTS[environment]}": f"host={database[0]}"}
        for shipped, there in (("pgbouncer", "pgbouncer"), (environment, "database")):
            text = (SHIPPED / "docker" / "pgbouncer" / f"{shipped}.ini").read_text(encoding="utf-8")
            for old, new in named.items():
                text = text.replace(old, new)
            (folder / f"{there}.ini").write_text(text, encoding="utf-8")
        (folder / "pgbouncer_users").write_text(USERS, encoding="ascii")
        (folder / "database_ca").write_text(ca, encoding="ascii")
        words = ("setpriv", "--reuid", "65534", "--clear-groups", "pgbouncer")
        ini = folder / "pgbouncer.ini"
        with running((*words, ini), folder / "log", lambda: accepts(host, port)):
            yield port


def ask(host: str, port: int, user: str, database: str, question: str) -> list[tuple[object, ...]]:
    where = f"host={host} port={port} user={user} password={PASSWORD} dbname={database}"
    with psycopg.connect(f"{where} connect_timeout=10 sslmode=disable", autocommit=True) as one:
        return [*psycopg.ClientCursor(one).execute(question)]


@pytest.mark.parametrize("environment", ["production", "staging"])
async def test_the_shipped_pool_logs_in_at_a_managed_database_that_it_proves_by_its_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: str
) -> None:
    monkeypatch.setenv(BINARIES, "/usr/lib/postgresql/15/bin")
    host = f"{loopback()}.5"
    (tmp_path / "others").mkdir()
    own, others = certify(tmp_path, host), certify(tmp_path / "others", host)
    tls = Certificate(own.server_certificate, own.server_key)
    server = EmbeddedPostgres(tmp_path / "server", host, free_port(host), tls=tls)
    await server.start()
    try:
        async with await server.connect() as admin:
            await admin.execute("create database freshtrack")
            made = sql.SQL("create role app login password {}")
            await admin.execute(made.format(sql.Literal(PASSWORD)))
        where = (host, server.port)
        for authority, is_proved in ((own, True), (others, False)):
            text = authority.certificate.read_text(encoding="ascii")
            with pool(environment, host, where, text) as port:
                asked = (host, port, "app", "freshtrack", "select current_user")
                if is_proved:
                    assert await asyncio.to_thread(ask, *asked) == [("app",)]
                else:
                    with pytest.raises(psycopg.OperationalError):
                        await asyncio.to_thread(ask, *asked)
                console = (host, port, "pgbouncer", "pgbouncer", "show pools")
                assert await asyncio.to_thread(ask, *console)
    finally:
        await server.remove()
