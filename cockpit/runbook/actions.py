"""Actions: what a step does, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cockpit.runbook.words import CheckId, Duration, FileName, StepId, TargetId


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellAction:
    """Runs a program on this host; in rehearsal, the lab operation named for the step."""

    kind: Literal["shell"]
    argv: tuple[str, ...]
    """The program and its arguments; no shell reads them unless it is the program."""
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "."
    files: tuple[FileName, ...] = ()
    """Files beside the runbook that the program is or reads; the plan's copy of them is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeAction:
    """Acts on a Compose project; in rehearsal, the lab operation named for the step."""

    kind: Literal["compose"]
    target: TargetId
    operation: Literal["pull", "build", "run", "up", "wait", "restart", "stop", "prune", "down"]
    services: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """What a one-off `run` executes."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set for Compose's own interpolation, as `JOBS_ENABLED: "false"`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsAction:
    """Changes the records of a DNS target, reading each before and after."""

    kind: Literal["dns"]
    target: TargetId
    change: Literal["ttl", "to_new", "to_old", "restore_ttl"]
    """`ttl` sets it and records the former; `restore_ttl` puts back what `of` recorded."""
    ttl: Duration | None = None
    of: StepId | None = None
    """The step whose records tell the TTL: for `restore_ttl`, and where wanted for `to_old`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlAction:
    """Runs statements in one transaction."""

    kind: Literal["sql"]
    target: TargetId
    statements: tuple[str, ...] = ()
    file: FileName | None = None
    record: str | None = None
    """A query that is read before the statements; its rows are recorded, for the way back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOnlyAction:
    """Freezes a database against the application's writes, or opens it again."""

    kind: Literal["read_only"]
    target: TargetId
    mode: Literal["freeze", "open"]
    other: TargetId | None = None
    """`open`: the side whose refusal of writes is proved again first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAction:
    """Copies rows (new, changed, deleted) or sets sequences ahead."""

    kind: Literal["copy"]
    source: TargetId
    target: TargetId
    what: Literal["all", "rest", "sequences"]
    """`all`: a first copy; `rest`: what differs since; `sequences`: beyond the source's."""
    tables: tuple[str, ...] = ()
    """In an order that foreign keys allow; empty with `sequences`."""
    margin: int = 1000
    """How far beyond the source's a sequence is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileAction:
    """Compares both sides and writes the differences into the attempt's folder."""

    kind: Literal["reconcile"]
    source: TargetId
    target: TargetId
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAction:
    """Writes rows into the run directory's `exports/`, with a manifest of counts and digests."""

    kind: Literal["export"]
    target: TargetId
    tables: tuple[str, ...]
    against: TargetId | None = None
    """With it: only rows that the frozen other side lacks or holds otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAction:
    """Carries exported rows back, and verifies each table."""

    kind: Literal["restore"]
    target: TargetId
    of: StepId
    """The step whose export is carried."""
    tables: tuple[str, ...]
    """In the order in which they are carried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAction:
    """Sends one HTTP request."""

    kind: Literal["http"]
    target: TargetId
    method: Literal["POST", "PUT", "DELETE"]
    path: str
    body: str = ""
    expect_status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyAction:
    """Tells people."""

    kind: Literal["notify"]
    to: str
    """A notifier of the profile."""
    subject: str
    body: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitAction:
    """Watches until checks pass, or the timeout ends it."""

    kind: Literal["wait"]
    until: tuple[CheckId, ...]
    every: Duration = Duration(5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualAction:
    """A person does it; confirming says that it was done."""

    kind: Literal["manual"]
    do: tuple[str, ...]
    """What to do, line by line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitAction:
    """Installs the systemd unit by which the engine watches again after a reboot, or removes it."""

    kind: Literal["unit"]
    operation: Literal["install", "remove"]


Action = (
    ShellAction
    | ComposeAction
    | DnsAction
    | SqlAction
    | ReadOnlyAction
    | CopyAction
    | ReconcileAction
    | ExportAction
    | RestoreAction
    | HttpAction
    | NotifyAction
    | WaitAction
    | ManualAction
    | UnitAction
)
