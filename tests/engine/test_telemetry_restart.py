"""An engine that is killed and started again rests its verdict on all that was measured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.telemetry.store import Samples
from tests.engine.fix_postgres import Pair
from tests.engine.fix_web import served
from tests.fakes.metered import Night, Shop, cut_over, reading


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    async with AsyncExitStack() as stack:
        old, new = [await stack.enter_async_context(served()) for _ in range(2)]
        found = Night(old, new, tmp_path)
        yield found
        found.store.close()


async def test_after_a_restart_the_verdict_is_the_same_by_the_same_evidence(night: Night) -> None:
    await cut_over(night)
    await night.minutes(1)
    before = await night.minutes(8, ok=15, failed=10)
    night.kill_the_engine()
    after = night.judge()
    assert (before.word, after.word) == ("roll_back", "roll_back")
    assert after.reason == before.reason
    for signal in ("failing", "slower"):
        assert reading(after, signal) == reading(before, signal)


async def test_a_calm_night_is_green_again_at_the_first_look(night: Night) -> None:
    await cut_over(night)
    await night.minutes(5)
    night.kill_the_engine()
    assert night.judge().word == "stay"
    assert (await night.look()).word == "stay"


async def test_the_time_without_an_engine_is_a_hole_that_is_said_and_not_filled(
    night: Night,
) -> None:
    await cut_over(night)
    before = await night.minutes(4)
    night.clock.move(100)
    night.new.serve(500, 500)
    night.kill_the_engine()
    blind = night.judge()
    assert blind.word == "not_enough_data"
    assert "no metrics of new for 100 s" in reading(blind, "failing").words
    after = await night.look()
    words = reading(after, "failing").words
    assert words == f"{reading(before, 'failing').words}; 1 min 40 s of it not measured"
    assert reading(after, "failing").sample == reading(before, "failing").sample
    later = await night.minutes(1)
    assert reading(later, "failing").sample == reading(before, "failing").sample + 100


async def test_readings_keep_the_age_of_what_they_rest_on(night: Night) -> None:
    await cut_over(night)
    await night.minutes(4)
    newest = night.clock.now()
    night.clock.move(20)
    night.kill_the_engine()
    assert reading(night.judge(), "failing").at == newest


async def test_what_was_measured_before_a_jump_is_not_taken_up_again(night: Night) -> None:
    await cut_over(night)
    await night.minutes(4)
    night.clock.move(7200)
    night.state = replace(night.state, jumped_at=night.clock.now())
    night.kill_the_engine()
    verdict = await night.look()
    assert verdict.word == "not_enough_data"
    assert reading(verdict, "failing").words == "no requests on the new side yet"


async def test_a_lost_telemetry_takes_no_rollback_away(night: Night) -> None:
    await cut_over(night)
    await night.minutes(1)
    before = await night.minutes(8, ok=15, failed=10)
    night.store.close()
    night.store.path.unlink()
    night.kill_the_engine()
    after = await night.look()
    assert after.word == "roll_back"
    assert before.reason.partition(":")[0] in after.reason
    assert "now only NOT ENOUGH DATA, not yet for sure" in after.reason
    assert reading(after, "failing").leaning == "unknown"


async def test_a_word_from_before_a_jump_does_not_stand_after_it(night: Night) -> None:
    await cut_over(night)
    await night.minutes(8, ok=15, failed=10)
    assert night.state.verdict == "roll_back"
    night.clock.move(7200)
    night.state = replace(night.state, jumped_at=night.clock.now())
    night.kill_the_engine()
    assert (await night.look()).word == "not_enough_data"


async def test_another_speed_after_a_restart_tears_no_window(night: Night) -> None:
    await cut_over(night)
    night.clock.speed = 60.0
    for _ in range(5):
        night.clock.move(60)
        night.new.serve(100)
        before = await night.look()
    night.clock.speed = 1.0
    night.kill_the_engine()
    assert reading(night.judge(), "failing") == reading(before, "failing")


async def test_lost_rows_that_were_counted_before_a_restart_still_count(
    pair: Pair, tmp_path: Path
) -> None:
    await pair.sql(
        pair.new,
        "insert into users (email) values ('a@example.test')",
        "insert into sensors (user_id) values (1)",
    )
    store = Samples(tmp_path / "telemetry.sqlite")
    async with served() as web:
        shop = Shop(pair, web, store)
        before = [await shop.minute(20, 19) for _ in range(10)][-1]
        assert before.word == "roll_back"
        again = await shop.kill_the_engine()
        assert reading(again, "lost") == reading(before, "lost")
        after = [await shop.minute(20, 19) for _ in range(10)][-1]
        assert (reading(after, "lost").value or 0) > (reading(before, "lost").value or 0)
        assert "30 s of it not measured" in reading(after, "lost").words
        await shop.close()
    store.close()
