"""Each panel in each state that matters: moments of the run that differ in what it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cockpit.answer import Answer
from cockpit.clock import NS
from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.telemetry.live import Live
from tests.fakes import screen_views as views
from tests.fakes.screen_views import T0, Story, grid, live, tiles, verdict
from tests.fakes.screen_world import DECISION, HEALTH, RESOLVERS, holding, rolled_back

HOUR = 3600.0
Made = Callable[[], View]


# -- the steps ----------------------------------------------------------------------------------


def _told(story: Story, at: float, **more: Any) -> View:
    return story.view(at, live(at, grid=grid(at, "o" * 10, switched=False)), **more)


def late_switch() -> View:
    return _told(Story().until("open_new"), 14 * 60.0)


def unverified() -> View:
    return _told(Story().until("freeze").confirm("rest", -880).end("rest", -700, 180.0), -690)


def stopping() -> View:
    story = Story().until("freeze").confirm("rest", -880)
    return _told(story.tell(-825, e.StopRequested("rest", 1)), -820)


def skipped() -> View:
    story = Story().until("back_up")
    story.tell(-24 * HOUR, e.StepSkipped("first_copy", "the copy of last night is used"))
    return _told(story, -24 * HOUR + 300)


def another_day() -> View:
    story = Story().run("announce", -48 * HOUR + 60).run("lower_ttl", -26 * HOUR)
    story.run("back_up", -25 * HOUR).run("first_copy", -3 * HOUR).run("warn", -2.8 * HOUR)
    return _told(story, -2 * HOUR)


def postponed() -> View:
    story = Story().until("warn")
    story.tell(-4 * HOUR, e.T0Moved(T0 + 24 * HOUR, "a storm over the data centre"))
    answer = Answer("disk", "20 GiB are free", "not_rehearsed", "", T0 - 4 * HOUR)
    story.tell(-4 * HOUR + 1, e.WatchAnswered("disk, judged again", answer), "engine")
    return _told(story, -4 * HOUR + 60)


def called_off() -> View:
    story = Story().until("warn")
    story.tell(-4 * HOUR, e.TurnedBack("call_off", "the vendor's support is not there"))
    story.run("back_ttl", -4 * HOUR + 60).tell(-3.9 * HOUR, e.RunEnded("called_off"), "engine")
    return _told(story, -3.8 * HOUR)


TIMELINE: dict[str, Made] = {
    "before": views.fresh,
    "midway": views.midway,
    "late": late_switch,
    "another_day": another_day,
    "running": views.running,
    "stopping": stopping,
    "unverified": unverified,
    "failed": views.failed,
    "in_doubt": views.in_doubt,
    "skipped": skipped,
    "postponed": postponed,
    "switched": views.switched,
    "rolling_back": views.rolling_back,
    "rolled_back": rolled_back,
    "called_off": called_off,
    "completed": views.completed,
}


# -- what happened, and output ------------------------------------------------------------------


def nothing_happened() -> View:
    view = Story().view(-48 * HOUR - 580)
    return replace(view, state=replace(view.state, log=()))


def over_midnight() -> View:
    story = Story().until("warn").tell(-3 * HOUR, e.Noted("the window opens at 23:00"))
    story.tell(-2.5 * HOUR, e.Held("the office network is down")).tell(-2 * HOUR, e.Released())
    return _told(story.run("go", -1.6 * HOUR), -1.5 * HOUR)


def long_note() -> View:
    words = "support has two calls, both from the office network, " * 6
    return _told(Story().until("go").tell(-1300, e.Noted(words)), -1290)


def hostile_note() -> View:
    words = "\x1b[2J\x1b[31mall is [bold]fine[/] \x07\u202ereversed \x1b]0;owned\x07 https://x.test"
    return _told(Story().until("go").tell(-1300, e.Noted(words)), -1290)


def services_turn() -> View:
    story = Story().until("go")
    story.tell(-1300, e.ServiceTurned("b", "backend", "off", "down", "no answer"), "engine")
    story.tell(-1290, e.ServiceTurned("b", "backend", "down", "fine", "84 ms"), "engine")
    story.tell(-1280, e.ServiceTurned("r", "readings", "fine", "silent", "no data"), "engine")
    return _told(story, -1270)


LOG: dict[str, Made] = {
    "empty": nothing_happened,
    "night": views.switched,
    "over_midnight": over_midnight,
    "long": long_note,
    "escapes": hostile_note,
    "failed": views.failed,
    "in_doubt": views.in_doubt,
    "services_turn": services_turn,
    "judged_again": postponed,
}


def _written(view: View, *lines: str) -> View:
    return replace(view, output=lines, output_of="rest/1")


def never_ran() -> View:
    return replace(views.fresh(), output=(), output_of="")


def long_output() -> View:
    rows = [f"copying sensor_readings: {100 * i} of 90211 rows" for i in range(120)]
    rows.append("a line that does not end: " + "sensor_readings, " * 20)
    return _written(views.running(), *rows)


def escapes() -> View:
    return _written(
        views.running(),
        "\x1b[32mgreen\x1b[0m and \x1b[1mbold\x1b[0m, then a \x1b[2J screen that is wiped",
        "progress 10%\rprogress 90%",
        "\ttab\tand \x07bell, 漢字, [bold]no markup[/]",
        "bytes that are no text: \ufffd\ufffd",
    )


def stopped() -> View:
    story = Story().until("freeze").confirm("rest", -880)
    story.tell(-825, e.StopRequested("rest", 1))
    story.tell(-820, e.AttemptEnded("rest", 1, 143, "stopped", 60.0), "engine")
    return _written(_told(story, -815), "copying users: 4 new, 1 changed", "Terminated")


OUTPUT: dict[str, Made] = {
    "none": never_ran,
    "silent": lambda: _written(views.running()),
    "running": views.running,
    "long": long_output,
    "escapes": escapes,
    "stopped": stopped,
    "failed": lambda: _written(views.failed(), "users differ in 3 rows", "exit 1"),
    "done": views.switched,
}


# -- the three lines ----------------------------------------------------------------------------


def vacant() -> View:
    story = Story().until("go").tell(-1300, e.SeatVacated(1, "its viewer died"))
    return _told(story, -1290)


def three_watch() -> View:
    at = 112.0
    seen = live(at, grid=grid(at), verdict=verdict(at), watching=3)
    return Story().switched().view(at, seen)


def no_engine_yet() -> View:
    return Story().view(-48 * HOUR - 580)


def silent_engine() -> View:
    view = views.switched()
    seen: Live | None = view.live
    assert seen is not None
    return replace(view, live=replace(seen, boot_ns=view.boot_ns - 8 * NS))


def spreading() -> View:
    """The minutes after the switch, with all that is known of every resolver."""
    at = 400.0
    made = holding().live
    assert made is not None
    assert made.grid is not None
    ill = tiles(at, prometheus="slow", grafana="silent", mail_queue="off", loki="not_rehearsed")
    seen = live(at, tiles=ill, grid=made.grid, verdict=verdict(at), watching=2)
    output = ("2 records changed", "read back from ns1, ns2")
    return Story().switched().view(at, seen, output=output, output_of="switch/1")


HEADER: dict[str, Made] = {
    "before": views.fresh,
    "late_switch": late_switch,
    "running": views.running,
    "in_doubt": views.in_doubt,
    "failed": views.failed,
    "held": views.held,
    "switched": three_watch,
    "roll_back_advised": views.roll_back_advised,
    "rolling_back": views.rolling_back,
    "called_off": called_off,
    "completed": views.completed,
    "vacant_seat": vacant,
    "observing": views.observing,
    "no_engine_yet": no_engine_yet,
    "engine_silent": silent_engine,
    "engine_gone": views.engine_gone,
    "damaged": views.damaged,
}

PANELS: dict[str, dict[str, Made]] = {
    "header": HEADER,
    "timeline": TIMELINE,
    "health": HEALTH,
    "resolvers": RESOLVERS,
    "decision": DECISION,
    "log": LOG,
}
