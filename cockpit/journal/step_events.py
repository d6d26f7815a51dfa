"""The events of steps and their attempts; `events.py` gives them their names, with all others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cockpit.answer import Answer
from cockpit.measures import Count, FileName, Lasting, Whole

if TYPE_CHECKING:
    Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
else:
    # msgspec reads the annotations of what it decodes, and knows no alias that names itself.
    Json = Any
Ended = Literal["exited", "timed_out", "stopped", "killed"]
"""How an action ended: by itself, or by others, who let nobody know how far it came."""
LongWhat = Literal["takes_long", "silent", "not_ended"]
"""Beyond its soft timeout, without output, or not even ended by its hard timeout."""


@dataclass(frozen=True, slots=True)
class TargetPinned:
    """A target's identity, as first read; another reading closes the steps that act on it."""

    target: str
    identity: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The operator confirmed one attempt of one step, as shown."""

    step: FileName
    attempt: Count
    digest: str
    """Of command, parameters, plan, target identities and each gate's id and answer."""
    seat: Count
    lines: list[str]
    """Exactly what will run, as shown."""
    gates: list[Answer]
    targets: dict[str, str]
    """Each target's identity, as read."""
    typed: str = ""
    foreseen: list[str] = field(default_factory=list)
    """What the outside would make of it, as shown: containers, image ids."""
    second: str = ""
    """Who confirmed it as second person; empty where none is wanted."""
    second_proven: bool = False
    """Whether it is proven to be another person: not where both are root."""


@dataclass(frozen=True, slots=True)
class Seconded:
    """A second person confirmed, before the driver, what the driver's screen shows."""

    step: FileName
    attempt: Count
    digest: str
    viewer: str
    """Whose screen it was: pid and start time."""
    pressed_ns: Count
    """The boot clock at the keypress."""
    proven: bool
    """Whether it is proven to be another person: not where both are root."""


@dataclass(frozen=True, slots=True)
class ConfirmationVoid:
    """A confirmation that will start nothing."""

    step: FileName
    attempt: Count
    reason: str


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """A runner's identity was read."""

    step: FileName
    attempt: Count
    pid: Count
    start_time: Count
    boot_id: str


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """A runner's exit status was read."""

    step: FileName
    attempt: Count
    exit: Whole
    ended: Ended
    took_s: Lasting
    """Real seconds."""
    message: str = ""
    recorded: dict[str, Json] = field(default_factory=dict)
    """What the action recorded for later steps: former values, counts."""
    head: str = ""
    silent_s: Lasting = 0.0
    """Real seconds of its longest silence."""


@dataclass(frozen=True, slots=True)
class AttemptLong:
    """An attempt under way takes longer than it should, or is silent; nothing was done about it."""

    step: FileName
    attempt: Count
    what: LongWhat
    after_s: Lasting
    """Real seconds that it has taken, or been silent."""
    usual: str


@dataclass(frozen=True, slots=True)
class AttemptInDoubt:
    """An attempt began and nobody knows how it ended."""

    step: FileName
    attempt: Count
    reason: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A step's verifications answered."""

    step: FileName
    attempt: Count
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class StepFinished:
    """An attempt's result."""

    step: FileName
    attempt: Count
    result: Literal["done", "failed"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StepSettled:
    """The operator settled an attempt that is in doubt, failed or unverified, in words."""

    step: FileName
    attempt: Count
    as_: Literal["done", "failed", "not_happened"]
    reason: str
    evidence: list[Answer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StepSkipped:
    """A step is passed over; what needs it stays closed."""

    step: FileName
    reason: str


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The operator stopped a running attempt."""

    step: FileName
    attempt: Count
    reason: str = ""
