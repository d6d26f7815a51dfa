from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import dns.asyncquery
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update
import httpx
import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cockpit.database.freeze import freeze, reopen
from cockpit.errors import Refused
from cockpit.redact import Redactor
from cockpit.rehearsal import launch
from cockpit.rehearsal.data import GATE, TABLES
from cockpit.rehearsal.lab import run_lab
from cockpit.rehearsal.pool import login
from cockpit.rehearsal.progress import start_time
from cockpit.rehearsal.spec import DNS_PORT, KEY, NEW, OLD, WEB_PORT, LabSpec
from cockpit.runbook.targets import PostgresTarget
from cockpit.runbook.words import SecretId
from cockpit.secrets import Secrets
from tests.fakes.dns_servers import by_udp
from tests.fakes.rehearsals import HandJournal, eventually, lab_spec, operate, running, status

NO_TRAFFIC = 0.001
READING = {"sensor": 1, "celsius": 4.5, "humidity": 50.0}


@pytest.fixture
def journal(tmp_path: Path) -> HandJournal:
    journal = HandJournal(tmp_path / "journal.jsonl")
    journal.go(60.0)
    return journal


async def switch(spec: LabSpec, address: str, ttl: int) -> None:
    key = dns.tsig.Key(KEY, spec.secret("dns_key"), dns.tsig.HMAC_SHA256)
    message = dns.update.UpdateMessage(spec.zone, keyring=key)
    for name in spec.names:
        message.replace(dns.name.from_text(name), ttl, "A", address)
    reply = await dns.asyncquery.tcp(message, spec.at(53), timeout=2, port=DNS_PORT)
    assert reply.rcode() == dns.rcode.NOERROR


async def copy_rows(spec: LabSpec) -> None:
    source = await psycopg.AsyncConnection.connect(login(spec, OLD, "owner"))
    target = await psycopg.AsyncConnection.connect(login(spec, NEW, "owner"))
    async with source, target:
        for table in TABLES:
            async with (
                source.cursor().copy(f"COPY {table} TO STDOUT".encode()) as rows,
                target.cursor().copy(f"COPY {table} FROM STDIN".encode()) as into,
            ):
                async for block in rows:
                    await into.write(block)
            sequence = f"pg_get_serial_sequence('{table}', 'id')"
            query = f"SELECT setval({sequence}, max(id)) FROM {table}"
            await target.execute(query.encode())


async def count(spec: LabSpec, database: str, table: str = "sensor_readings") -> int:
    async with await psycopg.AsyncConnection.connect(login(spec, database, "owner")) as session:
        row = await (await session.execute(f"SELECT count(*) FROM {table}".encode())).fetchone()
    assert row
    return int(row[0])


async def samples(address: str) -> dict[str, float]:
    async with httpx.AsyncClient() as http:
        text = (await http.get(f"http://{address}:{WEB_PORT}/metrics")).text
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = f"{sample.name} {sample.labels.get('status', '')}".strip()
            found[key] = found.get(key, 0.0) + sample.value
    return found


async def open_new_side(spec: LabSpec) -> None:
    for name in ("new_migrate", "new_start"):
        assert (await operate(spec, name)).status_code == 200
    await copy_rows(spec)


async def more_requests(spec: LabSpec, more: int) -> None:
    goal = status(spec).requests + more
    await eventually(lambda: status(spec).requests >= goal)


async def test_users_follow_their_caches_to_the_new_side_and_planted_errors_show(
    tmp_path: Path, journal: HandJournal
) -> None:
    journal.go(180.0)
    spec = lab_spec(tmp_path, journal, "errors", delay_s=0.01)
    async with running(spec):
        await open_new_side(spec)
        await switch(spec, spec.old, 60)
        journal.jump(6000)  # the old TTL runs out, in every cache
        await more_requests(spec, 200)
        assert status(spec).to_new == 0
        await switch(spec, spec.new, 60)
        journal.t0()
        journal.go(40.0)  # slow: the clamping cache's 900 s must outlast what is counted here
        await eventually(lambda: status(spec).to_new > 100)
        first = status(spec)
        await more_requests(spec, 200)
        then = status(spec)
        on_new = (then.to_new - first.to_new) / (then.requests - first.requests)
        assert 0.6 < on_new < 0.97  # users of the clamping and the violating cache stay behind
        journal.go(180.0)
        journal.jump(6000)
        await more_requests(spec, 100)
        before = await samples(spec.new)
        await more_requests(spec, 400)
        after = await samples(spec.new)
        total, failed = (
            sum(after[key] - before.get(key, 0.0) for key in after if key.startswith(start))
            for start in ("http_requests_total", "http_requests_total 5")
        )
        assert total > 350
        assert failed / total == pytest.approx(0.14, abs=0.06)


