from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input

from cockpit.engine.client import View
from cockpit.tui.dialogs.reason import Reason
from cockpit.tui.lines.now import now
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.text import plain
from cockpit.tui.screens.changes import Changes
from cockpit.tui.screens.watch import Watch
from tests.fakes import screen_changes as waits
from tests.fakes import screen_views as views
from tests.fakes.screens import Opened, opened

SIZES = {"120x40": (120, 40), "80x24": (80, 24)}


async def _page(one: Opened) -> None:
    await one.pilot.press("a")
    await one.until(lambda: isinstance(one.app.screen, Changes))


async def _asks(one: Opened) -> Input:
    await one.pilot.press("a")
    await one.until(lambda: isinstance(one.app.screen, Reason))
    return one.app.screen.query_one(Input)


async def _deliberately(one: Opened) -> None:
    """The key that does it, once what it does could be read."""
    dialog = one.app.screen
    assert isinstance(dialog, Reason)
    await one.until(lambda: dialog.said is not None and dialog.arming.readable_in is not None)
    one.real.at += 2
    await one.pilot.press("c")


def _sent(one: Opened, kind: str) -> dict[str, str | float]:
    return next(details for sent, details in one.client.sent if sent == kind)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", waits.VIEWS)
async def test_the_page_of_what_waits(name: str, size: str, svg: SnapshotAssertion) -> None:
    async with opened(waits.VIEWS[name](), SIZES[size]) as one:
        await _page(one)
        assert await one.settled() == svg(name=f"{name}-{size}")


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (waits.damaged(), "JOURNAL DAMAGED: event 41 (attempt ended) was altered"),
        (waits.plan_changed(), "RUNBOOK CHANGED on disk (4 differences): only the accepted copy"),
        (
            waits.plan_changed(mistakes=("no",), digest=""),
            "RUNBOOK CHANGED on disk (with mistakes)",
        ),
        (waits.program_changed(), "PROGRAM CHANGED on disk: held until the engine begins again"),
        (waits.in_trouble(), "NOTHING CAN BE CONFIRMED: the host says: No space left"),
    ],
)
def test_now_says_what_waits_and_what_keeps_the_engine_from_working(view: View, words: str) -> None:
    assert words in plain(now(scene_of(view), 200))


def test_a_runbook_whose_folder_is_gone_alarms_nobody() -> None:
    gone = waits.plan_changed(is_gone=True, digest="", rows=(), texts=())
    assert plain(now(scene_of(gone), 200)) == plain(now(scene_of(views.switched()), 200))


async def test_a_damage_is_accepted_by_its_sentence_alone() -> None:
    async with opened(waits.damaged()) as one:
        await _page(one)
        await one.says("journal.damaged-1")
        words = await _asks(one)
        words.value = "yes, yes"
        await one.pilot.press("enter")
        await one.says("it must begin with: I accept the damage at event 41")
        assert "accept_damage" not in one.client.kinds
        words.value = "I accept  the damage at event 41: the disk is dying"
        await one.pilot.press("enter")
        await _deliberately(one)
        await one.until(lambda: "accept_damage" in one.client.kinds)
        sent = _sent(one, "accept_damage")
        assert sent["digest"] == waits.DAMAGE.sha256
        assert str(sent["text"]).endswith("the disk is dying")
        await one.until(lambda: isinstance(one.app.screen, Watch))


async def test_while_the_journal_is_damaged_no_other_key_asks_anything() -> None:
    async with opened(waits.damaged()) as one:
        for key in "hknsbxpt":
            await one.pilot.press(key)
            await one.says("nothing is recorded; a shows what can be done")
        assert one.client.kinds == []
        await _page(one)
        for key in "hknb":
            one.real.at += 9
            await one.show(replace(waits.damaged()))
            await one.says("a accept it in words")
            await one.pilot.press(key)
            await one.says("nothing is recorded; a shows what can be done")


