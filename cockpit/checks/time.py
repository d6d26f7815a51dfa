"""Questions to the run clock."""

from __future__ import annotations

from cockpit.checks.base import CheckContext, Finding
from cockpit.propagation import former
from cockpit.runbook.checks import NotBeforeCheck, SoakCheck
from cockpit.runbook.targets import DnsTarget
from cockpit.timewords import lasting, moment


async def not_before(check: NotBeforeCheck, context: CheckContext) -> Finding:
    """The run clock has reached an offset from T-0."""
    if not context.state.t0:
        return Finding("unknown", "no T-0 is planned")
    return _reached(context.state.t0 + check.offset, context.clock.now())


async def soak(check: SoakCheck, context: CheckContext) -> Finding:
    """So much time has passed since a step was done, and the TTL that it lowered has run out."""
    step = context.state.step(check.after)
    if step.status != "done" or step.done_at is None:
        return Finding("fail", f"{check.after} is not done")
    if check.zone is None:
        return _reached(step.done_at + check.duration, context.clock.now())
    former_s = _former_s(check.after, context)
    if former_s is None:
        return Finding("unknown", f"{check.after} recorded no former TTL: nobody knows how long")
    lag = _lag(check.zone, context)
    # What a name server itself keeps for a TTL goes into a cache at its end, for a second one.
    wait = former_s + (max(former_s, lag) if lag else 0.0)
    told = _reached(step.done_at + max(check.duration, wait), context.clock.now())
    twice = ", twice, since a name server caches" if lag else ""
    return Finding(told.said, f"{told.evidence}; the TTL was {lasting(former_s)}{twice}")


def _former_s(step: str, context: CheckContext) -> float | None:
    """The longest TTL that a step recorded as the former one; None where it recorded none."""
    recorded = context.state.step(step).recorded
    if recorded.get("not_rehearsed"):
        return 0.0
    known = former.from_json(recorded.get("former"))
    if not known and context.run_directory is not None:
        known = next(iter(former.of_attempts(context.run_directory / "attempts" / step)), ())
    return float(max(one.ttl for one in known)) if known else None


def _lag(zone: str, context: CheckContext) -> float:
    """Run seconds for which a name server may go on giving an answer of its own cache."""
    target = context.runbook.target(zone)
    servers = target.authorities if isinstance(target, DnsTarget) else ()
    return max((one.lag for one in servers), default=0.0)


def _reached(due: float, now: float) -> Finding:
    if now >= due:
        return Finding("pass", f"reached {lasting(now - due)} ago, at {moment(due)}")
    return Finding("fail", f"in {lasting(due - now)}, at {moment(due)}")
