"""Signals measured from real metrics pages and a real database, by a clock moved by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from cockpit.journal.state import RunState, StepState, StepStatus
from cockpit.redact import Redactor
from cockpit.runbook.targets import NotPlayed
from cockpit.secrets import Secrets
from cockpit.status import VERDICT
from cockpit.telemetry.measure import SignalMeter
from tests.engine.fix_postgres import Pair
from tests.engine.fix_web import HandClock, served
from tests.fakes.metered import FAILING, LOST, Night, Shop, cut_over, reading, runbook


@pytest.fixture
async def night(tmp_path: Path) -> AsyncIterator[Night]:
    async with AsyncExitStack() as stack:
        old, new = [await stack.enter_async_context(served()) for _ in range(2)]
        found = Night(old, new, tmp_path)
        yield found
        found.store.close()


async def test_before_the_switch_nothing_is_decided(night: Night) -> None:
    verdict = await night.look()
    assert verdict.word == "not_yet"
    assert "switch" in verdict.reason
    assert {one.leaning for one in verdict.readings} == {"unknown"}
    assert verdict.to_carry == 0


async def test_a_runbook_that_decides_by_no_signal_never_says_that_nothing_is_switched(
    night: Night,
) -> None:
    night.book = replace(night.book, procedure=replace(night.book.procedure, decision=None))
    night.meter = night.make_meter()
    await cut_over(night)
    verdict = await night.look()
    assert (verdict.word, verdict.reason) == ("not_weighed", "the runbook decides by no signal")
    assert VERDICT[verdict.word].word == "NOT WEIGHED"
    assert verdict.to_carry is None, "nobody counts them, and the new side may hold some"
    night.state = replace(night.state, ended="completed")
    assert (await night.look()).word == "decided"


async def test_a_way_back_that_the_runbook_estimates_nowhere_is_not_said_to_take_no_time(
    night: Night,
) -> None:
    night.book = replace(night.book, procedure=replace(night.book.procedure, decision=None))
    night.meter = night.make_meter()
    verdict = await night.look()
    assert (verdict.rollback_s, verdict.back_by) == (None, None)


async def test_a_switch_that_is_made_and_not_verified_yet_is_not_called_missing(
    night: Night,
) -> None:
    (phase,) = night.book.procedure.phases
    steps = tuple(replace(one, t0=one.id == "switch") for one in phase.steps)
    procedure = replace(night.book.procedure, phases=(replace(phase, steps=steps),))
    night.book = replace(night.book, procedure=procedure)
    night.meter = night.make_meter()
    assert (await night.look()).word == "not_yet"
    night.state = replace(night.state, t0_actual=night.clock.now())
    verdict = await night.look()
    assert verdict.word == "not_weighed"
    assert verdict.reason == "it is decided once this is done: switch"
    assert {one.words for one in verdict.readings} == {verdict.reason}


async def test_a_calm_switch_becomes_stay(night: Night) -> None:
    await cut_over(night)
    assert (await night.look()).word == "not_enough_data"
    verdict = await night.minutes(4)
    assert verdict.word == "stay"
    assert reading(verdict, "failing").words == "0% (0-1) of 400, limit 10%"
    assert (verdict.rollback_s, verdict.back_by) == (540, night.state.t0 + 14400 - 540)


async def test_failing_requests_roll_back_at_the_second_look(night: Night) -> None:
    await cut_over(night)
    await night.minutes(1)
    words = [(await night.minutes(1, ok=15, failed=10)).word for _ in range(8)]
    assert words[0] == "watch"
    assert words[-1] == "roll_back"


async def test_slow_answers_roll_back_and_the_frozen_old_side_is_no_baseline(night: Night) -> None:
    await cut_over(night)
    verdict = await night.minutes(8, slow=True)
    assert verdict.word == "roll_back"
    assert reading(verdict, "slower").leaning == "bad"
    assert reading(verdict, "failing").leaning == "good"


async def test_an_engine_that_starts_again_still_knows_the_old_side(night: Night) -> None:
    await cut_over(night)
    await night.minutes(1)
    night.meter = night.make_meter()
    await night.look()
    verdict = await night.minutes(3)
    assert reading(verdict, "slower").leaning == "good"


async def test_a_jump_of_the_clock_starts_every_window_anew(night: Night) -> None:
    await cut_over(night)
    await night.minutes(4)
    night.clock.move(7200)
    night.meter.forget()
    verdict = await night.look()
    assert verdict.word == "not_enough_data"
    assert (await night.minutes(4)).word == "stay"


async def test_a_new_side_without_metrics_is_not_green(night: Night) -> None:
    await cut_over(night)
    assert (await night.minutes(4)).word == "stay"
    night.new.web.pages.clear()
    night.clock.move(60)
    verdict = await night.look()
    assert verdict.word == "not_enough_data"
    assert "no metrics of new for 60 s: " in reading(verdict, "failing").words
    assert "404" in reading(verdict, "failing").words


async def test_requests_that_still_reach_the_old_side_are_counted(night: Night) -> None:
    await cut_over(night)
    night.clock.move(15)
    night.old.serve(5)
    night.new.serve(15)
    verdict = await night.look()
    assert reading(verdict, "moved").value == pytest.approx(0.75)
    assert night.meter.old_requests(night.clock.now()) is not None
    night.old.web.pages.clear()
    night.clock.move(120)
    await night.look()
    assert night.meter.old_requests(night.clock.now()) is None


async def test_a_counter_without_a_status_is_unknown_with_its_reason(night: Night) -> None:
    await cut_over(night)
    night.meter.forget()
    night.new.web.pages["/metrics"] = (200, "http_requests_total 5\n")
    verdict = await night.look()
    assert "no label status" in reading(verdict, "failing").words


async def test_a_side_that_the_lab_does_not_play_is_said_so(tmp_path: Path) -> None:
    absent = NotPlayed(kind="not_rehearsed")
    book = runbook((FAILING, LOST), old=absent, new=absent, new_database=absent)
    clock = HandClock()
    steps = {"switch": StepState("switch", "done", (), clock.now())}
    meter = SignalMeter(book, clock, Secrets({}, Redactor()))
    await meter.look()
    verdict = meter.verdict(RunState(steps=steps), clock.now())
    assert [one.words for one in verdict.readings] == ["not rehearsed here"] * 2


async def test_a_rollback_that_is_over_ends_the_question(night: Night) -> None:
    await cut_over(night)
    night.state = replace(night.state, mode="roll_back", turned_why="it is slow")
    verdict = await night.minutes(8, slow=True)
    assert (verdict.word, verdict.reason) == ("decided", "the rollback was chosen: it is slow")
    assert reading(verdict, "slower").leaning == "bad"
    assert verdict.cannot_bring_back == ("passwords set there",)
    night.state = replace(night.state, ended="rolled_back")
    verdict = await night.look()
    assert (verdict.word, verdict.back_by, verdict.to_carry) == ("decided", None, None)
    assert verdict.cannot_bring_back == ()


async def test_readings_accepted_and_not_stored_roll_back(pair: Pair) -> None:
    await pair.sql(
        pair.new,
        "insert into users (email) values ('a@example.test')",
        "insert into sensors (user_id) values (1)",
    )
    async with served() as web:
        shop = Shop(pair, web)
        words = [(await shop.minute(20, 20)).word for _ in range(6)]
        assert words[0] == "not_enough_data"
        assert words[-1] == "stay"
        words = [(await shop.minute(20, 19)).word for _ in range(10)]
        assert words[-1] == "roll_back"
        verdict = await shop.minute(20, 20)
        assert "missing" in reading(verdict, "lost").words
        await shop.close()


async def test_rows_that_a_rollback_would_carry_are_counted(pair: Pair) -> None:
    await pair.sql(pair.new, "insert into users (email) values ('new@example.test')")
    async with served() as web:
        shop = Shop(pair, web)
        verdict = await shop.minute(0, 0)
        assert verdict.to_carry is None
        assert await shop.meter._rows_to_carry() == 1
        await shop.close()


async def test_a_database_that_is_gone_leaves_the_rows_uncounted(pair: Pair) -> None:
    async with served() as web:
        shop = Shop(pair, web)
        books = shop.meter._books["lost"]
        books._database = replace(pair.new, port=1)
        shop.side.serve(0)
        await shop.meter.look()
        verdict = shop.meter.verdict(shop.state, shop.clock.now())
        assert verdict.word == "not_enough_data"
        assert "127." in reading(verdict, "lost").words


async def test_it_measures_beside_the_loop_until_it_is_cancelled(pair: Pair) -> None:
    await pair.sql(pair.new, "insert into users (email) values ('new@example.test')")
    async with served() as web:
        shop = Shop(pair, web)
        shop.side.serve(0)
        shop.meter.verdict(shop.state, shop.clock.now())
        steps = {"open_new": StepState("open_new", "done", (), shop.clock.now())}
        shop.state = RunState(steps={**shop.state.steps, **steps})
        shop.meter.verdict(shop.state, shop.clock.now())
        task = asyncio.create_task(shop.meter.run())
        for _ in range(200):
            verdict = shop.meter.verdict(shop.state, shop.clock.now())
            if verdict.to_carry == 1 and "too early" in reading(verdict, "lost").words:
                break
            await asyncio.sleep(0.05)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert verdict.to_carry == 1
    assert shop.meter._books["lost"]._session is None


def test_a_step_that_never_began_freezes_nothing() -> None:
    from cockpit.telemetry.baseline import is_frozen

    book = runbook((FAILING,))
    statuses: dict[StepStatus, bool] = {"open": False, "skipped": False, "in_doubt": True}
    for status, frozen in statuses.items():
        state = RunState(steps={"freeze_old": StepState("freeze_old", status)})
        assert is_frozen(book, state) is frozen
