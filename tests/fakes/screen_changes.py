"""Moments in which something waits to be accepted."""

from __future__ import annotations

from dataclasses import replace

from cockpit.clock import NS
from cockpit.engine.client import View
from cockpit.journal.state import Second
from cockpit.telemetry.live import NOBODY_YET, Damage, PlanChange
from tests.fakes import screen_views as views

DAMAGE = Damage(
    what="event 41 (attempt ended) was altered: it does not fit its hash",
    seq=41,
    offset=20480,
    file="/var/lib/cockpit/runs/production/freshtrack-20261123T020000Z/journal.jsonl",
    size=90321,
    sha256="5e" * 32,
    kept="journal.damaged-1",
    sound=41,
    taken_over=112,
    vouched=(12, 12),
    lost=("41",),
    found=("copy_rest, attempt 2",),
    sentence="I accept the damage at event 41",
)
CHANGE = PlanChange(
    digest="77ab" * 16,
    procedure="9c" * 32,
    other_procedure=True,
    files=("runbook.yaml", "copy.sh"),
    rows=(
        (
            "step copy_rest",
            "changed",
            (("runs", "sh copy.sh rest", "sh copy.sh rest --slow"), ("timeout", "600", "900")),
        ),
        ("check ttl_low", "changed", (("expect.value", "60", "120"),)),
        ("step warn_again", "added", ()),
    ),
    texts=(("copy.sh", ("@@ -1,2 +1,2 @@", " set -e", "-rsync -a", "+rsync -a --bwlimit=5M")),),
    begun=("copy_rest",),
)


def _with(view: View, **more: object) -> View:
    assert view.live is not None
    return replace(view, live=replace(view.live, **more))  # type: ignore[arg-type]  # fields of Live


def damaged(**more: object) -> View:
    found = replace(DAMAGE, **more)  # type: ignore[arg-type]  # fields of Damage
    view = _with(views.switched(), damage=found)
    return replace(view, state=replace(view.state, damage=found.what))


def plan_changed(**more: object) -> View:
    return _with(views.switched(), plan_change=replace(CHANGE, **more))  # type: ignore[arg-type]  # the same


def program_changed() -> View:
    return _with(views.held(), program_change="0.2.0+5d41402abc4b")


def in_trouble() -> View:
    return _with(views.switched(), trouble="the host says: No space left on device")


VIEWS = {
    "damaged": damaged,
    "plan_changed": plan_changed,
    "program_changed": program_changed,
}


def wanted(*, driving: bool, told: str = "", foreseen: tuple[str, ...] = ()) -> View:
    """The DNS switch, which asks for a second person, open on the driver's screen."""
    closed = () if told else (NOBODY_YET,)
    view = views.confirming(second_person=True, closed=closed, foreseen=foreseen)
    second = Second(
        step="switch",
        attempt=1,
        digest="abc123",
        by=told,
        proven=told != "root",
        boot_id="b",
        pressed_ns=view.boot_ns - 12 * NS,
    )
    state = replace(view.state, second=second if told else None)
    return replace(view, state=state, viewer=views.VIEWER if driving else views.OTHER)
