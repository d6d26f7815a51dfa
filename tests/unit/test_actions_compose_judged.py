from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cockpit.actions.compose import refuse_after_t0
from cockpit.actions.compose_plan import Change, Judgement, changed, with_dependencies
from cockpit.actions.compose_plan import words as foretold
from cockpit.actions.compose_prune import Built, judged
from cockpit.actions.compose_seen import Seen, allowance, moment, seen, words
from cockpit.actions.compose_wait import (
    SETTLED_S,
    as_known,
    deadline,
    is_lost,
    is_settled,
    lacking,
    ready,
    standing,
)
from cockpit.engine.proposals import closed_by_state
from cockpit.errors import Refused
from cockpit.journal.state import RunState, StepState
from cockpit.runbook.actions import ComposeAction, ManualAction
from cockpit.runbook.model import Phase, Procedure, Profile, Runbook, Step
from cockpit.runbook.words import Id, Offset, TargetId
from tests.fakes.small_runbooks import step

OLD = "sha256:0123456789abcdef"
NEW = "sha256:fedcba9876543210"
ONE = Seen(
    identity="c1",
    service="backend",
    image=OLD,
    status="running",
    health="healthy",
    started=100.0,
    allowance=79.0,
    name="p-backend-1",
)
INSPECTED: dict[str, Any] = {
    "Id": "c1",
    "Name": "/p-backend-1",
    "Image": OLD,
    "RestartCount": 2,
    "State": {
        "Status": "running",
        "StartedAt": "2026-11-23T15:50:27.916539123Z",
        "ExitCode": 0,
        "OOMKilled": True,
        "Health": {"Status": "unhealthy", "Log": [{"Output": "first"}, {"Output": "503 last\n"}]},
    },
    "Config": {
        "Labels": {"com.docker.compose.service": "backend"},
        "Healthcheck": {
            "Test": ["CMD", "node", "health-check.js"],
            "Interval": 30_000_000_000,
            "Timeout": 10_000_000_000,
            "StartPeriod": 40_000_000_000,
            "Retries": 3,
        },
    },
    "HostConfig": {"Memory": 64 * 2**20},
}


def test_what_was_there_has_stood_unless_it_was_started_again() -> None:
    looping = replace(ONE, identity="c2", restarts=3)
    stands = standing((ONE, looping), 50.0)
    assert stands == {("c1", 100.0): 50.0 - SETTLED_S}


def test_services_are_counted_as_services_and_replicas_that_are_missing_are_told() -> None:
    second, store = replace(ONE, identity="c2"), replace(ONE, identity="c3", service="redis")
    there = (ONE, second, store)
    assert ready((ONE,)) == "1 service ready"
    assert ready((ONE, store)) == "2 services ready"
    assert ready(there) == "2 services ready, 3 containers,"
    assert lacking(there, {"backend": 2, "redis": 1, "jobs": 0}) == []
    assert lacking(there, {"backend": 3, "redis": 1, "jobs": 1}) == [
        "backend is not ready: 2 of 3 containers that Compose wants are there",
        "jobs is not ready: it has no container",
    ]


def test_a_container_is_read_from_what_the_engine_says() -> None:
    one = seen(INSPECTED)
    assert (one.service, one.name, one.restarts) == ("backend", "p-backend-1", 2)
    assert (one.allowance, one.last_check) == (160.0, "503 last")
    assert one.started == datetime(2026, 11, 23, 15, 50, 27, 916539, UTC).timestamp()


def test_a_container_that_never_started_has_no_beginning() -> None:
    assert moment("0001-01-01T00:00:00Z") == 0.0
    assert moment("2026-11-23T15:50:27Z") == datetime(2026, 11, 23, 15, 50, 27, 0, UTC).timestamp()