async def test_a_changed_runbook_is_gone_over_to_with_a_reason_and_as_it_was_shown() -> None:
    async with opened(waits.plan_changed()) as one:
        await _page(one)
        await one.says("sh copy.sh rest --slow")
        words = await _asks(one)
        await one.pilot.press("enter")
        await one.says("a reason is wanted")
        words.value = "the copy was too fast"
        await one.pilot.press("enter")
        await _deliberately(one)
        await one.until(lambda: "accept_plan" in one.client.kinds)
        assert _sent(one, "accept_plan") == {
            "digest": waits.CHANGE.digest,
            "text": "the copy was too fast",
        }


async def test_differences_that_were_never_scrolled_to_are_not_accepted() -> None:
    texts = tuple((f"sql/{name}.sql", ("-select 1", "+select 2")) for name in "abcdefghijklmn")
    async with opened(waits.plan_changed(texts=texts), SIZES["80x24"]) as one:
        await _page(one)
        await one.says("lines below are unread ↓")
        await one.pilot.press("a")
        await one.pilot.pause()
        assert isinstance(one.app.screen, Changes)
        for _ in range(20):
            await one.pilot.press("pagedown")
            await one.pilot.pause(0.05)
        await one.says("a go over to it")
        await _asks(one)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (
            waits.plan_changed(refusals=("it drops lower_ttl, which has begun",)),
            "it drops lower_ttl",
        ),
        (waits.plan_changed(digest="", mistakes=("runbook.yaml:7: no",)), "it has mistakes: runbo"),
        (waits.damaged(hopeless="the run's beginning is lost"), "the run's beginning is lost"),
        (replace(waits.plan_changed(), viewer=views.OTHER), "you observe: ops has seat 1"),
        (replace(waits.program_changed(), viewer=views.OTHER), "you observe: ops has seat 1"),
    ],
)
async def test_what_cannot_be_accepted_says_why_and_asks_nothing(view: View, words: str) -> None:
    async with opened(view) as one:
        await _page(one)
        await one.says(words)
        await one.pilot.press("a")
        await one.pilot.pause()
        assert isinstance(one.app.screen, Changes)
        assert one.client.kinds == []


async def test_the_engine_begins_again_with_another_program_only_for_a_reason() -> None:
    async with opened(waits.program_changed()) as one:
        await _page(one)
        await one.says("0.2.0+5d41402abc4b")
        words = await _asks(one)
        words.value = "the fix of the copy"
        await one.pilot.press("enter")
        await _deliberately(one)
        await one.until(lambda: "restart" in one.client.kinds)


@pytest.mark.parametrize(
    ("view", "words", "does"),
    [
        (waits.plan_changed(), "the copy was too fast", "goes over to it"),
        (waits.program_changed(), "the fix of the copy", "begins again with it"),
        (waits.damaged(), waits.DAMAGE.sentence, "goes on with what is kept"),
    ],
)
async def test_neither_the_key_that_opened_it_nor_enter_nor_haste_accepts(
    view: View, words: str, does: str
) -> None:
    async with opened(view) as one:
        await _page(one)
        line = await _asks(one)
        line.value = words
        await one.pilot.press("enter")
        await one.says("not yet: readable in 1 s")
        dialog = one.app.screen
        assert isinstance(dialog, Reason)
        await one.until(lambda: dialog.said is not None and dialog.arming.readable_in is not None)
        one.real.at += 2
        await one.says(f"c {does}")
        await one.pilot.press("a", "enter", "c")  # another key came shortly before
        await one.says("keys came too fast: press c once more, alone")
        assert one.client.kinds == []
        one.real.at += 2
        await one.pilot.press("escape")
        await one.until(lambda: isinstance(one.app.screen, Changes))
        assert one.client.kinds == []


async def test_where_nothing_waits_the_key_says_so() -> None:
    async with opened(views.switched()) as one:
        await one.pilot.press("a")
        await one.says("nothing waits to be accepted")
        assert isinstance(one.app.screen, Watch)
