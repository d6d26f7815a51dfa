from __future__ import annotations

import asyncio
from dataclasses import replace

from textual import events

from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.tui.dialogs.confirm import Confirm
from cockpit.tui.dialogs.typed import Typed
from cockpit.tui.screens.watch import Watch
from tests.fakes import screen_views as views
from tests.fakes.screens import Opened, opened


async def _read(one: Opened, seconds: float = 5.0) -> None:
    """Open the next step's confirmation and let it be on screen for so long."""
    await one.pilot.press("enter")
    await one.until(lambda: isinstance(one.app.screen, Confirm))
    dialog = one.app.screen
    assert isinstance(dialog, Confirm)
    await one.until(lambda: dialog.arming.readable_in is not None)
    one.real.at += seconds


async def _sent(one: Opened, kind: str) -> dict[str, str | float]:
    await one.until(lambda: kind in one.client.kinds, f"{kind} was never asked")
    return next(details for sent, details in one.client.sent if sent == kind)


async def _nothing_confirmed(one: Opened) -> None:
    await one.pilot.pause()
    await asyncio.sleep(0.3)
    assert "confirm" not in one.client.kinds


async def test_enter_asks_the_gates_and_c_confirms_exactly_what_is_shown() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        assert await _sent(one, "propose") == {"step": "switch"}
        await one.pilot.press("c")
        assert await _sent(one, "confirm") == {
            "step": "switch",
            "attempt": 1,
            "digest": "abc123",
            "typed": "",
        }
        await one.says("waiting for the engine")


async def test_it_shows_environment_host_operator_commands_gates_and_the_way_back() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        for said in (
            "PRODUCTION",
            "droplet-1",
            "ops, seat 1",
            "www.freshtrackpro.com  A  203.0.113.10 -> 198.51.100.20",
            "freshtrackpro.com at ns1, ns2",
            "old side refuses writes",
            "1.9 s and 3.2 s",
            "both records as they were",
        ):
            await one.says(said)


async def test_a_key_typed_ahead_confirms_nothing() -> None:
    async with opened(views.confirming()) as one:
        await one.pilot.press("enter", "c")
        await _nothing_confirmed(one)


async def test_it_must_have_been_on_screen_for_a_second() -> None:
    async with opened(views.confirming()) as one:
        await _read(one, seconds=0.9)
        await one.pilot.press("c")
        await _nothing_confirmed(one)


async def test_a_held_key_confirms_nothing() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        for _ in range(12):
            one.real.at += 0.03
            await one.pilot.press("x", "c")
        await _nothing_confirmed(one)
        await one.says("keys came too fast")


async def test_a_paste_confirms_nothing() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        one.app.screen.post_message(events.Paste("c"))
        await _nothing_confirmed(one)


async def test_keys_that_come_in_a_heap_confirm_nothing() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        # At once: between presses of the pilot a busy machine leaves more time than a heap has.
        for key in "cls":
            one.app.post_message(events.Key(key, key))
        await one.pilot.pause()
        await _nothing_confirmed(one)


async def test_reading_starts_anew_when_what_would_run_changes() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        await one.show(views.confirming(digest="another", lines=("rm -rf /srv/old",)))
        await one.says("rm -rf /srv/old")
        await one.pilot.press("c")
        await _nothing_confirmed(one)
        one.real.at += 2
        await one.pilot.press("c")
        assert (await _sent(one, "confirm"))["digest"] == "another"


async def test_an_unknown_gate_keeps_it_closed_and_says_so() -> None:
    async with opened(views.gate_unknown()) as one:
        await _read(one)
        await one.pilot.press("c")
        await _nothing_confirmed(one)
        await one.says("unknown: new side has its certificate: not seen for 40 s")
        await one.says("not yet: one gate is not open")


async def test_gates_being_asked_keep_it_closed() -> None:
    async with opened(views.confirming(asking=True, gates=(), targets=())) as one:
        await one.pilot.press("enter")
        one.real.at += 10
        await one.pilot.press("c")
        await _nothing_confirmed(one)
        await one.says("gates are being asked")


async def test_escape_changes_nothing_and_says_so() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        await one.pilot.press("escape")
        await one.until(lambda: isinstance(one.app.screen, Watch))
        await _sent(one, "withdraw")
        await one.says("nothing changes")
        assert "confirm" not in one.client.kinds


async def test_it_closes_after_a_minute() -> None:
    async with opened(views.confirming()) as one:
        await _read(one, seconds=61)
        await one.until(lambda: isinstance(one.app.screen, Watch))
        await one.says("closed after a minute")


async def test_asking_again_gives_another_minute() -> None:
    async with opened(views.confirming()) as one:
        await _read(one, seconds=50)
        await one.pilot.press("g")
        one.real.at += 50
        await asyncio.sleep(0.4)
        assert isinstance(one.app.screen, Confirm)
        await one.until(lambda: one.client.kinds.count("propose") == 2)


async def test_an_irreversible_step_wants_its_word_typed() -> None:
    async with opened(views.irreversible()) as one:
        await _read(one)
        await one.until(lambda: one.app.screen.query_one(Typed).has_focus)
        await one.says("CANNOT BE UNDONE")
        await one.says("90211 rows")
        await one.pilot.press("c", "enter")
        await _nothing_confirmed(one)
        one.app.screen.query_one(Typed).value = ""
        await one.pilot.press(*"DECOMMISSION", "enter")
        await _nothing_confirmed(one)
        await one.says("press enter once more, alone")
        one.real.at += 1
        await one.pilot.press("enter")
        assert (await _sent(one, "confirm"))["typed"] == "DECOMMISSION"


async def test_the_word_cannot_be_pasted() -> None:
    async with opened(views.irreversible()) as one:
        await _read(one)
        word = one.app.screen.query_one(Typed)
        await one.until(lambda: word.has_focus)
        word.post_message(events.Paste("DECOMMISSION"))
        await one.pilot.press("enter")
        await _nothing_confirmed(one)
        assert word.value == ""


async def test_an_observer_is_told_who_may() -> None:
    async with opened(views.observing()) as one:
        await one.pilot.press("enter")
        await one.says("you observe: ops has seat 1")
        assert "propose" not in one.client.kinds


async def test_a_refusal_of_the_engine_stands_in_the_dialog() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        await one.pilot.press("c")
        await _sent(one, "confirm")
        await one.show(_refused(views.confirming()))
        await one.says("not yet: a target is another one")
        assert isinstance(one.app.screen, Confirm)


async def test_it_closes_when_the_step_began() -> None:
    async with opened(views.confirming()) as one:
        await _read(one)
        await one.pilot.press("c")
        await _sent(one, "confirm")
        story = views.Story().until("open_new").confirm("switch", -15)
        await one.show(story.view(-15, views.live(-15)))
        await one.until(lambda: isinstance(one.app.screen, Watch))


def _refused(view: View) -> View:
    story = views.Story().until("open_new")
    story.tell(-15, e.IntentRefused("i", "confirm", "a target is another one"))
    return replace(view, state=story.state())