@pytest.mark.parametrize(
    ("check", "seconds"),
    [({}, 0.0), ({"Test": ["NONE"]}, 0.0), ({"Test": ["CMD", "true"]}, 180.0)],
)
def test_what_a_health_check_leaves_out_counts_as_dockers_default(
    check: dict[str, Any], seconds: float
) -> None:
    assert allowance(check) == seconds


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (ONE, "healthy"),
        (replace(ONE, health="none"), "running"),
        (replace(ONE, status="paused", health="unhealthy"), "paused"),
        (replace(ONE, status="exited", health="unhealthy", exit_code=137), "exit 137, killed"),
        (replace(ONE, status="exited", exit_code=3), "exit 3"),
        (
            replace(ONE, status="exited", exit_code=137, out_of_memory=True, memory_limit=2**26),
            "exit 137, ended for want of memory (its limit: 64 MiB)",
        ),
        (
            replace(ONE, status="exited", out_of_memory=True, memory_limit=2**26),
            "exit 0; its memory once ran out (its limit: 64 MiB)",
        ),
        (
            replace(ONE, status="exited", exit_code=3, out_of_memory=True),
            "exit 3; its memory once ran out",
        ),
        (
            as_known(
                replace(ONE, status="exited", exit_code=137, out_of_memory=True),
                replace(ONE, out_of_memory=True),
            ),
            "exit 137, killed; its memory ran out before, and perhaps again",
        ),
        (
            as_known(replace(ONE, status="exited", exit_code=137, out_of_memory=True), ONE),
            "exit 137, ended for want of memory",
        ),
        (
            replace(ONE, restarts=1, out_of_memory=True),
            "healthy, started 1 times again, its memory once ran out",
        ),
        (
            replace(ONE, status="restarting", exit_code=3, restarts=5),
            "restarting after exit 3, 5 times so far",
        ),
    ],
)
def test_a_state_is_said_in_words_the_state_before_an_old_verdict(one: Seen, said: str) -> None:
    assert words(one) == said


@pytest.mark.parametrize(
    ("one", "former", "waited", "lost"),
    [
        (ONE, None, 1e6, False),
        (replace(ONE, health="starting"), None, 119, False),
        (replace(ONE, health="starting"), None, 121, True),
        (replace(ONE, health="unhealthy"), None, 119, False),
        (replace(ONE, health="unhealthy"), None, 121, True),
        (replace(ONE, health="unhealthy"), ONE, 121, True),
        (replace(ONE, health="unhealthy", allowance=160.0), None, 179, False),
        (replace(ONE, status="exited"), ONE, 1, True),
        (replace(ONE, status="paused"), ONE, 1, True),
        (replace(ONE, status="restarting", restarts=2), None, 1, False),
        (replace(ONE, status="restarting", restarts=3), None, 1, True),
        (replace(ONE, status="restarting", restarts=9), replace(ONE, restarts=7), 1, False),
    ],
)
def test_a_wait_ends_when_a_container_has_had_its_time_or_will_not_be_ready(
    one: Seen, former: Seen | None, waited: float, lost: bool
) -> None:
    assert is_lost(one, former, waited) is lost


def test_a_slow_health_check_is_given_all_its_tries_and_20_s_more() -> None:
    assert deadline(ONE) == 120
    assert deadline(replace(ONE, allowance=160.0)) == 180


def test_running_without_a_health_check_counts_only_after_a_while() -> None:
    silent = replace(ONE, health="none")
    assert [is_settled(silent, stood) for stood in (0.0, 4.9, 5.0)] == [False, False, True]
    assert is_settled(ONE, 0.0)


@pytest.mark.parametrize(
    ("there", "anew", "line"),
    [
        (None, (), "backend starts: fedcba987654"),
        (ONE, (), "backend stays: 0123456789ab"),
        (replace(ONE, status="exited"), (), "backend starts again: 0123456789ab"),
        (
            ONE,
            ("p-backend-1",),
            "backend is replaced (another image): 0123456789ab stops, fedcba987654 starts",
        ),
        (
            replace(ONE, image=NEW),
            ("p-backend-1",),
            "backend is replaced (another configuration): fedcba987654 stops, fedcba987654 starts",
        ),
    ],
)
def test_what_up_will_do_is_one_line_a_service(
    there: Seen | None, anew: tuple[str, ...], line: str
) -> None:
    judged = Judgement(recreated=frozenset(anew))
    assert foretold(changed("backend", [there] if there else [], NEW, judged)) == line


def test_what_stops_because_of_its_dependency_is_said_to_be_started_again() -> None:
    judged = Judgement(stopped=frozenset(("p-backend-1",)))
    line = "backend is stopped and started again, after what it depends on: 0123456789ab"
    assert foretold(changed("backend", [ONE], NEW, judged)) == line
    anew = Judgement(recreated=judged.stopped, stopped=judged.stopped)
    assert changed("backend", [ONE], NEW, anew).what == "replaced"


