from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from cockpit.database.canary import canaries
from cockpit.database.connect import session, writing
from cockpit.database.freeze import freeze, reopen
from cockpit.errors import ActionFailed, TargetError
from cockpit.runbook.targets import PostgresTarget
from tests.engine.fix_postgres import TABLES, Pair

INSERT = b"insert into users (email) values ('late@example.test')"
RIGHTS = """
select relname, attname, grantor::regrole::text, grantee::regrole::text, privilege_type,
       is_grantable
  from (select c.relname, '' as attname, (aclexplode(c.relacl)).* from pg_class c
         where relnamespace = 'public'::regnamespace
        union all
        select c.relname, a.attname, (aclexplode(a.attacl)).* from pg_attribute a
          join pg_class c on c.oid = a.attrelid where c.relnamespace = 'public'::regnamespace) x
 order by 1, 2, 3, 4, 5
"""


async def _refused(connection: psycopg.AsyncConnection[Any], *statements: bytes) -> str:
    *first, last = statements
    for statement in first:
        await connection.execute(statement)
    with pytest.raises(psycopg.Error) as caught:
        await connection.execute(last)
    return caught.value.sqlstate or ""


async def test_a_plain_new_session_is_refused(pair: Pair) -> None:
    await freeze(pair.old, pair.secrets)
    async with await pair.server.connect(pair.old, "service_role") as late:
        assert await _refused(late, INSERT) in ("25006", "42501")


@pytest.mark.parametrize(
    "before",
    [b"set default_transaction_read_only = off", b"begin read write"],
    ids=["session setting", "explicit read write"],
)
async def test_a_session_that_asks_to_write_is_refused(pair: Pair, before: bytes) -> None:
    await freeze(pair.old, pair.secrets)
    async with await pair.server.connect(pair.old, "authenticated") as late:
        assert await _refused(late, before, INSERT) == "42501"


async def test_a_role_with_its_own_setting_is_refused(pair: Pair) -> None:
    role = "alter role service_role in database {} set default_transaction_read_only = off"
    await pair.sql(pair.old, role.format(pair.old.database))
    await freeze(pair.old, pair.secrets)
    async with await pair.server.connect(pair.old, "service_role") as late:
        assert await _refused(late, INSERT) == "42501"


@pytest.mark.parametrize(
    "statement",
    [
        b"insert into users (email) values ('x')",
        b"update users set name = 'x'",
        b"delete from alerts",
        b"truncate alerts",
    ],
)
async def test_the_owner_and_a_superuser_are_refused_by_the_guard(
    pair: Pair, statement: bytes
) -> None:
    await freeze(pair.old, pair.secrets)
    async with session(pair.old, pair.secrets) as owner:
        assert await _refused(owner, statement) == "25006"
    async with await pair.server.embedded.connect(pair.old.database) as superuser:
        replica = b"set session_replication_role = replica"
        writable = b"set default_transaction_read_only = off"
        assert await _refused(superuser, replica, writable, statement) == "25006"


async def test_a_security_definer_function_of_the_owner_is_refused(pair: Pair) -> None:
    async with await pair.server.connect(pair.old) as owner:
        await owner.execute(
            "create function sneak() returns void language sql security definer as"
            " $$ insert into public.users (email) values ('sneaked') $$"
        )
    await freeze(pair.old, pair.secrets)
    async with await pair.server.connect(pair.old, "authenticated") as late:
        await late.execute("set cockpit.copying = 'on'")
        assert await _refused(late, b"begin read write", b"select sneak()") == "25006"


async def test_numbers_of_sequences_are_refused_to_the_application(pair: Pair) -> None:
    await freeze(pair.old, pair.secrets)
    async with await pair.server.connect(pair.old, "service_role") as late:
        take = b"select nextval('users_id_seq')"
        assert await _refused(late, b"begin read write", take) == "42501"


async def test_sessions_of_the_application_from_before_are_ended(pair: Pair) -> None:
    async with await pair.server.connect(pair.old, "authenticated") as early:
        frozen = await freeze(pair.old, pair.secrets)
        assert frozen.ended == 1
        with pytest.raises(psycopg.OperationalError):
            await early.execute("select 1")


