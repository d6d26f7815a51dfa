"""The events of a journal: what each type says. A type's meaning never changes.

`Event` is the envelope; `DATA` maps a type to the class of its data. A type that is not there
was written by a newer program: it can be read past, and the run cannot be driven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec

from cockpit.answer import Answer
from cockpit.journal.step_events import (
    AttemptEnded,
    AttemptInDoubt,
    AttemptLong,
    AttemptStarted,
    ConfirmationVoid,
    Confirmed,
    Ended,
    Json,
    LongWhat,
    Seconded,
    StepFinished,
    StepSettled,
    StepSkipped,
    StopRequested,
    TargetPinned,
    Verified,
)
from cockpit.measures import Count, FileName, Moment, Speed, Whole, word_of
from cockpit.status import TILE, VERDICT

__all__ = (
    # Of steps and attempts: they are told in a module of their own.
    "AttemptEnded",
    "AttemptInDoubt",
    "AttemptLong",
    "AttemptStarted",
    "ConfirmationVoid",
    "Confirmed",
    "Ended",
    "Json",
    "LongWhat",
    "Seconded",
    "StepFinished",
    "StepSettled",
    "StepSkipped",
    "StopRequested",
    "TargetPinned",
    "Verified",
)

FORMAT = 1
SeatHow = Literal["start", "vacant", "over"]
BackHow = Literal["roll_back", "call_off"]
RunEnd = Literal["completed", "rolled_back", "called_off"]
ClockWhy = Literal["start", "speed", "jump", "reboot", "lag"]
_Tile = Annotated[str, word_of(tuple(TILE))]

_PLAIN = msgspec.json.Decoder(dict[str, Json])


# A struct and not a dataclass: recording and reading a long run make one a line. Plain data holds
# nothing that refers to it: the collector of cycles need not look.
class Event(msgspec.Struct, frozen=True, gc=False):
    """One line of the journal."""

    v: Count
    """The format's number."""
    seq: Count
    type: str
    utc: str
    """The wall clock, RFC 3339."""
    boot_id: str
    boot_ns: Count
    run_s: Moment
    """The run clock, seconds since the Unix epoch."""
    by: str
    """Who caused it: an operator, or `engine`."""
    data: msgspec.Raw
    """The JSON of what happened, as it is written: each reader decodes it to what it wants."""
    intent: str = ""
    """The id of the intent that it answers, so that none is followed twice; else empty."""

    @property
    def plain(self) -> dict[str, Json]:
        """What happened, by field; msgspec.MsgspecError where the line tells no such thing."""
        return _PLAIN.decode(self.data)


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins; its first event."""

    runbook: str
    title: str
    environment: Literal["production", "staging", "rehearsal"]
    domain: str
    host: str
    plan: FileName
    """The plan's digest."""
    procedure: str
    """The procedure's digest."""
    t0_planned: Moment
    """Run-clock seconds of the planned T-0."""
    program: str
    """The cockpit's version."""
    speed: Speed = 1.0
    seed: Whole = 0
    scenario: str = ""


@dataclass(frozen=True, slots=True)
class ClockSet:
    """The run clock's map changed: from `boot_ns` on it reads `run_s` and goes at `speed`."""

    boot_ns: Count
    run_s: Moment
    speed: Speed
    why: ClockWhy


@dataclass(frozen=True, slots=True)
class EngineStarted:
    """An engine took the run directory's lock."""

    pid: Count
    start_time: Count
    """Field 22 of /proc/PID/stat: with pid and boot id it names one process."""
    program: str = ""
    unit: str = ""
    """The service that it lives in, where it has one of its own."""


@dataclass(frozen=True, slots=True)
class EngineStopped:
    """An engine left by itself."""

    why: str


@dataclass(frozen=True, slots=True)
class SeatTaken:
    """Somebody may confirm from now on, nobody of an older number; `viewer` is `pid:start time`."""

    seat: Count
    operator: str
    host: str
    viewer: str
    how: SeatHow
    reason: str = ""
    handover: str = ""


@dataclass(frozen=True, slots=True)
class SeatVacated:
    """The driver's viewer left or died."""

    seat: Count
    why: str


@dataclass(frozen=True, slots=True)
class IntentRefused:
    """An intent that was read and not followed."""

    intent: str
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class PlanChangeSeen:
    """The runbook's files are not those of the frozen copy: that copy alone runs."""

    plan: str
    """The digest of what lies there; empty where it has mistakes."""
    files: list[str]
    mistakes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PlanAccepted:
    """The run goes over to the runbook as it was changed; what was done stays done, by its id."""

    plan: FileName
    procedure: str
    former: str
    """The digest of the plan that ran until then."""
    changes: list[str]
    """Each difference, as it was shown."""
    begun: list[str]
    """Steps that differ and had begun."""
    reason: str


