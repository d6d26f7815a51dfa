"""`cockpit preflight`: the gates that need no change and no run, asked now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from cockpit.answer import Answer
from cockpit.checks import registry
from cockpit.checks.base import CheckContext
from cockpit.clock import boot_ns, live_clock
from cockpit.commands.world import World, world
from cockpit.engine.layout import runs
from cockpit.engine.pause import pause
from cockpit.exits import BAD, GOOD, UNKNOWN, answer, tell
from cockpit.journal.clock import JournalClock
from cockpit.journal.file import JournalReader
from cockpit.journal.state import RunState
from cockpit.propagation.answers import Grid
from cockpit.propagation.courtesy import Courtesy
from cockpit.propagation.turns import Turns
from cockpit.redact import SHOWN, printable
from cockpit.runbook.checks import Check
from cockpit.runbook.model import Runbook
from cockpit.secrets import for_profile
from cockpit.status import CHECK
from cockpit.telemetry import codec
from cockpit.telemetry.live import Live

STANDING = (
    "disk",
    "secret_files",
    "docker",
    "stack_lint",
    "anonymous",
    "says_environment",
    "database",
    "dns_answer",
    "dns_agree",
    "dns_caa",
    "dns_old_address",
    "dns_provider",
    "dns_serves",
    "dns_signed",
    "http",
    "command",
    "rehearsed",
)
"""The kinds whose answer says something of a change that has not begun."""


def run(directory: Path, environment: str) -> int:
    """Ask, and say; 1 where one fails, 2 where one is unknown."""
    about = world(directory, environment)
    plan = about.plan
    checks = standing(plan.runbook)
    asked = context(about)
    answers = asyncio.run(registry.ask_all(checks, asked))
    for check, one in zip(checks, answers, strict=True):
        tell(f"{CHECK[one.said].shown():22} {one.title}: {one.evidence}")
        for line in faulty(check, asked):
            tell(line)
    said = {one.said for one in answers}
    answer(_summary(answers))
    return BAD if "fail" in said else UNKNOWN if "unknown" in said else GOOD


def standing(runbook: Runbook) -> list[Check]:
    """The gates of the steps up to T-0 that need no change."""
    before = [step for step in runbook.forward if (runbook.offset(step) or 0.0) <= 0]
    wanted = dict.fromkeys(gate for step in before for gate in step.gates)
    checks = [runbook.check(one) for one in wanted]
    return [check for check in checks if check.kind in STANDING]


def faulty(check: Check, asked: CheckContext) -> list[str]:
    """Every fault of a stack on a line of its own: the gate's evidence has room for a few."""
    # What Compose resolves is anybody's text.
    found = asked.faults.get(check.id, ())
    return [f"    {one.level:8} {printable(str(one))}" for one in found]


def context(about: World) -> CheckContext:
    """What the gates may use; where a run is about to switch, no resolver."""
    plan = about.plan
    secrets = for_profile(plan.runbook, SHOWN)
    secrets.learn_all()
    return CheckContext(
        runbook=plan.runbook,
        clock=live_clock(),
        secrets=secrets,
        state=RunState(procedure=plan.procedure_digest),
        live=Live(engine_pid=0, boot_ns=boot_ns(), grid=_paused(about)),
        run_directory=None,
        runs=runs(),
        courtesy=Courtesy(Turns(polite=plan.runbook.environment != "rehearsal")),
    )


def _paused(about: World) -> Grid | None:
    """What the run under way knows, while it lets nobody ask a resolver; else None."""
    run = about.going
    if run is None:
        return None
    state = JournalClock(JournalReader(run.journal, run.about().plan)).state
    why = pause(about.plan.runbook, state)
    live = codec.read(run.live) if why else None
    known = live.grid if live is not None else None
    return replace(known or Grid((), ()), paused=why) if why else None


def _summary(answers: list[Answer]) -> str:
    counts = {
        word: sum(one.said == word for one in answers) for word in ("pass", "fail", "unknown")
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items())
