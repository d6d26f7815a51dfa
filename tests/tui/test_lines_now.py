from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from cockpit.clock import NS
from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.telemetry.live import Tile
from cockpit.tui.lines.bar import bar
from cockpit.tui.lines.now import next_line, now
from cockpit.tui.lines.scene import scene_of
from cockpit.tui.lines.text import plain, width_of
from tests.fakes import screen_states as states
from tests.fakes import screen_views as views


def _now(view: View, width: int = 120) -> str:
    return plain(now(scene_of(view), width))


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("lab starting", "the lab is coming up: PostgreSQL is being set up, 2 of 5"),
        ("fresh", "0 of 15 steps done"),
        ("running", "8 Rest of the rows copied running for 60 s of 5 min: copying sensor_readings"),
        ("in doubt", "IN DOUBT: 8 Rest of the rows copied: its runner is gone without a word"),
        ("failed", "FAILED: 8 Rest of the rows copied: both sides hold the same rows"),
        ("held", "HELD: the office network is down"),
        ("switched", "DNS switched 51 s ago: 40% of answers follow, honest caches by 02:07:41"),
        ("roll back advised", "verdict ROLL BACK: failures are above their limit"),
        ("rolling back", "going back: failures above 10% for 10 minutes"),
        ("engine gone", "ENGINE GONE since 02:05:17"),
        ("damaged", "JOURNAL DAMAGED: event 41 (held) was altered: it does not fit its hash"),
        ("completed", "completed: every step is done"),
    ],
)
def test_now_says_the_worst_fact_first(name: str, begins: str) -> None:
    assert _now(views.VIEWS[name]()).removeprefix(" NOW   ").startswith(begins)


def _worse(view: View) -> list[View]:
    """The same moment, worse and worse."""
    live = view.live
    assert live is not None
    down = replace(live, tiles=views.tiles(112, backend="down"))
    advised = replace(down, verdict=views.verdict(112, "roll_back", "bad"))
    story = views.Story().switched().confirm("errors", 100)
    doubt = story.tell(105, e.AttemptInDoubt("errors", 1, "its runner is gone"), "engine").state()
    held = replace(view.state, held="by its key")
    gone = replace(advised, boot_ns=advised.boot_ns - 95 * NS)
    return [
        view,
        replace(view, live=down),
        replace(view, live=advised),
        replace(view, live=advised, state=held),
        replace(view, live=advised, state=replace(doubt, held="by its key")),
        replace(view, live=gone, state=doubt, engine_gone=True),
        replace(view, live=gone, state=replace(doubt, damage="broken"), engine_gone=True),
    ]


def test_what_is_worse_stands_before_what_is_less() -> None:
    said = [_now(view).removeprefix(" NOW   ") for view in _worse(views.switched())]
    begins = ["DNS switched", "DOWN", "verdict", "HELD", "IN DOUBT", "ENGINE GONE", "JOURNAL"]
    assert [text.startswith(word) for text, word in zip(said, begins, strict=True)] == [True] * 7


def test_a_step_that_takes_long_stands_behind_the_verdict_and_a_service_that_is_down() -> None:
    story = views.Story().switched().confirm("errors", 100)
    long = e.AttemptLong("errors", 1, "takes_long", 120.0, "planned 60 s")
    state = story.tell(105, long, "engine").state()
    # The moments in which the verdict advises it, and in which a service is down.
    told = [_now(replace(_worse(views.switched())[at], state=state), 300) for at in (2, 1)]
    for said, worse in zip(told, ("verdict ROLL BACK", "DOWN"), strict=True):
        assert 0 < said.index(worse) < said.index("LONG: ")


def test_an_engine_that_is_silent_for_a_while_is_said_to_be() -> None:
    view = views.switched()
    assert view.live is not None
    old = replace(view.live, boot_ns=view.boot_ns - 8 * NS)
    assert "the engine has been silent for 8.0 s" in _now(replace(view, live=old))


def test_a_vacant_seat_is_said_with_the_key_that_takes_it() -> None:
    story = views.Story().tell(-100, e.SeatVacated(1, "ops left"))
    assert "nobody has the seat: t takes it" in _now(story.view(-90, views.live(-90)))


def test_next_names_the_step_its_time_and_its_gates() -> None:
    said = plain(next_line(scene_of(views.switched()), 120))
    assert "11 Errors and response times" in said
    assert "planned 02:21, in 14:00" in said
    assert "1 gate" in said
    assert "Enter open" in said


def test_next_counts_the_gates_of_the_open_confirmation() -> None:
    said = plain(next_line(scene_of(views.gate_unknown()), 120))
    assert "gates: 2 pass, 1 unknown" in said


