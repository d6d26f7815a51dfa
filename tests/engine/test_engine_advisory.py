from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from cockpit.database.identity import identity
from cockpit.engine.advisory import AdvisoryLocks, key_of
from cockpit.errors import Refused
from tests.engine.fix_postgres import Pair


@asynccontextmanager
async def engine_of(run: str) -> AsyncIterator[AdvisoryLocks]:
    """The locks of one run's engine."""
    locks = AdvisoryLocks(run)
    try:
        yield locks
    finally:
        await locks.close()


async def test_a_database_is_acted_on_by_one_run_and_the_other_is_told_whose_it_is(
    pair: Pair,
) -> None:
    name = await identity(pair.old, pair.secrets)
    async with engine_of("production/one") as one, engine_of("production/two") as two:
        await one.hold(name, pair.old, pair.secrets)
        await one.hold(name, pair.old, pair.secrets)
        with pytest.raises(Refused, match="this database: cockpit production/one, session"):
            await two.hold(name, pair.old, pair.secrets)
        # The other database is another target.
        await two.hold(await identity(pair.new, pair.secrets), pair.new, pair.secrets)
        await one.close()
        await two.hold(name, pair.old, pair.secrets)
        with pytest.raises(Refused, match="cockpit production/two, session"):
            await one.hold(name, pair.old, pair.secrets)


async def test_a_lock_whose_session_was_ended_is_taken_again_or_refused(pair: Pair) -> None:
    name = await identity(pair.old, pair.secrets)
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like "
    async with engine_of("production/one") as one, engine_of("production/two") as two:
        await one.hold(name, pair.old, pair.secrets)
        await pair.sql(pair.old, f"{ended} 'cockpit production/one'")
        await one.hold(name, pair.old, pair.secrets)
        with pytest.raises(Refused, match="production/one"):
            await two.hold(name, pair.old, pair.secrets)
        await pair.sql(pair.old, f"{ended} 'cockpit production/one'")
        await two.hold(name, pair.old, pair.secrets)
        with pytest.raises(Refused, match="production/two"):
            await one.hold(name, pair.old, pair.secrets)


async def test_two_who_ask_for_one_database_at_once_in_one_engine_share_its_one_session(
    pair: Pair,
) -> None:
    name = await identity(pair.old, pair.secrets)
    async with engine_of("production/one") as one:
        asked = (one.hold(name, pair.old, pair.secrets) for _ in range(4))
        assert await asyncio.gather(*asked) == [True] * 4
        assert len(one.descriptors()) == 1
        assert one.held == (name,)
        await one.let_go(name)
        async with engine_of("production/two") as two:
            assert await two.hold(name, pair.old, pair.secrets)


ENGINE = """if True:
    import asyncio, os, signal, subprocess, sys
    from pathlib import Path
    from cockpit.engine.advisory import AdvisoryLocks
    from cockpit.redact import Redactor
    from cockpit.runbook.targets import PostgresTarget
    from cockpit.secrets import Secrets
    import msgspec
    target = msgspec.json.decode(sys.argv[1], type=PostgresTarget)
    secrets = Secrets({"owner_password": Path(sys.argv[2])}, Redactor())
    async def engine():
        locks = AdvisoryLocks("production/one")
        await locks.hold(sys.argv[3], target, secrets)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        runner = subprocess.Popen(["sleep", "60"], pass_fds=locks.descriptors(), **quiet)
        print(runner.pid, flush=True)
        if sys.argv[4] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        await locks.close(acting=True)
    asyncio.run(engine())
"""


@pytest.mark.parametrize("how", ["killed", "asked to end"])
async def test_a_database_stays_locked_while_a_runner_acts_whatever_became_of_its_engine(
    how: str, pair: Pair
) -> None:
    name = await identity(pair.old, pair.secrets)
    target = msgspec.json.encode(pair.old).decode()
    password = str(pair.secrets.path("owner_password"))
    strict = ("-W", "error", "-W", "ignore:subprocess")
    command = [sys.executable, *strict, "-c", ENGINE, target, password, name, how]
    engine = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, timeout=30, check=False
    )
    assert (engine.returncode, engine.stderr) == (-9 if how == "killed" else 0, b"")
    runner = int(engine.stdout)
    try:
        async with engine_of("production/two") as two, engine_of("production/one") as again:
            for _ in range(3):
                with pytest.raises(Refused, match="this database: cockpit production/one, session"):
                    await two.hold(name, pair.old, pair.secrets)
                # Its own run is told that nobody else has it, and never that it has it itself.
                assert not await again.hold(name, pair.old, pair.secrets)
                await asyncio.sleep(0.2)
            assert again.descriptors() == ()
            os.kill(runner, signal.SIGKILL)
            await _until_taken(again, name, pair)
            with pytest.raises(Refused, match="production/one"):
                await two.hold(name, pair.old, pair.secrets)
    finally:
        with suppress(ProcessLookupError):
            os.kill(runner, signal.SIGKILL)


async def _until_taken(locks: AdvisoryLocks, name: str, pair: Pair) -> None:
    deadline = time.monotonic() + 10.0
    while not await locks.hold(name, pair.old, pair.secrets):
        assert time.monotonic() < deadline, "the lock outlived its runner"
        await asyncio.sleep(0.05)
    assert locks.descriptors()


async def test_a_lock_never_idles_out_and_a_host_that_is_gone_is_noticed(pair: Pair) -> None:
    name = await identity(pair.old, pair.secrets)
    async with engine_of("production/one") as one:
        await one.hold(name, pair.old, pair.secrets)
        (_, session) = one._held[name]
        for setting, value in (("idle_session_timeout", "0"), ("tcp_keepalives_idle", "60")):
            row = await (await session.execute(f"show {setting}".encode())).fetchone()
            assert row == (value,)


async def test_other_targets_need_no_lock_of_a_database(pair: Pair) -> None:
    async with engine_of("staging/one") as one:
        await one.hold("host 1", object(), pair.secrets)


def test_the_locks_number_is_the_same_on_every_host() -> None:
    assert key_of("7301/freshtrack") == key_of("7301/freshtrack")
    assert 0 <= key_of("7301/freshtrack") < 2**63
    assert key_of("7301/freshtrack") != key_of("7302/freshtrack")
