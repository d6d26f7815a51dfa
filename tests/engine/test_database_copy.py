from __future__ import annotations

import asyncio
import math

import pytest
from psycopg import sql

from cockpit.database.carry import rows_to_carry
from cockpit.database.connect import reading, writing
from cockpit.database.copy import copy_all, copy_rest
from cockpit.database.freeze import freeze
from cockpit.database.reconcile import Comparison, reconcile
from cockpit.database.sequences import leads, set_ahead
from cockpit.database.stream import relay
from cockpit.errors import ActionFailed, TargetError
from tests.engine.fix_postgres import TABLES, Pair


async def _copied(pair: Pair) -> None:
    await copy_all(pair.old, pair.new, pair.secrets, TABLES)


async def _compared(pair: Pair) -> Comparison:
    return await reconcile(pair.old, pair.new, pair.secrets, TABLES)


async def test_a_first_copy_makes_both_sides_identical_and_says_the_rows(pair: Pair) -> None:
    said: list[str] = []
    done = await copy_all(pair.old, pair.new, pair.secrets, TABLES, said.append)
    assert [one.written for one in done] == [40, 60, 3000, 5]
    assert said[2].startswith("sensor_readings: 3,000 rows written in ")
    found = await _compared(pair)
    assert (found.rows, found.differing) == (3105, 0)


async def test_a_first_copy_goes_past_the_guard_of_a_frozen_target(pair: Pair) -> None:
    await freeze(pair.new, pair.secrets)
    await _copied(pair)
    assert (await _compared(pair)).differing == 0


async def test_a_first_copy_repeated_into_a_filled_target_changes_nothing(pair: Pair) -> None:
    await _copied(pair)
    await _copied(pair)
    assert (await _compared(pair)).differing == 0


async def test_the_rest_brings_new_changed_and_deleted_rows(pair: Pair) -> None:
    await _copied(pair)
    await freeze(pair.new, pair.secrets)
    await pair.sql(
        pair.old,
        "insert into users (email) values ('new@example.test')",
        "insert into sensors (user_id, name) values (41, 'New')",
        "insert into sensor_readings (sensor_id, ts, celsius) values (61, now(), null)",
        "update sensor_readings set celsius = celsius + 1 where id = 17",
        "delete from alerts where id = 2",
        "delete from sensor_readings where sensor_id = 60",
        "delete from sensors where id = 60",
    )
    done = {one.table: one for one in await copy_rest(pair.old, pair.new, pair.secrets, TABLES)}
    assert (done["users"].written, done["sensors"].deleted) == (1, 1)
    assert (done["sensor_readings"].written, done["sensor_readings"].deleted) == (2, 50)
    assert done["alerts"].deleted == 1
    assert (await _compared(pair)).differing == 0


async def test_the_smallest_change_of_a_float_or_a_time_is_found_and_carried(pair: Pair) -> None:
    await _copied(pair)
    value = await pair.value(pair.old, "select celsius from sensor_readings where id = 5")
    step = math.nextafter(value, math.inf)
    await pair.sql(
        pair.old,
        f"update sensor_readings set celsius = '{step!r}' where id = 5",
        "update sensor_readings set ts = ts + interval '1 microsecond' where id = 6",
    )
    found = (await _compared(pair)).tables[2]
    assert sorted(found.changed) == [("5",), ("6",)]
    await copy_rest(pair.old, pair.new, pair.secrets, TABLES)
    assert await pair.value(pair.new, "select celsius from sensor_readings where id = 5") == step


async def test_a_copy_that_fails_leaves_the_target_as_it_was(pair: Pair) -> None:
    await pair.sql(pair.new, "alter table alerts add check (kind <> 'too warm')")
    with pytest.raises(TargetError, match="violates check constraint"):
        await _copied(pair)
    assert await pair.value(pair.new, "select count(*) from users") == 0


async def test_a_copy_that_is_stopped_ends_at_both_servers_and_changes_nothing(pair: Pair) -> None:
    slow = (
        "create or replace view slow as select pg_sleep(30)::text from users;"
        "alter view slow owner to owner"
    )
    await pair.sql(pair.old, slow)

    async def copying() -> None:
        async with (
            reading(pair.old, pair.secrets) as left,
            writing(pair.new, pair.secrets) as right,
        ):
            await right.execute("insert into users (email) values ('half')")
            query = sql.SQL("select * from {}").format(sql.Identifier("slow"))
            await relay(left, query, right, sql.SQL("{} (email)").format(sql.Identifier("users")))

    task = asyncio.create_task(copying())
    running = "select count(*) from pg_stat_activity where query like 'copy (select%slow%'"
    async with asyncio.timeout(20):
        while not await pair.value(pair.old, running):
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await pair.value(pair.new, "select count(*) from users") == 0


async def test_a_column_without_a_place_on_the_target_stops_the_copy(pair: Pair) -> None:
    await pair.sql(pair.old, "alter table users add nickname text")
    with pytest.raises(ActionFailed, match="has no column nickname"):
        await _copied(pair)


async def test_every_planted_difference_is_found_and_told_apart(pair: Pair) -> None:
    await _copied(pair)
    await pair.sql(
        pair.new,
        "delete from sensor_readings where id in (100, 2000)",
        "insert into sensor_readings (id, sensor_id, ts) values (90000, 1, now())",
        "update sensor_readings set humidity = null where id = 7",
        "update users set role = 'admin' where id = 3",
    )
    found = await _compared(pair)
    readings = found.tables[2]
    assert sorted(readings.missing) == [("100",), ("2000",)]
    assert readings.extra == (("90000",),)
    assert readings.changed == (("7",),)
    assert found.tables[0].changed == (("3",),)
    assert found.differing == 5
    assert "2 missing (100, 2000); 1 extra (90000); 1 changed (7)" in readings.words


