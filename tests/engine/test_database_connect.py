from __future__ import annotations

from dataclasses import replace

import pytest

from cockpit.database.connect import reading, session, writing
from cockpit.database.identity import identity
from cockpit.errors import CockpitError, TargetError
from tests.engine.fix_postgres import Pair


async def test_a_database_says_which_one_it_is(pair: Pair) -> None:
    old, new = await identity(pair.old, pair.secrets), await identity(pair.new, pair.secrets)
    system, _, database = old.partition("/")
    assert system.isdigit()
    assert database == pair.old.database
    assert new == f"{system}/{pair.new.database}"


async def test_a_database_without_a_readable_system_identifier_is_told_by_its_number(
    pair: Pair,
) -> None:
    await pair.sql(pair.old, "revoke execute on function pg_control_system() from public")
    found = await identity(pair.old, pair.secrets)
    number = await pair.value(
        pair.old, "select oid from pg_database where datname = current_database()"
    )
    assert found == f"database {number}/{pair.old.database}"


async def test_sessions_read_times_and_floats_in_one_form_whatever_the_role_has_set(
    pair: Pair,
) -> None:
    await pair.sql(
        pair.old,
        f"alter database {pair.old.database} set timezone = 'Asia/Kolkata'",
        f"alter database {pair.old.database} set extra_float_digits = -5",
    )
    async with reading(pair.old, pair.secrets) as connection:
        shown = await connection.execute(
            "select timestamptz '2026-01-01 00:00:00.000001Z'::text, 0.1::float8::text"
        )
        assert await shown.fetchone() == ("2026-01-01 00:00:00.000001+00", "0.1")


async def test_row_security_raises_instead_of_hiding_rows(pair: Pair) -> None:
    await pair.sql(
        pair.old,
        "alter table users enable row level security",
        "alter table users force row level security",
    )
    with pytest.raises(TargetError, match="row-level security policy"):
        async with reading(pair.old, pair.secrets) as connection:
            await connection.execute("select count(*) from users")


@pytest.mark.parametrize(
    ("port", "database", "query", "why"),
    [
        (1, None, None, "refused"),
        (None, "nowhere", None, 'database "nowhere" does not exist'),
        (None, None, "select pg_sleep(5)", "statement timeout"),
    ],
)
async def test_errors_say_what_and_where_without_a_secret(
    pair: Pair, port: int | None, database: str | None, query: str | None, why: str
) -> None:
    target = replace(pair.old, port=port or pair.old.port, database=database or pair.old.database)
    with pytest.raises(TargetError) as caught:
        async with session(target, pair.secrets, statement_s=0.2) as connection:
            await connection.execute((query or "select 1").encode())
    assert why in caught.value.what
    assert caught.value.where.startswith(target.host)
    assert caught.value.mend
    assert not any(one in str(caught.value) for one in pair.server.passwords.values())
    assert isinstance(caught.value, CockpitError)


async def test_an_error_does_not_quote_the_row_that_caused_it(pair: Pair) -> None:
    insert = "insert into users (email) values ('user1@example.test')"
    with pytest.raises(TargetError) as caught:
        async with writing(pair.old, pair.secrets) as connection:
            await connection.execute(insert)
    assert "users_email_key" in str(caught.value)
    assert "user1@example.test" not in str(caught.value)