async def test_sessions_that_act_as_a_role_of_the_application_are_ended_too(pair: Pair) -> None:
    gate = f"gate_{pair.old.database}"
    await pair.sql(
        pair.old,
        f"create role {gate} login noinherit password 'gate-password' in role authenticated",
    )
    try:
        async with await psycopg.AsyncConnection.connect(
            host=pair.old.host,
            port=pair.old.port,
            dbname=pair.old.database,
            user=gate,
            password="gate-password",
            autocommit=True,
        ) as early:
            await early.execute("set role authenticated")
            assert (await freeze(pair.old, pair.secrets)).ended == 1
            with pytest.raises(psycopg.OperationalError):
                await early.execute("select 1")
    finally:
        await pair.sql(pair.old, "set default_transaction_read_only = off", f"drop role {gate}")


async def test_a_freeze_waits_for_an_open_writer_and_keeps_its_row(pair: Pair) -> None:
    waits = asyncio.Event()

    def say(line: str) -> None:
        if "users waits for open writers: authenticated" in line:
            waits.set()

    async with await pair.server.connect(pair.old, "authenticated") as writer:
        await writer.execute("begin")
        await writer.execute(INSERT)
        freezing = asyncio.create_task(freeze(pair.old, pair.secrets, say))
        async with asyncio.timeout(15):
            await waits.wait()
        assert not freezing.done()
        await writer.execute("commit")
        await freezing
    kept = "select count(*) from users where email = 'late@example.test'"
    assert await pair.value(pair.old, kept) == 1


