from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from psycopg import sql

from cockpit.database.identity import identity
from cockpit.errors import TargetError
from cockpit.redact import Redactor
from cockpit.rehearsal.postgres import BINARIES, Certificate, EmbeddedPostgres
from cockpit.runbook.checks import DatabaseCheck
from cockpit.runbook.targets import PostgresTarget
from cockpit.runbook.words import Id, TargetId
from cockpit.secrets import Secrets
from tests.engine.fix_postgres import ROLES, ROWS, SCHEMA, Pair, Server
from tests.engine.test_database_steps import Night
from tests.lab.fix_servers import Authority, certify, free_port, loopback

DEBIAN = "/usr/lib/postgresql/15/bin"


async def begin(folder: Path, address: str, authority: Authority, secrets: Secrets) -> Server:
    tls = Certificate(authority.server_certificate, authority.server_key)
    embedded = EmbeddedPostgres(folder, address, free_port(address), tls=tls)
    await embedded.start()
    passwords = {role: secrets.value(f"{role}_password") for role in ROLES}
    async with await embedded.connect() as connection:
        for role, password in passwords.items():
            made = sql.SQL("create role {} login password {}")
            await connection.execute(made.format(sql.Identifier(role), sql.Literal(password)))
        await connection.execute("grant pg_signal_backend, pg_monitor to owner")
    return Server(embedded, folder, secrets, passwords, count(1))


def secrets_in(folder: Path) -> Secrets:
    files = {f"{role}_password": folder / f"{role}_password" for role in ROLES}
    for name, path in files.items():
        path.write_text(f"{name}-{random.getrandbits(64):x}", encoding="ascii")
        path.chmod(0o600)
    return Secrets(files, Redactor())


@pytest.fixture
async def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pair]:
    """The old and the new side on servers of their own, PostgreSQL 15, reached over TLS alone."""
    monkeypatch.setenv(BINARIES, DEBIAN)
    net = loopback()
    authority = certify(tmp_path, f"{net}.5", f"{net}.6")
    secrets = secrets_in(tmp_path)
    old, new = await asyncio.gather(
        begin(tmp_path / "old", f"{net}.5", authority, secrets),
        begin(tmp_path / "new", f"{net}.6", authority, secrets),
    )

    def proved(target: PostgresTarget) -> PostgresTarget:
        return replace(target, sslmode="verify-full", sslrootcert=str(authority.certificate))

    try:
        source = await old.database("authenticated", "service_role", schema=SCHEMA + ROWS)
        target = await new.database("app", "jobs", schema=SCHEMA)
        yield Pair(old, proved(source), proved(target))
    finally:
        await old.embedded.remove()
        await new.embedded.remove()


@pytest.fixture
def night(pair: Pair, tmp_path: Path) -> Night:
    return Night(pair, tmp_path)


def answers(target: str) -> DatabaseCheck:
    return DatabaseCheck(kind="database", id=Id("answers"), title="", target=TargetId(target))


async def version(night: Night) -> str:
    rows = await night.pair.sql(night.pair.old, "show server_version")
    return str(rows[0][0])


async def test_a_cutover_between_two_servers_ends_with_one_writable_side(night: Night) -> None:
    assert (await version(night)).startswith("15.")
    await night.run("freeze_new", "copy_all", "freeze_old", "copy_rest", "sequences")
    assert (await night.ask("same")).said == "pass"
    assert (await night.ask("ahead")).said == "pass"
    await night.run("open_new", "reconcile")
    assert (await night.ask("new_accepts")).said == "pass"


async def test_a_rollback_carries_the_new_sides_rows_to_the_other_server(night: Night) -> None:
    await night.run("freeze_new", "copy_all", "freeze_old", "copy_rest", "sequences", "open_new")
    owner = await night.pair.server.connect(night.pair.new)
    async with owner:
        await owner.execute(
            "insert into sensor_readings (sensor_id, ts, celsius) values (1, now(), -18.5)"
        )
    await night.run("back_freeze", "back_sequences", "back_open", "back_export", "back_carry")
    assert (await night.ask("carried_back")).said == "pass"
    found = await night.pair.value(
        night.pair.old, "select count(*) from sensor_readings where celsius = -18.5"
    )
    assert found == 1


async def test_tls_is_proved_and_its_absence_refused(night: Night) -> None:
    answer = await night.ask(answers("old_db"))
    assert answer.said == "pass", answer.evidence
    plain: PostgresTarget = replace(night.pair.old, sslmode="disable")
    with pytest.raises(TargetError):
        await identity(plain, night.pair.secrets)


async def test_two_servers_have_two_identities(night: Night) -> None:
    found = [await identity(one, night.pair.secrets) for one in (night.pair.old, night.pair.new)]
    assert len({one.split("/")[0] for one in found}) == 2
