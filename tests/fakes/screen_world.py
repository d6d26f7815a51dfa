"""What the world looks like in each state that matters: services, resolvers, the decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cockpit.clock import NS
from cockpit.decision.evidence import Reading, Verdict
from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.propagation.answers import Cell, Grid, Point, Row
from cockpit.resources import shipped
from cockpit.runbook.plan import load_plan
from cockpit.telemetry.live import Tile, TileState
from tests.fakes import screen_views as views
from tests.fakes.screen_views import SERVICES, T0, Story, grid, live, tiles, verdict

Made = Callable[[], View]


# -- the services -------------------------------------------------------------------------------


def _services(**states: str) -> View:
    at = 112.0
    return Story().switched().view(at, live(at, tiles=tiles(at, **states)))


def _everything(state: str) -> dict[str, str]:
    return {
        title.replace(" ", "_").replace(".", "").replace("-", "_"): state for title, _ in SERVICES
    }


NEW_SIDE = ("backend", "caddy", "postgres", "redis", "s3_store", "readings", "mail_queue")
WATCHERS = ("prometheus", "loki", "grafana", "node_exp", "uptime_kuma")


def no_tiles() -> View:
    at = 112.0
    return Story().switched().view(at, live(at, tiles=()))


def shipped_services() -> View:
    """Every service of the shipped runbook, fine but for two containers."""
    at = 112.0
    probes = load_plan(
        shipped("runbooks") / "freshtrack", "production", {}
    ).runbook.procedure.probes
    said: dict[str, tuple[TileState, str]] = {
        "loki_container": ("down", "out of memory"),
        "caddy_container": ("slow", "restarted 1x"),
    }
    seen = tuple(
        Tile(
            str(probe.id),
            probe.title,
            *said.get(probe.id, ("fine", "healthy" if probe.kind == "container" else "84 ms")),
            T0 + at - 3,
            T0 + at - 3600,
            (40.0, 42.0, 41.0, 44.0) if probe.kind == "container" else (),
        )
        for probe in probes
    )
    view = Story().switched().view(at, live(at, tiles=seen))
    procedure = replace(view.runbook.procedure, probes=probes)
    return replace(view, runbook=replace(view.runbook, procedure=procedure))


HEALTH: dict[str, Made] = {
    "fine": _services,
    "slow": lambda: _services(backend="slow", prometheus="slow"),
    "down": lambda: _services(backend="down", readings="down", prometheus="slow"),
    "silent": lambda: _services(grafana="silent", loki="silent"),
    "stale": lambda: _services(postgres="stale", old_postgres="stale"),
    "off_as_planned": lambda: _services(**dict.fromkeys(NEW_SIDE, "off")),
    "not_rehearsed": lambda: _services(**dict.fromkeys(WATCHERS, "not_rehearsed")),
    "all_down": lambda: _services(**_everything("down")),
    "nothing_measured": no_tiles,
    "shipped": shipped_services,
}


# -- the resolvers ------------------------------------------------------------------------------


def spread_grid(at: float, states: str, **more: Any) -> Grid:
    """A grid with what many looks tell: caches, marks, a curve, and what is expected."""
    made = grid(at, states)

    def counted(row: Row) -> Row:
        if row.role == "authority":
            return row
        row = replace(row, caches=4, about=5, unseen=0.12)
        # Whose last answer is another one claims nothing of the share that follows.
        follows = row.cells[0].state == "new"
        return replace(row, following=3, old_at_most=0.3) if follows else row

    rows = tuple(map(counted, made.rows))
    begun = made.switched_at or T0
    steps = 40
    curve = tuple(
        Point(begun + (T0 + at - begun) * i / steps, 0.9 * i / steps, min(1.0, 1.15 * i / steps))
        for i in range(steps + 1)
    )
    told: dict[str, Any] = {
        "expected": 0.62,
        "cache_share": 0.48,
        "curve": curve,
        "back_s": 60.0,
        "longest_bound": T0 + 961,
        "beyond": ("Chrome up to 160 s after the switch", "Firefox up to 220 s after the switch"),
    }
    return replace(made, rows=rows, asked_at=T0 + at - 2, **(told | more))


def _changed(made: Grid, **rows: dict[str, Any]) -> Grid:
    """The same grid with some rows, by name, otherwise."""
    return replace(made, rows=tuple(replace(row, **rows.get(row.name, {})) for row in made.rows))


def _looking(at: float, made: Grid) -> View:
    return Story().switched().view(at, live(at, grid=made, verdict=verdict(at)))


def nobody_switched() -> View:
    at = -1200.0
    seen = live(at, grid=replace(grid(at, "ooooooohso", switched=False), asked_at=T0 + at - 7))
    return Story().until("go").view(at, seen)


def paused() -> View:
    at = -20.0
    why = "no resolver is asked just before the switch: it would keep the old answer"
    seen = live(at, grid=replace(grid(at, "o" * 10, switched=False), paused=why))
    return Story().until("open_new").view(at, seen)


def partly() -> View:
    return _looking(112.0, spread_grid(112.0, "nmoonnnonn"))


def holding() -> View:
    at = 400.0
    made = _changed(
        spread_grid(at, "nnnnnnnhnh"),
        Telekom={"history": ("old",) * 9 + ("holds",) * 4, "site": "fra-2"},
        OpenDNS={"left_out": "gives other name servers for the zone"},
        Orange={"mark": "raised"},
        Quad9={"mark": "capped"},
        Google={"mark": "constant", "caches": 0},
    )
    return _looking(at, replace(made, share=0.8, following=16))


def failing() -> View:
    at = 400.0
    return _looking(at, replace(spread_grid(at, "nnnnnsnntn"), share=0.8, following=16))


def left_out() -> View:
    at = 400.0
    made = _changed(
        spread_grid(at, "nnnnnnnnsn"),
        Office={"left_out": "fails: EDE 22 (no reachable authority)"},
    )
    return _looking(at, replace(made, share=1.0, following=18, counted=18))


def converged() -> View:
    at = 400.0
    made = spread_grid(at, "n" * 10, cache_share=1.0, expected=1.0)
    return _looking(at, replace(made, share=1.0, following=20))


def serials_differ() -> View:
    at = 112.0
    made = spread_grid(at, "nnoonnnonn")
    old = Cell("old", ("203.0.113.10",), 60, None, T0 + at, None, 2026112301)
    return _looking(at, _changed(made, ns2={"cells": (old, old)}))


def stale_grid() -> View:
    at = 400.0
    return _looking(at, replace(spread_grid(112.0, "nnoonnnonn"), at=T0 + 112))


def led_back(at: float) -> Grid:
    """Most follow the way back to the old side."""
    made = _changed(
        replace(grid(at, "oooonnohso"), wanted="old", switched_at=T0 + 1030, bound=T0 + 1090),
        ns1={"cells": (Cell("old", ("203.0.113.10",), 60, None, T0 + at, None, 9),) * 2},
        ns2={"cells": (Cell("old", ("203.0.113.10",), 60, None, T0 + at, None, 9),) * 2},
    )
    return replace(made, share=0.6, following=12)


def leading_back() -> View:
    at = 1060.0
    story = Story().switched()
    story.tell(1000, e.TurnedBack("roll_back", "failures above 10% for 10 minutes"))
    story.run("back_switch", 1020)
    return story.view(at, live(at, grid=led_back(at), verdict=verdict(at, "roll_back", "bad")))


def rolled_back() -> View:
    story = Story().switched()
    story.tell(1000, e.TurnedBack("roll_back", "failures above 10% for 10 minutes"))
    for number, step in enumerate(("back_switch", "back_rows", "back_open", "back_ttl")):
        story.run(step, 1020.0 + 60 * number)
    story.tell(1300, e.RunEnded("rolled_back"), "engine")
    at = 1320.0
    seen = live(at, grid=led_back(at), verdict=verdict(at, "roll_back", "bad"))
    return story.view(at, seen)


def nobody_asked() -> View:
    at = 112.0
    return Story().switched().view(at, live(at))


RESOLVERS: dict[str, Made] = {
    "nobody_switched": nobody_switched,
    "paused": paused,
    "partly": partly,
    "converged": converged,
    "holding_on": holding,
    "failing": failing,
    "left_out": left_out,
    "serials_differ": serials_differ,
    "stale": stale_grid,
    "leading_back": leading_back,
    "nobody_asked": nobody_asked,
}


# -- the decision -------------------------------------------------------------------------------


def _reading(signal: str, question: str, leaning: str, words: str, needed: int = 0) -> Reading:
    at = T0 + 896
    return Reading(signal, question, leaning, None, None, None, 1, 812, needed, words, at)  # type: ignore[arg-type]


FAILURES = {
    "good": "2.1% (1.3-3.4) of 812, limit 10%",
    "warn": "6.2% (4.7-8.0) of 812, limit 10%",
    "bad": "14.2% (11.8-16.9) of 812, limit 10%",
    "unknown": "1 of 9 requests",
}
LOSSES = {"good": "0 of 187 missing", "bad": "12 of 187 missing", "unknown": "too early to tell"}
LATENCY = {
    "good": "1.1x (0.9-1.4), limit 2x",
    "warn": "1.6x (1.4-1.8), limit 2x",
    "bad": "2.9x (2.6-3.3), limit 2x",
    "unknown": "12 responses timed, 30 are needed",
}


def _judged(
    word: str, reason: str, losses: str = "good", failures: str = "good", latency: str = "good"
) -> Verdict:
    readings = (
        _reading("losses", "Readings lost?", losses, LOSSES[losses]),
        _reading("failures", "Failing requests?", failures, FAILURES[failures],
                 31 if failures == "unknown" else 0),
        _reading("latency", "Slower than before?", latency, LATENCY[latency],
                 18 if latency == "unknown" else 0),
    )  # fmt: skip
    return replace(verdict(900.0, word), word=word, reason=reason, readings=readings)  # type: ignore[arg-type]


def _deciding(found: Verdict | None, **more: Any) -> View:
    at = 900.0
    return Story().switched().view(at, live(at, verdict=found, **more))


def not_yet() -> View:
    at = -1200.0
    found = _judged("not_yet", "not switched yet", "unknown", "unknown", "unknown")
    seen = live(at, verdict=replace(found, to_carry=0, cannot_bring_back=()))
    return Story().until("go").view(at, seen)


def too_late() -> View:
    found = _judged("stay", "nothing is lost, and failures are far below the limit")
    return _deciding(replace(found, back_by=T0 + 600))


def old_verdict() -> View:
    view = _deciding(_judged("stay", "nothing is lost, and failures are far below the limit"))
    assert view.live is not None
    return replace(view, live=replace(view.live, boot_ns=view.boot_ns - 95 * NS))


DECISION: dict[str, Made] = {
    "not_yet": not_yet,
    "stay": lambda: _deciding(_judged("stay", "nothing is lost, failures are below the limit")),
    "watch": lambda: _deciding(
        _judged("watch", "Slower than before: 1.6x (1.4-1.8), limit 2x", latency="warn")
    ),
    "fix_forward": lambda: _deciding(
        _judged("fix_forward", "Failing requests: 6.2%, more than the old side", failures="warn")
    ),
    "scale_up": lambda: _deciding(
        _judged("scale_up", "Slower than before: 1.6x; short: CPU of backend", latency="warn")
    ),
    "roll_back": lambda: _deciding(
        _judged("roll_back", "failures are above their limit in two looks", failures="bad")
    ),
    "not_enough_data": lambda: _deciding(
        _judged(
            "not_enough_data", "Failing requests: 1 of 9", failures="unknown", latency="unknown"
        )
    ),
    "rows_unknown": lambda: _deciding(
        replace(_judged("stay", "nothing is lost"), to_carry=None, cannot_bring_back=())
    ),
    "too_late_to_go_back": too_late,
    "old": old_verdict,
    "rolling_back": views.rolling_back,
    "rolled_back": rolled_back,
    "nothing_measured": lambda: _deciding(None),
}