async def test_a_jump_of_the_clock_makes_no_traffic(tmp_path: Path, journal: HandJournal) -> None:
    spec = lab_spec(tmp_path, journal)
    async with running(spec):
        await more_requests(spec, 20)
        before = status(spec).requests
        journal.jump(86400)
        await asyncio.sleep(1.5)
        assert status(spec).requests - before < 400  # a day at this rate would be 144,000
        assert status(spec).lag_s < 60


async def test_a_killed_lab_leaves_no_server_and_comes_back_with_rows_and_zone(
    tmp_path: Path, journal: HandJournal
) -> None:
    spec = lab_spec(tmp_path, journal, requests_per_minute=NO_TRAFFIC)
    async with running(spec, keeps_data=True) as pid:
        await open_new_side(spec)
        await switch(spec, spec.new, 60)
        async with httpx.AsyncClient() as http:
            taken = await http.post(f"http://{spec.new}:{WEB_PORT}/api/readings", json=READING)
        assert taken.status_code == 201
        rows = await count(spec, NEW)
        (postgres,) = children(pid)
        assert owner_of(postgres) != 0, "PostgreSQL refuses root"
        started = start_time(postgres)
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: start_time(postgres) != started)
        assert status(spec).state == "down"
    async with running(spec):
        assert await count(spec, NEW) == rows
        async with httpx.AsyncClient() as http:
            health = await http.get(f"http://{spec.new}:{WEB_PORT}/health")
        assert health.json()["side"] == "new"
        query = dns.message.make_query(spec.names[0], "A")
        reply = await by_udp(query, spec.at(53), DNS_PORT)
        assert [(rrset[0].to_text(), rrset.ttl) for rrset in reply.answer] == [(spec.new, 60)]


