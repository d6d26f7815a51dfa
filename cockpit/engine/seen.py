"""What is to be seen of a step that was tried: its verifications, and what it left running."""

from __future__ import annotations

import asyncio

from cockpit.answer import Answer
from cockpit.checks import registry as checks
from cockpit.checks.base import CheckContext
from cockpit.engine import left_running
from cockpit.runbook.model import Step


async def verified(step: Step, context: CheckContext) -> tuple[Answer, ...]:
    """A step's verifications, asked now."""
    wanted = [context.runbook.check(one) for one in step.verify]
    return tuple(await checks.ask_all(wanted, context))


async def of(step: Step, context: CheckContext) -> tuple[Answer, ...]:
    """What is to be seen of an attempt that did not end well, what it left running included."""
    answers, left = await asyncio.gather(
        verified(step, context), left_running.answers(step, context)
    )
    return (*left, *answers)
