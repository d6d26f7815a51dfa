"""Watches until checks pass, or the step's timeout ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic

from cockpit import record
from cockpit.actions.base import ActionContext
from cockpit.actions.paper import Sheet, remarks
from cockpit.answer import Answer
from cockpit.checks.base import CheckContext
from cockpit.checks.registry import ask_all
from cockpit.clock import utc
from cockpit.engine.layout import RunDirectory
from cockpit.journal.events import Json
from cockpit.propagation.courtesy import Courtesy
from cockpit.propagation.turns import Turns
from cockpit.runbook.actions import WaitAction
from cockpit.runbook.model import Runbook
from cockpit.status import CHECK
from cockpit.telemetry.codec import read as read_live
from cockpit.telemetry.live import Live

STILL_S = 60.0
"""Real seconds after which what is still waited for is said again."""


def describe(action: WaitAction, runbook: Runbook) -> tuple[str, ...]:
    """The questions, and how often they are asked."""
    titles = (runbook.check(check).title for check in action.until)
    return (f"ask every {action.every:g} s until all pass:", *(f"  {title}" for title in titles))


def paper(action: WaitAction, sheet: Sheet) -> tuple[str, ...]:
    """The questions, which a person answers: nothing is changed by them."""
    titles = (sheet.runbook.check(check).title for check in action.until)
    return remarks(("Look, until all of these hold:", *(f"  {title}" for title in titles)))


async def run(action: WaitAction, context: ActionContext) -> Mapping[str, Json]:
    """Ask until all hold; what changed is said, and each minute what is still waited for."""
    checks = [context.runbook.check(check) for check in action.until]
    before: dict[str, str] = {}
    rounds, told_at = 0, monotonic()
    courtesy = Courtesy(Turns(polite=context.runbook.environment != "rehearsal"))
    while True:
        answers = await ask_all(checks, _fresh(context, courtesy))
        rounds += 1
        for answer in answers:
            if before.get(answer.check) != answer.said:
                context.say(_line(answer))
                told_at = monotonic()
            before[answer.check] = answer.said
        if all(answer.holds for answer in answers):
            return {"asked": rounds}
        if monotonic() - told_at >= STILL_S:
            told_at = monotonic()
            for answer in answers:
                if not answer.holds:
                    context.say(_line(answer))
        await asyncio.sleep(action.every)


def _line(answer: Answer) -> str:
    when = utc(answer.at).astimezone()
    return f"{when:%H:%M:%S}  {CHECK[answer.said].shown()}  {answer.title}: {answer.evidence}"


def _fresh(context: ActionContext, courtesy: Courtesy) -> CheckContext:
    """What the run looks like now, as any other process reads it from the run directory."""
    directory = RunDirectory(context.run_directory)
    return CheckContext(
        runbook=context.runbook,
        clock=context.clock,
        secrets=context.secrets,
        state=record.read(directory).state,
        live=read_live(directory.live) or Live(engine_pid=0, boot_ns=0),
        run_directory=context.run_directory,
        runs=directory.path.parent.parent,
        courtesy=courtesy,
    )
