"""A service looked into: with its log, without one, gone, and watched from outside."""

from __future__ import annotations

from dataclasses import replace

from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.runbook.model import Probe
from cockpit.runbook.words import Id, ProbeId, TargetId
from cockpit.telemetry.live import Tile
from cockpit.telemetry.look import Look
from tests.fakes.screen_views import T0, Story, live, tiles

AT = 400.0
NOW = T0 + AT
ABOUT = (
    ("image", ("freshtrack/backend:1.4.2",)),
    ("digest", ("freshtrack/backend@sha256:9f2c4b7a1d",)),
    ("image id", ("sha256:41aa07c2be",)),
    ("container", ("freshtrack-backend-1, 0123456789ab",)),
    ("created", ("2026-11-25 01:58:02 UTC",)),
    ("started", ("2026-11-25 02:11:12 UTC",)),
    ("ended", ("2026-11-25 02:11:09 UTC",)),
    ("restart", ("unless-stopped; restarted 1x",)),
    ("limits", ("memory 1.0 GiB, 512 MiB reserved", "CPU 1")),
    ("mounts", ("bind /srv/secrets/jwt.txt at /run/secrets/jwt_secret, read only",)),
    ("networks", ("freshtrack_inner 172.20.0.4",)),
    ("ports", ("127.0.0.1:3000 to 3000/tcp",)),
    ("health", ("node health.js", "interval 30 s, timeout 10 s, 3 retries")),
    ("environment", ("DATABASE_URL, JWT_SECRET_FILE, NODE_ENV, REDIS_URL",)),
)
PAST = (
    (NOW - 50, "freshtrack-backend-1 ran out of memory"),
    (NOW - 49, "freshtrack-backend-1 ended, exit 137"),
    (NOW - 48, "freshtrack-backend-1 started"),
    (NOW - 12, "freshtrack-backend-1 unhealthy"),
)
LINES = tuple(
    (NOW - 14 + number, text)
    for number, text in enumerate(
        (
            "listening on 3000",
            "redis: connected",
            "GET /readings 200 12 ms",
            "GET /readings 200 9 ms",
            "redis: connection lost, ECONNREFUSED 172.20.0.3:6379",
            "redis: trying again in 1 s",
            "GET /health 503 redis",
            "a line that goes on in the row beneath it: " + "field=value " * 9,
        )
    )
)
LOOK = Look("backend", "follows", "", "freshtrack-backend-1", ABOUT, PAST, LINES)
DETAIL = (
    "container freshtrack-backend-1",
    "restarts 1",
    "last exit code 137",
    "killed for memory yes",
    "memory 412 MiB of 1.0 GiB",
    "CPU 4.1%",
    "health check exit 0: ok",
    "health check exit 1: 503 checks redis: down",
)


def _view(look: Look | None, state: str = "down", figure: str = "unhealthy: 503 redis") -> View:
    tile = Tile("backend", "backend", state, figure, NOW - 3, NOW - 12, (40, 42, 41, 44), DETAIL)  # type: ignore[arg-type]
    story = Story().switched()
    for at, was, now, words in (
        (-50.0, "fine", "down", "out of memory"),
        (-45.0, "down", "slow", "starting"),
        (-30.0, "slow", "fine", "healthy"),
        (-12.0, "fine", "down", "unhealthy: 503 redis"),
    ):
        turned = e.ServiceTurned("backend", "backend", was, now, words)
        story.tell(AT + at, turned, "engine")
    probe = Probe(
        id=Id("backend"),
        title="backend",
        kind="container",
        target=TargetId("web"),
        container="backend",
    )
    view = story.view(AT, live(AT, tiles=(tile, *tiles(AT)[1:])), look=look)
    procedure = replace(view.runbook.procedure, probes=(probe,))
    return replace(view, runbook=replace(view.runbook, procedure=procedure))


def with_log() -> View:
    return _view(LOOK)


def opening() -> View:
    return _view(None)


def silent() -> View:
    return _view(replace(LOOK, log=()))


def refused() -> View:
    words = "docker: configured logging driver does not support reading"
    return _view(replace(LOOK, state="refused", words=words, log=()))


def gone() -> View:
    words = "no container of backend is there"
    past = (*PAST, (NOW - 2, "freshtrack-backend-1 removed"))
    look = replace(LOOK, state="waits", words=words, about=(), past=past, container="")
    return _view(look, figure="no container")


def engine_gone() -> View:
    view = with_log()
    return replace(view, boot_ns=view.boot_ns + 90 * 10**9, engine_gone=True)


def outside() -> View:
    view = _view(None, "slow", "840 ms")
    assert view.live is not None
    tile = replace(view.live.tiles[0], detail=("HTTP 200", "12 kB"))
    view = replace(view, live=replace(view.live, tiles=(tile, *view.live.tiles[1:])))
    probe = replace(view.runbook.procedure.probes[0], kind="http", container="")
    procedure = replace(view.runbook.procedure, probes=(probe,))
    return replace(view, runbook=replace(view.runbook, procedure=procedure))


def beside() -> View:
    """Watched from outside, with its container beside it: the log is the container's."""
    view = _view(LOOK, "slow", "840 ms")
    assert view.live is not None
    tile = replace(view.live.tiles[0], detail=("HTTP 200", "12 kB"))
    box = replace(tile, probe="backend_box", title="backend box", state="fine", figure="healthy")
    box = replace(box, detail=DETAIL)
    view = replace(view, live=replace(view.live, tiles=(tile, box, *view.live.tiles[1:])))
    inner = view.runbook.procedure.probes[0]
    outer = replace(inner, kind="http", container="")
    probes = (outer, replace(inner, id=Id("backend_box"), beside=ProbeId("backend")))
    procedure = replace(view.runbook.procedure, probes=probes)
    return replace(view, runbook=replace(view.runbook, procedure=procedure))


STATES = {
    "with_log": with_log,
    "opening": opening,
    "silent": silent,
    "refused": refused,
    "gone": gone,
    "engine_gone": engine_gone,
    "outside": outside,
    "beside": beside,
}