@dataclass(frozen=True, slots=True)
class LineSetAside:
    """The half of a last line: its writing was cut off, and nobody was told of that event."""

    file: FileName
    size: Count
    sha256: str


@dataclass(frozen=True, slots=True)
class DamageAccepted:
    """A journal that did not hold was accepted in words; it is kept as it was, beside this one.

    The events after this one up to the next of the engine's own are those that still proved
    themselves: they follow under new numbers.
    """

    what: str
    """The first event that does not fit, and why."""
    seq: Count
    kept: FileName
    """The file that holds the journal as it was found."""
    size: Count
    sha256: str
    words: str
    """What the operator wrote."""
    taken_over: Count
    """How many events behind the damage still proved themselves."""
    lost: list[str]
    """The numbers of those that did not."""
    heads: list[str]
    """The heads that attempts and reports carried then: they are hashes of the former chain."""


@dataclass(frozen=True, slots=True)
class AttemptFound:
    """An attempt's folder of which the journal lost the confirmation."""

    step: FileName
    attempt: Count
    digest: str
    is_alive: bool
    """Its runner works: what becomes of it is journaled as of any other."""
    reason: str
    """What its folder says."""
    recorded: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """No new step until released."""

    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """Steps may begin again."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """Words of an operator."""

    text: str


@dataclass(frozen=True, slots=True)
class T0Moved:
    """The planned T-0 is another one."""

    planned: Moment
    reason: str


@dataclass(frozen=True, slots=True)
class T0Happened:
    """The first moment at which an authoritative address gave the new answer."""

    actual: Moment
    evidence: str


@dataclass(frozen=True, slots=True)
class TurnedBack:
    """The run goes back: by its rollback, or by its calling off before T-0."""

    how: BackHow
    reason: str
    evidence: list[str] = field(default_factory=list)
    """The signals as they stood."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run is over."""

    how: RunEnd


@dataclass(frozen=True, slots=True)
class VerdictGiven:
    """The rollback panel's verdict changed."""

    verdict: Annotated[str, word_of(tuple(VERDICT))]
    reason: str
    evidence: list[str]


@dataclass(frozen=True, slots=True)
class WatchAnswered:
    """A watch's check answered otherwise than before, or at its turn."""

    watch: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class ServiceTurned:
    """A tile's state changed."""

    probe: str
    title: str
    was: _Tile
    now: _Tile
    figure: str


@dataclass(frozen=True, slots=True)
class Propagated:
    """Something worth a line about resolvers."""

    text: str


@dataclass(frozen=True, slots=True)
class LabTurned:
    """The embedded lab came up, went down, or fell behind."""

    state: Literal["starting", "up", "down", "behind"]
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PhaseReached:
    """All steps of a phase are settled."""

    phase: str


DATA: Mapping[str, type] = {
    "run_started": RunStarted,
    "clock_set": ClockSet,
    "engine_started": EngineStarted,
    "engine_stopped": EngineStopped,
    "seat_taken": SeatTaken,
    "seat_vacated": SeatVacated,
    "target_pinned": TargetPinned,
    "seconded": Seconded,
    "confirmed": Confirmed,
    "confirmation_void": ConfirmationVoid,
    "intent_refused": IntentRefused,
    "plan_change_seen": PlanChangeSeen,
    "plan_accepted": PlanAccepted,
    "line_set_aside": LineSetAside,
    "damage_accepted": DamageAccepted,
    "attempt_found": AttemptFound,
    "attempt_started": AttemptStarted,
    "attempt_ended": AttemptEnded,
    "attempt_long": AttemptLong,
    "attempt_in_doubt": AttemptInDoubt,
    "verified": Verified,
    "step_finished": StepFinished,
    "step_settled": StepSettled,
    "step_skipped": StepSkipped,
    "stop_requested": StopRequested,
    "held": Held,
    "released": Released,
    "noted": Noted,
    "t0_moved": T0Moved,
    "t0_happened": T0Happened,
    "turned_back": TurnedBack,
    "run_ended": RunEnded,
    "verdict_given": VerdictGiven,
    "watch_answered": WatchAnswered,
    "service_turned": ServiceTurned,
    "propagated": Propagated,
    "lab_turned": LabTurned,
    "phase_reached": PhaseReached,
}
NAME: Mapping[type, str] = {cls: name for name, cls in DATA.items()}
