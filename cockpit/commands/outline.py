"""What a plan would do, as plain facts for every way in which it is printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cockpit.actions.paper import Sheet
from cockpit.actions.registry import describe, paper
from cockpit.runbook.actions import NotifyAction
from cockpit.runbook.checks import CommandCheck, WritesCheck
from cockpit.runbook.lint_back import CHANGES_NOTHING
from cockpit.runbook.model import Profile, Runbook, Step
from cockpit.runbook.plan import Plan, schedule
from cockpit.runbook.scalars import duration_text, offset_text
from cockpit.runbook.targets import PostgresTarget


@dataclass(frozen=True, slots=True)
class StepOutline:
    """One step, in words."""

    id: str
    title: str
    offset: str
    """`T-48h`; empty in the rollback."""
    planned: str
    """The planned time in the zone in which T-0 was given; empty without one."""
    lines: list[str]
    """Exactly what will run."""
    paper: list[str]
    """The same as commands to paste into bash, for when the cockpit is gone."""
    gates: list[str]
    verify: list[str]
    """The titles of the checks."""
    needs: list[str]
    undoes: list[str]
    estimate: str
    timeout: str
    why: str
    success_looks_like: str
    if_it_fails: str
    ask: str
    way_back: str
    marks: list[str]
    """What sets it apart: T-0, irreversible, a point of no return."""


@dataclass(frozen=True, slots=True)
class PhaseOutline:
    """One phase with its steps."""

    title: str
    offset: str
    steps: list[StepOutline]


@dataclass(frozen=True, slots=True)
class PlanOutline:
    """The whole plan."""

    name: str
    title: str
    environment: str
    domain: str
    t0: str
    procedure_digest: str
    plan_digest: str
    phases: list[PhaseOutline]
    rollback: list[StepOutline]
    accepted_once: list[str]
    """What runs without a keypress of its own once this plan is accepted."""


def outline_of(plan: Plan, t0: datetime | None) -> PlanOutline:
    """A plan in words, with times where T-0 is known."""
    runbook = plan.runbook
    planned = {one.step.id: one.at for one in schedule(runbook, t0.timestamp() if t0 else 0.0)}

    def step_of(step: Step) -> StepOutline:
        at = planned.get(step.id)
        return _step(runbook, step, _local(at, t0) if t0 and at is not None else "")

    return PlanOutline(
        name=runbook.name,
        title=runbook.procedure.title,
        environment=runbook.environment,
        domain=runbook.profile.domain,
        t0=_local(t0.timestamp(), t0) if t0 else "",
        procedure_digest=plan.procedure_digest,
        plan_digest=plan.plan_digest,
        phases=[
            PhaseOutline(phase.title, offset_text(phase.offset), [step_of(s) for s in phase.steps])
            for phase in runbook.procedure.phases
        ],
        rollback=[step_of(step) for step in runbook.procedure.rollback],
        accepted_once=list(dict.fromkeys(_accepted_once(runbook))),
    )


def _local(at: float, t0: datetime) -> str:
    return f"{datetime.fromtimestamp(at, t0.tzinfo):%a %Y-%m-%d %H:%M %z}"


def _step(runbook: Runbook, step: Step, planned: str) -> StepOutline:
    offset = runbook.offset(step)
    return StepOutline(
        id=step.id,
        title=step.title,
        offset="" if offset is None else offset_text(offset),
        planned=planned,
        lines=list(describe(step.action, runbook)),
        paper=list(paper(step.action, Sheet(runbook, step))),
        gates=[runbook.check(one).title for one in step.gates],
        verify=[runbook.check(one).title for one in step.verify],
        needs=[] if offset is None else list(runbook.needs(step)),
        undoes=list(step.undoes),
        estimate=duration_text(step.estimate),
        timeout=duration_text(step.timeout),
        why=step.why,
        success_looks_like=step.success_looks_like,
        if_it_fails=step.if_it_fails,
        ask=step.ask,
        way_back="" if offset is None else way_back(runbook, step),
        marks=list(_marks(step)),
    )


def way_back(runbook: Runbook, step: Step) -> str:
    """How a forward step is taken back, in one line."""
    name: str = step.id
    undoing = [one.title for one in runbook.procedure.rollback if name in one.undoes]
    nothing = "nothing to take back" if step.action.kind in CHANGES_NOTHING else "none is written"
    return step.way_back or "; ".join(undoing) or nothing


def _marks(step: Step) -> Iterator[str]:
    if step.t0:
        yield "T-0: later times count from here"
    if step.irreversible:
        yield f"irreversible: confirmed by typing `{step.typed_word}`"
    if step.no_return == "rows":
        yield "first write on the new side: from here a rollback carries rows"
    if step.no_return == "end":
        yield "no rollback from here"


def _accepted_once(runbook: Runbook) -> Iterator[str]:
    for watch in runbook.procedure.watches:
        title = runbook.check(watch.check).title
        yield (
            f"watch: {title}, every {duration_text(watch.every)}, from when `{watch.after}` is"
            f" done until `{watch.until}` is"
        )
    for check in runbook.procedure.checks:
        if isinstance(check, WritesCheck):
            target = runbook.target(check.target)
            roles = ", ".join(target.roles) if isinstance(target, PostgresTarget) else ""
            tables = ", ".join(check.tables)
            as_roles = f" as {roles}" if roles else ""
            yield f"canary write, always rolled back: {check.target}{as_roles}, into {tables}"
        elif isinstance(check, CommandCheck):
            yield f"command that only reads: {' '.join(check.argv)}"
    for name, notifier in runbook.profile.notifiers.items():
        place = notifier.url if notifier.kind == "webhook" else f"the file {notifier.file}"
        yield f"notices of the run to `{name}`: {place}"
    yield from _told_outside(runbook.profile)
    for step in runbook.steps():
        if isinstance(step.action, NotifyAction):
            yield f"notice of step `{step.id}` to `{step.action.to}`: {step.action.subject}"


def _told_outside(profile: Profile) -> Iterator[str]:
    heartbeat, mirror = profile.heartbeat, profile.mirror
    if heartbeat is not None:
        every = duration_text(heartbeat.every)
        yield f"heartbeat: the file {heartbeat.file}, every {every}"
        if heartbeat.url:
            behind = f"/({heartbeat.key})" if heartbeat.key else ""
            yield f"heartbeat: GET {heartbeat.url.rstrip('/')}{behind}, every {every}"
    if mirror is not None:
        place = mirror.directory if mirror.kind == "directory" else mirror.remote
        yield f"mirror of way-back.md and the journal: {place}, every {duration_text(mirror.every)}"
