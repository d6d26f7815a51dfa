"""Every rule with its name and its weight; what does not hold, in the order of weight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from cockpit.runbook.problems import meant
from cockpit.stack import (
    health,
    host,
    images,
    keys,
    logs,
    mixing,
    ports,
    resources,
    restarts,
    secrets,
)
from cockpit.stack.layers import WAIVE
from cockpit.stack.model import Finding, Found, Level, Stack


class Rule(NamedTuple):
    """A question to a stack; what it yields does not hold."""

    name: str
    level: Level
    ask: Callable[[Stack], Iterator[Found]]


def _waivers(stack: Stack) -> Iterator[Found]:
    """A waiver that excuses nothing: of a rule that is not there, or without a reason."""
    known = [one.name for one in RULES]
    for service in ("", *(one.name for one in stack.services)):
        given = stack.layers.waivers(service)
        for name in stack.layers.waived(service):
            if name not in known:
                mend = meant(name, known, "take it out, or write the name of a rule")
                what = f"its waiver `{name}` names no rule and excuses nothing"
                yield Found(service, what, mend, (WAIVE, name))
            elif name not in given:
                what = f"its waiver `{name}` gives no reason and excuses nothing"
                yield Found(service, what, "write the reason behind it", (WAIVE, name))


RULES: tuple[Rule, ...] = (
    Rule("memory-limit", "fail", resources.no_memory_limit),
    Rule("memory-reservation", "warn", resources.no_reservation),
    Rule("reservation-above-limit", "fail", resources.reservation_above_limit),
    Rule("limits-exceed-host", "fail", resources.limits_exceed_host),
    Rule("limits-leave-little", "warn", resources.limits_leave_little),
    Rule("limit-near-use", "warn", resources.limit_near_use),
    Rule("disk-short", "fail", resources.disk_short),
    Rule("secret-in-environment", "fail", secrets.in_environment),
    Rule("secret-in-command", "fail", secrets.in_command),
    Rule("secret-in-label", "fail", secrets.in_label),
    Rule("secret-in-config", "fail", secrets.in_config),
    Rule("secret-in-build", "fail", secrets.in_build),
    Rule("secret-from-environment", "warn", secrets.from_environment),
    Rule("secret-not-granted", "fail", secrets.not_granted),
    Rule("secret-missing", "fail", secrets.missing),
    Rule("secret-empty", "fail", secrets.empty),
    Rule("secret-placeholder", "fail", secrets.placeholder),
    Rule("secret-readable", "fail", secrets.readable),
    Rule("secret-tracked", "fail", secrets.tracked),
    Rule("variable-unset", "fail", secrets.unset_variable),
    Rule("health-check", "fail", health.none),
    Rule("health-program", "fail", health.program_missing),
    Rule("health-cannot-fail", "fail", health.cannot_fail),
    Rule("depends-on-started", "warn", health.started_is_not_ready),
    Rule("depends-on-unhealthy", "fail", health.waits_for_ever),
    Rule("restart-policy", "fail", restarts.none),
    Rule("restart-refused", "fail", restarts.refused),
    Rule("restart-ignored", "warn", restarts.ignored),
    Rule("port-open", "fail", ports.open_to_the_world),
    Rule("host-network", "warn", ports.host_network),
    Rule("port-taken", "fail", ports.taken),
    Rule("port-twice", "fail", ports.twice),
    Rule("image-latest", "fail", images.latest),
    Rule("image-missing", "fail", images.neither),
    Rule("version-obsolete", "warn", keys.version),
    Rule("links", "hint", keys.links),
    Rule("old-limit", "hint", keys.old_limits),
    Rule("container-name", "warn", keys.container_name),
    Rule("docker-socket", "warn", keys.docker_socket),
    Rule("host-root", "warn", keys.host_root),
    Rule("privileged", "warn", keys.privileged),
    Rule("log-rotation", "warn", logs.no_rotation),
    Rule("wrong-environment", "fail", mixing.says_another_environment),
    Rule("sends", "fail", mixing.sends),
    Rule("alerts-unmarked", "fail", mixing.unmarked_alerts),
    Rule("reaches-production", "fail", mixing.reaches_the_other),
    Rule("same-values", "fail", mixing.same_values),
    Rule("shares-secrets", "fail", mixing.shares_secrets),
    Rule("not-compared", "fail", mixing.not_compared),
    Rule("development-stage", "fail", mixing.development_stage),
    Rule("source-mount", "fail", mixing.source_mount),
    Rule("clock-unset", "fail", host.clock_unset),
    Rule("waiver", "warn", _waivers),
)
WEIGHT: tuple[Level, ...] = ("fail", "unknown", "warn", "hint")


def lint(stack: Stack) -> list[Finding]:
    """What does not hold, the gravest first, what is waived last."""
    found = [_finding(rule, one, stack) for rule in RULES for one in rule.ask(stack)]
    return sorted(found, key=lambda one: (bool(one.waived), WEIGHT.index(one.level)))


def _finding(rule: Rule, found: Found, stack: Stack) -> Finding:
    prefix = ("services", found.service) if found.service else ()
    excused = {**stack.layers.waivers(), **stack.layers.waivers(found.service)}
    return Finding(
        rule=rule.name,
        level="unknown" if found.is_unknown else rule.level,
        service=found.service,
        what=found.what,
        mend=found.mend,
        place=stack.layers.origin((*prefix, *found.path), found.like),
        waived=excused.get(rule.name, ""),
    )
