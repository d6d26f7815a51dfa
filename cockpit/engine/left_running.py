"""What a one-off `run` left at the Docker engine: its container outlives runner and engine."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from cockpit.actions import stand_in
from cockpit.answer import Answer
from cockpit.checks.base import CheckContext
from cockpit.engine.core import Core
from cockpit.engine.supervisor import GRACE_S
from cockpit.errors import CockpitError, Refused
from cockpit.journal.events import AttemptInDoubt, Noted
from cockpit.journal.state import StepState
from cockpit.outlook import STILL_RUNS
from cockpit.runbook.actions import ComposeAction
from cockpit.runbook.model import Runbook, Step
from cockpit.runbook.targets import ComposeTarget
from cockpit.stack.oneoffs import one_offs, still_running, stop
from cockpit.telemetry.live import Left

PATIENCE_S = 10.0
"""Real seconds in which the Docker engine must tell it."""
TITLE = "Nothing of it still runs"


async def answers(step: Step, context: CheckContext) -> tuple[Answer, ...]:
    """An answer where something still runs, or where nobody can tell; none where nothing does."""
    found = _one_off(step, context.runbook)
    if found is None:
        return ()
    at = context.clock.now()
    try:
        async with asyncio.timeout(PATIENCE_S):
            left = await still_running(*found)
    except TimeoutError:
        words = f"the Docker engine gave no answer in {PATIENCE_S:.0f} s"
        return (Answer(STILL_RUNS, TITLE, "unknown", words, at),)
    except (CockpitError, OSError) as error:
        return (Answer(STILL_RUNS, TITLE, "unknown", context.secrets.hide(str(error)), at),)
    return (Answer(STILL_RUNS, TITLE, "fail", "; ".join(left), at),) if left else ()


def must_be_over(found: tuple[Answer, ...]) -> None:
    """Refused while something still runs: what it does is not known yet."""
    for one in found:
        if one.check == STILL_RUNS and one.said == "fail":
            raise Refused(f"it is not over: {one.evidence}", mend="wait for its end, or k ends it")


def in_doubt(core: Core) -> list[StepState]:
    """The steps whose one-off may still run though nobody follows it any more."""
    return [
        one
        for one in core.ledger.state.steps.values()
        if one.status == "in_doubt" and _one_off(core.runbook.step(one.id), core.runbook)
    ]


async def containers(core: Core) -> tuple[Left, ...]:
    """The containers of one-offs in doubt, as what lives on of their attempts."""
    found = [(state, await names(core, state.id)) for state in in_doubt(core)]
    return tuple(
        Left(state.id, state.last.number, f"container {', '.join(there)}")
        for state, there in found
        if there and state.last
    )


async def names(core: Core, step: str) -> tuple[str, ...]:
    """The containers that still run a one-off in doubt; none where nobody tells: a look says so."""
    found = _one_off(core.runbook.step(step), core.runbook)
    if found is None or core.ledger.state.step(step).status != "in_doubt":
        return ()
    with suppress(CockpitError, OSError):
        async with asyncio.timeout(PATIENCE_S):
            return tuple(one.name for one in await one_offs(*found))
    return ()


async def end(core: Core, step: str) -> None:
    """Stop the containers of a one-off in doubt; what cannot be stopped is said."""
    found = _one_off(core.runbook.step(step), core.runbook)
    if found is None:
        return
    for name in await names(core, step):
        try:
            async with asyncio.timeout(GRACE_S + PATIENCE_S):
                await stop(found[0], name, GRACE_S)
            continue
        except TimeoutError:
            why = "the Docker engine gave no answer"
        except (CockpitError, OSError) as error:
            why = core.secrets.hide(str(error))
        core.ledger.tell(Noted(f"container {name} could not be stopped: {why}"))


async def name_it(core: Core, state: StepState) -> None:
    """Say in the doubt itself what still runs."""
    if state.last is None:
        return
    found = await answers(core.runbook.step(state.id), core.context())
    unsure = "whether its container still runs is unknown: "
    left = [one.evidence if one.said == "fail" else unsure + one.evidence for one in found]
    now = core.ledger.state.step(state.id)
    if now.status != "in_doubt" or now.last is None or now.last.number != state.last.number:
        return
    news = [words for words in left if words not in now.last.reason]
    if news:
        reason = "; ".join(filter(None, (now.last.reason, *news)))
        core.ledger.tell(AttemptInDoubt(state.id, now.last.number, reason))


def _one_off(step: Step, runbook: Runbook) -> tuple[ComposeTarget, str] | None:
    """The project and the service of a step that runs a one-off; None for any other step."""
    action = step.action
    if not isinstance(action, ComposeAction) or action.operation != "run":
        return None
    target = runbook.target(action.target)
    if stand_in.is_played(runbook) or not isinstance(target, ComposeTarget):
        return None
    return target, action.services[0]
