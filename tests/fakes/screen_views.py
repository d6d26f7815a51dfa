"""Moments of a run, folded from events: what the screen is tested with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from cockpit.answer import Answer
from cockpit.clock import NS
from cockpit.decision.evidence import Reading, Verdict
from cockpit.engine.client import View
from cockpit.journal import events as e
from cockpit.journal.events import NAME, Event
from cockpit.journal.fold import fold
from cockpit.journal.state import RunState
from cockpit.propagation.answers import Cell, Grid, Row
from cockpit.runbook.words import Environment
from cockpit.telemetry.live import LabView, Left, Live, Proposal, Tile
from tests.fakes.screen_runbook import screen_runbook

T0 = 1_795_572_300.0
"""2026-11-25 02:05:00 UTC."""
BOOT = 10_000 * NS
VIEWER = "4711:99"
OTHER = "4712:77"


class Story:
    """Events told one after the other, each at a moment counted from T-0."""

    def __init__(self, environment: Environment = "production", viewer: str = VIEWER) -> None:
        self.runbook = screen_runbook(environment)
        self.told: list[tuple[Event, str]] = []
        self.start = T0 - 48 * 3600 - 600
        self.tell(
            -48 * 3600 - 600,
            e.RunStarted(
                "freshtrack",
                self.runbook.procedure.title,
                environment,
                "freshtrackpro.com",
                "droplet-1",
                "p" * 64,
                "q" * 64,
                T0,
                "0.1.0",
            ),
        )
        self.tell(-48 * 3600 - 600, e.ClockSet(0, self.start, 1.0, "start"))
        self.tell(-48 * 3600 - 590, e.SeatTaken(1, "ops", "droplet-1", viewer, "start"))

    def tell(self, at: float, data: object, by: str = "ops") -> Story:
        event = Event(
            v=1,
            seq=len(self.told),
            type=NAME[type(data)],
            utc="",
            boot_id="b",
            boot_ns=int((T0 + at - self.start) * NS),
            run_s=T0 + at,
            by=by,
            data=msgspec.Raw(msgspec.json.encode(data)),
        )
        self.told.append((event, "h" * 64))
        return self

    def run(self, step: str, at: float, took: float = 3.2, attempt: int = 1) -> Story:
        """One step from its confirmation to done."""
        self.confirm(step, at, attempt).end(step, at + took, took, attempt)
        answers = [Answer("disk", "every count is equal", "pass", "41 tables, 0 differ", T0 + at)]
        self.tell(at + took, e.Verified(step, attempt, answers), "engine")
        return self.tell(at + took, e.StepFinished(step, attempt, "done"), "engine")

    def confirm(self, step: str, at: float, attempt: int = 1) -> Story:
        lines = [f"./bin/do {step}"]
        self.tell(at, e.Confirmed(step, attempt, "d" * 64, 1, lines, [], {}))
        return self.tell(at, e.AttemptStarted(step, attempt, 4242, 1, "b"), "engine")

    def end(self, step: str, at: float, took: float, attempt: int = 1, code: int = 0) -> Story:
        return self.tell(at, e.AttemptEnded(step, attempt, code, "exited", took), "engine")

    def until(self, last: str) -> Story:
        """Every step up to and with this one, each at its time."""
        for step in self.runbook.forward:
            if step.id not in {event.plain.get("step") for event, _ in self.told}:
                self.run(step.id, float(self.runbook.offset(step) or 0) + 60)
            if step.id == last:
                break
        return self

    def switched(self) -> Story:
        self.until("switch")
        return self.tell(61, e.T0Happened(T0 + 61, "ns1 gave 198.51.100.20"), "engine")

    def state(self) -> RunState:
        return replace(fold(RunState(), self.told), run="production/freshtrack-20261123T015500Z")

    def view(self, at: float, live: Live | None = None, **more: Any) -> View:
        boot_ns = int((T0 + at - self.start) * NS)
        if live is not None and live.boot_ns == 0:
            live = replace(live, boot_ns=boot_ns - NS // 2)
        view = View(self.runbook, self.state(), live, boot_ns, VIEWER)
        return replace(view, **more)


SERVICES = (
    ("backend", "84 ms"),
    ("caddy", "cert 88 d"),
    ("postgres", "14/22 conn"),
    ("redis", "1 ms"),
    ("s3 store", "3 ms"),
    ("prometheus", "2.1 s"),
    ("loki", "0 errors/min"),
    ("grafana", ""),
    ("node-exp.", "disk 61%"),
    ("pgbouncer", "12/50 used"),
    ("uptime kuma", "all up"),
    ("host", "load 0.4"),
    ("old backend", "18/min"),
    ("old postgres", "read-only"),
    ("readings", "208/min"),
    ("mail queue", "0 waiting"),
)


def tiles(at: float, **states: str) -> tuple[Tile, ...]:
    """The services, fine but for those named."""
    made = []
    for number, (title, figure) in enumerate(SERVICES):
        name = title.replace(" ", "_").replace(".", "").replace("-", "_")
        state = states.get(name, "fine")
        seen = T0 + at - (240 if state in ("silent", "stale") else 3)
        values = tuple(
            None if (number + index) % 11 == 0 else float((number * 7 + index * 5) % 9 + 2)
            for index in range(12)
        )
        history = values if number % 3 == 0 else ()
        told = "no data" if state == "silent" else figure
        made.append(Tile(name, title, state, told, seen, T0 + at - 3600, history))  # type: ignore[arg-type]
    return tuple(made)


RESOLVERS = (
    ("Cloudflare", "us", "honest"),
    ("Google", "us", "honest"),
    ("Quad9", "ch", "honest"),
    ("OpenDNS", "us", "honest"),
    ("Vodafone", "de", "honest"),
    ("Orange", "fr", "honest"),
    ("Swisscom", "ch", "honest"),
    ("Telekom", "de", "clamps"),
    ("Office", "at", "honest"),
    ("Hotel", "it", "violates"),
)


def grid(at: float, states: str = "nmoonnnhsh", *, switched: bool = True) -> Grid:
    """Ten resolvers by a letter each: new, mixed, old, holds, servfail, timeout."""
    words = {"n": "new", "m": "mixed", "o": "old", "h": "holds", "s": "servfail", "t": "timeout"}
    rows = []
    for number, ((name, country, kind), letter) in enumerate(zip(RESOLVERS, states, strict=True)):
        state = words[letter]
        until = T0 + at + 8 + number * 9 if state in ("old", "mixed") else None
        until = T0 + at + 847 if state == "holds" else until
        cell = Cell(state, ("198.51.100.20",), 60, until, T0 + at - 2)  # type: ignore[arg-type]
        address = f"127.9.9.{101 + number}"
        rows.append(Row(name, address, country, "resolver", kind, 1.0, (cell, cell)))  # type: ignore[arg-type]
    ours = Cell(
        "new" if switched else "old", ("198.51.100.20",), 60, None, T0 + at, None, 2026112302
    )
    rows += [
        Row(f"ns{n}", f"127.9.9.5{n}", "", "authority", "honest", 0.0, (ours, ours)) for n in (1, 2)
    ]
    following = 2 * states.count("n")
    return Grid(
        names=("freshtrackpro.test.", "www.freshtrackpro.test."),
        rows=tuple(rows),
        at=T0 + at - 2,
        switched_at=T0 + 61 if switched else None,
        bound=T0 + 161 if switched else None,
        share=following / 20 if switched else None,
        following=following,
        counted=20,
    )


def verdict(at: float, word: str = "stay", leaning: str = "good") -> Verdict:
    """Three readings; the first leans as told."""
    told = {
        "good": ("2.1% (0.6-7.4) of 812, limit 10%", 2.1),
        "bad": ("14.2% (11.8-16.9) of 812, limit 10%", 14.2),
        "unknown": ("nothing measured yet", None),
    }
    words, value = told[leaning]
    readings = (
        Reading("failures", "Failing requests?", leaning, value, None, None, 10, 812,  # type: ignore[arg-type]
                40 if leaning == "unknown" else 0, words, T0 + at - 4),
        Reading("losses", "Readings lost?", "good", 0, None, None, 1, 187, 0,
                "0 of 187 missing", T0 + at - 4),
        Reading("latency", "Slower than before?", "good", 1.1, 0.9, 1.4, 2, 640, 0,
                "1.1x (0.9-1.4), limit 2x", T0 + at - 6),
    )  # fmt: skip
    reason = "nothing is lost, and failures are far below the limit"
    if word == "roll_back":
        reason = "failures are above their limit in two looks in a row"
    return Verdict(
        word,  # type: ignore[arg-type]
        reason,
        readings,
        2,
        187,
        ("mails that were sent from the new side",),
        540.0,
        T0 + 2 * 3600 - 300,
        T0 + at - 4,
    )


def proposal(step: str, at: float, **more: Any) -> Proposal:
    """The DNS switch as the engine would show it."""
    now = T0 + at
    gates = (
        Answer(
            "ttl_low",
            "TTL 60 at 22 of 24 resolvers",
            "pass",
            "2 hold on and are known",
            now - 61,
            300,
        ),
        Answer("old_refuses", "old side refuses writes", "pass", "tried as 2 roles", now - 1),
        Answer("certificate", "new side has its certificate", "pass", "88 days left", now - 1),
    )
    made = Proposal(
        step=step,
        attempt=1,
        digest="abc123",
        lines=(
            "freshtrackpro.com      A  203.0.113.10 -> 198.51.100.20",
            "www.freshtrackpro.com  A  203.0.113.10 -> 198.51.100.20",
            "ttl stays 60, by RFC 2136, key from dns_token (hidden)",
        ),
        targets=(("zone", "freshtrackpro.com at ns1, ns2"),),
        gates=gates,
        closed=(),
        way_back="both records as they were: 60 s and more; rows carried, 9 min",
        took_before="1.9 s and 3.2 s in the last two rehearsals",
        typed_word="",
        matters="",
        boot_ns=0,
    )
    return replace(made, **more)


def gate_said(found: Proposal, said: str, evidence: str) -> Proposal:
    """The same proposal with its last gate answering otherwise."""
    last = replace(found.gates[-1], said=said, evidence=evidence)  # type: ignore[arg-type]
    closed = (f"one gate is not open: {last.title}",)
    return replace(found, gates=(*found.gates[:-1], last), closed=closed)


def live(at: float, **more: Any) -> Live:
    """What the engine sees; its boot clock is set by `Story.view`."""
    return Live(**({"engine_pid": 4000, "boot_ns": 0, "tiles": tiles(at)} | more))  # type: ignore[arg-type]


# -- the moments --------------------------------------------------------------------------------


def lab_starting() -> View:
    coming = LabView("starting", "PostgreSQL is being set up, 2 of 5", "calm")
    return Story("rehearsal").view(-48 * 3600 - 580, Live(4000, 0, lab=coming))


def fresh() -> View:
    at = -48 * 3600 - 300
    return Story().view(at, live(at, grid=grid(at, "o" * 10, switched=False)))


def midway() -> View:
    at = -24 * 3600 + 400
    story = Story().until("first_copy").tell(at - 30, e.Noted("support is told"))
    return story.view(at, live(at, grid=grid(at, "o" * 10, switched=False)))


def confirming(**more: Any) -> View:
    at = -20.0
    story = Story().until("open_new")
    found = proposal("switch", at, **more)
    return story.view(at, live(at, grid=grid(at, "o" * 10, switched=False), proposal=found))


def confirming_long(digest: str = "abc123") -> View:
    return confirming(
        digest=digest, lines=tuple(f"copying table {number} of 30" for number in range(1, 31))
    )


def gate_unknown() -> View:
    return _proposed(gate_said(proposal("switch", -20), "unknown", "not seen for 40 s"))


def gate_failing() -> View:
    return _proposed(gate_said(proposal("switch", -20), "fail", "it is for another name"))


def _proposed(found: Proposal) -> View:
    at = -20.0
    story = Story().until("open_new")
    return story.view(at, live(at, grid=grid(at, "o" * 10, switched=False), proposal=found))


def irreversible() -> View:
    at = 7 * 24 * 3600.0 + 300
    story = Story().switched().until("raise_ttl")
    found = proposal(
        "decommission",
        at,
        lines=("docker compose down --volumes", "rm -rf /srv/old"),
        way_back="none, because the old side is deleted",
        typed_word="DECOMMISSION",
        matters="after this there is no rollback; today one would carry 90211 rows",
    )
    return story.view(at, live(at, grid=grid(at, "n" * 10), proposal=found))


def running() -> View:
    at = -820.0
    story = Story().until("freeze").confirm("rest", -880)
    output = ("copying users: 4 new, 1 changed", "copying sensor_readings: 41200 of 90211 rows")
    return story.view(
        at,
        live(at, grid=grid(at, "o" * 10, switched=False)),
        output=output,
        output_of="rest/1",
    )


def in_doubt() -> View:
    at = -700.0
    story = Story().until("freeze").confirm("rest", -880)
    story.tell(-760, e.AttemptInDoubt("rest", 1, "its runner is gone without a word"), "engine")
    seen = (
        Answer(
            "disk",
            "both sides hold the same rows",
            "fail",
            "sensor_readings: 49011 differ",
            T0 + at - 5,
        ),
    )
    return story.view(
        at,
        live(at, grid=grid(at, "o" * 10, switched=False), looked=("rest", seen)),
        output=("copying sensor_readings: 41200 of 90211 rows",),
        output_of="rest/1",
    )


def failed() -> View:
    at = -700.0
    story = Story().until("freeze").confirm("rest", -880).end("rest", -860, 20.0, code=1)
    reason = "both sides hold the same rows: users differ in 3 rows"
    story.tell(-850, e.StepFinished("rest", 1, "failed", reason), "engine")
    return story.view(at, live(at, grid=grid(at, "o" * 10, switched=False)))


def lives_on() -> View:
    """A step in doubt of which a process lives on without its runner."""
    view = in_doubt()
    assert view.live is not None
    left = (Left("rest", 1, "pid 4711 (sh), 4712 (sleep)"),)
    return replace(view, live=replace(view.live, left=left))


def half_done() -> View:
    """A step that ended well, one of whose verifications says no; opened once more."""
    at = -700.0
    story = Story().until("freeze").confirm("rest", -880).end("rest", -860, 20.0)
    reason = "both sides hold the same rows: users differ in 3 rows"
    story.tell(-850, e.StepFinished("rest", 1, "failed", reason), "engine")
    seen = (
        Answer("disk", "both sides hold the same rows", "fail", "users differ", T0 + at - 1),
        Answer("sums", "the old side is frozen", "pass", "0 writes since", T0 + at - 1),
    )
    why = "it is not declared idempotent, and may have had its effect: the old side is frozen"
    found = proposal(
        "rest",
        at,
        attempt=2,
        lines=("copy the rest",),
        seen=seen,
        closed=(f"{why} holds: mark it done with a reason, or roll back",),
    )
    return story.view(at, live(at, grid=grid(at, "o" * 10, switched=False), proposal=found))


def held() -> View:
    at = -1200.0
    story = Story().until("go").tell(-1250, e.Held("the office network is down"))
    return story.view(at, live(at, grid=grid(at, "o" * 10, switched=False)))


def switched() -> View:
    at = 112.0
    story = Story().switched()
    story.tell(80, e.Propagated("Cloudflare has 5 caches behind its address, 2 follow"), "engine")
    story.tell(100, e.Noted("support has two calls, both from the office network"))
    seen = live(
        at,
        tiles=tiles(at, prometheus="slow", grafana="silent"),
        grid=grid(at),
        verdict=verdict(at),
    )
    output = ("2 records changed", "read back from ns1, ns2")
    return story.view(at, seen, output=output, output_of="switch/1")


def roll_back_advised() -> View:
    at = 900.0
    story = Story().switched()
    story.tell(880, e.VerdictGiven("roll_back", "failures are above their limit", []), "engine")
    seen = live(
        at,
        tiles=tiles(at, backend="slow", readings="down"),
        grid=grid(at, "nnnnnnnhsh"),
        verdict=verdict(at, "roll_back", "bad"),
    )
    return story.view(at, seen)


def rolling_back() -> View:
    at = 1200.0
    story = Story().switched()
    story.tell(1000, e.TurnedBack("roll_back", "failures above 10% for 10 minutes"))
    story.run("back_switch", 1020)
    back = replace(grid(at, "oooonnohso"), wanted="old", switched_at=T0 + 1030, bound=T0 + 1090)
    back = replace(back, share=0.6, following=12)
    seen = live(at, grid=back, verdict=verdict(at, "roll_back", "bad"))
    return story.view(at, seen)


def observing() -> View:
    at = 112.0
    story = Story(viewer=OTHER).switched()
    return story.view(at, live(at, grid=grid(at), verdict=verdict(at)))


def engine_gone() -> View:
    view = switched()
    assert view.live is not None
    old = replace(view.live, boot_ns=view.boot_ns - 95 * NS)
    return replace(view, live=old, engine_gone=True)


def damaged() -> View:
    view = switched()
    state = replace(view.state, damage="event 41 (held) was altered: it does not fit its hash")
    return replace(view, state=state)


def completed() -> View:
    at = 7 * 24 * 3600 + 900.0
    story = Story().switched().until("decommission")
    story.tell(at - 60, e.RunEnded("completed"), "engine")
    return story.view(at, live(at, grid=grid(at, "n" * 10), verdict=verdict(at)))


VIEWS = {
    "lab starting": lab_starting,
    "fresh": fresh,
    "midway": midway,
    "confirming": confirming,
    "running": running,
    "in doubt": in_doubt,
    "failed": failed,
    "held": held,
    "switched": switched,
    "roll back advised": roll_back_advised,
    "rolling back": rolling_back,
    "observing": observing,
    "engine gone": engine_gone,
    "damaged": damaged,
    "completed": completed,
}


class FakeClient:
    """A client that shows what it is given, and keeps what it is asked."""

    def __init__(self, view: View) -> None:
        self.shown = view
        self.sent: list[tuple[str, dict[str, str | float]]] = []
        self.looked_at: list[str] = []

    def view(self) -> View:
        return self.shown

    def look_at(self, probe: str) -> None:
        self.looked_at.append(probe)

    def send(self, kind: str, **details: str | float) -> str:
        self.sent.append((kind, details))
        return f"intent {len(self.sent)}"

    @property
    def kinds(self) -> list[str]:
        """What was asked, in order."""
        return [kind for kind, _ in self.sent]