def test_what_fewer_replicas_remove_is_named() -> None:
    three = [replace(ONE, identity=name, name=name) for name in ("p-1", "p-2", "p-3")]
    judged = Judgement(removed=frozenset(("p-3", "p-2")))
    line = "backend stays: 0123456789ab; STOPPED AND REMOVED: p-2, p-3"
    assert foretold(changed("backend", three, NEW, judged)) == line
    none = changed("backend", three[1:], NEW, judged)
    assert none.what == "goes"
    assert foretold(none) == ("backend goes: no replica is wanted; STOPPED AND REMOVED: p-2, p-3")


def test_an_image_that_is_not_there_is_said() -> None:
    line = foretold(Change("grafana", "starts", ""))
    assert line == "grafana starts: an image that is not on this host"


def test_what_a_service_waits_for_comes_before_it() -> None:
    resolved: dict[str, dict[str, Any]] = {
        "caddy": {"depends_on": {"backend": {}}},
        "backend": {"depends_on": {"redis": {}}},
        "redis": {},
        "loki": {},
    }
    assert with_dependencies(("caddy", "redis"), resolved) == ("redis", "backend", "caddy")


def test_prune_keeps_what_is_used_named_replaced_or_newest_of_a_service() -> None:
    def image(name: str, day: int, *, named: bool = False) -> Built:
        return Built(name, "backend", datetime(2026, 11, day, tzinfo=UTC), named)

    images = [image("used", 1), image("named", 9, named=True), image("replaced", 2)]
    images += [image("newest", 8), image("older", 7), image("oldest", 3)]
    found = {one.identity: why for one, why in judged(images, {"used"}, {"replaced"})}
    assert {name for name, why in found.items() if not why} == {"older", "oldest"}
    assert found["newest"] == "the service's previous image"


def steps(t0_first: bool) -> Runbook:
    calm = ManualAction(kind="manual", do=("look",))
    t0 = replace(step(calm, "switch_dns"), t0=True)
    other = step(calm, "take_down")
    order: tuple[Step, ...] = (t0, other) if t0_first else (other, t0)
    phase = Phase(id=Id("all"), title="All", offset=Offset(0), steps=order)
    procedure = Procedure(
        cockpit=1, name=Id("small"), title="Small", targets={}, checks=(), phases=(phase,)
    )
    profile = Profile(cockpit=1, environment="staging", domain="small.test", targets={})
    return Runbook(procedure, profile, "/")


def test_down_is_not_offered_after_t0_but_to_give_a_side_up() -> None:
    after, before = steps(t0_first=True), steps(t0_first=False)
    down = next(one for one in after.forward if one.id == "take_down")
    refuse_after_t0(before, down, {})
    with pytest.raises(Refused, match="not offered after T-0"):
        refuse_after_t0(after, down, {})
    with pytest.raises(Refused, match="not offered after T-0"):
        refuse_after_t0(before, down, {"switch_dns": {}})
    refuse_after_t0(after, replace(down, irreversible=True), {"switch_dns": {}})


def test_the_confirmation_of_a_down_is_closed_from_t0_on_and_says_why() -> None:
    book = steps(t0_first=False)
    action = ComposeAction(kind="compose", target=TargetId("stack"), operation="down")
    found = next(one for one in book.forward if one.id == "take_down")
    down = replace(found, action=action)
    words = "`down` is not offered after T-0: users are on this side"
    assert words not in closed_by_state(down, book, RunState())
    switched = RunState(steps={"switch_dns": StepState("switch_dns", "done")})
    assert words in closed_by_state(down, book, switched)
    doubted = RunState(steps={"switch_dns": StepState("switch_dns", "in_doubt")})
    assert words in closed_by_state(down, book, doubted)


def test_a_one_shot_is_ready_when_it_ended_well_and_lost_when_it_did_not() -> None:
    once = replace(ONE, once=True, health="none")
    ended = replace(once, status="exited")
    assert (ended.is_ready, words(ended)) == (True, "ended, exit 0")
    assert is_settled(ended, 0.0)
    assert not once.is_ready
    assert not is_lost(once, None, 5.0)
    failed = replace(ended, exit_code=1)
    assert is_lost(failed, None, 5.0)
    assert not replace(ONE, status="exited").is_ready