def children(pid: int) -> list[int]:
    """The living children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]


def owner_of(pid: int) -> int:
    """The user as whom a process runs."""
    return Path(f"/proc/{pid}").stat().st_uid


async def test_a_lab_that_runs_is_not_started_twice(tmp_path: Path, journal: HandJournal) -> None:
    spec = lab_spec(tmp_path, journal, requests_per_minute=NO_TRAFFIC)
    async with running(spec):
        with pytest.raises(Refused, match="runs already"):
            run_lab(spec.path)


async def test_a_lab_whose_address_is_taken_says_so(tmp_path: Path, journal: HandJournal) -> None:
    spec = lab_spec(tmp_path, journal)
    async with await asyncio.start_server(lambda _r, w: w.close(), spec.at(53), DNS_PORT):
        process = launch.start(spec)
        await asyncio.to_thread(process.wait, 20)
    assert process.returncode == 1
    assert status(spec).state == "down"
    assert "the name servers did not start" in status(spec).detail
    assert "Traceback" not in (spec.path / "lab.log").read_text()


async def test_a_lab_ends_when_its_database_server_is_gone(
    tmp_path: Path, journal: HandJournal
) -> None:
    spec = lab_spec(tmp_path, journal, requests_per_minute=NO_TRAFFIC)
    async with running(spec) as pid:
        (postgres,) = children(pid)
        os.kill(postgres, signal.SIGQUIT)
        await eventually(lambda: status(spec).state == "down")
        assert "PostgreSQL ended by itself" in status(spec).detail


async def test_a_step_that_dies_once_succeeds_when_run_again(
    tmp_path: Path, journal: HandJournal
) -> None:
    spec = lab_spec(tmp_path, journal, "dying-step", requests_per_minute=NO_TRAFFIC)
    async with running(spec):
        died = await operate(spec, "new_migrate")
        assert (died.status_code, "run the step again" in died.text) == (500, True)
        assert (await operate(spec, "new_migrate")).status_code == 200
        assert "already" in (await operate(spec, "new_migrate")).text


async def test_operations_do_what_they_say(tmp_path: Path, journal: HandJournal) -> None:
    spec = lab_spec(tmp_path, journal, requests_per_minute=NO_TRAFFIC)
    async with running(spec), httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://{spec.new}:{WEB_PORT}/health")
        await open_new_side(spec)
        assert (await http.get(f"http://{spec.new}:{WEB_PORT}/health")).status_code == 200
        said = (await operate(spec, "back_up_old")).text
        assert "sensor_readings: 3000 rows" in said
        backup = spec.path / "backups" / "old-1" / "sensor_readings.copy"
        assert len(backup.read_bytes().splitlines()) == 3000
        assert (await operate(spec, "new_restart")).status_code == 200
        assert (await operate(spec, "new_stop")).status_code == 200
        assert (await operate(spec, "new_restart")).status_code == 500
        assert (await operate(spec, "decommission_old")).status_code == 200
        with pytest.raises(httpx.ConnectError):
            await http.get(f"http://{spec.old}:{WEB_PORT}/health")
        assert (await operate(spec, "make_coffee")).status_code == 500
        assert (await http.get(f"http://{spec.control}:8000/status")).json()["state"] == "up"


def old_database(spec: LabSpec) -> tuple[PostgresTarget, Secrets]:
    names = ("owner", "authenticated", "service_role")
    files = {name: spec.path / "secrets" / f"{name}_password" for name in names}
    target = PostgresTarget(
        kind="postgres",
        host=spec.database,
        database=OLD,
        user="owner",
        password=SecretId("owner"),
        sslmode="prefer",
        roles={name: SecretId(name) for name in names[1:]},
    )
    return target, Secrets(files, Redactor())


async def test_a_frozen_side_accepts_nothing_until_it_is_open_and_its_pool_connects_anew(
    tmp_path: Path, journal: HandJournal
) -> None:
    spec = lab_spec(tmp_path, journal, requests_per_minute=NO_TRAFFIC, delay_s=0.001)
    target, secrets = old_database(spec)
    async with running(spec), httpx.AsyncClient(timeout=20) as http:
        url = f"http://{spec.old}:{WEB_PORT}/api/readings"

        async def post() -> int:
            return (await http.post(url, json=READING)).status_code

        assert await post() == 201
        await freeze(target, secrets)
        await end_sessions(spec)
        assert [await post() for _ in range(5)] == [503] * 5
        assert (await http.get(url)).status_code == 200
        assert (await samples(spec.old))["readings_accepted_total"] == 1
        await reopen(target, secrets)
        assert await post() == 503
        await end_sessions(spec)
        assert await post() == 201


async def end_sessions(spec: LabSpec) -> None:
    """What the runbook's step does that makes the old side's pools connect anew."""
    async with await psycopg.AsyncConnection.connect(login(spec, OLD, "owner")) as owner:
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (GATE,)
        )


async def test_lost_readings_are_accepted_and_never_stored(
    tmp_path: Path, journal: HandJournal
) -> None:
    spec = lab_spec(tmp_path, journal, "data-loss", requests_per_minute=NO_TRAFFIC, delay_s=0.001)
    async with running(spec), httpx.AsyncClient(timeout=20) as http:
        await open_new_side(spec)
        rows = await count(spec, NEW)
        url = f"http://{spec.new}:{WEB_PORT}/api/readings"
        answers = [(await http.post(url, json=READING)).status_code for _ in range(300)]
        accepted = answers.count(201)
        stored = await count(spec, NEW) - rows
        assert (await samples(spec.new))["readings_accepted_total"] == accepted
        assert 0.03 < 1 - stored / accepted < 0.15


async def test_alerts_are_raised_on_a_side_only_while_its_job_is_enabled(
    tmp_path: Path, journal: HandJournal
) -> None:
    spec = lab_spec(tmp_path, journal, requests_per_minute=NO_TRAFFIC)
    warm = READING | {"celsius": 40.0}
    async with running(spec), httpx.AsyncClient() as http:
        await open_new_side(spec)
        before = await count(spec, OLD, "alerts")
        for address in (spec.old, spec.new):
            for _ in range(3):
                await http.post(f"http://{address}:{WEB_PORT}/api/readings", json=warm)

        async def was_raised() -> bool:
            return await count(spec, OLD, "alerts") == before + 1

        await eventually(was_raised)
        await asyncio.sleep(1.5)
        assert await count(spec, OLD, "alerts") == before + 1
        assert await count(spec, NEW, "alerts") == before