async def test_a_writer_that_never_ends_is_ended_when_patience_is_over(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cockpit.database.freeze.PATIENCE_S", 0.0)
    async with await pair.server.connect(pair.old, "authenticated") as writer:
        await writer.execute("begin")
        await writer.execute(INSERT)
        await freeze(pair.old, pair.secrets)
        with pytest.raises(psycopg.OperationalError):
            await writer.execute("commit")
    kept = "select count(*) from users where email = 'late@example.test'"
    assert await pair.value(pair.old, kept) == 0


async def test_the_copying_role_writes_past_the_guard_only_when_it_says_so(pair: Pair) -> None:
    await freeze(pair.new, pair.secrets)
    async with writing(pair.new, pair.secrets, copying=True) as owner:
        await owner.execute(INSERT)
    assert await pair.value(pair.new, "select count(*) from users") == 1
    with pytest.raises(TargetError, match="frozen by the cockpit: users refuses INSERT"):
        async with writing(pair.new, pair.secrets) as owner:
            await owner.execute(INSERT)


async def _state(pair: Pair, target: PostgresTarget) -> list[list[tuple[Any, ...]]]:
    return [
        await pair.sql(target, RIGHTS),
        await pair.sql(target, "select proname from pg_proc where proname like 'cockpit%'"),
        await pair.sql(target, "select tgname from pg_trigger where not tgisinternal"),
        await pair.sql(
            target,
            "select setrole::regrole::text, setconfig from pg_db_role_setting where setdatabase ="
            " (select oid from pg_database where datname = current_database())",
        ),
    ]


async def test_opening_restores_rights_and_settings_exactly(pair: Pair) -> None:
    await pair.sql(
        pair.old,
        "revoke all on alerts from service_role",
        "grant update (state, note) on alerts to service_role",
        "grant insert on alerts to public",
        "grant delete on sensors to authenticated with grant option",
        f"alter database {pair.old.database} set work_mem = '5MB'",
    )
    before = await _state(pair, pair.old)
    await freeze(pair.old, pair.secrets)
    assert await _state(pair, pair.old) != before
    await reopen(pair.old, pair.secrets)
    assert await _state(pair, pair.old) == before


async def test_freezing_twice_still_opens_to_what_was_before_the_first(pair: Pair) -> None:
    before = await _state(pair, pair.old)
    first = await freeze(pair.old, pair.secrets)
    second = await freeze(pair.old, pair.secrets)
    assert second.former == first.former
    await reopen(pair.old, pair.secrets)
    assert await _state(pair, pair.old) == before


async def test_opening_what_was_never_frozen_changes_nothing(pair: Pair) -> None:
    before = await _state(pair, pair.old)
    assert await reopen(pair.old, pair.secrets) == 0
    assert await _state(pair, pair.old) == before


async def test_opening_lets_every_role_write_again(pair: Pair) -> None:
    await freeze(pair.old, pair.secrets)
    await reopen(pair.old, pair.secrets)
    found = await canaries(pair.old, pair.secrets, TABLES)
    assert {one.said for one in found} == {"accepted"}


async def test_canaries_are_refused_by_a_frozen_database(pair: Pair) -> None:
    await freeze(pair.old, pair.secrets)
    found = await canaries(pair.old, pair.secrets, TABLES)
    assert len(found) == len(TABLES) * 2
    assert {one.said for one in found} == {"refused"}


async def test_canaries_leave_no_row_and_take_no_number(pair: Pair) -> None:
    count = " + ".join(f"(select count(*) from {table})" for table in TABLES)
    numbers = "select sequencename, last_value from pg_sequences order by 1"
    before = await pair.value(pair.old, f"select {count}"), await pair.sql(pair.old, numbers)
    found = await canaries(pair.old, pair.secrets, TABLES)
    assert {one.said for one in found} == {"accepted"}
    after = await pair.value(pair.old, f"select {count}"), await pair.sql(pair.old, numbers)
    assert after == before


async def test_a_canary_sees_one_role_that_may_still_change_rows(pair: Pair) -> None:
    await freeze(pair.old, pair.secrets)
    await pair.sql(
        pair.old,
        "set default_transaction_read_only = off",
        "drop trigger cockpit_guard on alerts",
        "grant update (note) on alerts to service_role",
    )
    found = await canaries(pair.old, pair.secrets, TABLES)
    open_ = {(one.role, one.table) for one in found if one.said != "refused"}
    assert open_ == {("service_role", "alerts")}


async def test_a_refusal_by_row_level_security_proves_nothing(pair: Pair) -> None:
    await pair.sql(
        pair.old,
        "revoke update, delete on alerts from service_role",
        "alter table alerts enable row level security",
        "create policy mine on alerts for insert with check (note = 'mine')",
    )
    found = await canaries(pair.old, pair.secrets, ["alerts"])
    said = {one.role: one for one in found}
    assert said["service_role"].said == "unknown"


async def test_a_role_that_cannot_log_in_is_unknown(pair: Pair) -> None:
    (pair.server.folder / "secrets" / "app_password").write_text("not the password")
    found = await canaries(pair.new, pair.secrets, TABLES)
    (pair.server.folder / "secrets" / "app_password").write_text(pair.server.passwords["app"])
    assert {one.said for one in found if one.role == "app"} == {"unknown"}
    assert not any("not the password" in one.text for one in found)


async def test_a_target_whose_application_is_the_owner_is_not_frozen(pair: Pair) -> None:
    target = PostgresTarget(
        kind="postgres",
        host=pair.old.host,
        database=pair.old.database,
        user="owner",
        password=pair.old.password,
        roles={"owner": pair.old.password},
    )
    with pytest.raises(ActionFailed, match="copies and freezes"):
        await freeze(target, pair.secrets)


@pytest.mark.parametrize("first", ["users", "alerts"])
async def test_opening_gives_way_to_a_reader_with_whom_it_would_deadlock(
    pair: Pair, first: str
) -> None:
    await freeze(pair.old, pair.secrets)
    waiting = f"""select 1 from pg_locks where not granted and database =
        (select oid from pg_database where datname = '{pair.old.database}')"""
    async with await pair.server.embedded.connect(pair.old.database) as reader:
        await reader.execute(b"begin read only")
        await reader.execute(f"select from {first}".encode())
        opening = asyncio.create_task(reopen(pair.old, pair.secrets))
        async with await pair.server.embedded.connect("postgres") as other:
            for _ in range(1000):
                if await (await other.execute(waiting.encode())).fetchall():
                    break
                await asyncio.sleep(0.01)
        for table in TABLES:
            await reader.execute(f"select from {table}".encode())
        await reader.execute(b"commit")
        assert await opening > 0
