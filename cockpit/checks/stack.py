"""What is wrong with a Compose stack before it is deployed."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

from cockpit.checks.base import CheckContext, Finding
from cockpit.errors import TargetError
from cockpit.runbook.checks import StackLintCheck
from cockpit.runbook.model import Runbook
from cockpit.runbook.targets import ComposeTarget
from cockpit.stack import compare, look, rehearsed
from cockpit.stack.model import Finding as Fault
from cockpit.stack.model import Level, Stack
from cockpit.stack.named import named
from cockpit.stack.resolve import ComposeRefused, resolve
from cockpit.stack.rules import lint

CLOSING: dict[str, tuple[Level, ...]] = {
    "warnings": ("fail",),
    "hints": ("fail", "warn"),
    "nothing": ("fail", "warn", "hint"),
}
"""What each `allow` lets close the gate."""
LOCAL = frozenset(("disk-short", "port-taken", "clock-unset"))
"""Rules that ask the host on which the engine runs, and not the engine."""
NOT_TOLD = "not told: the engine is on another host"
SHOWN = 6
"""Faults that the evidence names; the rest is counted."""


async def stack_lint(check: StackLintCheck, context: CheckContext) -> Finding:
    """No fault beyond what the check allows."""
    try:
        found = await faults(check, context.runbook, context.runs)
    except ComposeRefused as error:
        return Finding("fail", str(error))
    context.faults[check.id] = found
    return judged(found, check.allow)


async def faults(check: StackLintCheck, runbook: Runbook, runs: Path | None = None) -> list[Fault]:
    """All that does not hold in the stack of a check; `runs` hold what was rehearsed."""
    target_id = check.target
    target = runbook.target(target_id)
    if not isinstance(target, ComposeTarget):
        raise TargetError("is no Compose project", where=target_id)
    steps = named(runbook, target_id)
    resolved = await resolve(target, runbook.directory, steps.every)
    is_staging = runbook.environment == "staging"
    other = await compare.production(runbook, target_id) if is_staging else None
    facts = await look.facts(resolved, target.context, other)
    before = await asyncio.to_thread(rehearsed.peaks, runbook, target_id, runs)
    most = {name: max(before.get(name, 0), facts.peaks.get(name, 0)) for name in before}
    facts = replace(facts, peaks={**facts.peaks, **most})
    once = steps.one_offs(resolved.config)
    found = lint(Stack(resolved.config, resolved.layers, facts, runbook.environment, once))
    accepts = facts.is_elsewhere and check.elsewhere == "not_told"
    return [not_told(one) for one in found] if accepts else found


def not_told(fault: Fault) -> Fault:
    """What only the engine's own host can tell, as a runbook accepts it."""
    is_meant = fault.level == "unknown" and fault.rule in LOCAL and not fault.waived
    return replace(fault, waived=NOT_TOLD) if is_meant else fault


def judged(found: list[Fault], allow: str) -> Finding:
    """The answer to a list of faults."""
    standing = [one for one in found if not one.waived]
    closing = [one for one in standing if one.level in CLOSING[allow]]
    unknown = [one for one in standing if one.level == "unknown"]
    named = closing + unknown
    told = [str(one) for one in named[:SHOWN]]
    if len(named) > SHOWN:
        told.append(f"{len(named) - SHOWN} more")
    rest = [one for one in found if one not in named]
    untold = dict.fromkeys(one.rule for one in rest if one.waived == NOT_TOLD)
    told += [f"{NOT_TOLD} ({', '.join(untold)})"] if untold else []
    words = "; ".join((*told, *([] if not rest else [_counted(rest)])))
    return Finding("fail" if closing else "unknown" if unknown else "pass", words or "no fault")


def _counted(found: list[Fault]) -> str:
    counts = Counter("waived" if one.waived else one.level for one in found)
    nouns = {"warn": "warning", "hint": "hint", "waived": "waived", "fail": "fault"}
    parts = (
        f"{counts[word]} {noun}{'s' if counts[word] > 1 and word != 'waived' else ''}"
        for word, noun in nouns.items()
        if counts[word]
    )
    return ", ".join(parts)