@pytest.mark.parametrize("name", sorted(views.VIEWS))
def test_now_is_said_whole_at_80_columns_before_how_late_we_are(name: str) -> None:
    view = views.VIEWS[name]()
    fact = _now(view, 300).removeprefix(" NOW   ").split(" · ")[0].rstrip()
    fact = fact.partition("   ")[0]
    if len(fact) <= 80 - len(" NOW   ") - 1:
        assert fact in _now(view, 80)


def test_late_is_said_in_words() -> None:
    assert "3 min late" in _now(views.in_doubt())
    assert "on time" in _now(views.switched())


def test_the_bar_says_where_the_run_acts_and_who_drives() -> None:
    said = plain(bar(scene_of(views.switched()), 120))
    for word in (" PRODUCTION ", "freshtrackpro.com", "droplet-1", "T+00:00:51", "running"):
        assert word in said
    assert "driver ops (you)" in said
    bars = [plain(bar(scene_of(views.observing()), width)) for width in (80, 104, 120)]
    for wide in bars[1:]:
        assert re.search(r"on droplet-1 .*driver ops since .*\d\d:\d\d, you observe", wide)
    assert "ops, you observe" in bars[0]


@pytest.mark.parametrize("name", views.VIEWS)
@pytest.mark.parametrize("width", [80, 81, 99, 100, 120, 160, 200])
def test_the_three_lines_fill_the_width_exactly(name: str, width: int) -> None:
    scene = scene_of(views.VIEWS[name]())
    for line in (bar(scene, width), now(scene, width), next_line(scene, width)):
        assert width_of(line) == width


@pytest.mark.parametrize("name", views.VIEWS)
def test_the_environment_is_in_words_at_every_width(name: str) -> None:
    view = views.VIEWS[name]()
    word = "REHEARSAL" if name == "lab starting" else "PRODUCTION"
    for width in (60, 80, 120):
        assert word in plain(bar(scene_of(view), width))


def test_no_two_moments_read_alike_without_colour() -> None:
    said = {name: _now(made()) for name, made in views.VIEWS.items() if name != "observing"}
    assert len(set(said.values())) == len(said)


def test_what_keeps_the_engine_from_its_work_is_said_at_once() -> None:
    view = views.switched()
    assert view.live is not None
    full = replace(view.live, trouble="the host says: No space left on device")
    said = "NOTHING CAN BE CONFIRMED: the host says: No space left on device"
    assert said in _now(replace(view, live=full))
    # An engine that is gone has said it for the last time.
    assert said not in _now(replace(view, live=full, engine_gone=True), 400)


def test_an_engine_that_ends_with_its_login_is_said_to() -> None:
    view = views.switched()
    assert view.live is not None
    risk = "logind ends this engine with the login of eve (session-7.scope; /etc/x.conf)"
    assert risk in _now(replace(view, live=replace(view.live, risk=risk)), 200)


def test_a_mirror_that_is_down_stands_among_what_needs_the_operator() -> None:
    view = views.switched()
    assert view.live is not None
    now = view.now
    tile = Tile("mirror", "mirror", "down", "failing, 12 min old", now, now - 60)
    said = _now(replace(view, live=replace(view.live, tiles=(*view.live.tiles, tile))), 200)
    assert "DOWN: mirror" in said


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (120, "planned T-0 passed by 14 min, not yet switched"),
        (80, "T-0 14 min late"),
        (60, "T-0 14 min late"),
    ],
)
def test_a_switch_that_is_late_is_never_shown_as_time_since_it(width: int, words: str) -> None:
    said = plain(bar(scene_of(states.late_switch()), width))
    assert words in said
    assert "T+" not in said


@pytest.mark.parametrize("made", [states.vacant, states.late_switch, views.observing])
@pytest.mark.parametrize("width", [80, 120])
def test_the_bar_names_the_host_whoever_drives(width: int, made: Callable[[], View]) -> None:
    assert "on droplet-1" in plain(bar(scene_of(made()), width))


def test_the_bar_says_who_else_looks_on() -> None:
    assert "driver ops (you), 2 watching" in plain(bar(scene_of(states.three_watch()), 120))


@pytest.mark.parametrize("name", ["rolling back", "vacant"])
def test_the_bar_keeps_the_domain_while_there_is_room_for_it(name: str) -> None:
    view = states.vacant() if name == "vacant" else views.rolling_back()
    assert "freshtrackpro.com" in plain(bar(scene_of(view), 120))


@pytest.mark.parametrize("owner", ["", "a_long_login_name"])
def test_how_a_gone_engine_is_started_stays_whole_in_80_columns(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cockpit.tui.lines.now.called", lambda: "python3 dev.py cockpit")
    said = plain(now(scene_of(replace(views.engine_gone(), owner=owner)), 80))
    remedy = f"only {owner} can start it again" if owner else "`python3 dev.py cockpit attach`"
    assert remedy in said
