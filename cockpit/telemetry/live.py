"""The live view: what the engine sees just now, replaced as a whole, never journaled.

The journal says what happened; this says what the world looks like. It may be lost at any
moment: the engine writes it again within a second of starting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cockpit.answer import Answer
from cockpit.decision.evidence import Verdict
from cockpit.propagation.answers import Grid

TileState = Literal["fine", "slow", "down", "silent", "stale", "off", "not_rehearsed"]


HEALTH_OUTPUT = "health check exit "
"""How a line of a tile's detail begins that repeats what a health check said."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One service."""

    probe: str
    title: str
    state: TileState
    figure: str
    """The figure that matters: `84 ms`, `14/22 conn`."""
    at: float
    """The run clock when something was last heard of it; 0 where nothing was."""
    since: float
    """The run clock since which the state holds."""
    history: tuple[float | None, ...] = ()
    """The last values, oldest first; None where there was none."""
    detail: tuple[str, ...] = ()
    """More lines for the service's own page."""
    side: str = ""
    fresh_for: float = 30.0
    """Run seconds for which the sample counts."""


SICK = ("down", "slow", "silent", "stale")
WORST = (*SICK, "fine", "off", "not_rehearsed")
"""The states of tiles, the sickest first."""


def tile_state(tile: Tile, now: float) -> str:
    """A tile's state; an answer that grew old is stale whatever it said."""
    if tile.state in ("fine", "slow", "down") and now - tile.at > tile.fresh_for:
        return "stale"
    return tile.state


NOBODY_YET = "a second person has not confirmed it"
"""Why a step that asks for one is closed, where nothing else closes it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A step as it would run now: what the confirmation shows, and what its digest covers."""

    step: str
    attempt: int
    digest: str
    lines: tuple[str, ...]
    """Exactly what will run."""
    targets: tuple[tuple[str, str], ...]
    """Each target with its identity as just read, or why it could not be."""
    gates: tuple[Answer, ...]
    closed: tuple[str, ...]
    """Why it cannot be confirmed; empty where it can."""
    way_back: str
    took_before: str
    typed_word: str
    matters: str
    """The number that matters: "412 rows would be lost"; empty where none does."""
    boot_ns: int
    """When it was made."""
    asking: bool = False
    """Gates are still being asked."""
    second_person: bool = False
    """It begins only once another login confirmed it too."""
    foreseen: tuple[str, ...] = ()
    """What the outside would make of it now: containers, image ids."""
    foreseen_digest: str = ""
    """Of all that was foreseen."""
    foreseen_closed: tuple[str, ...] = ()
    """Why it must not begin now, as the outside says."""
    foreseen_ns: int = 0
    """The boot clock when it was read."""
    seen: tuple[Answer, ...] = ()
    """What the step's verifications say now, where it was tried before."""


@dataclass(frozen=True, slots=True)
class LabView:
    """The embedded lab, in rehearsals."""

    state: Literal["starting", "up", "down"]
    detail: str
    scenario: str
    lag_s: float = 0.0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Silence:
    """An attempt under way that has been silent for longer than usual."""

    step: str
    attempt: int
    since_ns: int
    """The boot clock at its last output."""
    usual: str
    """What is usual, in words."""


@dataclass(frozen=True, slots=True)
class Left:
    """What lives on, without its runner, of an attempt that did not end well."""

    step: str
    attempt: int
    who: str
    """Processes by pid and name, containers by name."""


def together(*found: Left) -> tuple[Left, ...]:
    """One for each attempt, with all that lives on of it."""
    by_attempt: dict[tuple[str, int], list[str]] = {}
    for one in found:
        by_attempt.setdefault((one.step, one.attempt), []).append(one.who)
    return tuple(Left(*attempt, "; ".join(who)) for attempt, who in by_attempt.items())


@dataclass(frozen=True, slots=True)
class Damage:
    """A journal that does not hold, as its page shows it before it is accepted."""

    what: str
    """The first event that does not fit, and why."""
    seq: int
    """Its number."""
    offset: int
    """Bytes of the file before it."""
    file: str
    size: int
    sha256: str
    kept: str
    """The file in which it stays as it is."""
    sound: int
    """How many events before it hold."""
    taken_over: int
    """How many behind it still fit each other."""
    vouched: tuple[int, int] = (0, 0)
    """Of how many heads that others carry these are, and how many are carried."""
    lost: tuple[str, ...] = ()
    """The numbers of those that do not."""
    found: tuple[str, ...] = ()
    """Attempts that only their folders know: they will be in doubt."""
    sentence: str = ""
    """What must be written to accept it."""
    hopeless: str = ""
    """Why it cannot be accepted; empty where it can."""


@dataclass(frozen=True, slots=True)
class PlanChange:
    """The runbook's own files are not those of the frozen copy that runs."""

    digest: str = ""
    """Of the plan as it lies there; empty where it has mistakes."""
    procedure: str = ""
    other_procedure: bool = False
    """It is not the procedure that was rehearsed as this one."""
    files: tuple[str, ...] = ()
    """Whose bytes are others."""
    rows: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...] = ()
    """Each thing that differs, whether it was added, removed or changed, and its fields."""
    texts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each file that a step names and that differs, with its lines: ` `, `-` or `+` first."""
    begun: tuple[str, ...] = ()
    """Steps that differ and have begun: what they did stays as it was."""
    refusals: tuple[str, ...] = ()
    """Why the run cannot go over to it; empty where it can."""
    mistakes: tuple[str, ...] = ()
    is_gone: bool = False
    """The runbook's folder is not there any more."""


@dataclass(frozen=True, slots=True)
class Live:
    """All that is not in the journal."""

    engine_pid: int
    boot_ns: int
    """When it was written: an old one says that the engine is gone."""
    tiles: tuple[Tile, ...] = ()
    grid: Grid | None = None
    verdict: Verdict | None = None
    proposal: Proposal | None = None
    looked: tuple[str, tuple[Answer, ...]] | None = None
    """A step in doubt, and what its verifications answered when last asked."""
    lab: LabView | None = None
    old_requests: float | None = None
    """Requests a run minute that still reach the old side; None where no source is named."""
    old_by_name: float | None = None
    """Those of them that call it by a name that does not move; None where nobody tells them."""
    head: str = ""
    """The journal's newest hash when this was seen."""
    damage: Damage | None = None
    plan_change: PlanChange | None = None
    program_change: str = ""
    """The program that lies on the disk now, where it is not the engine's; else empty."""
    trouble: str = ""
    """What keeps the engine from working: a full disk, a lock; empty where nothing does."""
    silence: Silence | None = None
    """The attempt under way, where it is silent for longer than usual."""
    left: tuple[Left, ...] = ()
    """What lives on of steps in doubt or failed; looked for while a viewer is there."""
    watching: int = 0
    """How many viewers look on, the driver's included."""
    risk: str = ""
    """Why the engine may end with a login; empty where it does not."""
