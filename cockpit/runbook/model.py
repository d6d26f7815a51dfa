"""The runbook as frozen facts, resolved for one environment.

`bind.py` reads these classes to load YAML and `schema.py` to write the JSON Schema: a field's
annotation is its type in YAML, a default makes it optional, the string beneath it is its help.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cockpit.runbook.actions import Action
from cockpit.runbook.checks import Check, Expect
from cockpit.runbook.targets import Heartbeat, Mirror, Notifier, SecretFile, Target
from cockpit.runbook.words import (
    CheckId,
    Duration,
    Environment,
    Id,
    Offset,
    ProbeId,
    SignalId,
    StepId,
    TargetId,
    Written,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One unit of change that the operator confirms."""

    id: Id
    title: str
    why: str
    success_looks_like: str
    if_it_fails: str
    ask: str
    """Whom to call when it goes wrong."""
    action: Action
    offset: Offset | None = None
    """When it is planned; the phase's offset otherwise."""
    needs: tuple[StepId, ...] | None = None
    """Steps that must be done before; the step written before it where this is left out."""
    gates: tuple[CheckId, ...] = ()
    verify: tuple[CheckId, ...] = ()
    estimate: Duration = Duration(60.0)
    """How long it takes, in real seconds."""
    timeout: Duration = Duration(600.0)
    """Real seconds after which its process group is ended, and killed where it does not end."""
    soft_timeout: Duration | None = None
    """Real seconds after which the screen says that it takes long; twice the estimate else."""
    silence: Duration | None = None
    """Real seconds without output that are usual; what its record shows, else the estimate."""
    undoes: tuple[StepId, ...] = ()
    """In the rollback: the steps whose effect it takes back."""
    way_back: str = ""
    """`none, because …` or `not needed, because …` where no rollback step undoes it."""
    irreversible: bool = False
    typed_word: str = ""
    """The word that confirms an irreversible step."""
    idempotent: bool = False
    """Whether running it again is the same as running it once."""
    second_person: bool = False
    """Whether another login must confirm it too, from a screen of their own."""
    t0: bool = False
    """Marks the DNS switch from which later offsets count."""
    no_return: Literal["rows", "end"] | None = None
    """`rows`: the first write on the new side; `end`: no rollback from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Steps that belong to one time of the change."""

    id: Id
    title: str
    offset: Offset
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A recurring observation of one service, shown as a tile."""

    id: Id
    title: str
    kind: Literal[
        "http",
        "postgres",
        "tcp",
        "metric",
        "host",
        "container",
        "notices",
        "redis",
        "s3",
        "tls",
        "prometheus",
        "loki",
        "pgbouncer",
        "grafana",
        "uptime_kuma",
        "traefik",
        "nginx",
    ]
    target: TargetId
    path: str = "/health"
    """What an HTTP probe asks for; of nginx its stub_status, of Uptime Kuma a status page."""
    json: str = ""
    """Of an HTTP probe: a dotted path into the JSON of its answer, for `expect`."""
    expect: Expect | None = None
    """What the value there must be: with another the service is down, whatever the status."""
    metric: str = ""
    """The counter whose rate a metric probe shows."""
    unit: str = ""
    query: str = ""
    """What a Prometheus or Loki probe asks: an instant query of one number."""
    limit: float | None = None
    """Beyond it a query's value is slow; below it, a certificate's days; of Uptime Kuma, seconds
    after which a monitor's last beat tells nothing."""
    container: str = ""
    """The Compose service that a container probe watches."""
    beside: ProbeId | None = None
    """The probe of the same service whose tile this one joins: the worse of the two speaks."""
    every: Duration = Duration(5.0)
    """Real seconds between two samples."""
    slow_over: Duration = Duration(1.0)
    """Real seconds beyond which an answer is slow."""
    side: Literal["old", "new", ""] = ""
    after: StepId | None = None
    """The step that starts the service: before it, that it is off is as planned."""
    until: StepId | None = None
    """The step that stops it: from then on, that it is off is as planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A measured quantity that the rollback decision reads."""

    id: Id
    title: str
    kind: Literal["failures", "latency", "losses", "share"]
    target: TargetId
    """The new side's metrics."""
    baseline: TargetId | None = None
    """The old side's metrics."""
    total: str = "http_requests_total"
    """Counter of requests; with label `status` for failures. For losses: of accepted rows."""
    duration: str = "http_request_duration_seconds"
    """Histogram of response times."""
    database: TargetId | None = None
    """For losses: where accepted rows must be stored."""
    stored: str = ""
    """For losses: the query that counts them."""
    limit: float
    """Beyond it, a rollback: a share of failures, a ratio of medians, a number of rows."""
    warn: float = 0.0
    """Beyond it, the operator watches."""
    window: Duration = Duration(900.0)
    """Run seconds that a verdict looks back."""
    grace: Duration = Duration(120.0)
    """For losses: run seconds that a row may take from acceptance to storage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A recurring read-only check that needs no keypress."""

    id: Id
    title: str
    check: CheckId
    every: Duration
    after: StepId
    """It runs from when this step is done …"""
    until: StepId
    """… until this one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the rollback panel needs beyond the signals."""

    signals: tuple[SignalId, ...]
    after: StepId
    """The verdict is about what happened since this step was done."""
    carry: tuple[TargetId, TargetId] | None = None
    """The new and the old database, whose difference a rollback would carry."""
    tables: tuple[str, ...] = ()
    not_carried: tuple[str, ...] = ()
    """What users change on the new side and no step carries back, in words: passwords for one."""
    rollback_estimate: Duration = Duration(540.0)
    """How long a rollback takes until one was rehearsed."""
    window_end: Offset = Offset(14400.0)
    """When the maintenance window closes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDeclaration:
    """What the runbook says of a target; its values stand in the profile."""

    kind: Literal["postgres", "dns", "http", "redis", "compose", "host"]
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A value that a profile gives."""

    about: str
    default: Written | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """In `rehearsal.yaml`: what the embedded lab does for this runbook."""

    operations: Mapping[str, str] = field(default_factory=dict)
    """A lab operation for a step of kind `shell` or `compose`."""
    scenarios: tuple[str, ...] = ("calm",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What one environment gives to a runbook."""

    cockpit: Literal[1]
    """The format's number."""
    environment: Environment
    domain: str
    """The product's public name, for the bar."""
    variables: Mapping[str, Written] = field(default_factory=dict)
    targets: Mapping[str, Target]
    secrets: Mapping[str, SecretFile] = field(default_factory=dict)
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    heartbeat: Heartbeat | None = None
    mirror: Mirror | None = None
    lab: Lab | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """What `runbook.yaml` says: the same in every environment."""

    cockpit: Literal[1]
    """The format's number."""
    name: Id
    title: str
    variables: Mapping[str, Variable] = field(default_factory=dict)
    targets: Mapping[str, TargetDeclaration]
    checks: tuple[Check, ...]
    phases: tuple[Phase, ...]
    probes: tuple[Probe, ...] = ()
    signals: tuple[Signal, ...] = ()
    watches: tuple[Watch, ...] = ()
    decision: Decision | None = None
    rollback: tuple[Step, ...] = ()
    call_off: tuple[StepId, ...] = ()
    """The rollback steps that also serve to call the change off before T-0."""

    def container(self, probe: str) -> Probe | None:
        """Who watches a service's container: the probe itself, or one beside it; None if nobody."""
        watching = (one for one in self.probes if one.kind == "container")
        return next((one for one in watching if probe in (one.id, one.beside)), None)


@dataclass(frozen=True, slots=True)
class Runbook:
    """A procedure in one environment: what everything else works with."""

    procedure: Procedure
    profile: Profile
    directory: str
    """Where its files lie."""
    lines: Mapping[str, str] = field(default_factory=dict, compare=False)
    """`file:line` of each step and check, by id."""

    @property
    def name(self) -> str:
        """The runbook's short name."""
        return self.procedure.name

    @property
    def environment(self) -> Environment:
        """Where a run of it acts."""
        return self.profile.environment

    @property
    def forward(self) -> tuple[Step, ...]:
        """The steps of all phases, in order."""
        return tuple(step for phase in self.procedure.phases for step in phase.steps)

    def steps(self) -> Iterator[Step]:
        """Every step, the rollback's last."""
        yield from self.forward
        yield from self.procedure.rollback

    def step(self, step_id: str) -> Step:
        """The step of that id; KeyError where there is none."""
        for step in self.steps():
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def check(self, check_id: str) -> Check:
        """The check of that id; KeyError where there is none."""
        for check in self.procedure.checks:
            if check.id == check_id:
                return check
        raise KeyError(check_id)

    def target(self, target_id: str) -> Target:
        """The target of that id; KeyError where there is none."""
        return self.profile.targets[target_id]

    def phase_of(self, step_id: str) -> Phase | None:
        """The phase that holds a step; none for the rollback's."""
        for phase in self.procedure.phases:
            if any(step.id == step_id for step in phase.steps):
                return phase
        return None

    def offset(self, step: Step) -> float | None:
        """Seconds from T-0 at which a forward step is planned; none for the rollback's."""
        phase = self.phase_of(step.id)
        if phase is None:
            return None
        return phase.offset if step.offset is None else step.offset

    def needs(self, step: Step) -> tuple[str, ...]:
        """The steps that must be done before a forward step."""
        if step.needs is not None:
            return step.needs
        order = [one.id for one in self.forward]
        at = order.index(step.id) if step.id in order else 0
        return (order[at - 1],) if at else ()

    @property
    def t0_step(self) -> Step:
        """The step marked `t0`."""
        return next(step for step in self.forward if step.t0)
