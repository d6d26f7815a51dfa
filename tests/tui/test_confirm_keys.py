from __future__ import annotations

from cockpit.tui.dialogs.arming import Arming
from cockpit.tui.presses import KEPT, PASTE, Presses
from tests.fakes.screens import FakeReal

SHOWN = ("digest", 1)


class Dialog:
    """A dialog on a clock, opened by Enter, and the keys that come."""

    def __init__(self) -> None:
        self.real = FakeReal()
        self.presses = Presses(self.real)
        self.press("enter")
        self.arming = Arming(self.real)

    def readable(self) -> Dialog:
        """Shown just now."""
        self.arming.drawn(SHOWN)
        self.arming.seen(SHOWN, self.real.at)
        return self

    def after(self, seconds: float) -> Dialog:
        self.real.at += seconds
        return self

    def press(self, *keys: str) -> None:
        """Keys that come in one reading."""
        self.presses.reading()
        self.newest, *_ = [self.presses.add(object(), key) for key in keys]

    def refusal(self, *keys: str) -> str:
        """Why the first of these keys confirms nothing; empty where it confirms."""
        self.press(*keys)
        one = self.newest
        if not self.arming.was_readable(one):
            return self.arming.unread()
        hasty = self.arming.hasty(one, self.presses.before(one))
        return hasty or self.arming.crowded(one, self.presses.after(one))


def test_a_key_alone_in_a_dialog_that_was_read_confirms() -> None:
    assert Dialog().readable().after(1.0).refusal("c") == ""


def test_it_must_have_been_readable_for_a_second() -> None:
    assert "readable in 1 s" in Dialog().after(5).readable().after(0.95).refusal("c")


def test_it_is_not_readable_before_the_terminal_said_that_it_shows_it() -> None:
    dialog = Dialog()
    dialog.arming.drawn(SHOWN)
    assert "readable" in dialog.after(1.5).refusal("c")
    assert "has not shown this yet" in dialog.after(10).refusal("c")
    dialog.arming.seen(SHOWN, dialog.real.at)
    assert "readable in 1 s" in dialog.after(0.9).refusal("c")


def test_what_changes_must_be_read_anew() -> None:
    dialog = Dialog().readable().after(5)
    dialog.arming.drawn(("another", 1))
    dialog.arming.seen(SHOWN, dialog.real.at)
    assert dialog.after(5).refusal("c") != ""
    dialog.arming.seen(("another", 1), dialog.real.at)
    assert dialog.after(0.9).refusal("c") != ""
    assert dialog.after(1.1).refusal("c") == ""


def test_a_key_within_0_7_s_after_another_confirms_nothing() -> None:
    for before in ("x", "c", "down", PASTE):
        dialog = Dialog().readable().after(5)
        dialog.press(before)
        assert "too fast" in dialog.after(0.69).refusal("c")
        assert dialog.after(0.71).refusal("c") == ""


def test_a_key_followed_in_the_same_reading_or_50_ms_later_confirms_nothing() -> None:
    assert "too fast" in Dialog().readable().after(5).refusal("c", "l")
    assert "too fast" in Dialog().readable().after(5).refusal("c", PASTE)
    for seconds, expected in ((0.05, True), (0.06, False)):
        dialog = Dialog().readable().after(5)
        dialog.press("c")
        one = dialog.newest
        dialog.after(seconds).press("l")
        assert bool(dialog.arming.crowded(one, dialog.presses.after(one))) is expected


def test_a_key_held_since_before_the_dialog_confirms_nothing() -> None:
    for first_repeat in (0.25, 0.5, 0.66, 0.98):
        dialog = Dialog()
        dialog.press("c")
        dialog.after(0.01).readable()
        wait = first_repeat
        for _ in range(200):
            assert dialog.after(wait).refusal("c") != ""
            wait = 0.033


def test_a_key_held_since_before_it_was_readable_and_stalled_on_the_way_confirms_nothing() -> None:
    dialog = Dialog()
    for _ in range(20):
        dialog.after(0.033).press("c")
    dialog.readable()
    for _ in range(20):
        assert dialog.after(0.033).refusal("c") != ""
    assert dialog.after(1.5).refusal(*("c" * 40)) != ""


def test_after_letting_go_the_key_confirms() -> None:
    dialog = Dialog().readable()
    for _ in range(60):
        dialog.after(0.033).refusal("c")
    assert dialog.after(0.71).refusal("c") == ""


def test_presses_are_kept_in_order_and_not_for_ever() -> None:
    presses = Presses(FakeReal())
    every = [presses.add(object(), "x") for _ in range(3 * KEPT)]
    assert presses.before(every[-1]) == every[-2]
    assert presses.after(every[-2]) == every[-1]
    assert presses.before(every[0]) is None


def test_an_event_is_known_by_itself() -> None:
    presses, event = Presses(FakeReal()), object()
    press = presses.add(event, "c")
    assert presses.of(event, "c") is press
    assert presses.of(object(), "c").number == press.number + 1
