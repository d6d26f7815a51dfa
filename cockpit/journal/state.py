"""The state of a run: frozen, equal when equal, made by `fold.py` and in no other way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cockpit.answer import Answer
from cockpit.clock import ClockMap
from cockpit.journal.events import Json, LongWhat

StepStatus = Literal[
    "open",
    "confirmed",
    "running",
    "stopping",
    "unverified",
    "done",
    "failed",
    "in_doubt",
    "skipped",
]
"""What the journal alone says of a step; `outlook.py` adds next, waits, later, not needed."""


@dataclass(frozen=True, slots=True)
class AttemptState:
    """One attempt of one step."""

    number: int
    status: StepStatus
    digest: str
    by: str
    """Who confirmed it, the second person too where one did."""
    confirmed_at: float
    lines: tuple[str, ...] = ()
    gates: tuple[Answer, ...] = ()
    pid: int = 0
    start_time: int = 0
    boot_id: str = ""
    started_at: float | None = None
    started_boot_ns: int = 0
    ended_at: float | None = None
    took_s: float | None = None
    exit: int | None = None
    ended: str = ""
    message: str = ""
    reason: str = ""
    """Why it is in doubt, failed or void."""
    long: tuple[LongWhat, ...] = ()
    """In what it took longer than it should."""
    silent_s: float = 0.0
    """Real seconds of its longest silence, once it has ended."""
    recorded: Mapping[str, Json] = field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    """What its verifications answered."""


@dataclass(frozen=True, slots=True)
class StepState:
    """One step."""

    id: str
    status: StepStatus = "open"
    attempts: tuple[AttemptState, ...] = ()
    done_at: float | None = None
    reason: str = ""
    """Why it was skipped, or how it was settled."""

    @property
    def last(self) -> AttemptState | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def recorded(self) -> dict[str, Json]:
        """What its attempts recorded: the newest wins, but for `former`, where the first does.

        An attempt that ran again after a first one had its effect reads its own work as the
        former value; only the first saw what was there before.
        """
        merged: dict[str, Json] = {}
        for attempt in self.attempts:
            first = {"former": merged["former"]} if "former" in merged else {}
            merged |= attempt.recorded
            merged |= first
        return merged

    @property
    def began(self) -> bool:
        """Whether it may have had an effect: done, failed, in doubt or under way.

        An attempt that failed may have acted half-way: skipping the step afterwards, or voiding
        a second confirmation, takes nothing back.
        """
        began = any(attempt.status != "open" for attempt in self.attempts)
        return began or self.status not in ("open", "skipped")


@dataclass(frozen=True, slots=True)
class Seat:
    """Who may confirm."""

    number: int
    operator: str
    host: str
    viewer: str
    since: float
    vacant: bool = False
    over: str = ""
    """Whom it was taken over from; empty where nobody had it."""
    reason: str = ""
    handover: str = ""


@dataclass(frozen=True, slots=True)
class Second:
    """What a second person confirmed; it counts for a minute, and once."""

    step: str
    attempt: int
    digest: str
    by: str
    proven: bool
    boot_id: str
    pressed_ns: int


@dataclass(frozen=True, slots=True)
class Mended:
    """A damage of the journal that was accepted."""

    at: float
    by: str
    what: str
    """The first event that did not fit."""
    kept: str
    """The file that holds the journal as it was."""
    sha256: str
    words: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A service's state was another one from here on."""

    at: float
    now: str
    figure: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of "What happened"."""

    seq: int
    at: float
    text: str
    tone: str = "plain"
    """A colour token of `status.py`."""
    step: str = ""
    """The id of the step that it is about, with which the text begins; empty where it is none."""


@dataclass(frozen=True, slots=True)
class RunState:
    """All that the journal says."""

    run: str = ""
    """The run directory's name."""
    runbook: str = ""
    title: str = ""
    environment: str = ""
    domain: str = ""
    host: str = ""
    plan: str = ""
    procedure: str = ""
    program: str = ""
    scenario: str = ""
    seed: int = 0
    started_at: float = 0.0
    t0_planned: float = 0.0
    t0_actual: float | None = None
    clock: ClockMap = ClockMap(0, 0.0, 1.0)
    clock_boot: str = ""
    """The boot in which the clock was set; it says nothing of another boot's clock."""
    clock_utc: str = ""
    """The wall clock when it was set, RFC 3339."""
    jumped_at: float = 0.0
    """Where the run clock last began, jumped, or was anchored anew: no window reaches before."""
    seat: Seat | None = None
    engines: int = 0
    """How many engines have worked at the run."""
    seats: int = 0
    """How often the seat was taken: the newest seat's number."""
    held: str | None = None
    """Why no step may begin; None where steps may."""
    mode: Literal["forward", "roll_back", "call_off"] = "forward"
    turned_at: float | None = None
    turned_why: str = ""
    cause: str = ""
    """What was noted since the rollback began; empty where nothing was."""
    ended: Literal["", "completed", "rolled_back", "called_off"] = ""
    ended_at: float | None = None
    steps: Mapping[str, StepState] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""
    verdict_reason: str = ""
    verdict_at: float | None = None
    """When the verdict last changed."""
    watches: Mapping[str, Answer] = field(default_factory=dict)
    """What each watch answered last; none once the run has turned back or ended."""
    services: Mapping[str, str] = field(default_factory=dict)
    """The state that was last told of each service whose state turned, by probe."""
    turns: Mapping[str, tuple[Turn, ...]] = field(default_factory=dict)
    """The newest turns of each service, oldest first, by probe; at most `fold.TURNS`."""
    lab: str = ""
    lab_detail: str = ""
    log: tuple[LogLine, ...] = ()
    """The newest lines, at most `fold.LOG_LINES`."""
    seq: int = -1
    head: str = ""
    """The newest event's hash."""
    damage: str = ""
    """What does not hold in the journal; empty where all does."""
    second: Second | None = None
    """The newest confirmation of a second person that the driver has not used."""
    plan_seen: str = ""
    """The changed plan, or its mistakes, that the journal spoke of last."""
    mended: tuple[Mended, ...] = ()
    """What did not hold before, and was accepted."""
    newer: str = ""
    """The program that wrote an event that this one does not know."""

    def step(self, step_id: str) -> StepState:
        """The state of a step; an untouched one where the journal is silent."""
        return self.steps.get(step_id, StepState(step_id))

    @property
    def t0(self) -> float:
        """The moment from which offsets count now: the actual T-0, else the planned."""
        return self.t0_planned if self.t0_actual is None else self.t0_actual

    @property
    def active(self) -> StepState | None:
        """The step whose attempt is under way, or unsettled before its result."""
        for step in self.steps.values():
            if step.status in ("confirmed", "running", "stopping", "unverified"):
                return step
        return None