@pytest.mark.parametrize(
    "change",
    [
        (
            "update sensor_readings r set celsius = o.celsius from sensor_readings o"
            " where (r.id, o.id) in ((10, 11), (11, 10))"
        ),
        "update sensors set min_celsius = max_celsius, max_celsius = min_celsius where id = 9",
        "update sensor_readings set celsius = null where id = 20",
        "update users set phone = '' where id = 4",
        "update users set name = role, role = name where id = 4",
    ],
    ids=["rows swapped", "columns swapped", "zero to NULL", "NULL to empty", "texts swapped"],
)
async def test_swaps_and_nulls_do_not_hide(pair: Pair, change: str) -> None:
    await pair.sql(pair.old, "update sensor_readings set celsius = 0 where id = 20")
    await _copied(pair)
    await pair.sql(pair.new, change)
    assert (await _compared(pair)).differing in (1, 2)


async def test_a_zero_beside_a_value_may_not_change_places_with_it(pair: Pair) -> None:
    await pair.sql(pair.old, "update sensors set min_celsius = 0, max_celsius = null where id = 1")
    await pair.sql(pair.old, "update sensors set min_celsius = 0, max_celsius = 8 where id = 2")
    await _copied(pair)
    swap = "update sensors set min_celsius = max_celsius, max_celsius = min_celsius where id < 3"
    await pair.sql(pair.new, swap)
    assert sorted((await _compared(pair)).tables[1].changed) == [("1",), ("2",)]


async def test_keys_of_every_kind_are_compared_row_by_row(pair: Pair) -> None:
    make = (
        "create table tags (name text, sensor int, note jsonb, primary key (name, sensor));"
        "alter table tags owner to owner"
    )
    fill = "insert into tags select 'tag ' || n, n, '{}' from generate_series(1, 99) n"
    for side in (pair.old, pair.new):
        await pair.sql(side, make, fill)
    await pair.sql(pair.new, "update tags set note = '{\"a\": 1}' where sensor = 40")
    await pair.sql(pair.new, "delete from tags where sensor = 41")
    found = (await reconcile(pair.old, pair.new, pair.secrets, ["tags"])).tables[0]
    assert found.changed == (("tag 40", "40"),)
    assert found.missing == (("tag 41", "41"),)
    await copy_rest(pair.old, pair.new, pair.secrets, ["tags"])
    assert (await reconcile(pair.old, pair.new, pair.secrets, ["tags"])).differing == 0


async def test_negative_and_very_large_keys_are_found(pair: Pair) -> None:
    ids = (-1, -1024, -1025, 0, 2**63 - 1, -(2**63))
    for one in ids:
        await pair.sql(pair.old, f"insert into users (id, email) values ({one}, 'mail {one}')")
    found = (await reconcile(pair.old, pair.new, pair.secrets, ["users"])).tables[0]
    assert {int(key[0]) for key in found.missing} == {*ids, *range(1, 41)}


async def test_comparing_nothing_says_so(pair: Pair) -> None:
    found = await reconcile(pair.new, pair.new, pair.secrets, TABLES)
    assert found.words == "no row compared in 4 tables"


async def test_a_table_without_a_key_is_refused(pair: Pair) -> None:
    for side in (pair.old, pair.new):
        await pair.sql(side, "create table loose (a int); alter table loose owner to owner")
    with pytest.raises(TargetError, match="loose has no primary key"):
        await reconcile(pair.old, pair.new, pair.secrets, ["loose"])


async def test_sequences_are_set_beyond_both_sides_and_never_back(pair: Pair) -> None:
    await pair.sql(pair.old, "insert into users (id, email) values (5000, 'by hand')")
    done = {one.sequence: one for one in await set_ahead(pair.old, pair.new, pair.secrets, 1000)}
    assert done["users.id"].target == 6000
    assert done["sensor_readings.id"].target == 4000
    again = {one.sequence: one for one in await set_ahead(pair.old, pair.new, pair.secrets, 10)}
    assert again["users.id"].target == 6000
    assert {one.ahead for one in await leads(pair.old, pair.new, pair.secrets)} == {1000}
    made = "insert into users (email) values ('next') returning id"
    assert await pair.value(pair.new, made) == 6001


async def test_sequences_of_a_frozen_target_can_be_set(pair: Pair) -> None:
    await freeze(pair.new, pair.secrets)
    done = await set_ahead(pair.old, pair.new, pair.secrets, 1000)
    assert len(done) == 4


async def test_rows_to_carry_are_those_that_the_new_side_alone_has_so(pair: Pair) -> None:
    await _copied(pair)
    await pair.sql(
        pair.new,
        "insert into sensor_readings (id, sensor_id, ts) values (7001, 1, now()), (7002, 1, now())",
        "update users set name = 'Renamed' where id = 1",
        "delete from alerts where id = 1",
    )
    assert await rows_to_carry(pair.new, pair.old, pair.secrets, TABLES) == 3


async def test_no_error_holds_a_password(pair: Pair) -> None:
    (pair.server.folder / "secrets" / "owner_password").write_text("a-wrong-password-of-owner")
    try:
        with pytest.raises(TargetError) as caught:
            await reconcile(pair.old, pair.new, pair.secrets, TABLES)
    finally:
        right = pair.server.passwords["owner"]
        (pair.server.folder / "secrets" / "owner_password").write_text(right)
    said = str(caught.value)
    assert "password authentication failed" in said
    assert "a-wrong-password-of-owner" not in said
    assert pair.server.passwords["owner"] not in said
