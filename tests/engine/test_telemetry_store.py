import asyncio
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

from cockpit.telemetry.store import COMPACT_EVERY, RAW_S, WAITING, Samples, Totals


def test_samples_read_back_in_order(tmp_path: Path) -> None:
    store = Samples(tmp_path / "telemetry.sqlite")
    store.record(20, "backend", "ms", 84)
    store.record(10, "backend", "ms", 80)
    store.record(10, "other", "ms", 1)
    assert store.series("backend", "ms") == [(10, 80), (20, 84)]
    assert store.series("backend", "ms", since=15) == [(20, 84)]
    store.close()


def test_another_process_finds_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    first = Samples(path)
    for at in (10, 20):
        first.record(at, "baseline", "requests", at)
        first.record(at, "baseline", "failed", 1)
    first.close()
    second = Samples(path)
    assert second.latest("baseline") == {"requests": 20, "failed": 1}
    assert second.latest("nobody") == {}
    second.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_samples_of_a_shared_run_are_the_groups_to_read(tmp_path: Path) -> None:
    tmp_path.chmod(0o2750)
    store = Samples(tmp_path / "telemetry.sqlite")
    store.record(10, "baseline", "requests", 10)
    store.close()
    assert stat.S_IMODE((tmp_path / "telemetry.sqlite").stat().st_mode) == 0o640


def test_after_a_day_a_minute_is_one_mean(tmp_path: Path) -> None:
    store = Samples(tmp_path / "telemetry.sqlite")
    for second in range(120):
        store.record(6000 + second, "backend", "ms", 10 if second < 60 else 30)
    store.flush()
    for batch in range(COMPACT_EVERY):
        store.record(6000 + 2 * RAW_S + batch, "backend", "ms", 1)
        store.flush()
    found = store.series("backend", "ms")
    assert found[:2] == [(6000, 10), (6060, 30)]
    assert len(found) == 2 + COMPACT_EVERY
    store.close()


def test_beyond_its_cap_the_oldest_samples_go(tmp_path: Path) -> None:
    store = Samples(tmp_path / "telemetry.sqlite", cap=200_000)
    for batch in range(3 * COMPACT_EVERY):
        for number in range(100):
            store.record(batch * 100 + number, "backend", "ms", number)
        store.flush()
    found = store.series("backend", "ms")
    assert found[0][0] > 0
    assert found[-1][0] == 3 * COMPACT_EVERY * 100 - 1
    assert (tmp_path / "telemetry.sqlite").stat().st_size < 1_000_000
    store.close()


def test_a_disk_that_takes_nothing_is_reported_and_fatal_to_nobody(tmp_path: Path) -> None:
    store = Samples(tmp_path / "absent" / "telemetry.sqlite")
    for number in range(WAITING + 10):
        store.record(number, "backend", "ms", number)
    store.flush()
    assert "not kept" in store.problem
    (tmp_path / "absent").mkdir()
    store.flush()
    assert store.problem == ""
    assert store.series("backend", "ms")[0] == (10, 10)
    store.close()


def test_a_full_database_is_reported_and_its_samples_wait(tmp_path: Path) -> None:
    store = Samples(tmp_path / "telemetry.sqlite")
    store.record(1, "backend", "ms", 1)
    store.flush()
    connection = store._connected()
    connection.execute("pragma max_page_count = 1")
    for number in range(WAITING):
        store.record(number, "backend", "ms", number)
    store.flush()
    assert "full" in store.problem
    store.flush()
    assert store.problem == ""
    store.close()


def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    path.write_bytes(b"no database at all" * 1000)
    store = Samples(path)
    store.record(1, "backend", "ms", 1)
    store.flush()
    assert store.problem
    store.flush()
    assert store.problem == ""
    assert store.series("backend", "ms") == [(1, 1)]
    assert path.with_name("telemetry.sqlite.damaged").exists()
    store.close()


def test_counters_read_back_as_they_stood_in_another_process(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    first = Samples(path)
    stood = [Totals(at, "totals/new", 30.0, {"a b": at / 3, "c": 2}) for at in (10.0, 20.0)]
    for one in stood:
        first.count(one, keep=60)
    first.count(Totals(15, "totals/old", 30.0, {"a b": 1}), keep=60)
    first.close()
    second = Samples(path)
    assert second.totals("totals/new") == stood
    assert second.totals("totals/new", since=15) == stood[1:]
    second.close()


def test_counters_are_kept_only_as_long_as_a_window_wants_them(tmp_path: Path) -> None:
    store = Samples(tmp_path / "telemetry.sqlite")
    for at in range(COMPACT_EVERY + 1):
        store.count(Totals(at, "totals/new", 30.0, {"a": at}), keep=10)
        store.flush()
    assert [one.at for one in store.totals("totals/new")] == list(
        range(COMPACT_EVERY - 10, COMPACT_EVERY + 1)
    )
    store.close()


async def test_batches_are_written_beside_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "telemetry.sqlite"
    store = Samples(path)
    task = asyncio.create_task(store.keep())
    store.record(1, "backend", "ms", 1)
    for _ in range(200):
        if not store._waiting:
            break
        await asyncio.sleep(0.05)
    store.record(2, "backend", "ms", 2)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    with sqlite3.connect(path) as connection:
        assert connection.execute("select count(*) from samples").fetchone() == (2,)
    connection.close()
